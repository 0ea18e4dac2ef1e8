"""Tells what a scan found, in plain words: the Report of `sdops scan`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from sdops.checkpoint.damage import COVERED, DAMAGE, examine, looks_sound
from sdops.checkpoint.scan.answer import NamedGlobal, ScanAnswer, ScannedFile
from sdops.checkpoint.scan.file import FileScan
from sdops.checkpoint.scan.files import Outcome
from sdops.checkpoint.scan.judge import Judgment, Verdict
from sdops.checkpoint.trace.gadgets import gadget
from sdops.checkpoint.types import Problem
from sdops.errors import UnreadableInputError
from sdops.finding import Command, Finding, Location, Remedy, Report, Severity
from sdops.report.plain import one_line

_MOST_FINDINGS = 25
_SEVERITIES = {Verdict.DANGEROUS: Severity.CRITICAL, Verdict.UNFAMILIAR: Severity.ERROR}
_WEIGHT_FILES = ("torch-zip", "torch-legacy", "torch-tar", "pickle")


class Levels(NamedTuple):
    """How severe a verdict that depends on the user's needs is; None for what is documented."""

    unfamiliar: Severity | None = None
    unreadable: Severity | None = None
    not_judged: Severity | None = None

    def of(self, verdict: Verdict) -> Severity | None:
        """The user's level for files with this verdict."""
        chosen = {
            Verdict.UNFAMILIAR: self.unfamiliar,
            Verdict.UNREADABLE: self.unreadable,
            Verdict.NOT_JUDGED: self.not_judged,
        }
        return chosen.get(verdict)


_DOCUMENTED = Levels()


def report(
    outcomes: Iterable[Outcome],
    *,
    faults: tuple[str, ...],
    started_at: str,
    duration_s: float,
    levels: Levels = _DOCUMENTED,
) -> Report:
    """The Report of all `outcomes`."""
    outcomes = tuple(outcomes)
    scans = [outcome.scan for outcome in outcomes if outcome.scan is not None]
    findings = [finding for scan in scans for finding in file_findings(scan, levels)]
    told = [outcome.fault for outcome in outcomes if outcome.fault]
    told += [
        f"{outcome.path} could not be scanned, through a fault in sdops ({outcome.crash})."
        for outcome in outcomes
        if outcome.crash
    ]
    if levels.unreadable is None or levels.unreadable >= Severity.ERROR:
        told += [_unreadable(scan) for scan in scans if scan.verdict is Verdict.UNREADABLE]
    return Report(
        command="scan",
        subject=_subject(outcomes),
        started_at=started_at,
        duration_s=duration_s,
        findings=tuple(findings),
        cases=tuple(outcome.path for outcome in outcomes),
        faults=(*faults, *told),
        data=ScanAnswer(tuple(map(scanned_file, outcomes))),
    )


def _subject(outcomes: tuple[Outcome, ...]) -> str:
    names = [outcome.path for outcome in outcomes[:3]]
    more = f" and {len(outcomes) - 3} more" if len(outcomes) > 3 else ""
    return (", ".join(names) or "nothing") + more


def _unreadable(scan: FileScan) -> str:
    reasons = [problem.text for problem in scan.problems if problem.blocking]
    return f"{scan.path} could not be looked at to the end: {reasons[0] if reasons else ''}"


def scanned_file(outcome: Outcome) -> ScannedFile:
    """One file's entry in the answer."""
    scan = outcome.scan
    if scan is None:
        return ScannedFile(outcome.path, Verdict.UNREADABLE.word, "unknown", 0, ())
    references = tuple(
        NamedGlobal(
            module=reference.module,
            name=reference.name,
            class_=reference.verdict.word,
            called=reference.called,
            member=reference.member,
            offset=reference.offset,
        )
        for reference in scan.references
    )
    return ScannedFile(scan.path, scan.verdict.word, scan.container, scan.pickles, references)


def file_findings(scan: FileScan, levels: Levels = _DOCUMENTED) -> Iterator[Finding]:
    """Everything worth reporting about one file; like calls are reported once."""
    level = levels.of(scan.verdict)
    for finding in _file_findings(scan):
        if level is None or finding.severity is Severity.INFO:
            yield finding
        else:
            yield finding._replace(severity=level)


