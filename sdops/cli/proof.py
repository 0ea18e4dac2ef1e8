"""`sdops doctor --prove`: what the smoke test shows on this machine, for the doctor's report."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sdops.cli.steps import shown
from sdops.finding import Finding, Report

if TYPE_CHECKING:
    from sdops.facts.types import Facts
    from sdops.launch import PlannedFlag
    from sdops.tried import Tried


@dataclass(frozen=True, slots=True)
class Proof:
    """What was shown."""

    flags: tuple[PlannedFlag, ...]
    findings: tuple[Finding, ...]
    tried: Tried


def proof_for(facts: Facts, *, quiet: bool) -> Proof:
    """Runs the smoke test with sdops's own torch, for the patient's UI.

    Raises:
        MissingDependencyError: the sampler's packages are not installed beside sdops.
    """
    from sdops.bench.requirements import require_sampler

    require_sampler()
    from sdops.bench.smoke.flags import DEFAULT_UI, findings, known_uis, launch_plan
    from sdops.bench.smoke.run import planned, smoke, tried

    kind = facts.ui.kind if facts.ui and facts.ui.kind in known_uis() else DEFAULT_UI
    with shown(quiet=quiet) as show:
        plan = planned(ui=kind)
        outcome = smoke(plan, lambda step: show(step.name, step.ok, step.detail))
    flags = launch_plan(outcome.steps, kind).flags
    return Proof(flags, findings(outcome.steps, kind), tried(plan, outcome))


def with_proof(report: Report, proof: Proof) -> Report:
    """`report` with what was tried, and what that showed among its findings, the worst first."""
    merged = sorted((*report.findings, *proof.findings), key=lambda found: -found.severity)
    return report._replace(findings=tuple(merged), data=replace(report.data, proof=proof.tried))
