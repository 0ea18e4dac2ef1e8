"""One file or a folder of them through a planner and a writer: the work of convert and prune."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from functools import partial
from pathlib import Path

from sdops.checkpoint.convert import same
from sdops.checkpoint.convert.answer import (
    ConvertAnswer,
    ConvertedFile,
    ConvertedFiles,
    DroppedTensor,
    LeftOutFile,
)
from sdops.checkpoint.convert.disposal import AfterSource
from sdops.checkpoint.convert.plan import Plan, convert_plan, tied_bytes
from sdops.checkpoint.convert.precision import Precision
from sdops.checkpoint.convert.run import (
    Done,
    Options,
    foresee,
    refuse_same_file,
    write_ckpt,
    write_safetensors,
)
from sdops.checkpoint.convert.tasks import Task, Work
from sdops.checkpoint.damage import OWN_LIMITS, BrokenFileError, examine, refuse_broken
from sdops.checkpoint.dtypes import BY_NAME
from sdops.checkpoint.files.side_by_side import side_by_side
from sdops.checkpoint.open import open_checkpoint
from sdops.checkpoint.types import Checkpoint
from sdops.checkpoint.write.new_file import require_room
from sdops.errors import SdopsError, UnreadableInputError, UsageError
from sdops.finding import Finding, Report, Severity
from sdops.moving import refusal

SIDE_BY_SIDE = 2

Advance = Callable[[int], None]
Planner = Callable[[Checkpoint], Plan]
Result = ConvertedFile | LeftOutFile | Finding | str
"""What is reported of a file, what is wrong with it, or what kept it from being worked on."""


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


def carry_out(command: str, work: Work, manner: Manner, advance: Advance) -> Report:
    """Works on every task, two at a time, and reports; one that fails is a fault."""
    tasks = work.tasks
    begin = time.monotonic()
    started_at = datetime.now(timezone.utc).isoformat(timespec="seconds")
    whole = True
    if len(tasks) == 1 and not tasks[0].twins:
        results: Sequence[Result] = _alone(tasks[0], manner, advance)
    else:
        groups, whole = side_by_side(
            partial(_attempt, manner), tasks, jobs=SIDE_BY_SIDE, advance=advance
        )
        results = [result for group in groups for result in group]
    files = [result for result in results if isinstance(result, (ConvertedFile, LeftOutFile))]
    return Report(
        command=command,
        subject=str(tasks[0].source) if len(tasks) == 1 else f"{len(tasks)} files",
        started_at=started_at,
        duration_s=time.monotonic() - begin,
        findings=tuple(result for result in results if isinstance(result, Finding)),
        cases=tuple(str(file) for task in tasks for file in (task.source, *task.twins)),
        interrupted=not whole,
        faults=(*work.faults, *(result for result in results if isinstance(result, str))),
        data=_answer(tasks, files),
    )


def _answer(tasks: Sequence[Task], files: Sequence[ConvertedFile | LeftOutFile]) -> ConvertAnswer:
    """About the one file that was worked on, where only one was asked about."""
    if tasks[0].out is None and len(files) == 1 and isinstance(files[0], ConvertedFile):
        return files[0]
    return ConvertedFiles(tuple(files))


def _alone(task: Task, manner: Manner, advance: Advance) -> Sequence[Result]:
    try:
        return [*misnamed(task.source), _perform(task, manner, advance)]
    except BrokenFileError as error:
        return [error.finding, _broken(error, task)]
    except OSError as error:
        raise SdopsError(_broken_off(error, task)) from None


def _attempt(manner: Manner, task: Task, advance: Advance) -> list[Result]:
    """What became of the task's file and of each twin: one is taken, the others are compared."""
    results: list[Result] = []
    taken: Path | None = None
    for file in (task.source, *task.twins):
        own = replace(task, source=file)
        try:
            results += misnamed(file)
            if taken is None:
                results.append(_perform(own, manner, advance))
                taken = file
            else:
                results.append(_compared(own, taken, manner, advance))
        except BrokenFileError as error:
            results += [error.finding, _broken(error, own)]
        except SdopsError as error:
            text = f"{error.message} {error.hint}".strip()
            results.append(text if str(file) in text else f"{file}: {text}")
        except OSError as error:
            results.append(_broken_off(error, own))
    return results


def _broken_off(error: OSError, task: Task) -> str:
    return f"{task.source} could not be made into {task.destination}: {refusal(error)}."


