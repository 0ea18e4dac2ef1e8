"""Chooses the official torch build that fits a machine: its GPUs, driver, system and Python."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from packaging.version import Version

from sdops.facts.types import Driver, Gpu, Host
from sdops.knowledge import architectures, drivers, gpus, torch_releases
from sdops.knowledge.drivers import Standing
from sdops.knowledge.torch_releases import TorchRelease

DIRECTML = (
    "Other ways: a UI made for AMD on Windows (SD.Next, or Forge with ZLUDA), or DirectML, which "
    "is slow and no longer developed."
)


@dataclass(frozen=True, slots=True)
class TorchPlan:
    """The torch family to install."""

    torch: str
    torchvision: str
    torchaudio: str | None
    """None where no official build goes with this variant."""
    variant: str
    """`cu126`, `rocm6.4`, `xpu` or `cpu` (on macOS the one build there is)."""
    device: str
    """What torch will compute on: `cuda` (ROCm too), `xpu`, `mps` or `cpu`."""
    index_url: str | None
    """The index to install from; None for pip's default."""
    reason: str
    """Why this one, in a sentence."""
    notes: tuple[str, ...] = ()
    """What else the user should know or do, one sentence each."""

    def requirements(self, packages: Sequence[str] = ("torch", "torchvision")) -> tuple[str, ...]:
        """Those of `packages` (of the torch family) that the plan has, as `torch==2.13.0`."""
        versions = {
            "torch": self.torch,
            "torchvision": self.torchvision,
            "torchaudio": self.torchaudio,
        }
        return tuple(f"{name}=={versions[name]}" for name in packages if versions[name])

    def pip_arguments(self, packages: Sequence[str] = ("torch", "torchvision")) -> tuple[str, ...]:
        """What follows `pip install` to get those of `packages` that the plan has."""
        index = ("--index-url", self.index_url) if self.index_url else ()
        return (*self.requirements(packages), *index)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why no official torch build can use this machine's GPU, or run here at all."""

    reason: str
    instead: TorchPlan | None = None
    """The build for the processor, which works without the GPU; None if none runs here."""


def choose(
    host: Host,
    cards: Sequence[Gpu],
    driver: Driver | None,
    python_version: str,
    *,
    machine: str | None = None,
    near: str | None = None,
    build: str | None = None,
) -> TorchPlan | Refusal:
    """The official torch build for a machine.

    Args:
        host: the machine.
        cards: the GPUs that may be used; the best vendor among them is served.
        driver: the NVIDIA driver, or None if it is not installed yet.
        python_version: of the environment, `3.10.6`.
        machine: the interpreter's own architecture, where it differs from the host's (Rosetta).
        near: the torch release to stay close to: itself if it can serve the machine, else the
            next newer one that can, else the next older. None: the newest that is confirmed.
        build: consider only this build for a GPU, such as `cu126`. None: any.
    """
    machine = machine or host.machine
    if host.libc is not None and host.libc.name == "musl":
        return Refusal("PyTorch publishes no builds for systems with musl, such as Alpine Linux.")
    candidates = tuple(_candidates(host.os, machine, python_version, near))
    if build is not None:
        candidates = tuple(row.only(build) for row in candidates)
    if not candidates:
        return Refusal(f"No official torch has a build for Python {python_version} on {machine}.")
    if host.os == "macos":
        return _mac(candidates, machine)
    nvidia = _of(cards, "nvidia")
    if nvidia:
        return _nvidia(host, machine, candidates, nvidia, driver)
    amd = _of(cards, "amd")
    if amd:
        return _amd(host, candidates, amd)
    if any(_is_xpu(card) for card in cards):
        return _intel(candidates)
    return _cpu(candidates, "There is no GPU here that torch can use.")


def _of(cards: Sequence[Gpu], vendor: str) -> list[Gpu]:
    """The cards of `vendor`; integrated ones only where there is no other."""
    mine = [card for card in cards if card.vendor == vendor]
    return [card for card in mine if not gpus.is_integrated(card)] or mine


def _is_xpu(card: Gpu) -> bool:
    model = gpus.model(card) if card.vendor == "intel" else None
    return model is not None and model.backend == "xpu"


def _candidates(os: str, machine: str, python: str, near: str | None) -> Iterator[TorchRelease]:
    """The releases with wheels for this Python and system, the best first.

    Those whose builds are not confirmed come last.
    """
    rows = [row for row in torch_releases.releases() if row.serves_python(python)]
    if (os, machine) == ("macos", "x86_64"):
        last = Version(torch_releases.newest_for_intel_mac())
        rows = [row for row in rows if Version(row.torch) <= last]
    wanted = torch_releases.release(near) if near else None
    if wanted is not None:
        anchor = Version(wanted.torch)
        newer = [row for row in rows if Version(row.torch) >= anchor]
        rows = [*reversed(newer), *(row for row in rows if row not in newer)]
    yield from (row for row in rows if row.confirmed or row is wanted)
    yield from (row for row in rows if not row.confirmed and row is not wanted)


def _mac(candidates: Sequence[TorchRelease], machine: str) -> TorchPlan:
    if machine == "arm64":
        reason = "The usual build uses the graphics of Apple processors."
        plan = _plan(candidates[0], "cpu", "mps", reason)
    else:
        last = torch_releases.newest_for_intel_mac()
        plan = _cpu(candidates, f"torch {last} is the last for Intel Macs; it uses the processor.")
    return dataclasses.replace(plan, index_url=None)


def _cpu(candidates: Sequence[TorchRelease], reason: str) -> TorchPlan:
    return _plan(candidates[0], "cpu", "cpu", reason)


