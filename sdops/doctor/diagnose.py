"""Turns facts into the doctor's Report: findings, launch flags, and the facts they rest on."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from sdops.doctor.advise import advise
from sdops.doctor.answer import CheckOutcome, DoctorAnswer, RepairOffer
from sdops.doctor.examine import Verdict, examine
from sdops.doctor.recent_log import joined
from sdops.facts.types import Facts
from sdops.finding import Finding, Report
from sdops.launch import PlannedFlag
from sdops.registry import Check


def diagnose(
    facts: Facts,
    chosen: Sequence[Check],
    begin: float,
    measured: Sequence[PlannedFlag] = (),
    wish: str | None = None,
    logged: Sequence[Finding] = (),
) -> Report:
    """The doctor's Report on `facts`, judged by the checks in `chosen`.

    Args:
        facts: the machine and the patient.
        chosen: the checks to run.
        begin: when the work began, on time.monotonic's clock.
        measured: launch flags that were shown to be needed on this machine.
        wish: what the launch flags are to be for; see `advise`.
        logged: what failed in the UI's newest log; see `recent_log`.
    """
    verdicts = examine(facts, chosen)
    plan = advise(facts, measured, wish)
    findings = [finding for verdict in verdicts for finding in verdict.findings]
    findings = joined(findings, logged)
    findings.sort(key=lambda finding: -finding.severity)
    return Report(
        command="doctor",
        subject=facts.target or "this machine",
        started_at=facts.taken_at,
        duration_s=time.monotonic() - begin,
        findings=tuple(findings),
        cases=tuple(check.rule.id for check in chosen),
        skipped=_reasons(verdicts, "skipped"),
        crashed=_reasons(verdicts, "crashed"),
        data=DoctorAnswer(
            facts=facts,
            checks=tuple(
                CheckOutcome(verdict.check.rule.id, verdict.status, verdict.reason)
                for verdict in verdicts
            ),
            launch=plan,
            repairs=tuple(_repairs(findings)),
        ),
    )


def _reasons(verdicts: Sequence[Verdict], status: str) -> dict[str, str]:
    return {v.check.rule.id: v.reason or "" for v in verdicts if v.status == status}


def _repairs(findings: Sequence[Finding]) -> Iterator[RepairOffer]:
    for finding in findings:
        for remedy in finding.remedies:
            if remedy.automatic:
                lines = tuple(command.line for command in remedy.commands)
                yield RepairOffer(finding.rule, remedy.text, remedy.action, lines)
