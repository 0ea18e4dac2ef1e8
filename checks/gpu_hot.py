"""The GPU slows itself down because it is too hot or gets too little power.

Images take longer than this card needs, and a card that stays at its limit wears faster.

Fix: Clear the dust, let air in, raise the fan speed or lower the power limit a little; check the
power cables.

Source: NVML clock event reasons (HW slowdown, HW thermal slowdown, HW power brake, SW thermal
slowdown); nvmlDeviceGetTemperatureThreshold (slowdown).
"""

from __future__ import annotations

from sdops.check import Action, Facts, Finding, Gpu, Iterator, Remedy, Severity, Skip

RULE = "gpu-hot"
USUAL_SLOWDOWN_C = 90
"""Where cards that do not say their own limit start to slow down: GeForce specifications give 83
to 93 degrees."""
SLOWED_BY_HEAT = ("hw_thermal_slowdown", "sw_thermal_slowdown")
SLOWED_BY_POWER = ("hw_power_brake",)


def check(facts: Facts) -> Iterator[Finding]:
    """Judges what the driver says now; a limit on power alone (`sw_power_cap`) is normal work."""
    gpus = [gpu for gpu in facts.visible_gpus if gpu.temperature_c or gpu.throttle_reasons]
    if not gpus:
        raise Skip("No GPU here reports its temperature.")
    for gpu in gpus:
        limit = gpu.slowdown_temperature_c or USUAL_SLOWDOWN_C
        slowed = any(reason in gpu.throttle_reasons for reason in SLOWED_BY_HEAT)
        if slowed or (gpu.temperature_c or 0) >= limit:
            yield _hot(gpu, limit, slowed=slowed)
        elif any(reason in gpu.throttle_reasons for reason in SLOWED_BY_POWER):
            yield _starved(gpu)
        elif "hw_slowdown" in gpu.throttle_reasons:
            yield _slowed(gpu)


def _evidence(gpu: Gpu) -> dict[str, object]:
    return {
        "gpu": gpu.index,
        "temperature_c": gpu.temperature_c,
        "slowdown_temperature_c": gpu.slowdown_temperature_c,
        "throttle_reasons": list(gpu.throttle_reasons),
        "power_w": gpu.power_w,
        "power_limit_w": gpu.power_limit_w,
    }


def _hot(gpu: Gpu, limit: int, *, slowed: bool) -> Finding:
    degrees = f"It is at {gpu.temperature_c} °C" if gpu.temperature_c else "It is hot"
    return Finding(
        rule=RULE,
        severity=Severity.WARNING,
        title=f"GPU {gpu.index} ({gpu.name}) is so hot that it works more slowly.",
        why=f"{degrees}, and the driver reports that it has lowered its clock because of heat."
        if slowed
        else f"{degrees}; from about {limit} °C on it lowers its clock to protect itself.",
        evidence=_evidence(gpu),
        remedies=(
            Remedy("Clear fans and filters of dust, and let air in and out of the case."),
            Remedy(
                "A power limit some percent lower makes it much cooler and hardly slower; the "
                "maker's tool sets it, on Linux nvidia-smi --power-limit.",
            ),
        ),
    )


def _starved(gpu: Gpu) -> Finding:
    return Finding(
        rule=RULE,
        severity=Severity.WARNING,
        title=f"GPU {gpu.index} ({gpu.name}) works more slowly because its power is cut back.",
        why="The power supply or the mainboard signals that it cannot deliver more (power brake).",
        evidence=_evidence(gpu),
        remedies=(
            Remedy(
                "Check every power cable of the card; a power supply that is too weak must be "
                "replaced.",
                Action.REPLACE_HARDWARE,
            ),
        ),
    )


def _slowed(gpu: Gpu) -> Finding:
    return Finding(
        rule=RULE,
        severity=Severity.WARNING,
        title=f"GPU {gpu.index} ({gpu.name}) has cut its speed to protect itself.",
        why="The driver reports a hardware slowdown, by heat or by power, without saying which.",
        evidence=_evidence(gpu),
        remedies=(Remedy("Check the card's fans, and its power cables."),),
    )
