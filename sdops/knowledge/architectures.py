"""Which GPU architectures an official torch build has kernels for, and what runs on what."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from packaging.version import InvalidVersion, Version

from sdops.facts.types import Host, PythonEnv, TorchBuild
from sdops.knowledge.torch_releases import minor_version, release
from sdops.profile import load

LABEL = re.compile(r"cu\d+|rocm\d+\.\d+(?:\.\d+)?")
ENTRY = re.compile(r"(?P<kind>sm_|compute_)?(?P<major>\d+)(?:\.(?P<minor>\d))?(?P<suffix>[af])?")


@dataclass(frozen=True, slots=True)
class Build:
    """The architectures of one kind of official torch build."""

    first: tuple[int, int]
    """The first and last minor release that were built like this."""
    last: tuple[int, int]
    variants: tuple[str, ...]
    os: str
    machine: str
    architectures: tuple[str, ...]
    """`8.6`, `12.0+PTX`, `gfx1030`."""
    maybe: tuple[str, ...]
    """Those of which the sources disagree, or for which a library has no code."""
    source: str


@dataclass(frozen=True, slots=True)
class Kernel:
    """One entry of an architecture list for CUDA."""

    major: int
    minor: int
    binary: bool
    """Machine code: runs on this major and on the same or a higher minor."""
    ptx: bool
    """Intermediate code: the driver compiles it for this or any later architecture."""
    specific: bool
    """With the suffix `a`: for exactly this architecture."""

    def runs_on(self, compute_capability: tuple[int, int]) -> bool:
        """Whether a GPU of `compute_capability` can run it."""
        mine = (self.major, self.minor)
        if self.specific:
            return compute_capability == mine
        if self.ptx and compute_capability >= mine:
            return True
        return self.binary and compute_capability[0] == self.major and compute_capability >= mine


@cache
def builds() -> tuple[Build, ...]:
    """Every row of the table."""
    return tuple(
        Build(
            first=minor_version(row["torch"][0]),
            last=minor_version(row["torch"][1]),
            variants=tuple(row["variants"]),
            os=row["os"],
            machine=row["machine"],
            architectures=tuple(row["architectures"]),
            maybe=tuple(row.get("maybe", ())),
            source=row["source"],
        )
        for row in load("torch_architectures")["build"]
    )


def build_of(torch: str, variant: str, os: str, machine: str = "x86_64") -> Build | None:
    """What an official wheel of `torch` in `variant` was built for; None where nobody knows."""
    try:
        release = minor_version(torch)
    except InvalidVersion:
        return None
    return next(
        (
            build
            for build in builds()
            if build.first <= release <= build.last
            and (build.os, build.machine) == (os, machine)
            and variant in build.variants
        ),
        None,
    )


def official_build_of(torch: TorchBuild, host: Host, python: PythonEnv | None) -> Build | None:
    """What the installed `torch` was built for, if it is a build of PyTorch's own and is known.

    Builds of conda-forge, of NVIDIA's containers, for Jetson and from source have other lists under
    the same version; they lack the label that PyTorch's wheels carry, or are another build than the
    one that a plain `pip install torch` brings. Nightly builds change daily.
    """
    machine = (python.machine if python else None) or host.machine
    label = torch.version.partition("+")[2]
    known = release(torch.version)
    if not label and known and (python is None or python.kind != "conda"):
        usual = known.default_variant(host.os, machine)
        label = usual if torch.variant == usual else ""
    try:
        early = Version(torch.version).is_prerelease
    except InvalidVersion:
        return None
    if early or not LABEL.fullmatch(label):
        return None
    return build_of(torch.version, label, host.os, machine)


def kernels(architectures: Iterable[str]) -> tuple[Kernel, ...]:
    """Architecture entries as `TORCH_CUDA_ARCH_LIST` or `torch.cuda.get_arch_list()` write them.

    `8.6` and `sm_86` are machine code, `compute_90` is PTX, `12.0+PTX` is both; `9.0a` is for
    exactly that architecture. Entries that are none of these (`gfx1030`) are left out.
    """
    return tuple(filter(None, map(_kernel, architectures)))


def runs_on(architectures: Iterable[str], compute_capability: tuple[int, int]) -> bool:
    """Whether code made for `architectures` runs on an NVIDIA GPU of `compute_capability`."""
    return any(kernel.runs_on(compute_capability) for kernel in kernels(architectures))


def runs_well_on(architectures: Iterable[str], compute_capability: tuple[int, int]) -> bool:
    """Like `runs_on`, but not by intermediate code of an older major version alone.

    The driver can compile that, yet CUDA's own libraries in such a build (cuBLAS, cuDNN) have
    nothing for the GPU, so that in practice it fails or crawls.
    """
    same_major = [item for item in kernels(architectures) if item.major == compute_capability[0]]
    return any(kernel.runs_on(compute_capability) for kernel in same_major)


def _kernel(entry: str) -> Kernel | None:
    text, _, with_ptx = entry.partition("+")
    match = ENTRY.fullmatch(text.strip())
    if match is None:
        return None
    digits, minor = match["major"], match["minor"]
    if minor is None:
        digits, minor = digits[:-1], digits[-1]
    if not digits:
        return None
    return Kernel(
        major=int(digits),
        minor=int(minor),
        binary=match["kind"] != "compute_",
        ptx=match["kind"] == "compute_" or with_ptx == "PTX",
        specific=match["suffix"] == "a",
    )
