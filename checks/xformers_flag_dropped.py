"""`--xformers` is set on a device where this UI does not use it.

The flag is dropped without a word, and the UI takes a slower way than it would with PyTorch's own
attention.

Fix: Replace it with `--opt-sdp-attention`, or in Forge and ComfyUI take it away.

Source: AUTOMATIC1111/stable-diffusion-webui modules/sd_hijack_optimizations.py (compute
capability 6.0 to 9.0).
"""

from __future__ import annotations

from sdops.check import Action, Facts, Finding, Iterator, Location, Remedy, Severity, Skip
from sdops.knowledge.device import device_of
from sdops.knowledge.flags import takes_flag
from sdops.knowledge.launch_rules import has_gpu, needed, rules_of, unwanted

FLAG = "--xformers"


def check(facts: Facts) -> Iterator[Finding]:
    """By the device alone; whether the installed xformers fits is another check's question."""
    ui = facts.ui
    rules = rules_of(ui.kind) if ui else None
    device = device_of(facts)
    if ui is None or rules is None or not takes_flag(ui, FLAG):
        raise Skip("There is no UI here that reads --xformers.")
    for use, rule in unwanted(rules, facts, device):
        if use.flag != FLAG or rule.group != "attention":
            continue
        better = tuple(
            item.flag for item in needed(rules, facts, device) if item.group == "attention"
        )
        yield Finding(
            rule="xformers-flag-dropped",
            severity=Severity.WARNING,
            title="--xformers has no effect on this machine.",
            why=rule.reason,
            evidence={
                "device": device.kind.value,
                "compute_capability": list(device.compute_capability or ()),
            },
            location=Location(use.file, line=use.line),
            remedies=(
                Remedy(
                    f"Replace it with {better[0]}." if better else "Take it away.",
                    Action.CHANGE_FLAG,
                    add_flags=better[:1],
                    remove_flags=(FLAG,),
                    automatic=has_gpu(device),  # a card may merely not be seen
                ),
            ),
        )