def _file_findings(scan: FileScan) -> Iterator[Finding]:
    seen: dict[tuple[str, str], int] = {}
    for member, judgment in scan.judgments:
        key = (judgment.rule, judgment.call)
        seen[key] = seen.get(key, 0) + 1
        if seen[key] == 1 and len(seen) <= _MOST_FINDINGS:
            yield _judgment_finding(scan, member, judgment)
    # Nobody is advised to make a dangerous file loadable.
    broken = None if scan.verdict is Verdict.DANGEROUS else _broken(scan)
    if broken is not None:
        yield broken
    for problem in scan.problems[:_MOST_FINDINGS]:
        if broken is None or problem.hostile or problem.id not in COVERED:
            yield _problem_finding(scan, problem)
    for reference in scan.references:
        if reference.allowed_because is not None:
            yield Finding(
                "allowed-by-policy",
                Severity.INFO,
                f"Your policy allows {one_line(reference.module)}.{one_line(reference.name)}.",
                f"Its reason: {one_line(reference.allowed_because)}",
                location=Location(scan.path, reference.member, reference.offset),
            )
    left = scan.left_out + max(0, len(seen) - _MOST_FINDINGS) + max(
        0, len(scan.problems) - _MOST_FINDINGS)  # fmt: skip
    if left:
        yield Finding("more-of-the-same", Severity.INFO, f"{left} more findings are left out.",
                      location=Location(scan.path))  # fmt: skip


def _broken(scan: FileScan) -> Finding | None:
    """The finding about a broken or misnamed file; standard input and addresses have no name."""
    if looks_sound(scan.path, scan.container, scan.problems):
        return None
    try:
        return examine(scan.path, scan.problems)
    except UnreadableInputError:
        return None


def _judgment_finding(scan: FileScan, member: str | None, judgment: Judgment) -> Finding:
    known = gadget(judgment.module, judgment.name)
    name = one_line(f"{judgment.module}.{judgment.name}", 200)
    explained = f"{name} {known.does} ({known.source}). " if known and judgment.module else ""
    severity = _SEVERITIES[judgment.verdict]
    remedy = _REMOVE if judgment.verdict is Verdict.DANGEROUS else _allow(judgment)
    return Finding(
        rule=judgment.rule,
        severity=severity,
        title=f"Loading this file {judgment.does}.",
        why=f"{explained}The opcode {judgment.opcode} at byte {judgment.offset} does it.",
        evidence={
            "call": judgment.call,
            "opcode": judgment.opcode,
            "module": judgment.module,
            "name": judgment.name,
            "verdict": judgment.verdict.word,
        },
        location=Location(scan.path, member, judgment.offset),
        remedies=tuple(_for_file(remedy, scan)),
    )


def _for_file(remedy: Remedy, scan: FileScan) -> Iterator[Remedy]:
    yield remedy
    local = scan.path != "-" and "://" not in scan.path
    if local and scan.weights and scan.container in _WEIGHT_FILES and not _is_cut(scan):
        yield Remedy(
            "The weights can be saved without running anything.",
            commands=(Command(("sdops", "convert", scan.path)),),
        )


def _is_cut(scan: FileScan) -> bool:
    return any(problem.blocking for problem in scan.problems)


def _allow(judgment: Judgment) -> Remedy:
    name = one_line(f"{judgment.module}.{judgment.name}", 200)
    return Remedy(
        f"Load it only if you trust its author. If you know what {name} is, allow it by name in a"
        " policy file (docs/scan.md); better, ask for a safetensors file."
    )


_REMOVE = Remedy("Do not load this file. Delete it, or scan with --quarantine to move it away.")
_TRUST = Remedy("Load it only if you trust its author; ask for a safetensors file instead.")
_AGAIN = Remedy("Download the file again.")
_UNSEEN = Remedy("It could not be judged: load it only if you trust its author.")


def _problem_finding(scan: FileScan, problem: Problem) -> Finding:
    if problem.hostile:
        severity, remedy = Severity.ERROR, _TRUST
    elif problem.blocking:
        severity = Severity.ERROR
        remedy = _AGAIN if problem.id in DAMAGE else _UNSEEN
    elif problem.unjudged:
        severity, remedy = Severity.WARNING, _UNSEEN
    else:
        severity, remedy = Severity.INFO, None
    return Finding(
        rule=problem.id,
        severity=severity,
        title=one_line(problem.text, 500),
        evidence={"problem": problem.id},
        location=Location(scan.path, problem.member, problem.offset),
        remedies=(remedy,) if remedy else (),
    )
