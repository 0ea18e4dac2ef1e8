"""There is little main memory for loading models.

A model passes through main memory on its way to the GPU. With too little, the computer becomes
very slow, or the system ends the UI without a message ("Killed").

Fix: Close other programs, use smaller models in safetensors form, or add memory.

Source: AUTOMATIC1111/stable-diffusion-webui README (8 GB); sizes of SD 1.5 (4 GB) and SDXL (7 GB)
checkpoints; docs.docker.com, runtime constraints on resources.
"""

from __future__ import annotations

from sdops.check import Facts, Finding, Host, Iterator, Remedy, Severity, Skip
from sdops.knowledge.units import GIB, size
from sdops.remedies.commands import admin_command

LITTLE_BYTES = 7 * GIB
"""Less than a computer with 8 GB shows after what its firmware and graphics take."""
VERY_LITTLE_BYTES = 3.5 * GIB
"""Less than one SD 1.5 checkpoint of 4 GB."""
LITTLE_AVAILABLE_BYTES = 2 * GIB
"""A pruned SD 1.5 checkpoint in half precision."""
COMFORTABLE_BYTES = 15 * GIB
"""What a computer with 16 GB shows; from here on, doing without swap is a matter of taste."""


def check(facts: Facts) -> Iterator[Finding]:
    """Judges the total first, then what other programs leave of it, then swap on Linux."""
    host = facts.host
    if host.ram_total_bytes is None:
        raise Skip("The size of the main memory is not known.")
    total = min(host.ram_total_bytes, host.container_memory_limit_bytes or host.ram_total_bytes)
    running = facts.ui is not None and facts.ui.running_pid is not None
    available = host.ram_available_bytes
    if total < LITTLE_BYTES:
        yield _little(host, total)
    elif available is not None and available < LITTLE_AVAILABLE_BYTES and not running:
        yield _taken(host, available, total)
    elif host.os == "linux" and host.swap_total_bytes == 0 and total < COMFORTABLE_BYTES:
        yield _no_swap(host, total)


def _little(host: Host, total: int) -> Finding:
    limited = total == host.container_memory_limit_bytes
    where = "This container may use only" if limited else "This computer has only"
    hopeless = total < VERY_LITTLE_BYTES and not host.swap_total_bytes
    return Finding(
        rule="low-memory",
        severity=Severity.ERROR if hopeless else Severity.WARNING,
        title=f"{where} {size(total)} of main memory, which is little for loading models.",
        why="A checkpoint of 4 to 7 GB passes through it as a whole.",
        evidence={
            "total_bytes": total,
            "container_limit_bytes": host.container_memory_limit_bytes,
            "swap_total_bytes": host.swap_total_bytes,
        },
        remedies=(
            Remedy("Start the container with a higher limit, such as --memory=16g.")
            if limited
            else Remedy(
                "Use pruned models in safetensors form (sdops prune makes them), close other "
                "programs, and add memory or swap if you can."
            ),
        ),
    )


def _taken(host: Host, available: int, total: int) -> Finding:
    return Finding(
        rule="low-memory",
        severity=Severity.WARNING,
        title=f"Other programs leave only {size(available)} of main memory.",
        why=f"The computer has {size(total)}; a model needs 2 to 7 GB of it while it is loaded.",
        evidence={
            "available_bytes": available,
            "total_bytes": total,
            "swap_total_bytes": host.swap_total_bytes,
        },
        remedies=(Remedy("Close browsers, games and other large programs before the UI starts."),),
    )


def _no_swap(host: Host, total: int) -> Finding:
    return Finding(
        rule="low-memory",
        severity=Severity.INFO,
        title="There is no swap space to fall back on while a large model is loaded.",
        why=f"The main memory is {size(total)}. When it runs out, Linux ends the UI at once.",
        evidence={"total_bytes": total, "swap_total_bytes": 0},
        remedies=()
        if host.container
        else (
            Remedy(
                "Make a swap file of 8 GB (on file systems other than btrfs).",
                commands=(
                    admin_command(host, "fallocate", "-l", "8G", "/swapfile"),
                    admin_command(host, "chmod", "600", "/swapfile"),
                    admin_command(host, "mkswap", "/swapfile"),
                    admin_command(host, "swapon", "/swapfile"),
                ),
            ),
        ),
    )
