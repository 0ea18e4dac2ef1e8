"""Carries out `sdops scan`: selects, scans, moves away, decompiles, reports."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from sdops.checkpoint.scan.answer import DecompiledPickle, ScanAnswer, ScannedFile
from sdops.checkpoint.scan.files import Outcome, scan_files
from sdops.checkpoint.scan.judge import Verdict
from sdops.checkpoint.scan.policy import load_policy
from sdops.checkpoint.scan.report import Levels
from sdops.checkpoint.scan.report import report as report_of
from sdops.checkpoint.scan.selection import Selection, policy_files, scan_stdin, select
from sdops.errors import SdopsError
from sdops.finding import Report

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

Progress: TypeAlias = "Callable[[int, int], AbstractContextManager[Callable[[int], None]]]"


class ScanOptions(NamedTuple):
    """What the user asked for."""

    names: tuple[str, ...]
    lists: tuple[Path, ...] = ()
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    policies: tuple[Path, ...] = ()
    quarantine: Path | None = None
    decompile: bool = False
    jobs: int = 0
    cached: bool = True
    levels: Levels = Levels()
    list_imports: bool = False


def run(wanted: ScanOptions, *, progress: Progress, note: Callable[[str], None]) -> Report:
    """Scans what `wanted` names.

    Args:
        wanted: the options.
        progress: gives, for a total of bytes and of files, a context with the function to call
            with the size of each file that is done.
        note: told what the user should know beside the answer.

    Raises:
        UsageError: options that make no sense, or a wrong policy file.
    """
    begin = time.monotonic()
    started_at = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime())
    selection = select(wanted.names, wanted.lists, wanted.include, wanted.exclude)
    policies, passed_over = policy_files(wanted.policies, selection)
    if passed_over:
        note(passed_over)
    if wanted.quarantine is not None:
        from sdops.checkpoint.scan.quarantine import check_quarantine

        check_quarantine(wanted.quarantine, wanted.names)
    outcomes: list[Outcome] = []
    interrupted = False
    try:
        _scan(wanted, selection, policies, progress, outcomes)
    except KeyboardInterrupt:
        interrupted = True
    faults = list(selection.local.faults)
    report = report_of(
        outcomes, faults=(), started_at=started_at, duration_s=0.0, levels=wanted.levels
    )
    files = []
    for outcome, entry in zip(outcomes, report.data.files, strict=True):
        if wanted.quarantine is not None and not interrupted and _is_dangerous(outcome):
            entry = _quarantined(outcome, wanted.quarantine, entry, faults)
        if wanted.decompile and not interrupted:
            entry = entry._replace(decompiled=_decompiled(entry))
        files.append(entry)
    return Report(
        command="scan",
        subject=report.subject,
        started_at=started_at,
        duration_s=time.monotonic() - begin,
        findings=report.findings,
        cases=report.cases,
        faults=(*faults, *report.faults),
        interrupted=interrupted,
        data=ScanAnswer(tuple(files), selection.others, wanted.list_imports),
    )


def _scan(
    wanted: ScanOptions,
    selection: Selection,
    policies: tuple[Path, ...],
    progress: Progress,
    outcomes: list[Outcome],
) -> None:
    """Adds to `outcomes` as they come, so that an interrupted scan has what was found so far."""
    if selection.stdin:
        outcomes.append(scan_stdin(load_policy(policies)))
    for address in selection.remote:
        from sdops.checkpoint.scan.remote import scan_address

        outcomes += scan_address(address, load_policy(policies))
    local = selection.local
    with progress(local.total_bytes, len(local.names)) as advance:
        scanned = scan_files(
            local.names, policies, jobs=wanted.jobs, cached=wanted.cached, advance=advance
        )
        try:
            for outcome in scanned:
                outcomes.append(outcome)
        finally:
            scanned.close()


def _is_dangerous(outcome: Outcome) -> bool:
    return outcome.scan is not None and outcome.scan.verdict is Verdict.DANGEROUS


def _quarantined(
    outcome: Outcome, folder: Path, entry: ScannedFile, faults: list[str]
) -> ScannedFile:
    """The entry of a file once it is moved away; why it cannot be is added to `faults`."""
    if outcome.status is None:
        return entry  # standard input and addresses have no file to move
    from sdops.checkpoint.scan.quarantine import quarantine

    try:
        return entry._replace(quarantined=str(quarantine(outcome.path, outcome.status, folder)))
    except SdopsError as error:
        faults.append(error.message)
    return entry


def _decompiled(entry: ScannedFile) -> tuple[DecompiledPickle, ...]:
    from pathlib import Path

    from sdops.checkpoint.scan.decompile import decompile

    path = Path(entry.quarantined or entry.path)
    return tuple(DecompiledPickle(member, text) for member, text in decompile(path))
