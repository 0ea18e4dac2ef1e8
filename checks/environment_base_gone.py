"""The Python that this environment was made from is gone.

A virtual environment borrows its interpreter from an installed Python. When that is uninstalled,
moved or upgraded to another version, nothing in the environment starts any more.

Fix: Install that Python again in the same place, or make the environment anew.

Source: docs.python.org, venv: `home` in pyvenv.cfg.
"""

from __future__ import annotations

from sdops.check import Action, Facts, Finding, Iterator, Location, Remedy, Severity, Skip
from sdops.remedies.commands import command


def check(facts: Facts) -> Iterator[Finding]:
    """Everything else about this environment follows from it."""
    python = facts.python
    if python is None or python.base_exists is None:
        raise Skip("There is no virtual environment here.")
    if python.base_exists:
        return
    short = ".".join((python.version or "3.10").split(".")[:2])
    windows = facts.host.os == "windows"
    interpreter = ("py", f"-{short}") if windows else (f"python{short}",)
    yield Finding(
        rule="environment-base-gone",
        severity=Severity.ERROR,
        title="The Python that this environment was made from is gone, so nothing in it starts.",
        why=f"{python.root} refers to {python.base or 'a Python'}, which does not exist.",
        evidence={"environment": python.root, "base": python.base, "version": python.version},
        location=Location(python.root),
        remedies=(
            Remedy(f"Install Python {python.version or short} again, in {python.base}."),
            Remedy(
                "Or move the environment's folder away and make it anew; the UI's packages are "
                "then installed again.",
                Action.REINSTALL,
                (command(facts.host, *interpreter, "-m", "venv", python.root),),
                move_away=(python.root,),
            ),
        ),
    )
