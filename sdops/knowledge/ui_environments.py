"""What each UI asks of its Python environment."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from sdops.profile import load


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
    installs_itself: bool
    """Whether it installs missing requirements at every start."""
    no_install: tuple[str, ...]
    """Flags that keep it from doing so."""
    source: str

    def python_for(self, os: str) -> str:
        """The Python versions that it is meant for on `os`."""
        return self.python_windows if os == "windows" else self.python


@cache
def environments() -> dict[str, UiEnvironment]:
    """By kind of UI."""
    return {
        row["kind"]: UiEnvironment(
            kind=row["kind"],
            python=row["python"],
            python_windows=row.get("python_windows", row["python"]),
            python_fails=tuple(row["python_fails"].split(",")),
            recommended=row["recommended"],
            torch=row.get("torch"),
            installs_itself=row["installs_itself"],
            no_install=tuple(row.get("no_install", ())),
            source=row["source"],
        )
        for row in load("ui_environments")["ui"]
    }


def environment(kind: str) -> UiEnvironment | None:
    """What the UI `kind` asks, or None if it is not known."""
    return environments().get(kind)
