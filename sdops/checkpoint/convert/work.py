"""One file or a folder of them through a planner and a writer: the work of convert and prune."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from sdops.checkpoint.convert.plan import Plan, tied_bytes
from sdops.checkpoint.convert.run import (
    DIGEST_KEY,
    Done,
    Options,
    digest_of,
    write_ckpt,
    write_safetensors,
)
from sdops.checkpoint.dtypes import BY_NAME
from sdops.checkpoint.open import open_checkpoint
from sdops.checkpoint.types import Checkpoint
from sdops.checkpoint.walk import walk
from sdops.errors import SdopsError, UnreadableInputError, UsageError
from sdops.finding import Report

SIDE_BY_SIDE = 2
MODEL_SUFFIXES = frozenset({".ckpt", ".pt", ".pth", ".bin", ".safetensors"})
_INDEX_SUFFIX = ".index.json"

Planner = Callable[[Checkpoint], Plan]


class AfterSource:
    """What becomes of the source once the result is verified: nothing."""

    def check(self, checkpoint: Checkpoint) -> None:
        """Refuses what `dispose` could only do by halves."""

    def dispose(self, path: Path) -> str | None:
        """Disposes of the source; a sentence about it, or None."""


class _Disposal(AfterSource):
    def check(self, checkpoint: Checkpoint) -> None:
        """Raises UsageError for a model that lies in several files."""
        if checkpoint.shards:
            raise UsageError(
                f"{checkpoint.path} is only the index of {len(checkpoint.shards)} files.",
                "Leave out --trash and --delete-source, and remove the files yourself.",
            )


class Trash(_Disposal):
    """The source goes where deleted files go on this system."""

    def dispose(self, path: Path) -> str:
        """Moves the source to the trash; raises SdopsError if there is none."""
        from send2trash import send2trash

        try:
            send2trash(str(path))
        except OSError as error:
            raise SdopsError(f"{path} could not be moved to the trash: {error}.") from None
        return f"{path.name} was moved to the trash."


class Delete(_Disposal):
    """The source is deleted for good."""

    def dispose(self, path: Path) -> str:
        """Deletes the source; raises SdopsError if it cannot be."""
        try:
            path.unlink()
        except OSError as error:
            raise SdopsError(f"{path} could not be deleted: {error.strerror}.") from None
        return f"{path.name} was deleted."


@dataclass(frozen=True, slots=True)
class Task:
    """One file to work on."""

    source: Path
    destination: Path
    out: Path | None = None
    """The folder for results: made when it is not there, and what is done in it is skipped."""


@dataclass(frozen=True, slots=True)
class Work:
    """Everything that was asked for."""

    tasks: tuple[Task, ...]
    faults: tuple[str, ...] = ()
    """What could not be looked at: a folder that cannot be listed, a link that leads upward."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How every task is carried out."""

    planner: Planner
    options: Options
    suffix: str = ".safetensors"
    """`.ckpt` to write for old UIs."""
    after: AfterSource = AfterSource()  # noqa: RUF009  (it has no state)
    dry_run: bool = False
    """Plan and tell; write nothing."""


def single(source: Path, destination: Path | None, ending: str) -> Task:
    """The task of one file; by default the result stands beside it, its name ended by `ending`."""
    if source.is_dir():
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
    if source.is_dir():
        return folder(source, out, suffix)
    return Work((Task(source, out / (_stem(source) + suffix), out),))


def _stem(path: Path) -> str:
    """The name without its suffix: `model` for `model.safetensors.index.json`, too."""
    return Path(path.name.removesuffix(_INDEX_SUFFIX)).stem


def folder(source: Path, out: Path, suffix: str) -> Work:
    """A task for every model file below `source`, keeping the folders' structure in `out`.

    Raises:
        UnreadableInputError: there are none.
        UsageError: two files would get one name.
    """
    found = walk([source])
    indexes = [file for file in found.files if file.name.endswith(_INDEX_SUFFIX)]
    shards = {shard for index in indexes for shard in _shards(index)}
    files = [
        file
        for file in found.files
        if file in indexes or (file.suffix.lower() in MODEL_SUFFIXES and file not in shards)
    ]
    if not files:
        faults = " ".join(found.faults)
        raise UnreadableInputError(f"There are no model files in {source}. {faults}".strip())
    taken: dict[Path, Path] = {}
    for file in files:
        destination = out / file.relative_to(source).with_name(_stem(file) + suffix)
        if destination in taken and destination.exists() and destination.samefile(file):
            continue  # an earlier run made it of the other file, in this very folder
        if destination in taken:
            both = f"{taken[destination].name} and {file.name}"
            raise UsageError(
                f"{both} in {file.parent} would both become {destination.name}.",
                "Move one of them to another folder, or convert them one by one.",
            )
        taken[destination] = file
    tasks = tuple(Task(file, destination, out) for destination, file in taken.items())
    return Work(tasks, found.faults)


def _shards(index: Path) -> tuple[Path, ...]:
    """The files behind a `*.index.json`; none for another file, or one that cannot be read."""
    if not index.name.endswith(_INDEX_SUFFIX):
        return ()
    with suppress(SdopsError):
        return tuple(index.with_name(name) for name in open_checkpoint(index).shards)
    return ()


def source_bytes(work: Work) -> int:
    """The bytes of all sources, as far as they can be read."""
    files = [file for task in work.tasks for file in (task.source, *_shards(task.source))]
    return sum(file.stat().st_size for file in files if file.exists())


