"""The GPU's memory has errors that could not be corrected, or waits for a repair.

Images come out wrong or the program crashes with a CUDA error. Data-center and workstation cards
count such errors and replace bad memory by spare memory at the next reset; GeForce cards have no
such counters.

Fix: Reset the GPU. A card whose memory cannot be repaired any more goes to its maker.

Source: docs.nvidia.com/deploy/a100-gpu-mem-error-mgmt and dynamic-page-retirement; NVML
nvmlDeviceGetTotalEccErrors, nvmlDeviceGetRemappedRows, nvmlDeviceValidateInforom.
"""

from __future__ import annotations

from sdops.check import Facts, Finding, Gpu, Iterator, MemoryErrors, Remedy, Severity, Skip
from sdops.remedies.recovery import replace_hardware, reset_gpu

RULE = "gpu-memory-errors"


def check(facts: Facts) -> Iterator[Finding]:
    """Judges each card that counts memory errors, hidden ones too."""
    counting = [(gpu, gpu.memory_errors) for gpu in facts.gpus if gpu.memory_errors]
    if not counting:
        raise Skip("No GPU here counts memory errors; GeForce cards do not.")
    for gpu, errors in counting:
        yield from _judge(facts, gpu, errors)


def _judge(facts: Facts, gpu: Gpu, errors: MemoryErrors) -> Iterator[Finding]:
    reset = reset_gpu(facts.host, gpu)
    if errors.remap_failed:
        yield _finding(
            gpu,
            Severity.CRITICAL,
            "has memory that cannot be repaired any more, and results may be wrong",
            "Replacing bad rows by spare ones failed: the spare rows are used up.",
            replace_hardware(),
        )
    if errors.uncorrected_since_boot:
        yield _finding(
            gpu,
            Severity.ERROR,
            "had memory errors that could not be corrected, so recent images may be wrong",
            f"{errors.uncorrected_since_boot} uncorrectable errors since the driver was loaded, "
            f"{errors.uncorrected_lifetime or errors.uncorrected_since_boot} in its life.",
            reset,
        )
    if errors.remap_pending or errors.retired_pages_pending:
        yield _finding(
            gpu,
            Severity.WARNING,
            "will put spare memory in the place of bad memory at its next reset",
            "A repair is recorded and waits: until the reset, the bad memory stays in use.",
            reset,
        )
    if errors.inforom_valid is False:
        yield _finding(
            gpu,
            Severity.WARNING,
            "has a damaged settings memory (InfoROM)",
            "The driver finds its checksum wrong; error counters and limits kept there are not "
            "reliable.",
            replace_hardware(),
        )
    yield from _history(gpu, errors)


def _history(gpu: Gpu, errors: MemoryErrors) -> Iterator[Finding]:
    past = (errors.uncorrected_lifetime or 0) - (errors.uncorrected_since_boot or 0)
    repaired = errors.remapped_rows_uncorrectable or 0
    if errors.remap_failed or errors.uncorrected_since_boot or not (past > 0 or repaired):
        return
    yield _finding(
        gpu,
        Severity.INFO,
        "had memory errors in the past, which are dealt with",
        f"{max(past, 0)} uncorrectable errors before the driver was loaded, {repaired} memory rows "
        "replaced.",
    )


def _finding(gpu: Gpu, severity: Severity, what: str, why: str, *remedies: Remedy) -> Finding:
    errors = gpu.memory_errors
    assert errors is not None
    return Finding(
        rule=RULE,
        severity=severity,
        title=f"GPU {gpu.index} ({gpu.name}) {what}.",
        why=why,
        evidence={
            "gpu": gpu.index,
            "uncorrected_since_boot": errors.uncorrected_since_boot,
            "uncorrected_lifetime": errors.uncorrected_lifetime,
            "remapped_rows_uncorrectable": errors.remapped_rows_uncorrectable,
            "remap_pending": errors.remap_pending,
            "remap_failed": errors.remap_failed,
            "retired_pages_pending": errors.retired_pages_pending,
            "inforom_valid": errors.inforom_valid,
        },
        remedies=remedies,
    )
