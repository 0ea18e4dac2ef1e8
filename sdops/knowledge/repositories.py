"""Git repositories: those that are gone, what UIs clone from them, and forks for other GPUs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from sdops.facts.types import UiInstall
from sdops.finding import Severity
from sdops.profile import load
from sdops.uis import is_one_of


@dataclass(frozen=True, slots=True)
class Gone:
    """A repository that cannot be fetched any more."""

    address: str
    since: str
    instead: str
    """The address of a copy."""
    instead_note: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class Clone:
    """What a UI clones at its first start."""

    kinds: tuple[str, ...]
    ui: str
    """The UI's own repository."""
    folder: str
    address: str
    setting: str
    """The environment variable that names another source."""
    version: str
    """The last release that clones from `address`."""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Fork:
    """An edition of a UI on a GPU that it does not serve."""

    kinds: tuple[str, ...]
    vendors: tuple[str, ...]
    remotes: tuple[str, ...]
    without: tuple[str, ...]
    """Launch flags with which it does serve that GPU."""
    severity: Severity
    problem: str
    instead: str
    advice: str
    systems: tuple[str, ...] = ()
    """Operating systems concerned; empty for all."""
    source: str = ""


def gone(address: str) -> Gone | None:
    """What is known of the repository at `address` if it is gone."""
    wanted = plain_address(address)
    rows = (Gone(**_frozen(row)) for row in load("repositories")["gone"])
    return next((row for row in rows if plain_address(row.address) == wanted), None)


@cache
def clones() -> tuple[Clone, ...]:
    """All clones from repositories that are gone."""
    return tuple(Clone(**_frozen(row)) for row in load("repositories")["clones"])


def forks(ui: UiInstall, system: str, vendors: frozenset[str]) -> Iterator[Fork]:
    """The rows that say that `ui` is the wrong edition for GPUs of `vendors` on `system`."""
    remotes = {plain_address(remote.url) for remote in ui.git.remotes} if ui.git else set()
    for row in load("repositories")["forks"]:
        fork = Fork(**{**_frozen(row), "severity": Severity.of(row["severity"])})
        if not is_one_of(ui.kind, fork.kinds) or (fork.systems and system not in fork.systems):
            continue
        if not vendors or not vendors <= set(fork.vendors):
            continue
        if remotes & {plain_address(remote) for remote in fork.remotes} and not any(
            ui.argument(flag) for flag in fork.without
        ):
            yield fork


def plain_address(url: str) -> str:
    """`github.com/owner/name` in lower case, of any form in which git takes an address."""
    text = re.sub(r"^\w+://(?:[^/@]*@)?", "", url.strip())
    text = re.sub(r"^[^/@]*@([^/:]+):", r"\1/", text)
    return text.rstrip("/").removesuffix(".git").lower()


def _frozen(row: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in row.items()}
