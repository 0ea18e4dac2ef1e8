"""This environment was moved or copied from another folder.

Its scripts still name the old place: `activate` and `pip` then use another Python, or none, and
packages land where the UI does not look.

Fix: Let Python write the scripts again for the new place.

Source: docs.python.org, venv: environments are not movable.
"""

from __future__ import annotations

from sdops.check import Action, Facts, Finding, Iterator, PythonEnv, Remedy, Severity, Skip
from sdops.knowledge.patient import python_of
from sdops.remedies.commands import command
from sdops.remedies.torch import pip


def check(facts: Facts) -> Iterator[Finding]:
    """Compares the folder with what its own scripts say."""
    python = python_of(facts)
    if python.kind != "venv" or python.recorded_root is None:
        raise Skip("This is not an environment whose scripts name their place.")
    if _same(python.recorded_root, python.root):
        return
    yield Finding(
        rule="environment-moved",
        severity=Severity.ERROR,
        title="This environment was moved here from another folder, and its scripts are wrong.",
        why=f"It is in {python.root}; its scripts say {python.recorded_root}.",
        evidence={"is_in": python.root, "says": python.recorded_root},
        remedies=(_remedy(facts, python),),
    )


def _same(one: str, other: str) -> bool:
    """Windows paths differ in case and slashes without meaning anything."""
    plain = [path.replace("\\", "/").rstrip("/") for path in (one, other)]
    if ":" in plain[0][:2]:
        plain = [path.casefold() for path in plain]
    return plain[0] == plain[1]


def _remedy(facts: Facts, python: PythonEnv) -> Remedy:
    text = "Write the scripts again for this place, then pip's; the installed packages stay."
    if python.base is None:
        return Remedy("Make the environment anew in its new place.", Action.REINSTALL)
    short = ".".join((python.version or "3").split(".")[:2])
    windows = facts.host.os == "windows"
    base = f"{python.base}\\python.exe" if windows else f"{python.base}/python{short}"
    return Remedy(
        text,
        Action.REINSTALL,
        (
            command(facts.host, base, "-m", "venv", python.root),
            pip(facts, "install", "--force-reinstall", "--no-deps", "pip"),
        ),
        automatic=True,
    )
