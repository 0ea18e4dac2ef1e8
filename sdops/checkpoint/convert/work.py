"""One file or a folder of them through a planner and a writer: the work of convert and prune."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
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
from sdops.checkpoint.open import open_checkpoint
from sdops.checkpoint.types import Checkpoint
from sdops.checkpoint.walk import walk
from sdops.errors import SdopsError, UnreadableInputError, UsageError
from sdops.finding import Report

SIDE_BY_SIDE = 2
MODEL_SUFFIXES = frozenset({".ckpt", ".pt", ".pth", ".bin", ".safetensors"})

Planner = Callable[[Checkpoint], Plan]


class AfterSource:
    """What becomes of the source once the result is verified: nothing."""

    def dispose(self, path: Path) -> str | None:
        """Disposes of the source; a sentence about it, or None."""


class Trash(AfterSource):
    """The source goes where deleted files go on this system."""

    def dispose(self, path: Path) -> str:
        """Moves the source to the trash; raises SdopsError if there is none."""
        from send2trash import send2trash

        try:
            send2trash(str(path))
        except OSError as error:
            raise SdopsError(f"{path} could not be moved to the trash: {error}.") from None
        return f"{path.name} was moved to the trash."


class Delete(AfterSource):
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


def single(source: Path, destination: Path | None, ending: str) -> tuple[Task, ...]:
    """The task of one file; by default the result stands beside it, its name ended by `ending`."""
    if source.is_dir():
        raise UsageError(f"{source} is a folder.", "Give --out and a folder for the results.")
    return (Task(source, destination or source.with_name(source.stem + ending)),)


def folder(source: Path, out: Path, suffix: str) -> tuple[Task, ...]:
    """A task for every model file below `source`, keeping the folders' structure in `out`.

    Raises:
        UnreadableInputError: there are none, or a folder cannot be listed.
        UsageError: two files would get one name.
    """
    found = walk([source])
    if found.faults:
        raise UnreadableInputError(found.faults[0])
    files = [file for file in found.files if file.suffix.lower() in MODEL_SUFFIXES]
    if not files:
        raise UnreadableInputError(f"There are no model files in {source}.")
    tasks = tuple(
        Task(file, (out / file.relative_to(source)).with_suffix(suffix)) for file in files
    )
    taken: dict[Path, Path] = {}
    for task in tasks:
        if task.destination in taken:
            both = f"{taken[task.destination].name} and {task.source.name}"
            raise UsageError(f"{both} would both become {task.destination.name}.")
        taken[task.destination] = task.source
    return tasks


def carry_out(
    command: str, tasks: Sequence[Task], manner: Manner, advance: Callable[[int], None]
) -> Report:
    """Works on every task, two at a time, and reports; one that fails is a fault."""
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
        faults=tuple(result for result in results if isinstance(result, str)),
        data=files[0] if len(tasks) == 1 else {"files": files},
    )


def _attempt(task: Task, manner: Manner, advance: Callable[[int], None]) -> dict[str, Any] | str:
    try:
        if _is_done(task):
            return {**_skipped(task), "skipped": "it was converted before"}
        task.destination.parent.mkdir(parents=True, exist_ok=True)
        return _perform(task, manner, advance)
    except SdopsError as error:
        return f"{task.source}: {error.message} {error.hint}".strip()
    except OSError as error:
        return f"{task.source}: {error.strerror or error}."


def _perform(task: Task, manner: Manner, advance: Callable[[int], None]) -> dict[str, Any]:
    checkpoint = open_checkpoint(task.source)
    refuse_damaged(checkpoint)
    plan = manner.planner(checkpoint)
    if manner.dry_run:
        return _data(task, plan, None, ())
    write = write_ckpt if manner.suffix == ".ckpt" else write_safetensors
    done = write(plan, task.destination, manner.options, advance)
    disposed = manner.after.dispose(task.source)
    return _data(task, plan, done, (disposed,) if disposed else ())


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
        raise UnreadableInputError(
            f"{checkpoint.path} ({checkpoint.container}) holds no tensors to convert.",
            "sdops info and sdops verify say what the file is.",
        )


def _is_done(task: Task) -> bool:
    """Whether the destination says in its metadata that it was made from this very source."""
    if not task.destination.is_file() or task.source.samefile(task.destination):
        return False
    made_from = open_checkpoint(task.destination).metadata.get(DIGEST_KEY)
    return made_from is not None and made_from == digest_of(os.fspath(task.source))


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
        "notes": [*plan.notes, *notes],
        "tied_bytes": tied_bytes(plan),
        "overflowed": overflowed,
        "bytes_in": plan.source.size_bytes,
        "bytes_out": done.bytes_out if done else plan.bytes_out,
        "sha256": done.sha256 if done else None,
        "verified": done is not None and done.verified,
    }
