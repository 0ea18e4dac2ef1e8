"""Reads the data tables in `sdops.profiles` (TOML), and those that other packages contribute.

A contributed table is an entry point in the group `sdops.profiles`, named like the table, that
points at a package holding `<name>.toml`; its rows are added after ours.
"""

from __future__ import annotations

import importlib
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdops.errors import SdopsError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from importlib import metadata

PACKAGE = "sdops.profiles"


@cache
def load(name: str) -> dict[str, Any]:
    """The profile `name` (for example `gpus/nvidia`) as TOML tables.

    Arrays of tables from contributed profiles are appended to ours; other keys are ours alone.

    Raises:
        SdopsError: there is no such profile, or it is not valid TOML.
    """
    table = own(name)
    for entry in _contributed():
        if entry.name != name:
            continue
        for key, rows in _read(entry.value, name).items():
            if isinstance(rows, list):
                table.setdefault(key, []).extend(rows)
    return table


def own(name: str) -> dict[str, Any]:
    """Our profile `name` alone: for tables that no other package may add to.

    Raises:
        SdopsError: there is no such profile, or it is not valid TOML.
    """
    return _read(PACKAGE, name)


@cache
def _contributed() -> tuple[metadata.EntryPoint, ...]:
    from importlib import metadata

    return tuple(metadata.entry_points(group=PACKAGE))


def names(folder: str) -> tuple[str, ...]:
    """The names of our profiles in `folder`, sorted, as `load` takes them."""
    stems = (file.stem for file in (_folder(PACKAGE) / folder).glob("*.toml"))
    return tuple(sorted(f"{folder}/{stem}" for stem in stems))


def _folder(package: str) -> Path:
    return Path(importlib.import_module(package).__path__[0])


def _read(package: str, name: str) -> dict[str, Any]:
    file = _folder(package).joinpath(*f"{name}.toml".split("/"))
    try:
        table: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
        return table
    except FileNotFoundError:
        raise SdopsError(f"There is no profile named {name!r} in {package}.") from None
    except tomllib.TOMLDecodeError as error:
        raise SdopsError(f"The profile {name!r} in {package} is not valid TOML: {error}.") from None
