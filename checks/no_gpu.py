"""This machine has no graphics card that the UI could use, and the UI is not told so.

It stops at its start with "Torch is not able to use GPU" or "Found no NVIDIA driver". On the
processor it works, but an image takes minutes.

Fix: Tell the UI to compute on the processor.

Source: AUTOMATIC1111/stable-diffusion-webui modules/launch_utils.py; Comfy-Org/ComfyUI
comfy/model_management.py.
"""

from __future__ import annotations

from sdops.check import Action, Facts, Finding, Iterator, Remedy, Severity, Skip
from sdops.knowledge import gpus
from sdops.knowledge.device import DeviceKind, device_of
from sdops.knowledge.flags import takes_flag
from sdops.knowledge.launch_rules import is_set, needed, rules_of
from sdops.knowledge.patient import lacks_gpu


def check(facts: Facts) -> Iterator[Finding]:
    """Fires only where surely no GPU is behind a container, WSL or a mask."""
    ui = facts.ui
    rules = rules_of(ui.kind) if ui else None
    if ui is None or rules is None:
        raise Skip("There is no UI here whose flags are known.")
    lacks_gpu(facts)
    gap = facts.gap("gpu.pci") or facts.gap("gpu.cim") or facts.gap("gpu.system_profiler")
    if gap is not None:
        raise Skip(f"Which GPUs there are is not known: {gap.reason}")
    device = device_of(facts)
    if device.kind is not DeviceKind.CPU or any(card.lost for card in facts.gpus):
        raise Skip("There is a GPU here, or one may be hidden.")
    wanted = [
        rule
        for rule in needed(rules, facts, device)
        if takes_flag(ui, rule.flag) and not is_set(ui, rule)
    ]
    flags = tuple(f"{rule.flag} {rule.value}" if rule.value else rule.flag for rule in wanted)
    if not wanted and not any(rule.group == "device" for rule in needed(rules, facts, device)):
        raise Skip("This UI goes to the processor by itself.")
    if any(not gpus.is_integrated(card) for card in facts.visible_gpus):
        raise Skip("There is a graphics card that torch has no build for: see gpu-unsupported.")
    seen = ", ".join(card.name for card in facts.gpus)
    yield Finding(
        rule="no-gpu",
        severity=Severity.ERROR,
        title="The UI will not start: it looks for a graphics card and finds none to use.",
        why=f"Seen here: {seen}, which torch cannot compute on."
        if seen
        else "No graphics card is seen here.",
        evidence={"gpus": [card.name for card in facts.gpus]},
        remedies=(
            Remedy(
                "Let the processor do the work: add these flags. An image then takes minutes.",
                Action.CHANGE_FLAG,
                add_flags=flags,
            ),
        ),
    )
