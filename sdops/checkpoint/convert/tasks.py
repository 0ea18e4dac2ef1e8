"""Which files convert and prune work on, and what their results are called."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sdops.checkpoint.convert.run import TORCH_SUFFIXES
from sdops.checkpoint.files.walk import walk
from sdops.checkpoint.open import open_checkpoint
from sdops.errors import SdopsError, UnreadableInputError, UsageError
from sdops.paths import real

MODEL_SUFFIXES = TORCH_SUFFIXES | {".safetensors"}
_INDEX_SUFFIX = ".index.json"


@dataclass(frozen=True, slots=True)
class Task:
    """One file to work on."""

    source: Path
    destination: Path
    out: Path | None = None
    """The folder for results: made when it is not there, and what is done in it is skipped."""
    twins: tuple[Path, ...] = ()
    """Other files whose results would have the same name."""


@dataclass(frozen=True, slots=True)
class Work:
    """Everything that was asked for."""

    tasks: tuple[Task, ...]
    faults: tuple[str, ...] = ()
    """What could not be looked at: a folder that cannot be listed, a link that leads upward."""


def single(source: Path, destination: Path | None, ending: str) -> Task:
    """The task of one file; by default the result stands beside it, its name ended by `ending`."""
    if _is(source, stat.S_IFDIR):
        raise UsageError(f"{source} is a folder.", "Give --out and a folder for the results.")
    return Task(source, destination or source.with_name(_stem(source) + ending))


def work_on(
    source: Path, destination: Path | None, out: Path | None, suffix: str, ending: str
) -> Work:
    """What the command line asks for: one file, or with a folder every model file in it.

    Args:
        source: the file or folder.
        destination: the result of a file.
        out: a folder for the results.
        suffix: of the results in `out`.
        ending: what replaces the suffix of a file whose result stands beside it.

    Raises:
        UnreadableInputError, UsageError: as `folder` does, or the arguments contradict one another.
    """
    if out is None:
        return Work((single(source, destination, ending),))
    if destination is not None:
        raise UsageError(f"{destination} and --out contradict one another.", "Give one.")
    if _is(out, stat.S_IFREG):
        raise UsageError(f"{out} is a file.", "--out takes a folder for the results.")
    if _is(source, stat.S_IFDIR):
        return folder(source, out, suffix)
    return Work((Task(source, out / (_stem(source) + suffix), out),))


def _is(path: Path, kind: int) -> bool:
    """Whether there is something of that kind; what may not be looked at is reported on opening."""
    with suppress(OSError):
        return stat.S_IFMT(path.stat().st_mode) == kind
    return False


def _stem(path: Path) -> str:
    """The name without its suffix: `model` for `model.safetensors.index.json`, too."""
    return Path(path.name.removesuffix(_INDEX_SUFFIX)).stem


def folder(source: Path, out: Path, suffix: str) -> Work:
    """A task for every model file below `source`, keeping the folders' structure in `out`.

    Raises:
        UnreadableInputError: there are none.
    """
    found = walk([source])
    files = _model_files(source, out, found.files)
    if not files:
        faults = " ".join(found.faults)
        raise UnreadableInputError(f"There are no model files in {source}. {faults}".strip())
    alike: dict[Path, list[Path]] = {}
    for file in files:
        destination = out / file.relative_to(source).with_name(_stem(file) + suffix)
        alike.setdefault(destination, []).append(file)
    return Work(tuple(_task(*entry, out) for entry in alike.items()), found.faults)


def _model_files(source: Path, out: Path, files: Iterable[Path]) -> list[Path]:
    """The models among `files`, each once: no shards, nor what stands in a folder for results."""
    if not _is_same(out, source):
        results = _real(out)
        folders = {file.parent: _real(file.parent) for file in files}
        inside = {near for near, far in folders.items() if results in (far, *far.parents)}
        files = [file for file in files if file.parent not in inside]
    indexes = {file for file in files if file.name.endswith(_INDEX_SUFFIX)}
    shards = {shard for index in indexes for shard in _shards(index)}
    return [
        file
        for file in files
        if file in indexes or (file.suffix.lower() in MODEL_SUFFIXES and file not in shards)
    ]


def _task(destination: Path, alike: Sequence[Path], out: Path) -> Task:
    """Files whose results would have one name: the first is taken, best one of that format.

    With results beside their sources, the file that has the name already is a result.
    """
    others = [file for file in alike if not _is_same(file, destination)] or alike
    first, *rest = sorted(others, key=lambda file: file.suffix.lower() != destination.suffix)
    return Task(first, destination, out, tuple(rest))


def _real(path: Path) -> Path:
    return Path(real(path))


def _is_same(one: Path, other: Path) -> bool:
    with suppress(OSError):
        return one.samefile(other)
    return False


def _shards(index: Path) -> tuple[Path, ...]:
    """The files behind a `*.index.json`; none for another file, or one that cannot be read."""
    if not index.name.endswith(_INDEX_SUFFIX):
        return ()
    with suppress(SdopsError):
        return tuple(index.with_name(name) for name in open_checkpoint(index).shards)
    return ()


def source_bytes(work: Work) -> int:
    """The bytes of all sources, as far as they can be read."""
    sources = [file for task in work.tasks for file in (task.source, *task.twins)]
    files = [file for source in sources for file in (source, *_shards(source))]
    return sum(map(_size, files))


def _size(file: Path) -> int:
    with suppress(OSError):
        return file.stat().st_size
    return 0
