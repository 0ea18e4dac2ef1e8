"""What each UI asks of its Python environment."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from sdops import uis
from sdops.facts.types import UiInstall


@dataclass(frozen=True, slots=True)
class UiEnvironment:
    """The environment that one kind of UI wants."""

    kind: str
    python: str
    """Python versions that it is meant for, as a PEP 440 specifier."""
    python_windows: str
    """The same on Windows."""
    python_fails: tuple[str, ...]
    """Python versions on which it cannot work: any one of these PEP 440 specifiers."""
    recommended: str
    """The Python to make a new environment with, `3.10`."""
    torch: str | None
    """The release of torch that it would install itself, where it names one."""
    build: str | None
    """The build of it for NVIDIA, `cu121`, where it names one."""
    installs_itself: bool
    """Whether it installs missing requirements at every start."""
    no_install: tuple[str, ...]
    """Flags that keep it from doing so."""
    cpu: tuple[str, ...]
    """Flags, or `flag=value`, that tell it to compute on the processor."""
    other_backends: tuple[str, ...]
    """Flags with which it uses a GPU by another way than official torch builds."""
    source: str

    def python_for(self, os: str) -> str:
        """The Python versions that it is meant for on `os`."""
        return self.python_windows if os == "windows" else self.python


@cache
def environment(kind: str) -> UiEnvironment | None:
    """What the UI `kind` asks, by its table, or None if it is not known."""
    row = uis.trait(kind, "environment")
    if row is None:
        return None
    return UiEnvironment(
        kind=kind,
        python=row["python"],
        python_windows=row.get("python_windows", row["python"]),
        python_fails=tuple(filter(None, row["python_fails"].split(","))),
        recommended=row["recommended"],
        torch=row.get("torch"),
        build=row.get("build"),
        installs_itself=row["installs_itself"],
        no_install=tuple(row.get("no_install", ())),
        cpu=tuple(row.get("cpu", ())),
        other_backends=tuple(row.get("other_backends", ())),
        source=row["source"],
    )


def uses(ui: UiInstall, flags: tuple[str, ...]) -> bool:
    """Whether the launch arguments of `ui` hold one of `flags`, each `flag` or `flag=value`."""
    for entry in flags:
        flag, _, value = entry.partition("=")
        argument = ui.argument(flag)
        if argument is not None and (not value or value in (argument.value or "").split()):
            return True
    return False


def installs_itself(ui: UiInstall) -> bool:
    """Whether `ui` installs what it lacks at its next start, and is not told to leave that."""
    wanted = environment(ui.kind)
    return wanted is not None and wanted.installs_itself and not uses(ui, wanted.no_install)
