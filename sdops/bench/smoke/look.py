"""Is this a picture, or black, flat, saturated, or of a single color?"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from sdops.bench.limits import limit


@dataclass(frozen=True, slots=True)
class Look:
    """What a picture looks like, in numbers."""

    mean: float
    """The mean of all values, in 0…1."""
    deviation: float
    saturated: float
    """Share of values at 0 or 1."""
    channel_share: float
    """The share of the brightest color channel in the sum of all three."""
    channel: str

    def complaints(self) -> tuple[str, ...]:
        """What is wrong with it, each in a word or two; empty for a picture."""
        if not limit("black").holds(self.mean):
            return ("black",)
        found = []
        if not limit("flat").holds(self.deviation):
            found.append("flat")
        if not limit("saturated").holds(self.saturated):
            found.append("saturated")
        if not limit("one-channel").holds(self.channel_share):
            found.append(f"all {self.channel}")
        return tuple(found)


def look_at(pixels: Tensor) -> Look:
    """What `pixels` (3, H, W), about -1…1, look like once they are a picture."""
    shown = (pixels.float().clamp(-1, 1) + 1) / 2
    means = shown.mean((1, 2))
    total = means.sum().item()
    brightest = int(means.argmax())
    return Look(
        mean=shown.mean().item(),
        deviation=shown.std().item(),
        saturated=((shown == 0) | (shown == 1)).float().mean().item(),
        channel_share=means[brightest].item() / total if total else 0.0,
        channel=("red", "green", "blue")[brightest],
    )
