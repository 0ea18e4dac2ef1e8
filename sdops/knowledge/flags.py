"""The launch flags of each UI: what it takes, ignores, has removed, and what contradicts what.

The tables in `profiles/uis` describe one dated version of each UI. Where the UI's own argument
file was read from its folder (`UiInstall.known_flags`), that file says which flags exist; the
table still says which of them nothing reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from functools import cache

from sdops import uis
from sdops.facts.types import Argument, FlagDefinition, UiInstall


class FlagStatus(Enum):
    """What a UI does with a flag."""

    ACTIVE = "active"
    IGNORED = "ignored"
    """Accepted for old launch files; nothing reads it."""
    REMOVED = "removed"
    UNVERIFIED = "unverified"
    """It belongs to a newer version than the one that was read."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class FlagRow:
    """One flag of one UI."""

    name: str
    takes: str = "none"
    """`none` (a switch), `one`, `optional`, `many` or `any` (not known)."""
    meaning: str = ""
    status: FlagStatus = FlagStatus.ACTIVE
    instead: str | None = None
    """The flag that does the same here."""
    needs: str | None = None
    """The flag without which this one does nothing."""
    one_shot: bool = False
    """Meant for a single start."""
    debug: str | None = None
    """What it costs when it is left on."""
    exposes: str | None = None
    """What it opens to others."""
    source: str = ""


@dataclass(frozen=True, slots=True)
class ExclusiveFlags:
    """Flags that contradict one another."""

    flags: tuple[str, ...]
    effect: str
    """What the UI does when two of them are set."""
    fatal: bool = False
    """Whether the UI then stops at start."""


@dataclass(frozen=True, slots=True)
class FlagTable:
    """What is known of one UI's flags, from `profiles/uis`."""

    ui: str
    title: str
    """What people call it."""
    dated: str
    """ISO date of the knowledge."""
    rows: Mapping[str, FlagRow]
    exclusive: tuple[ExclusiveFlags, ...]
    extension_flags: frozenset[str]
    """Flags that the UI's own bundled extensions add; its argument file does not list them."""


@cache
def flags_of(ui_kind: str) -> FlagTable | None:
    """The table for a UI kind (as in `UiInstall.kind`); None for a kind without one."""
    table = uis.part(ui_kind, "flags")
    if table is None:
        return None
    parent = flags_of(table["extends"]) if "extends" in table else None
    rows = dict(parent.rows) if parent else {}
    source = table["source"]
    for takes, key in (("none", "switches"), ("one", "values"), ("one", "extensions")):
        rows |= {name: FlagRow(name, takes, source=source) for name in table.get(key, ())}
    for row in table["flag"]:
        status = FlagStatus(row.get("status", "active"))
        rows[row["name"]] = FlagRow(**{"source": source, **row, "status": status})
    for name in table.get("without", ()):
        rows.pop(name, None)
    for name, row in rows.items():  # a parent's row may speak of a flag that its fork has not
        if {row.instead, row.needs} - {None, *rows}:
            rows[name] = replace(row, instead=None, needs=None)
    exclusive = tuple(
        ExclusiveFlags(tuple(group["flags"]), group["effect"], group.get("fatal", False))
        for group in table.get("exclusive", ())
    )
    inherited = [
        replace(group, flags=tuple(flag for flag in group.flags if flag in rows))
        for group in (parent.exclusive if parent else ())
    ]
    return FlagTable(
        ui=table["ui"],
        title=table["title"],
        dated=table["dated"],
        rows=rows,
        exclusive=(*(group for group in inherited if len(group.flags) > 1), *exclusive),
        extension_flags=(parent.extension_flags if parent else frozenset())
        | frozenset(table.get("extensions", ())),
    )


def arguments_of(ui: UiInstall) -> tuple[Argument, ...]:
    """The launch arguments in force, with every flag written in full."""
    return tuple(replace(item, flag=full_name(ui, item.flag)) for item in ui.arguments)


def uses_of(ui: UiInstall) -> tuple[Argument, ...]:
    """Flags in force, and settings where the UI is configured by a file of keys instead."""
    table = flags_of(ui.kind)
    keys = {name for name in table.rows if not name.startswith("-")} if table else set()
    settings = (
        Argument(item.name, item.value, item.file, item.line)
        for item in ui.settings
        if item.name in keys
    )
    return (*arguments_of(ui), *settings)


def full_name(ui: UiInstall, flag: str) -> str:
    """`flag`, or the one flag that it abbreviates: argparse takes every unambiguous beginning."""
    candidates = set(_defined(ui)) or _table_names(ui)
    if flag in candidates or not flag.startswith("--"):
        return flag
    longer = [name for name in candidates if name.startswith(flag)]
    return longer[0] if len(longer) == 1 else flag


def status_of(ui: UiInstall, flag: str) -> FlagStatus:
    """What this installed UI does with `flag` (written in full)."""
    table = flags_of(ui.kind)
    row = table.rows.get(flag) if table else None
    defined = _defined(ui)
    if not defined or not flag.startswith("-"):  # a key of a configuration file
        return row.status if row else FlagStatus.UNKNOWN
    if flag in defined:
        help_text = (defined[flag].help or "").lower()
        if "does not do anything" in help_text or (row and row.status is FlagStatus.IGNORED):
            return FlagStatus.IGNORED
        if row and row.status is FlagStatus.REMOVED:
            return FlagStatus.REMOVED
        return FlagStatus.ACTIVE
    if table and flag in table.extension_flags:
        return FlagStatus.ACTIVE
    return FlagStatus.UNKNOWN


def is_complete(ui: UiInstall) -> bool:
    """Whether every flag that this UI takes is known: its own list was read, nothing adds to it.

    Custom nodes of ComfyUI cannot add flags; extensions of A1111 and its kin can.
    """
    extended = uis.trait(ui.kind, "extensions_add_flags") is not False and any(
        extension.enabled for extension in ui.extensions
    )
    return bool(ui.known_flags) and not extended


def takes_flag(ui: UiInstall, flag: str) -> bool:
    """Whether this installed UI reads `flag`."""
    return status_of(ui, flag) is FlagStatus.ACTIVE


def known_names(ui: UiInstall) -> set[str]:
    """Every flag that this UI's own sources or its table name."""
    return set(_defined(ui)) | _table_names(ui)


def row_of(ui: UiInstall, flag: str) -> FlagRow | None:
    """What the table says of `flag`, or None."""
    table = flags_of(ui.kind)
    return table.rows.get(flag) if table else None


def _defined(ui: UiInstall) -> dict[str, FlagDefinition]:
    return {name: item for item in ui.known_flags for name in (item.flag, *item.aliases)}


def _table_names(ui: UiInstall) -> set[str]:
    table = flags_of(ui.kind)
    return set(table.rows) if table else set()
