"""The GPU's power limit is set below the maker's default.

The card is cooler and quieter and a little slower. Worth knowing when its speed is compared with
that of other people's cards.

Fix: Nothing needs to be done if it was set on purpose.

Source: NVML nvmlDeviceGetEnforcedPowerLimit and nvmlDeviceGetPowerManagementDefaultLimit.
"""

from __future__ import annotations

from sdops.check import Facts, Finding, Gpu, Host, Iterator, Remedy, Severity
from sdops.remedies.commands import admin_command

NOTICEABLE = 0.95
"""Below this share of the default limit the speed starts to differ; less is rounding."""


def check(facts: Facts) -> Iterator[Finding]:
    """A note for each GPU whose limit is noticeably lower than its default."""
    for gpu in facts.visible_gpus:
        limit, default = gpu.power_limit_w, gpu.power_limit_default_w
        if limit and default and limit < NOTICEABLE * default:
            yield _finding(facts.host, gpu, limit, default)


def _finding(host: Host, gpu: Gpu, limit: float, default: float) -> Finding:
    settable = host.os == "linux" and not host.container and not host.wsl
    argv = ("nvidia-smi", "-i", str(gpu.index), "--power-limit", f"{default:.0f}")
    commands = (admin_command(host, *argv),) if settable else ()
    return Finding(
        rule="gpu-power-cap",
        severity=Severity.INFO,
        title=f"GPU {gpu.index} ({gpu.name}) is limited to {limit:.0f} of {default:.0f} watts.",
        why=f"Its power limit is {limit / default:.0%} of the default, which costs some speed.",
        evidence={"gpu": gpu.index, "power_limit_w": limit, "power_limit_default_w": default},
        remedies=(
            Remedy("To use the full power again, set the default limit.", commands=commands),
        ),
    )
