"""Reads the data tables in `sdops.profiles` (TOML), and those that other packages contribute.

A contributed table is an entry point in the group `sdops.profiles`, named like the table, that
points at a package holding `<name>.toml`; its rows are added after ours.
"""

from __future__ import annotations

import sys
from functools import cache
from importlib import metadata, resources
from typing import Any

from sdops.errors import SdopsError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PACKAGE = "sdops.profiles"


@cache
def load(name: str) -> dict[str, Any]:
    """The profile `name` (for example `gpus/nvidia`) as TOML tables.

    Arrays of tables from contributed profiles are appended to ours; other keys are ours alone.

    Raises:
        SdopsError: there is no such profile, or it is not valid TOML.
    """
    table = _read(PACKAGE, name)
    for entry in _contributed():
        if entry.name != name:
            continue
        for key, rows in _read(entry.value, name).items():
            if isinstance(rows, list):
                table.setdefault(key, []).extend(rows)
    return table


@cache
def _contributed() -> tuple[metadata.EntryPoint, ...]:
    return tuple(metadata.entry_points(group=PACKAGE))


def names(folder: str) -> tuple[str, ...]:
    """The names of our profiles in `folder`, sorted, as `load` takes them."""
    root = resources.files(PACKAGE).joinpath(folder)
    stems = (entry.name[:-5] for entry in root.iterdir() if entry.name.endswith(".toml"))
    return tuple(sorted(f"{folder}/{stem}" for stem in stems))


def _read(package: str, name: str) -> dict[str, Any]:
    resource = resources.files(package).joinpath(*f"{name}.toml".split("/"))
    try:
        table: dict[str, Any] = tomllib.loads(resource.read_text(encoding="utf-8"))
        return table
    except FileNotFoundError:
        raise SdopsError(f"There is no profile named {name!r} in {package}.") from None
    except tomllib.TOMLDecodeError as error:
        raise SdopsError(f"The profile {name!r} in {package} is not valid TOML: {error}.") from None
