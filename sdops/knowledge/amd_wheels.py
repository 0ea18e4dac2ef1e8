"""AMD's own builds of torch, for systems for which PyTorch's index has nothing for AMD."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from sdops.knowledge.torch_releases import covers, minor_version
from sdops.profile import load


@dataclass(frozen=True, slots=True)
class AmdRelease:
    """One release of torch on AMD's index."""

    torch: str
    """With its local label: `2.13.0+rocm10.0.0`."""
    torchvision: str
    torchaudio: str
    variant: str
    """`rocm10.0`."""
    index: str
    os: tuple[str, ...]
    python: tuple[tuple[int, int], tuple[int, int]]
    """The oldest and the newest minor version with wheels."""
    best_python: str
    """`3.13`: the one to make a new environment with."""
    architectures: tuple[str, ...]
    """`gfx1101`: each has an extra of its own, `device-gfx1101`."""
    needs: str
    """What else the machine must have, in a sentence."""
    source: str

    def serves_python(self, version: str) -> bool:
        """Whether there are wheels for the Python `version` (`3.11` or `3.11.7`)."""
        return covers(self.python, version)


@cache
def releases() -> tuple[AmdRelease, ...]:
    """Every release in the table, newest first."""
    return tuple(
        AmdRelease(
            **{
                **row,
                "os": tuple(row["os"]),
                "python": (minor_version(row["python"][0]), minor_version(row["python"][1])),
                "architectures": tuple(row["architectures"]),
            }
        )
        for row in load("amd_wheels")["release"]
    )


def release_for(os: str, gfx: str | None) -> AmdRelease | None:
    """The newest release with code for the GPU `gfx` on `os`, or None."""
    return next((row for row in releases() if os in row.os and gfx in row.architectures), None)
