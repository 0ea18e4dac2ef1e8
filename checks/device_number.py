"""A launch flag or variable chooses a graphics card by a number that no card here has.

The numbers begin at 0: with one card there is only 0. The UI then sees no card at all, or stops
with "invalid device ordinal".

Fix: Write the number of a card that is there, or take the flag away.

Source: CUDA Programming Guide, CUDA_VISIBLE_DEVICES; ComfyUI main.py (--cuda-device);
AUTOMATIC1111/stable-diffusion-webui modules/devices.py (--device-id).
"""

from __future__ import annotations

from sdops.check import Action, Facts, Finding, Iterator, Location, Remedy, Severity, Skip
from sdops.knowledge.flag_meanings import meanings
from sdops.knowledge.flags import arguments_of, takes_flag


def check(facts: Facts) -> Iterator[Finding]:
    """Only where the cards are known, and all of one maker's."""
    ui = facts.ui
    if ui is None:
        raise Skip("There is no UI here.")
    makers = {gpu.vendor for gpu in facts.gpus if not gpu.integrated}
    cards = [gpu for gpu in facts.visible_gpus if gpu.vendor in makers]
    if len(makers) != 1 or not cards or facts.gap("gpu.nvml") is not None:
        raise Skip("Which numbers the cards here have is not known.")
    flags = next(meaning.flags for meaning in meanings() if meaning.id == "choose-gpu")
    for use in arguments_of(ui):
        if use.flag not in flags or not takes_flag(ui, use.flag):
            continue
        numbers = [part.strip() for part in (use.value or "").split(",")]
        wrong = [part for part in numbers if part.isdigit() and int(part) >= len(cards)]
        if not wrong:
            continue
        names = ", ".join(f"{number}: {card.name}" for number, card in enumerate(cards))
        yield Finding(
            rule="device-number",
            severity=Severity.ERROR,
            title=f"{use.flag} {use.value} chooses a graphics card that is not there.",
            why=f"Cards are counted from 0; here are {names}."
            if len(cards) == 1
            else f"Cards are counted from 0, and there are {len(cards)} of them.",
            evidence={"flag": use.flag, "value": use.value, "gpus": [card.name for card in cards]},
            location=Location(use.file, line=use.line),
            remedies=(
                Remedy(
                    f"Take {use.flag} away."
                    if len(cards) == 1
                    else f"Write a number from 0 to {len(cards) - 1} behind {use.flag}.",
                    Action.CHANGE_FLAG,
                    remove_flags=(use.flag,) if len(cards) == 1 else (),
                ),
            ),
        )
