"""What `sdops env plan` answers: the packages that fit, and the line that installs them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PlannedPackage:
    """One package of the plan."""

    name: str
    version: str
    reason: str
    extra: str = ""
    """`[device-gfx1101]`, for AMD's own wheels."""

    @property
    def requirement(self) -> str:
        """`torch==2.13.0`."""
        return f"{self.name}{self.extra}=={self.version}"


@dataclass(frozen=True, slots=True)
class EnvPlanAnswer:
    """The data of `sdops env plan`."""

    python: str
    """The version that is there, or the one to make a new environment with."""
    ui: str | None
    packages: tuple[PlannedPackage, ...]
    """Empty where no official build runs on this machine."""
    variant: str | None
    """`cu126`, `rocm6.4`, `xpu` or `cpu`."""
    device: str | None
    """What torch will compute on: `cuda`, `xpu`, `mps` or `cpu`."""
    index_url: str | None
    """Where to install from; null for pip's default index."""
    command: str | None
    """The line to paste."""
    notes: tuple[str, ...]
    """What else the user should know or do, one sentence each."""
