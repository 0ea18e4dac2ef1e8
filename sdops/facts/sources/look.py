"""Looks through the sources of a user interface and of its extensions, for what will fail."""

from __future__ import annotations

import dataclasses
import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from packaging.version import InvalidVersion, Version

from sdops.facts.files import exists, readable_entries, text_or_empty
from sdops.facts.probe import Probed
from sdops.facts.sources import importable
from sdops.facts.sources.folders import Folders
from sdops.facts.sources.host_tree import HostTree
from sdops.facts.sources.pack import Pack, Surroundings
from sdops.facts.types import Extension, Gap, PythonEnv, SourceFault, UiInstall
from sdops.facts.ui import requirements
from sdops.facts.ui.kinds import UiKind, known

BUDGET_S = 8.0
"""After this much computing the remaining extensions are left unread, and named in a gap."""
PATIENCE_S = 25.0
"""The same, on the clock: on a busy machine little is computed in a second."""
_FAULTS = 12
_PROJECT_BYTES = 64 * 1024


def look(ui: UiInstall, env: PythonEnv | None) -> Probed[UiInstall]:
    """`ui`, with what is known of its sources and of its extensions' requirements and sources."""
    with _without_collection():
        return _look(ui, env)


@contextmanager
def _without_collection() -> Iterator[None]:
    """Trees of syntax are many objects and no garbage; looking for some takes half of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _look(ui: UiInstall, env: PythonEnv | None) -> Probed[UiInstall]:
    kind = known().get(ui.kind)
    if kind is None:
        return Probed(ui)
    root = Path(ui.root)
    around = _surroundings(kind, root, env)
    begin, started = time.thread_time(), time.monotonic()
    looked: list[Extension] = []
    gaps: list[Gap] = []
    late: list[str] = []
    for each in (*ui.extensions, *_loose(kind, root)):
        if not each.enabled:
            looked.append(each)
            continue
        found = _requirements(each)
        gaps += found.gaps
        if time.thread_time() - begin > BUDGET_S or time.monotonic() - started > PATIENCE_S:
            late.append(each.name)
            looked.append(found.value)
        else:
            looked.append(_read(kind, found.value, around))
    if late:
        gaps.append(Gap("ui.extensions", f"no time was left to read {', '.join(late)}"))
    faults = tuple(_own_faults(kind, root, around))
    return Probed(dataclasses.replace(ui, extensions=tuple(looked), faults=faults), tuple(gaps))


def _surroundings(kind: UiKind, root: Path, env: PythonEnv | None) -> Surroundings:
    modules = None
    if env is not None and env.distributions and _has_cloned(kind, root):
        modules = importable.modules(env) | frozenset(_beside(kind, root))
    version = None
    if env is not None and env.version is not None:
        try:
            parsed = Version(env.version)
            version = (parsed.major, parsed.minor)
        except InvalidVersion:
            version = None
    folders = Folders()
    host = HostTree(root, frozenset(kind.own_modules), folders)
    return Surroundings(modules, host, folders, version)


def _has_cloned(kind: UiKind, root: Path) -> bool:
    """Whether the UI has the repositories that it clones at its first start, and imports from."""
    return kind.clone_folder is None or bool(readable_entries(root / kind.clone_folder))


def _beside(kind: UiKind, root: Path) -> Iterator[str]:
    """Modules that are importable because the UI puts their folder on the path."""
    folders = [root]
    if kind.clone_folder:
        clones = readable_entries(root / kind.clone_folder)
        folders += [Path(entry.path) for entry in clones]
    folders += [root / folder for folder in kind.extension_folders]
    for folder in folders:
        for entry in readable_entries(folder):
            yield from importable.top_module(entry.name, entry.path)


def _loose(kind: UiKind, root: Path) -> Iterator[Extension]:
    """Extensions that are a single file, which ComfyUI loads as well."""
    for folder in kind.extension_folders if kind.extension_entries == ("__init__.py",) else ():
        for entry in readable_entries(root / folder):
            if entry.name.endswith(".py") and entry.is_file():
                yield Extension(entry.name, entry.path)


def _requirements(each: Extension) -> Probed[Extension]:
    folder = Path(each.path)
    found = requirements.read((folder / "requirements.txt",))
    wants = None
    if exists(folder / "pyproject.toml"):
        wants = _wants_host(folder / "pyproject.toml")
    return Probed(dataclasses.replace(each, requirements=found.value, wants_host=wants), found.gaps)


def _wants_host(project: Path) -> str | None:
    """`requires-comfyui` of the Comfy registry's table in pyproject.toml."""
    for line in text_or_empty(project, _PROJECT_BYTES).splitlines():
        key, equals, value = line.partition("=")
        if equals and key.strip() == "requires-comfyui":
            return value.split("#")[0].strip().strip("\"'") or None
    return None


def _read(kind: UiKind, each: Extension, around: Surroundings) -> Extension:
    path = Path(each.path)
    root, entries = path, []
    if path.suffix == ".py":
        root, entries = path.parent, [path]
    else:
        for pattern in kind.extension_entries:
            entries += sorted(path.glob(pattern))
    if not entries:
        return each
    pack = Pack(root, tuple(entries), around)
    pack.load()
    return dataclasses.replace(each, faults=_most_telling(pack.faults()))


def _own_faults(kind: UiKind, root: Path, around: Surroundings) -> Iterator[SourceFault]:
    """Modules that the UI imports when it starts, and that nothing provides."""
    entries = tuple(root / name for name in kind.import_roots if exists(root / name))
    if not entries or around.importable is None:
        return
    pack = Pack(
        root, entries, dataclasses.replace(around, host=HostTree(root, frozenset(), around.folders))
    )
    pack.load()
    seen = set()
    for fault in pack.confirmed():
        if fault.kind == "module" and fault.subject not in seen:
            seen.add(fault.subject)
            yield fault


def _most_telling(faults: Iterator[SourceFault]) -> tuple[SourceFault, ...]:
    """Each subject once, what fails at the start first."""
    distinct: dict[str, SourceFault] = {}
    for fault in faults:
        known = distinct.get(fault.subject)
        if known is None or (fault.at_load and not known.at_load):
            distinct[fault.subject] = fault
    ranked = sorted(distinct.values(), key=lambda fault: not fault.at_load)
    return tuple(ranked[:_FAULTS])
