"""How a GPU is brought back: reset, restart, or the maker's service."""

from __future__ import annotations

from sdops.facts.types import Gpu, Host
from sdops.finding import Action, Remedy
from sdops.remedies.commands import admin_command


def reset_gpu(host: Host, gpu: Gpu) -> Remedy:
    """Resets `gpu`, or restarts the computer where a reset cannot be asked for."""
    if host.container or host.wsl:
        outside = "Windows" if host.wsl else "the machine that this container runs on"
        return Remedy(
            f"This can be done from {outside} only: stop every program that uses the GPU, and "
            "restart that computer.",
            Action.REBOOT,
        )
    if host.os != "linux" or gpu.display_attached:
        return reboot(host)
    return Remedy(
        "Stop every program that uses the GPU, then reset it. If the driver refuses, restart the "
        "computer.",
        Action.RESET_GPU,
        commands=(
            admin_command(host, "nvidia-smi", "--gpu-reset", "-i", gpu.pci_bus or str(gpu.index)),
        ),
    )


def reboot(host: Host) -> Remedy:
    """Restarts the computer."""
    argv = ("shutdown", "/r", "/t", "60") if host.os == "windows" else ("reboot",)
    commands = () if host.container or host.wsl else (admin_command(host, *argv),)
    return Remedy("Save your work and restart the computer.", Action.REBOOT, commands=commands)


def replace_hardware() -> Remedy:
    """Hands the card to whoever answers for it."""
    return Remedy(
        "Ask the card's maker, its seller or your provider for service, with this report.",
        Action.REPLACE_HARDWARE,
    )
