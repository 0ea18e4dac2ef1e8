"""`--precision full` is set without `--no-half`.

The model is then held in half precision and calculated in full precision, and generation stops
with `expected scalar type Half but found Float` or a message like it.

Fix: Set `--no-half` as well if this GPU needs full precision; else take `--precision full` away.

Source: AUTOMATIC1111/stable-diffusion-webui modules/devices.py (autocast) and its wiki,
Optimizations.
"""

from __future__ import annotations

from sdops.check import Action, Facts, Finding, Iterator, Location, Remedy, Severity, Skip
from sdops.knowledge.device import device_of
from sdops.knowledge.flags import arguments_of, takes_flag


def check(facts: Facts) -> Iterator[Finding]:
    """Only where the UI reads both flags."""
    ui = facts.ui
    if ui is None or not (takes_flag(ui, "--precision") and takes_flag(ui, "--no-half")):
        raise Skip("There is no UI here that reads --precision and --no-half.")
    uses = {use.flag: use for use in arguments_of(ui)}
    use = uses.get("--precision")
    if use is None or use.value != "full" or "--no-half" in uses:
        return
    model = device_of(facts).model
    capable = model is not None and model.fp16 == "full"
    yield Finding(
        rule="full-precision-alone",
        severity=Severity.ERROR,
        title="Generation will fail: --precision full is set without --no-half.",
        why="The model is held in half precision while calculating in it is switched off.",
        evidence={"flag": "--precision full"},
        location=Location(use.file, line=use.line),
        remedies=(
            Remedy(
                "Take --precision full away: this GPU does not need it."
                if capable
                else "Set --no-half as well.",
                Action.CHANGE_FLAG,
                add_flags=() if capable else ("--no-half",),
                remove_flags=("--precision",) if capable else (),
                automatic=True,
            ),
        ),
    )
