"""The answer of the smoke test where the checkpoint itself is broken: nothing could be tried."""

from __future__ import annotations

import time
from datetime import datetime, timezone

from sdops.bench.device import choose
from sdops.bench.smoke.answer import SmokeAnswer
from sdops.bench.smoke.flags import launch_plan
from sdops.bench.subject import usual_precision
from sdops.finding import Finding, Report
from sdops.tried import TriedDevice, TriedStep


def report(
    finding: Finding,
    checkpoint: str,
    *,
    device: str | None,
    precision: str | None,
    ui: str,
    begin: float,
) -> Report:
    """The Report of `sdops smoke` on the broken `checkpoint`.

    Args:
        finding: what is wrong with it.
        checkpoint: the file.
        device: as it was asked for.
        precision: as it was asked for.
        ui: whose flags were to be named.
        begin: when the work began, on time.monotonic's clock.
    """
    chosen = choose(device)
    step = TriedStep("checkpoint", False, finding.title, {})
    return Report(
        command="smoke",
        subject=f"{checkpoint} on {chosen.title}",
        started_at=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        duration_s=time.monotonic() - begin,
        findings=(finding,),
        data=SmokeAnswer(
            device=TriedDevice(
                chosen.name,
                chosen.title,
                chosen.memory_bytes,
                precision or usual_precision(chosen),
            ),
            steps=(step,),
            launch=launch_plan((), ui),
        ),
    )