def _broken(error: BrokenFileError, task: Task) -> str:
    return f"{task.source} cannot be converted: {error.finding.why}"


def _perform(task: Task, manner: Manner, advance: Advance) -> ConvertedFile | LeftOutFile:
    plan = _plan(task.source, manner)
    if task.out is not None and same.is_done(plan, task.destination, manner.options, advance):
        return _skipped(task, f"{task.destination} holds just this already{manner.after.kept}")
    refuse_same_file(plan, task.destination)
    if plan.needless and (manner.options.metadata or not plan.metadata):
        return _skipped(task, f"{plan.needless}{manner.after.kept}")
    manner.after.check(plan)
    if manner.dry_run:
        foreseen = foresee(plan, task.destination, manner.options, manner.suffix)
        require_room(_beside(task), foreseen.bytes_out)
        return _file(task, plan, foreseen, ())
    _make_folder(task)
    write = write_ckpt if manner.suffix == ".ckpt" else write_safetensors
    done = write(plan, task.destination, manner.options, advance)
    if task.out is not None and done.verified:
        same.remember(plan, task.destination, manner.options)
    disposed = manner.after.dispose(plan.source)
    return _file(task, plan, done, (disposed,) if disposed else ())


def _compared(task: Task, taken: Path, manner: Manner, advance: Advance) -> LeftOutFile:
    """Leaves a file out whose name went to `taken`, which holds the same weights.

    Raises:
        UsageError: it does not.
    """
    if manner.dry_run:
        other = _plan(taken, manner)
    else:  # the file itself may have been given up for its result
        other = convert_plan(open_checkpoint(task.destination), Precision())
    if not same.are_twins(_plan(task.source, manner), other, advance):
        raise UsageError(
            f"{task.source} would be written to {task.destination} as well, which is made of"
            f" {taken.name}, and holds other weights.",
            "Convert it by itself, to a name of its own.",
        )
    return _skipped(task, f"{taken.name}, which holds the same weights, was taken")


def _plan(path: Path, manner: Manner) -> Plan:
    # The index is made: the pickles' traces would only take memory.
    checkpoint = open_checkpoint(path)._replace(traces=())
    refuse_damaged(checkpoint)
    return manner.planner(checkpoint)


def _beside(task: Task) -> Path:
    """The destination, or if its folder will be made, a place on the same disk."""
    if task.out is None:
        return task.destination
    folder = next(parent for parent in task.destination.absolute().parents if parent.is_dir())
    return folder / task.destination.name


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
        BrokenFileError: it is damaged, or what was downloaded is not the model.
        UnreadableInputError: with what else is wrong with it.
    """
    refuse_broken(checkpoint)
    for problem in checkpoint.problems:
        if problem.blocking:
            raise UnreadableInputError(
                f"{checkpoint.path} ({checkpoint.container}) cannot be converted: {problem.text}",
                "The file may well be sound: convert it with the program that made it."
                if problem.id in OWN_LIMITS
                else "Get the file again; sdops verify says whether it is what it should be.",
            )
    if not checkpoint.tensors:
        unknown = [item.what for item in checkpoint.opaque[:3]]
        nameless = " The one that it holds has no name." if checkpoint.others else ""
        raise UnreadableInputError(
            f"{checkpoint.path} ({checkpoint.container}) holds no tensors to convert."
            + nameless
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


def misnamed(path: Path) -> list[Finding]:
    """The warning about a file whose name belongs to another format; it can be worked on."""
    found = examine(path)
    return [] if found is None or found.severity >= Severity.ERROR else [found]


def _skipped(task: Task, why: str) -> LeftOutFile:
    return LeftOutFile(str(task.source), str(task.destination), why)


def _file(task: Task, plan: Plan, done: Done, notes: Sequence[str]) -> ConvertedFile:
    problems = (problem.text for problem in plan.source.problems)
    return ConvertedFile(
        source=str(task.source),
        destination=str(task.destination),
        written=done.written,
        tensors_in=len(plan.source.tensors) + len(plan.source.others),
        tensors_out=len(plan.items),
        dropped=tuple(
            DroppedTensor(item.name, item.reason, item.size_bytes) for item in plan.dropped
        ),
        notes=(*plan.notes, *problems, *notes),
        tied_bytes=tied_bytes(plan),
        overflowed=done.overflowed,
        bytes_in=plan.source.size_bytes,
        bytes_out=done.bytes_out,
        sha256=done.sha256,
        verified=done.verified,
    )
