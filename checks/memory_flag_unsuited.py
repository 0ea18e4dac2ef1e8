"""A flag about graphics memory does not suit this GPU.

Flags that save memory cost time; on a card with enough of it they only slow the UI down. Flags
that keep everything in memory make a small card run out of it.

Fix: Take the flag away.

Source: AUTOMATIC1111/stable-diffusion-webui wiki, Optimizations; ComfyUI
comfy/model_management.py.
"""

from __future__ import annotations

from sdops.check import Action, Facts, Finding, Iterator, Location, Remedy, Severity, Skip
from sdops.knowledge.device import device_of
from sdops.knowledge.flags import takes_flag
from sdops.knowledge.launch_rules import rules_of, unwanted


def check(facts: Facts) -> Iterator[Finding]:
    """A note where the flag only slows, a warning where the card is too small for it."""
    ui = facts.ui
    rules = rules_of(ui.kind) if ui else None
    device = device_of(facts)
    if ui is None or rules is None:
        raise Skip("There is no UI here whose flags are known.")
    for use, rule in unwanted(rules, facts, device):
        if rule.group != "memory" or not takes_flag(ui, use.flag):
            continue
        too_small = rule.vram_below_gib is not None
        name = device.gpu.name if device.gpu else "processor"
        yield Finding(
            rule="memory-flag-unsuited",
            severity=Severity.WARNING if too_small else Severity.INFO,
            title=f"{use.flag} asks too much of the {name}."
            if too_small
            else f"{use.flag} is of no use here.",
            why=rule.reason,
            evidence={"flag": use.flag, "vram_bytes": device.vram_bytes},
            location=Location(use.file, line=use.line),
            remedies=(
                Remedy(
                    f"Take {use.flag} away.",
                    Action.CHANGE_FLAG,
                    remove_flags=(use.flag,),
                    automatic=True,
                ),
            ),
        )