def carry_out(command: str, work: Work, manner: Manner, advance: Callable[[int], None]) -> Report:
    """Works on every task, two at a time, and reports; one that fails is a fault."""
    tasks = work.tasks
    begin = time.monotonic()
    started_at = datetime.now(timezone.utc).isoformat(timespec="seconds")
    if len(tasks) == 1:
        results: list[dict[str, Any] | str] = [_perform(tasks[0], manner, advance)]
    else:
        with ThreadPoolExecutor(SIDE_BY_SIDE) as threads:
            results = list(threads.map(lambda task: _attempt(task, manner, advance), tasks))
    files = [result for result in results if isinstance(result, dict)]
    return Report(
        command=command,
        subject=str(tasks[0].source) if len(tasks) == 1 else f"{len(tasks)} files",
        started_at=started_at,
        duration_s=time.monotonic() - begin,
        faults=(*work.faults, *(result for result in results if isinstance(result, str))),
        data={"files": files} if tasks[0].out is not None else files[0],
    )


def _attempt(task: Task, manner: Manner, advance: Callable[[int], None]) -> dict[str, Any] | str:
    try:
        return _perform(task, manner, advance)
    except SdopsError as error:
        return f"{task.source}: {error.message} {error.hint}".strip()
    except OSError as error:
        return f"{task.source}: {error.strerror or error}."


def _perform(task: Task, manner: Manner, advance: Callable[[int], None]) -> dict[str, Any]:
    if task.out is not None and _is_done(task, manner):
        return {**_skipped(task), "skipped": "it was converted before"}
    # The index is made: the pickles' traces would only take memory.
    checkpoint = open_checkpoint(task.source)._replace(traces=())
    refuse_damaged(checkpoint)
    manner.after.check(checkpoint)
    plan = manner.planner(checkpoint)
    if manner.dry_run:
        return _data(task, plan, None, ())
    _make_folder(task)
    write = write_ckpt if manner.suffix == ".ckpt" else write_safetensors
    done = write(plan, task.destination, manner.options, advance)
    disposed = manner.after.dispose(task.source)
    return _data(task, plan, done, (disposed,) if disposed else ())


def _make_folder(task: Task) -> None:
    if task.out is None:
        return
    folder = task.destination.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SdopsError(f"The folder {folder} cannot be made: {error.strerror}.") from None


def refuse_damaged(checkpoint: Checkpoint) -> None:
    """Stops before a file that was not read to its end, or that holds no tensors.

    Raises:
        UnreadableInputError: with what is wrong with it.
    """
    for problem in checkpoint.problems:
        if problem.blocking:
            raise UnreadableInputError(
                f"{checkpoint.path} ({checkpoint.container}) cannot be converted: {problem.text}",
                "Get the file again; sdops verify says whether it is what it should be.",
            )
    if not checkpoint.tensors:
        unknown = [item.what for item in checkpoint.opaque[:3]]
        raise UnreadableInputError(
            f"{checkpoint.path} ({checkpoint.container}) holds no tensors to convert."
            + (f" What it holds instead was not run: {', '.join(unknown)}." if unknown else ""),
            "sdops info and sdops verify say what the file is.",
        )
    for tensor in checkpoint.tensors:
        if tensor.dtype not in BY_NAME:
            raise UnreadableInputError(
                f"The tensor {tensor.name!r} in {checkpoint.path} has the type {tensor.dtype},"
                " whose elements are smaller than a byte; sdops cannot convert it.",
                "Convert it with the program that made it.",
            )


def _is_done(task: Task, manner: Manner) -> bool:
    """Whether the destination holds what was asked for, and says it is made from this source."""
    if not task.destination.is_file() or task.source.samefile(task.destination):
        return False
    result, source = open_checkpoint(task.destination), open_checkpoint(task.source)
    made_from = result.metadata.get(DIGEST_KEY)
    if made_from is None or made_from != digest_of(os.fspath(task.source)):
        return False
    made_at = task.destination.stat().st_mtime  # the digest is that of the index alone
    if any(shard.stat().st_mtime > made_at for shard in _shards(task.source)):
        return False
    refuse_damaged(source)
    wanted = {(item.name, item.dtype, item.source.shape) for item in manner.planner(source).items}
    return wanted == {(tensor.name, tensor.dtype, tensor.shape) for tensor in result.tensors}


def _skipped(task: Task) -> dict[str, Any]:
    return {"source": str(task.source), "destination": str(task.destination)}


def _data(task: Task, plan: Plan, done: Done | None, notes: Sequence[str]) -> dict[str, Any]:
    overflowed = dict(done.overflowed) if done else {}
    return {
        "source": str(task.source),
        "destination": str(task.destination),
        "written": done is not None,
        "tensors_in": len(plan.source.tensors) + len(plan.source.others),
        "tensors_out": len(plan.items),
        "dropped": [
            {"name": item.name, "reason": item.reason, "bytes": item.size_bytes}
            for item in plan.dropped
        ],
        "notes": [*plan.notes, *(problem.text for problem in plan.source.problems), *notes],
        "tied_bytes": tied_bytes(plan),
        "overflowed": overflowed,
        "bytes_in": plan.source.size_bytes,
        "bytes_out": done.bytes_out if done else plan.bytes_out,
        "sha256": done.sha256 if done else None,
        "verified": done is not None and done.verified,
    }
