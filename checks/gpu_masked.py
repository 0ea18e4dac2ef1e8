"""An environment variable hides the GPU from torch.

CUDA_VISIBLE_DEVICES, HIP_VISIBLE_DEVICES and their like choose which GPUs a program sees. Set to
-1, to nothing, or to a number that does not exist, they hide all of them.

Fix: Remove the variable, or give it the number of the GPU.

Source: NVIDIA CUDA Programming Guide, CUDA Environment Variables; ROCm documentation, GPU
isolation techniques.
"""

from __future__ import annotations

from sdops.check import (
    Action,
    Facts,
    Finding,
    Iterator,
    Location,
    Remedy,
    Setting,
    Severity,
    Skip,
)
from sdops.knowledge.patient import lacks_gpu
from sdops.remedies.commands import command

MASKS = {
    "nvidia": ("CUDA_VISIBLE_DEVICES",),
    "amd": ("HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES"),
    "intel": ("ZE_AFFINITY_MASK", "ONEAPI_DEVICE_SELECTOR"),
}


def check(facts: Facts) -> Iterator[Finding]:
    """Fires where a maker's cards are all hidden, and no other card is left to use."""
    lacks_gpu(facts)
    hidden = [card for card in facts.gpus if not card.visible and not card.lost]
    if not hidden:
        raise Skip("No GPU is hidden here.")
    if any(card.vendor == hidden[0].vendor for card in facts.visible_gpus):
        raise Skip("Some GPUs are hidden, and others are left to use.")
    values = dict(_values(facts, MASKS.get(hidden[0].vendor, ())))
    if not values:
        raise Skip("The GPUs are hidden, and sdops does not know by what.")
    said = ", ".join(f"{name}={value}" for name, value in values.items())
    setting = next((_setting(facts, name) for name in values if _setting(facts, name)), None)
    names = ", ".join(card.name for card in hidden)
    yield Finding(
        rule="gpu-masked",
        severity=Severity.ERROR,
        title="The graphics card is hidden from torch by an environment variable.",
        why=f"{said} hides: {names}.",
        evidence={"variables": values, "gpus": names},
        location=Location(setting.file, line=setting.line) if setting else None,
        remedies=(_remedy(facts, tuple(values), setting),),
    )


def _values(facts: Facts, names: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for name in names:
        value = facts.ui.setting(name) if facts.ui else None
        value = facts.host.environment.get(name) if value is None else value
        if value is not None:
            yield name, value


def _setting(facts: Facts, name: str) -> Setting | None:
    settings = facts.ui.settings if facts.ui else ()
    return next((item for item in reversed(settings) if item.name == name), None)


def _remedy(facts: Facts, names: tuple[str, ...], setting: Setting | None) -> Remedy:
    which = " and ".join(names)
    if setting is not None:
        return Remedy(
            f"Remove {which} from {setting.file}, line {setting.line}.", Action.RESTART_UI
        )
    text = (
        f"Remove {which} where it is set (shell profile, system settings, service or container), "
        "then start the UI from a new terminal. For this terminal:"
    )
    if facts.host.os == "windows":
        commands = tuple(command(facts.host, "set", f"{name}=") for name in names)
    else:
        commands = (command(facts.host, "unset", *names),)
    return Remedy(text, Action.RESTART_UI, commands)