def _nvidia(
    host: Host,
    machine: str,
    candidates: Sequence[TorchRelease],
    cards: Sequence[Gpu],
    driver: Driver | None,
) -> TorchPlan | Refusal:
    known = [(card, found) for card in cards if (found := gpus.capability(card)) is not None]
    best_first = sorted(known, key=lambda pair: pair[1], reverse=True)
    for count in range(len(best_first), 0, -1):
        served, left_out = best_first[:count], best_first[count:]
        wanted = [capability for _, capability in served]
        for row in candidates:
            variant = _cuda_variant(host, machine, row, wanted, driver)
            if variant is not None:
                notes = _nvidia_notes(host, variant, driver, [card for card, _ in left_out])
                return _plan(row, variant, "cuda", _nvidia_reason(served, variant), notes)
    instead = _cpu(candidates, "The GPU cannot be used.")
    return Refusal(_nvidia_refusal(host, cards, best_first, driver), instead)


def _cuda_variant(
    host: Host,
    machine: str,
    row: TorchRelease,
    wanted: Sequence[tuple[int, int]],
    driver: Driver | None,
) -> str | None:
    """The build of `row` with kernels for all of `wanted` that goes best with the driver.

    That is the newest CUDA that came out no later than the driver; if all came out later, the
    oldest that the driver can still run.
    """
    oldest_runnable = None
    for variant in row.variants(host.os):
        cuda = drivers.cuda_of(variant)
        build = architectures.build_of(row.torch, variant, host.os, machine)
        if cuda is None or build is None:
            continue
        if not all(architectures.runs_well_on(build.architectures, item) for item in wanted):
            continue
        standing = drivers.standing(driver, cuda, drivers.driver_os(host))
        if standing in (Standing.PAIRED, Standing.UNKNOWN):
            return variant
        if standing is Standing.COMPATIBLE:
            oldest_runnable = variant
    return oldest_runnable


def _nvidia_reason(served: Sequence[tuple[Gpu, tuple[int, int]]], variant: str) -> str:
    names = " and ".join(
        f"{card.name} (compute capability {major}.{minor})" for card, (major, minor) in served
    )
    return f"The {variant} build has code for {names}, and the driver can run it."


def _nvidia_notes(
    host: Host, variant: str, driver: Driver | None, left_out: Sequence[Gpu]
) -> tuple[str, ...]:
    notes = [f"No build serves {card.name} as well: it will not be used." for card in left_out]
    need = drivers.need(drivers.cuda_of(variant) or "", drivers.driver_os(host))
    if need is not None and (driver is None or driver.version is None):
        notes.append(f"Install NVIDIA driver {need.paired or need.floor} or newer first.")
    return tuple(notes)


def _nvidia_refusal(
    host: Host,
    cards: Sequence[Gpu],
    known: Sequence[tuple[Gpu, tuple[int, int]]],
    driver: Driver | None,
) -> str:
    if not known:
        return f"sdops does not know the architecture of {cards[0].name}."
    card, capability = known[0]
    cap = drivers.cap(capability, drivers.driver_os(host))
    which = f"{card.name} (compute capability {capability[0]}.{capability[1]})"
    if cap is not None and cap.generation == "Kepler":
        return (
            f"No official torch for this Python can use the {which}: it is a Kepler card, and its "
            f"last driver ({cap.last_driver}) ends at CUDA {cap.newest_cuda}."
        )
    if driver is not None and driver.version is not None:
        return (
            f"No official torch for this Python has code for the {which} and runs on NVIDIA "
            f"driver {driver.version}; a newer driver may change that."
        )
    return f"No official torch for this Python has code for the {which}."


def _amd(
    host: Host, candidates: Sequence[TorchRelease], cards: Sequence[Gpu]
) -> TorchPlan | Refusal:
    name = cards[0].name
    instead = _cpu(candidates, "The GPU cannot be used.")
    if host.os != "linux":
        return Refusal(
            f"PyTorch publishes no builds for AMD on Windows ({name}). {DIRECTML}", instead
        )
    models = [model for model in map(gpus.model, cards) if model is not None and model.backend]
    if not models:
        return Refusal(f"No official ROCm build of torch has code for {name}.", instead)
    model = models[0]
    target = _overridden(model.hsa_override) or model.gfx
    for row in candidates:
        for variant in row.variants("linux"):
            build = architectures.build_of(row.torch, variant, "linux")
            if build is not None and target in build.architectures:
                notes = (
                    (f"Set HSA_OVERRIDE_GFX_VERSION={model.hsa_override} when the UI starts.",)
                    if model.hsa_override
                    else ()
                )
                reason = f"The {variant} build has code for {name} ({target})."
                return _plan(row, variant, "cuda", reason, notes)
    return Refusal(f"No official ROCm build for this Python is known to serve {name}.", instead)


def _overridden(version: str | None) -> str | None:
    """`gfx1030` for the HSA_OVERRIDE_GFX_VERSION `10.3.0`."""
    return f"gfx{version.replace('.', '')}" if version else None


def _intel(candidates: Sequence[TorchRelease]) -> TorchPlan | Refusal:
    for row in candidates:
        if row.xpu:
            return _plan(row, "xpu", "xpu", "The xpu build uses Intel Arc graphics.")
    instead = _cpu(candidates, "The GPU cannot be used.")
    return Refusal("No official xpu build of torch serves this Python.", instead)


def _plan(
    row: TorchRelease, variant: str, device: str, reason: str, notes: tuple[str, ...] = ()
) -> TorchPlan:
    audio = torch_releases.release(row.torchaudio)
    has_audio = audio is None or variant in audio.variants("linux")
    return TorchPlan(
        torch=row.torch,
        torchvision=row.torchvision,
        torchaudio=row.torchaudio if has_audio else None,
        variant=variant,
        device=device,
        index_url=torch_releases.index_url(variant),
        reason=reason,
        notes=notes,
    )
