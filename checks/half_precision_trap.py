"""Half precision gives black or green pictures on this GPU, and it is not switched off.

Cards of the GTX 16 series and some older AMD cards calculate wrongly in half precision; the UI
uses it unless it is told otherwise.

Fix: Start the UI with the flags named here. ComfyUI and Forge know these cards and choose full
precision by themselves, unless a flag forces half precision.

Source: AUTOMATIC1111/stable-diffusion-webui wiki, Optimizations; ComfyUI
comfy/model_management.py (16 series).
"""

from __future__ import annotations

from sdops.check import Action, Facts, Finding, Iterator, Location, Remedy, Severity, Skip
from sdops.knowledge.device import device_of
from sdops.knowledge.flags import arguments_of, takes_flag
from sdops.knowledge.launch_rules import is_set, needed, rules_of, unwanted

UNSAFE = ("unreliable", "none")


def check(facts: Facts) -> Iterator[Finding]:
    """Missing flags, and flags that force half precision."""
    ui = facts.ui
    rules = rules_of(ui.kind) if ui else None
    device = device_of(facts)
    if ui is None or rules is None:
        raise Skip("There is no UI here whose flags are known.")
    if device.gpu is None or device.model is None or device.model.fp16 not in UNSAFE:
        raise Skip("No GPU is known here that fails in half precision.")
    own = {argument.flag for argument in arguments_of(ui)}
    missing = [
        rule
        for rule in needed(rules, facts, device)
        if rule.group == "precision"
        and takes_flag(ui, rule.flag)
        and not is_set(ui, rule)
        and not own & set(rule.unless)
    ]
    if missing:
        flags = tuple(f"{rule.flag} {rule.value or ''}".strip() for rule in missing)
        yield Finding(
            rule="half-precision-trap",
            severity=Severity.WARNING,
            title=f"Pictures from the {device.gpu.name} may come out black or green.",
            why=missing[0].reason,
            evidence={"gpu": device.gpu.name, "missing": list(flags)},
            remedies=(
                Remedy(
                    f"Start the UI with {' '.join(flags)}.",
                    Action.CHANGE_FLAG,
                    add_flags=flags,
                    automatic=True,
                ),
            ),
        )
    for use, rule in unwanted(rules, facts, device):
        if rule.group == "half-precision":
            yield Finding(
                rule="half-precision-trap",
                severity=Severity.WARNING,
                title=f"{use.flag} may turn pictures black or green on the {device.gpu.name}.",
                why=rule.reason,
                evidence={"gpu": device.gpu.name, "flag": use.flag},
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
