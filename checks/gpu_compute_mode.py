"""The GPU is set to refuse programs.

In the mode `prohibited` no program can use it, in `exclusive_process` only one at a time: the
next one fails with "all CUDA-capable devices are busy or unavailable".

Fix: Set the compute mode back to the default.

Source: nvidia-smi(1), option --compute-mode; CUDA error 46 (cudaErrorDevicesUnavailable).
"""

from __future__ import annotations

from sdops.check import Facts, Finding, Iterator, Remedy, Severity
from sdops.remedies.commands import admin_command


def check(facts: Facts) -> Iterator[Finding]:
    """An error where no program may start, a warning where one already holds the card."""
    for gpu in facts.visible_gpus:
        taken = bool(gpu.processes)
        if gpu.compute_mode not in ("prohibited", "exclusive_process"):
            continue
        prohibited = gpu.compute_mode == "prohibited"
        if not prohibited and not taken:
            continue
        yield Finding(
            rule="gpu-compute-mode",
            severity=Severity.ERROR if prohibited else Severity.WARNING,
            title=f"GPU {gpu.index} ({gpu.name}) accepts "
            + ("no programs." if prohibited else "no second program."),
            why=f"Its compute mode is `{gpu.compute_mode}`"
            + ("." if prohibited else f", and process {gpu.processes[0].pid} uses it."),
            evidence={"gpu": gpu.index, "compute_mode": gpu.compute_mode},
            remedies=(
                Remedy(
                    "Set the default mode again.",
                    commands=(
                        admin_command(facts.host, "nvidia-smi", "-i", str(gpu.index), "-c", "0"),
                    ),
                ),
            ),
        )
