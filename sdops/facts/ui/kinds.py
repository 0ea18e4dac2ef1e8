"""The user interfaces that sdops knows, from `profiles/uis`: where each keeps what."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from sdops import uis


@dataclass(frozen=True, slots=True)
class Signature:
    """One way to recognize a UI: all of it must hold."""

    markers: tuple[str, ...]
    """Paths under the root that exist."""
    contains: Mapping[str, str] = field(default_factory=dict)
    """Paths of files under the root, each with a text that it holds."""
    layout: str | None = None
    """The layout that it means; None: to be determined from the rest of the folder."""

    @property
    def weight(self) -> int:
        """How specific it is: of two signatures that hold, the heavier one is right."""
        return len(self.markers) + len(self.contains)


@dataclass(frozen=True, slots=True)
class Portable:
    """A package for Windows that wraps the UI's folder together with a Python."""

    folder: str
    """The UI's folder inside the package."""
    pythons: tuple[str, ...]
    """Where its Python may be, from the package's folder."""
    source: str = ""


@dataclass(frozen=True, slots=True)
class LaunchFile:
    """A file that says how the UI is started."""

    path: str
    format: str
    """`shell`, `batch`, `yaml` or `comfy-settings`."""
    systems: tuple[str, ...]
    """`linux`, `macos`, `windows`: where the UI reads it."""


@dataclass(frozen=True, slots=True)
class UiKind:
    """What is known of one user interface. Paths are relative to its root, with `/`."""

    kind: str
    name: str
    source: str
    recognize: tuple[Signature, ...]
    default_port: int
    scripts: tuple[str, ...]
    """The Python programs that start it."""
    start_commands: tuple[str, ...] = ()
    """The shell programs that start it, and hand their arguments on."""
    launch_files: tuple[LaunchFile, ...] = ()
    """Files that are all in force, in order."""
    launchers: tuple[str, ...] = ()
    """Patterns of scripts that each start it; one of them is used."""
    preferred_launchers: tuple[str, ...] = ()
    argument_variable: str | None = None
    """The environment variable that holds more arguments, split as a POSIX shell would."""
    venv_settings: tuple[str, ...] = ()
    """Names in its launch files that hold the venv's folder; `-` means none."""
    python_settings: tuple[str, ...] = ()
    venv_folders: tuple[str, ...] = ()
    portable: Portable | None = None
    argument_files: tuple[str, ...] = ()
    """Patterns of its sources that define its flags with argparse."""
    distribution: str | None = None
    """The Python distribution that it is installed as, where it is."""
    requirement_files: tuple[str, ...] = ()
    requirement_files_for: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By system, what its installer takes in place of `requirement_files`."""
    requirement_flags: Mapping[str, str] = field(default_factory=dict)
    """Launch flags, each with the file that it chooses."""
    requirement_setting: str | None = None
    local_packages: Mapping[str, str] = field(default_factory=dict)
    """Folders of its own that its requirements install, each with the package's name."""
    project_requirements: bool = False
    """Whether what it needs stands in its `pyproject.toml`."""
    pin_files: tuple[str, ...] = ()
    """Its sources that say which torch is installed, the usual one first."""
    upstream: tuple[str, ...] = ()
    """The repositories that this table is about."""
    extension_folders: tuple[str, ...] = ()
    extension_entries: tuple[str, ...] = ()
    """Patterns of the files in an extension's folder that the UI loads."""
    own_modules: tuple[str, ...] = ()
    """Top-level modules of its own tree that extensions import."""
    import_roots: tuple[str, ...] = ()
    """The files whose imports, and those of what they import, it cannot start without."""
    disabled_extensions_file: str | None = None
    disabled_extensions_folder: str | None = None
    clone_folder: str | None = None
    """Where its start script clones more repositories."""
    logs: tuple[str, ...] = ()
    version: Mapping[str, str] = field(default_factory=dict)
    """Files, each with the pattern whose first group is the version."""
    model_folders: Mapping[str, str] = field(default_factory=dict)
    """Folders, each with what it is for."""
    model_folder_flags: Mapping[str, str] = field(default_factory=dict)
    """Flags that name a model folder, each with what it is for."""
    model_folder_settings: Mapping[str, str] = field(default_factory=dict)
    data_folder_flags: tuple[str, ...] = ()
    """Flags that name a folder in which the model folders are looked for too."""
    models_folder_flags: tuple[str, ...] = ()
    """Flags that name a folder to be used in place of `models`."""
    model_path_files: tuple[str, ...] = ()
    """YAML files that list more model folders."""


@cache
def known() -> Mapping[str, UiKind]:
    """Every user interface in `profiles/uis`, by its kind."""
    return {name: _read(uis.table(name)) for name in uis.kinds()}


def _read(table: dict[str, Any]) -> UiKind:
    fields = {field.name for field in dataclasses.fields(UiKind)}
    row: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in table.items()
        if key in fields
    }
    row["recognize"] = tuple(
        Signature(tuple(each["markers"]), each.get("contains", {}), each.get("layout"))
        for each in table.get("recognize", ())
    )
    row["requirement_files_for"] = {
        system: tuple(files) for system, files in table.get("requirement_files_for", {}).items()
    }
    row["launch_files"] = tuple(
        LaunchFile(each["path"], each["format"], tuple(each["systems"]))
        for each in table.get("launch_files", ())
    )
    if "portable" in table:
        package = table["portable"]
        row["portable"] = Portable(package["folder"], tuple(package["pythons"]), package["source"])
    return UiKind(**row)
