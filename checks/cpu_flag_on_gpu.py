"""The UI is told to use the processor although there is a GPU.

Everything works and takes many times longer. Such flags often stay behind from a time when the
GPU was not found, and then hide the reason for that.

Fix: Take the flags away. If the UI then says that it finds no GPU, run `sdops doctor` again: it
tells why.

Source: AUTOMATIC1111/stable-diffusion-webui modules/launch_utils.py; ComfyUI comfy/cli_args.py.
"""

from __future__ import annotations

from sdops.check import Action, Facts, Finding, Iterator, Location, Remedy, Severity, Skip
from sdops.knowledge.device import device_of
from sdops.knowledge.flags import takes_flag
from sdops.knowledge.launch_rules import has_gpu, rules_of, unwanted


def check(facts: Facts) -> Iterator[Finding]:
    """A warning, as nothing fails."""
    ui = facts.ui
    rules = rules_of(ui.kind) if ui else None
    device = device_of(facts)
    if ui is None or rules is None:
        raise Skip("There is no UI here whose flags are known.")
    if device.gpu is None or not has_gpu(device):
        raise Skip("There is no GPU here that this UI could use.")
    for use, rule in unwanted(rules, facts, device):
        if rule.group == "cpu" and takes_flag(ui, use.flag):
            yield Finding(
                rule="cpu-flag-on-gpu",
                severity=Severity.WARNING,
                title=f"{use.flag} keeps the UI from using the {device.gpu.name}."
                if use.flag != "--skip-torch-cuda-test"
                else f"{use.flag} hides why the {device.gpu.name} is not used.",
                why=rule.reason,
                evidence={"flag": use.flag, "gpu": device.gpu.name},
                location=Location(use.file, line=use.line),
                remedies=(
                    Remedy(f"Take {use.flag} away.", Action.CHANGE_FLAG, remove_flags=(use.flag,)),
                ),
            )
