"""A launch flag switches a safeguard off.

Without the check of pickled models, a model file from the internet can run any program when it is
loaded; without the check for failed calculations, pictures come out black and nothing says why.

Fix: Take the flag away. A model that loads only with it should be converted with `sdops convert`,
or not be used.

Source: AUTOMATIC1111/stable-diffusion-webui modules/safe.py and modules/devices.py; PyTorch
documentation of torch.load (TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD).
"""

from __future__ import annotations

from sdops.check import Action, Facts, Finding, Iterator, Location, Remedy, Severity, Skip
from sdops.knowledge.device import device_of
from sdops.knowledge.launch_rules import rules_of, unwanted

FORCED_PICKLE = "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"


def check(facts: Facts) -> Iterator[Finding]:
    """Flags and the variable of PyTorch that does the same."""
    ui = facts.ui
    if ui is None:
        raise Skip("There is no UI here.")
    rules = rules_of(ui.kind)
    for use, rule in unwanted(rules, facts, device_of(facts)) if rules else ():
        if rule.group == "safety":
            yield Finding(
                rule="flag-unsafe",
                severity=Severity.WARNING,
                title=f"{use.flag} switches a safeguard off.",
                why=rule.reason,
                evidence={"flag": use.flag},
                location=Location(use.file, line=use.line),
                remedies=(
                    Remedy(f"Take {use.flag} away.", Action.CHANGE_FLAG, remove_flags=(use.flag,)),
                ),
            )
    value = ui.setting(FORCED_PICKLE) or facts.host.environment.get(FORCED_PICKLE)
    if value is not None and value.lower() in ("1", "true", "y", "yes"):
        yield Finding(
            rule="flag-unsafe",
            severity=Severity.WARNING,
            title=f"{FORCED_PICKLE} lets every model file run programs on this computer.",
            why="It makes PyTorch unpickle model files without its own safeguard.",
            evidence={"variable": FORCED_PICKLE, "value": value},
            remedies=(Remedy(f"Unset {FORCED_PICKLE}."),),
        )
