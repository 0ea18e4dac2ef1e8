"""Reads the data tables in `sdops.profiles` (TOML), and those that other packages contribute.

A contributed table is an entry point in the group `sdops.profiles`, named like the table, that
points at a package holding `<name>.toml`; its rows are added after ours.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from functools import cache
from typing import TYPE_CHECKING, Any

from sdops.errors import SdopsError

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


def own_json(name: str) -> dict[str, Any]:
    """Our profile `name` that is JSON: read at every start, where TOML takes ten times as long.

    Raises:
        SdopsError: there is no such profile, or it is not valid JSON.
    """
    try:
        table: dict[str, Any] = json.loads(_text(PACKAGE, f"{name}.json"))
        return table
    except ValueError as error:
        raise SdopsError(f"The profile {name!r} in {PACKAGE} is not valid JSON: {error}.") from None


@cache
def _contributed() -> tuple[metadata.EntryPoint, ...]:
    from importlib import metadata

    return tuple(metadata.entry_points(group=PACKAGE))


def names(folder: str) -> tuple[str, ...]:
    """The names of our profiles in `folder`, sorted, as `load` takes them."""
    files = os.listdir(os.path.join(_folder(PACKAGE), folder))
    stems = (file.removesuffix(".toml") for file in files if file.endswith(".toml"))
    return tuple(sorted(f"{folder}/{stem}" for stem in stems))


def folders(folder: str) -> tuple[str, ...]:
    """The names of the folders in our `folder` of profiles, sorted."""
    with os.scandir(os.path.join(_folder(PACKAGE), folder)) as entries:
        return tuple(sorted(entry.name for entry in entries if entry.is_dir()))


def _folder(package: str) -> str:
    return importlib.import_module(package).__path__[0]


def _text(package: str, file: str) -> str:
    try:
        with open(os.path.join(_folder(package), *file.split("/")), encoding="utf-8") as opened:
            return opened.read()
    except FileNotFoundError:
        raise SdopsError(f"There is no profile {file!r} in {package}.") from None


def _read(package: str, name: str) -> dict[str, Any]:
    # Not at the top: importing it takes as long as a scan that needs none of it.
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib

    try:
        table: dict[str, Any] = tomllib.loads(_text(package, f"{name}.toml"))
        return table
    except tomllib.TOMLDecodeError as error:
        raise SdopsError(f"The profile {name!r} in {package} is not valid TOML: {error}.") from None
