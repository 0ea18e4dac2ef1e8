"""Which of two sets of weights a training checkpoint holds: live, averaged (EMA), or both.

LDM keeps the average of `model.NAME` under `model_ema.NAME` with the dots of NAME taken out,
because a PyTorch buffer's name may not hold any (CompVis/stable-diffusion ldm/modules/ema.py).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

LIVE_PREFIX = "model."
DIFFUSION_PREFIX = "model.diffusion_model."
EMA_PREFIX = "model_ema."
DIFFUSION_EMA_PREFIX = "model_ema.diffusion_model"
COUNTERS = ("model_ema.decay", "model_ema.num_updates")


@dataclass(frozen=True, slots=True)
class Ema:
    """The averaged weights of a checkpoint, matched with the live ones."""

    pairs: Mapping[str, str]
    """Live name to EMA name, for every live weight that has an average."""
    unaveraged: tuple[str, ...]
    """Live weights without an average."""
    orphans: tuple[str, ...]
    """Averages without a live weight."""

    @property
    def state(self) -> str:
        """`none`, `full`, `partial` or `only`."""
        if not self.pairs and not self.orphans:
            return "none"
        if not self.pairs and not self.unaveraged:
            return "only"
        return "partial" if self.unaveraged or self.orphans else "full"


def ema_name(live_name: str) -> str:
    """The name under which LDM keeps the average of the weight `live_name`."""
    return EMA_PREFIX + live_name.removeprefix(LIVE_PREFIX).replace(".", "")


def match(names: Collection[str]) -> Ema:
    """Pairs live and averaged weights, forward from the live names.

    Two live names that differ only in their dots would share one average; neither is paired then.
    """
    averaged = {name for name in names if name.startswith(EMA_PREFIX)} - set(COUNTERS)
    live = [name for name in names if name.startswith(DIFFUSION_PREFIX)]
    claims: dict[str, list[str]] = {}
    for name in live:
        claims.setdefault(ema_name(name), []).append(name)
    pairs = {
        claimants[0]: name
        for name, claimants in claims.items()
        if name in averaged and len(claimants) == 1
    }
    taken = set(pairs.values())
    return Ema(
        pairs=pairs,
        unaveraged=tuple(name for name in live if name not in pairs) if averaged else (),
        orphans=tuple(sorted(averaged - taken)),
    )
