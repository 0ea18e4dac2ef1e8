"""The answer of the smoke test where the checkpoint itself is broken: nothing could be tried."""

from __future__ import annotations

import time
from datetime import datetime, timezone

from sdops.bench.device import choose
from sdops.bench.smoke.flags import launch_plan
from sdops.bench.subject import usual_precision
from sdops.finding import Finding, Report


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
    launch = launch_plan((), ui)
    step = {"name": "checkpoint", "ok": False, "detail": finding.title, "measured": {}}
    return Report(
        command="smoke",
        subject=f"{checkpoint} on {chosen.title}",
        started_at=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        duration_s=time.monotonic() - begin,
        findings=(finding,),
        data={
            "device": {
                "name": chosen.name,
                "title": chosen.title,
                "memory_bytes": chosen.memory_bytes,
                "precision": precision or usual_precision(chosen),
            },
            "steps": [step],
            "infotext": None,
            "like": None,
            "images": [],
            "launch": {"ui": ui, "flags": [], "line": launch.line, "place": launch.place},
        },
    )
