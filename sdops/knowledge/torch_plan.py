"""Chooses the official torch build that fits a machine: its GPUs, driver, system and Python."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from packaging.version import InvalidVersion, Version

from sdops.facts.types import Driver, Gpu, Host
from sdops.knowledge import amd_wheels, architectures, drivers, gpus, torch_releases
from sdops.knowledge.drivers import DriverCap, Standing
from sdops.knowledge.torch_releases import TorchRelease


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
    extra: str = ""
    """`[device-gfx1101]`: what AMD's own wheels of torch and torchvision are asked for with."""

    def requirements(self, packages: Sequence[str] = ("torch", "torchvision")) -> tuple[str, ...]:
        """Those of `packages` (of the torch family) that the plan has, as `torch==2.13.0`."""
        named = {
            "torch": f"torch{self.extra}=={self.torch}",
            "torchvision": f"torchvision{self.extra}=={self.torchvision}",
            "torchaudio": f"torchaudio=={self.torchaudio}" if self.torchaudio else None,
        }
        return tuple(requirement for name in packages if (requirement := named[name]))

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
    bits: int | None = None,
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
        bits: of the interpreter, 32 or 64; None where that is not known.
        near: the torch release to stay close to: itself if it can serve the machine, else the
            next newer one that can, else the next older. None: the newest that is confirmed.
        build: consider only this build for a GPU, such as `cu126`. None: any.
    """
    machine = machine or host.machine
    if host.libc is not None and host.libc.name == "musl":
        return Refusal("PyTorch publishes no builds for systems with musl, such as Alpine Linux.")
    if bits == 32:
        return Refusal("PyTorch publishes no builds for a 32-bit Python.")
    if "tegra" in (host.kernel or ""):
        return Refusal(
            "PyTorch's own builds do not serve Jetson boards: NVIDIA publishes torch for each "
            "release of JetPack."
        )
    candidates = tuple(_candidates(host, machine, python_version, near))
    if build is not None:
        candidates = tuple(row.only(build) for row in candidates)
    if not candidates:
        system = f"{machine}, {host.os_version}"
        return Refusal(f"No official torch has a build for Python {python_version} on {system}.")
    if host.os == "macos":
        return _mac(candidates, machine)
    nvidia = _of(cards, "nvidia")
    if nvidia:
        return _nvidia(host, machine, candidates, nvidia, driver)
    amd = _of(cards, "amd")
    if amd:
        return _amd(host, candidates, amd, python_version)
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


def _candidates(host: Host, machine: str, python: str, near: str | None) -> Iterator[TorchRelease]:
    """The releases with wheels for this Python and system, the best first.

    Builds that are not confirmed come after all that are, also those of the release `near`.
    """
    rows = [row for row in torch_releases.releases() if row.serves_python(python)]
    if (host.os, machine) == ("macos", "x86_64"):
        last = Version(torch_releases.newest_for_intel_mac())
        rows = [row for row in rows if Version(row.torch) <= last]
    rows = [row for row in rows if _installs_on(host, machine, row.torch)]
    wanted = torch_releases.release(near) if near else None
    if wanted is not None:
        anchor = Version(wanted.torch)
        newer = [row for row in rows if Version(row.torch) >= anchor]
        rows = [*reversed(newer), *(row for row in rows if row not in newer)]
    yield from (row.confirmed() for row in rows)
    yield from (row for row in rows if row.unconfirmed)


def _installs_on(host: Host, machine: str, torch: str) -> bool:
    """Whether the host's glibc or macOS is new enough for wheels of `torch`, as far as is known."""
    needed = torch_releases.system_needed(host.os, machine, torch)
    has = host.libc.version if host.libc else host.os_version.rpartition(" ")[2]
    try:
        return needed is None or Version(has) >= Version(needed)
    except InvalidVersion:
        return True


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
                gone = drivers.dropped(driver, wanted[0], drivers.driver_os(host))
                reason = _nvidia_reason(served, variant, driver, gone)
                return _plan(row, variant, "cuda", reason, notes)
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


def _nvidia_reason(
    served: Sequence[tuple[Gpu, tuple[int, int]]],
    variant: str,
    driver: Driver | None,
    gone: DriverCap | None,
) -> str:
    names = " and ".join(
        f"{card.name} (compute capability {major}.{minor})" for card, (major, minor) in served
    )
    has_code = f"The {variant} build has code for {names}"
    if gone is not None:
        return f"{has_code}; it needs a driver of the {gone.last_driver} branch."
    if driver is None or driver.version is None:
        return f"{has_code}."
    return f"{has_code}, and the driver can run it."


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
    host: Host, candidates: Sequence[TorchRelease], cards: Sequence[Gpu], python: str
) -> TorchPlan | Refusal:
    if host.os != "linux":
        return _amd_own(host, candidates, cards, python)
    card = cards[0]
    known = gpus.model(card)
    instead = _cpu(candidates, "The GPU cannot be used.")
    if known is not None and known.backend is None:
        return Refusal(
            f"No official ROCm build of torch has code for {card.name}. {known.note}".strip(),
            instead,
        )
    gfx = card.gfx or (known.gfx if known else None)
    override = known.hsa_override if known else None
    for target, notes in ((gfx, ()), (_overridden(override), _override_notes(override))):
        for row in candidates:
            for variant in row.variants("linux"):
                build = architectures.build_of(row.torch, variant, "linux")
                if build is not None and target in build.architectures:
                    reason = f"The {variant} build has code for {card.name} ({target})."
                    return _plan(row, variant, "cuda", reason, notes)
    return Refusal(
        f"No official ROCm build for this Python is known to serve {card.name}.", instead
    )


def _amd_own(
    host: Host, candidates: Sequence[TorchRelease], cards: Sequence[Gpu], python: str
) -> TorchPlan | Refusal:
    """AMD's own builds, where PyTorch has none."""
    card = cards[0]
    known = gpus.model(card)
    gfx = card.gfx or (known.gfx if known else None)
    row = amd_wheels.release_for(host.os, gfx)
    instead = _cpu(candidates, "The GPU cannot be used.")
    if row is None:
        return Refusal(
            f"Neither PyTorch nor AMD publishes a build of torch for {card.name} on this system.",
            instead,
        )
    if not row.serves_python(python):
        oldest, newest = (".".join(map(str, version)) for version in row.python)
        return Refusal(
            f"AMD's own builds of torch serve the {card.name}, and they need Python {oldest} to "
            f"{newest}: make the environment anew with Python {row.best_python}.",
            instead,
        )
    reason = (
        f"AMD's own builds have code for the {card.name} ({gfx}); PyTorch has none for AMD here."
    )
    return TorchPlan(
        torch=row.torch,
        torchvision=row.torchvision,
        torchaudio=row.torchaudio,
        variant=row.variant,
        device="cuda",
        index_url=row.index,
        reason=reason,
        notes=(row.needs,),
        extra=f"[device-{gfx}]",
    )


def _overridden(version: str | None) -> str | None:
    """`gfx1030` for the HSA_OVERRIDE_GFX_VERSION `10.3.0`."""
    return f"gfx{version.replace('.', '')}" if version else None


def _override_notes(version: str | None) -> tuple[str, ...]:
    return (f"Set HSA_OVERRIDE_GFX_VERSION={version} when the UI starts.",) if version else ()


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
