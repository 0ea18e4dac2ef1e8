"""Another program holds much of the GPU's memory.

The UI runs out of memory ("CUDA out of memory") with images and models that would fit otherwise.

Fix: Close the other program. Often it is an earlier start of a UI, a training run or a game.

Source: NVML nvmlDeviceGetComputeRunningProcesses, nvmlDeviceGetMemoryInfo.
"""

from __future__ import annotations

from sdops.check import (
    Command,
    Facts,
    Finding,
    Gpu,
    GpuProcess,
    Host,
    Iterator,
    Remedy,
    Severity,
    Skip,
)
from sdops.knowledge.units import GIB, size
from sdops.remedies.commands import command
from sdops.remedies.recovery import reset_gpu

RULE = "vram-held"
NOTICEABLE_SHARE = 0.2
"""The share of a card's memory from which on other programs are worth a warning; desktops and
browsers commonly hold 5 to 15 % of an 8 GiB card."""
NOTICEABLE_BYTES = GIB
"""And at least this much: a desktop with a browser holds up to about 1 GiB."""
UNEXPLAINED_SHARE = 0.5
"""Where the driver does not name the holders (Windows), the share in use that stands out."""


def check(facts: Facts) -> Iterator[Finding]:
    """Adds up what programs other than the UI hold on each visible GPU."""
    gpus = [gpu for gpu in facts.visible_gpus if gpu.vram_total_bytes and not gpu.integrated]
    if not gpus:
        raise Skip("No GPU here reports its memory.")
    # Inside a container or WSL the driver's process numbers are those of the outside.
    outside = bool(facts.host.container or facts.host.wsl)
    for gpu in gpus:
        named = () if outside else gpu.processes
        others = tuple(process for process in named if not _is_own(facts, process))
        gone = tuple(process for process in others if process.alive is False)
        total = gpu.vram_total_bytes or 0
        held = sum(process.vram_bytes or 0 for process in others)
        if gone and any(process.vram_bytes for process in gone):
            yield _ghost(facts.host, gpu, gone)
        elif held >= max(NOTICEABLE_BYTES, NOTICEABLE_SHARE * total):
            yield _held(facts.host, gpu, others, held)
        elif _unexplained(facts, gpu, others):
            yield _unnamed(gpu)


def _is_own(facts: Facts, process: GpuProcess) -> bool:
    if facts.ui and process.pid == facts.ui.running_pid:
        return True
    roots = [place.root for place in (facts.ui, facts.python) if place and place.root]
    return process.name is not None and any(process.name.startswith(root) for root in roots)


def _unexplained(facts: Facts, gpu: Gpu, others: tuple[GpuProcess, ...]) -> bool:
    if facts.ui is None or facts.ui.running_pid is not None or gpu.vram_free_bytes is None:
        return False
    if any(process.vram_bytes is not None for process in others):
        return False
    total = gpu.vram_total_bytes or 0
    return total - gpu.vram_free_bytes >= UNEXPLAINED_SHARE * total


def _held(host: Host, gpu: Gpu, others: tuple[GpuProcess, ...], held: int) -> Finding:
    largest = sorted(others, key=lambda process: process.vram_bytes or 0, reverse=True)[:3]
    names = ", ".join(f"{process.name or 'unknown'} (process {process.pid})" for process in largest)
    return Finding(
        rule=RULE,
        severity=Severity.WARNING,
        title=f"Other programs hold {size(held)} of the {size(gpu.vram_total_bytes or 0)} of "
        f"memory on GPU {gpu.index} ({gpu.name}).",
        why=f"The largest: {names}. The UI cannot use what they hold.",
        evidence={
            "gpu": gpu.index,
            "held_bytes": held,
            "total_bytes": gpu.vram_total_bytes,
            "pids": [process.pid for process in others],
        },
        remedies=(
            Remedy(
                "Close the programs that you do not need, in their own windows.",
                commands=_look(host, largest),
            ),
        ),
    )


def _look(host: Host, processes: list[GpuProcess]) -> tuple[Command, ...]:
    if host.os == "windows":
        return tuple(
            command(host, "tasklist", "/FI", f"PID eq {process.pid}") for process in processes
        )
    pids = ",".join(str(process.pid) for process in processes)
    return (command(host, "ps", "-fp", pids),)


def _ghost(host: Host, gpu: Gpu, gone: tuple[GpuProcess, ...]) -> Finding:
    held = sum(process.vram_bytes or 0 for process in gone)
    return Finding(
        rule=RULE,
        severity=Severity.WARNING,
        title=f"Programs that have ended still hold {size(held)} on GPU {gpu.index} ({gpu.name}).",
        why="The driver keeps their memory although their processes are gone.",
        evidence={"gpu": gpu.index, "held_bytes": held, "pids": [item.pid for item in gone]},
        remedies=(reset_gpu(host, gpu),),
    )


def _unnamed(gpu: Gpu) -> Finding:
    total = gpu.vram_total_bytes or 0
    used = total - (gpu.vram_free_bytes or 0)
    return Finding(
        rule=RULE,
        severity=Severity.WARNING,
        title=f"{size(used)} of the {size(total)} of memory on GPU {gpu.index} ({gpu.name}) are "
        "in use although the UI does not run.",
        why="The driver does not say which programs hold it.",
        evidence={"gpu": gpu.index, "held_bytes": used, "total_bytes": total},
        remedies=(
            Remedy(
                "Close games, other AI programs and browsers; the task manager's column "
                "“Dedicated GPU memory” (Windows) shows who holds it.",
            ),
        ),
    )
