"""The types of facts: frozen, JSON-able snapshots of one machine and one patient."""

from __future__ import annotations

from dataclasses import dataclass, field

from sdops.facts.types.gpu import Driver, Gpu, GpuProcess, MemoryErrors, PcieLink, Xid
from sdops.facts.types.host import Cpu, Disk, Host, Libc, Tcmalloc
from sdops.facts.types.network import Firewall, Listener, Network, Reach
from sdops.facts.types.python_env import (
    CompanionBuild,
    DamagedPackage,
    DeepProbe,
    Distribution,
    ImportProbe,
    KernelProbe,
    ModuleOwners,
    PthFile,
    PythonEnv,
    TorchBuild,
    XformersBuild,
)
from sdops.facts.types.ui import (
    Argument,
    Extension,
    FlagDefinition,
    Git,
    ModelFile,
    Remote,
    Requirement,
    Setting,
    SourceFault,
    TorchPin,
    Trap,
    UiInstall,
)

SCHEMA = "sdops.facts/1"


@dataclass(frozen=True, slots=True)
class Gap:
    """A fact that could not be learnt, and why."""

    fact: str
    """The dotted name of what is missing: `gpu.nvml`, `network.listeners`."""
    reason: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that is known of one machine and one patient at one moment."""

    taken_at: str
    """ISO 8601, UTC."""
    host: Host
    target: str = ""
    """What the user asked to look at, redacted."""
    gpus: tuple[Gpu, ...] = ()
    drivers: tuple[Driver, ...] = ()
    xids: tuple[Xid, ...] = ()
    python: PythonEnv | None = None
    ui: UiInstall | None = None
    network: Network = field(default_factory=Network)
    model_files: tuple[ModelFile, ...] = ()
    deep: DeepProbe | None = None
    """None unless `--deep` was asked for."""
    gaps: tuple[Gap, ...] = ()
    schema: str = SCHEMA

    @property
    def visible_gpus(self) -> tuple[Gpu, ...]:
        """The GPUs that no mask hides and that have not fallen off the bus."""
        return tuple(gpu for gpu in self.gpus if gpu.visible and not gpu.lost)

    @property
    def serviceable_gpus(self) -> tuple[Gpu, ...]:
        """The GPUs that a torch should be made for: the visible ones, else whatever is there.

        A card that is hidden, denied or lost is still the one that the UI is to use one day.
        """
        return self.visible_gpus or self.gpus

    def driver(self, vendor: str) -> Driver | None:
        """The driver of `vendor`, or None."""
        return next((driver for driver in self.drivers if driver.vendor == vendor), None)

    def gap(self, fact: str) -> Gap | None:
        """The gap for `fact` or for something inside it, or None."""
        return next((gap for gap in self.gaps if f"{gap.fact}.".startswith(f"{fact}.")), None)


__all__ = [
    "Argument",
    "CompanionBuild",
    "Cpu",
    "DamagedPackage",
    "DeepProbe",
    "Disk",
    "Distribution",
    "Driver",
    "Extension",
    "Facts",
    "Firewall",
    "FlagDefinition",
    "Gap",
    "Git",
    "Gpu",
    "GpuProcess",
    "Host",
    "ImportProbe",
    "KernelProbe",
    "Libc",
    "Listener",
    "MemoryErrors",
    "ModelFile",
    "ModuleOwners",
    "Network",
    "PcieLink",
    "PthFile",
    "PythonEnv",
    "Reach",
    "Remote",
    "Requirement",
    "Setting",
    "SourceFault",
    "Tcmalloc",
    "TorchBuild",
    "TorchPin",
    "Trap",
    "UiInstall",
    "XformersBuild",
    "Xid",
]
