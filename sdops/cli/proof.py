"""`sdops doctor --prove`: what the smoke test shows on this machine, for the doctor's report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sdops.cli.steps import shown
from sdops.finding import Finding, Report

if TYPE_CHECKING:
    from sdops.facts.types import Facts
    from sdops.launch import PlannedFlag


@dataclass(frozen=True, slots=True)
class Proof:
    """What was shown."""

    flags: tuple[PlannedFlag, ...]
    findings: tuple[Finding, ...]


def proof_for(facts: Facts, *, quiet: bool) -> Proof:
    """Runs the smoke test with sdops's own torch, for the patient's UI.

    Raises:
        MissingDependencyError: the sampler's packages are not installed beside sdops.
    """
    from sdops.bench.requirements import require_sampler

    require_sampler()
    from sdops.bench.smoke.flags import DEFAULT_UI, findings, known_uis, launch_plan
    from sdops.bench.smoke.run import planned, smoke

    kind = facts.ui.kind if facts.ui and facts.ui.kind in known_uis() else DEFAULT_UI
    with shown(quiet=quiet) as show:
        outcome = smoke(planned(ui=kind), lambda step: show(step.name, step.ok, step.detail))
    return Proof(launch_plan(outcome.steps, kind).flags, findings(outcome.steps, kind))


def with_proof(report: Report, proof: Proof) -> Report:
    """`report` with what was shown among its findings, the worst first."""
    merged = sorted((*report.findings, *proof.findings), key=lambda found: -found.severity)
    return report._replace(findings=tuple(merged))
