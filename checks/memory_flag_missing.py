"""The GPU has little memory and the UI is not told to save it.

Generation stops with `CUDA out of memory`, or the driver pages to the computer's own memory and
everything becomes many times slower.

Fix: Start the UI with the flag named here. Forge and ComfyUI manage memory by themselves and need
none.

Source: AUTOMATIC1111/stable-diffusion-webui wiki, Optimizations.
"""

from __future__ import annotations

from sdops.check import Action, Facts, Finding, Iterator, Remedy, Severity, Skip
from sdops.knowledge.device import device_of
from sdops.knowledge.flags import arguments_of, takes_flag
from sdops.knowledge.launch_rules import GIB, needed, rules_of


def check(facts: Facts) -> Iterator[Finding]:
    """Where the flag is known to be needed; what merely helps is left to the launch advice."""
    ui = facts.ui
    rules = rules_of(ui.kind) if ui else None
    device = device_of(facts)
    if ui is None or rules is None:
        raise Skip("There is no UI here whose flags are known.")
    if device.gpu is None or device.vram_bytes is None:
        raise Skip("The memory of the GPU is not known.")
    own = {argument.flag for argument in arguments_of(ui)}
    if own & set(rules.choices.get("memory", ())):
        return
    for rule in needed(rules, facts, device):
        if rule.group == "memory" and rule.standing == "known" and takes_flag(ui, rule.flag):
            gib = device.vram_bytes / GIB
            yield Finding(
                rule="memory-flag-missing",
                severity=Severity.WARNING,
                title=f"The {device.gpu.name} may run out of memory.",
                why=f"It has {gib:.1f} GiB. {rule.reason}",
                evidence={"vram_bytes": device.vram_bytes, "missing": rule.flag},
                remedies=(
                    Remedy(
                        f"Start the UI with {rule.flag}.",
                        Action.CHANGE_FLAG,
                        add_flags=(rule.flag,),
                        automatic=True,
                    ),
                ),
            )
