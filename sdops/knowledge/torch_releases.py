"""Which torchvision and torchaudio belong to a torch, for which Python, and which builds exist."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import cache

from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

from sdops.profile import load

PROFILE = "torch_releases"


class Pairing(Enum):
    """Whether a version of torchvision or torchaudio works with a version of torch."""

    FITS = "fits"
    CLASHES = "clashes"
    UNKNOWN = "unknown"
    """One of them is not in the table, most likely newer than it."""


@dataclass(frozen=True, slots=True)
class TorchRelease:
    """One official release of torch."""

    torch: str
    """`2.13.0`, without a local label."""
    torchvision: str
    """The version to install with it."""
    torchaudio: str
    torchvision_fits: str
    """All versions that work with it, as a PEP 440 specifier."""
    torchaudio_fits: str
    python_min: tuple[int, int]
    python_max: tuple[int, int]
    cuda: tuple[str, ...]
    """`cu126`, `cu130`: builds for Linux and Windows, oldest first."""
    rocm: tuple[str, ...]
    """`rocm6.4`: builds for Linux, oldest first."""
    xpu: bool
    default_linux: str
    """The build that the default package index has for Linux x86_64."""
    unconfirmed: tuple[str, ...]
    """Those builds in its lists that were not compared with PyTorch's index."""
    source: str

    @property
    def minor(self) -> tuple[int, int]:
        """`(2, 13)`."""
        version = Version(self.torch)
        return version.major, version.minor

    def serves_python(self, version: str) -> bool:
        """Whether there are wheels for the Python `version` (`3.11` or `3.11.7`)."""
        return covers((self.python_min, self.python_max), version)

    def variants(self, os: str) -> tuple[str, ...]:
        """The builds for `os` (`linux`, `windows`, `macos`): CUDA newest first, ROCm, xpu, cpu."""
        if os == "macos":
            return ("cpu",)
        rocm = tuple(reversed(self.rocm)) if os == "linux" else ()
        return (*reversed(self.cuda), *rocm, *(("xpu",) if self.xpu else ()), "cpu")

    def only(self, variant: str) -> TorchRelease:
        """The same release, as if `variant` were its only build for a GPU."""
        return self._with(lambda build: build == variant)

    def confirmed(self) -> TorchRelease:
        """The same release, as if it had no builds but those that were seen on the index."""
        return self._with(lambda build: build not in self.unconfirmed)

    def _with(self, keep: Callable[[str], bool]) -> TorchRelease:
        return dataclasses.replace(
            self,
            cuda=tuple(filter(keep, self.cuda)),
            rocm=tuple(filter(keep, self.rocm)),
            xpu=self.xpu and keep("xpu"),
        )

    def default_variant(self, os: str, machine: str) -> str:
        """The build that a plain `pip install torch` brings."""
        return self.default_linux if (os, machine) == ("linux", "x86_64") else "cpu"


@cache
def releases() -> tuple[TorchRelease, ...]:
    """Every release in the table, newest first."""
    rows = load(PROFILE)["release"]
    found = [
        TorchRelease(
            torch=row["torch"],
            torchvision=row["torchvision"],
            torchaudio=row["torchaudio"],
            torchvision_fits=row["torchvision_fits"],
            torchaudio_fits=row["torchaudio_fits"],
            python_min=minor_version(row["python"][0]),
            python_max=minor_version(row["python"][1]),
            cuda=tuple(row["cuda"]),
            rocm=tuple(row["rocm"]),
            xpu=row["xpu"],
            default_linux=row["default_linux"],
            unconfirmed=tuple(row.get("unconfirmed", ())),
            source=row["source"],
        )
        for row in rows
    ]
    return tuple(sorted(found, key=lambda row: Version(row.torch), reverse=True))


def release(version: str) -> TorchRelease | None:
    """The release `version` (a local label such as `+cu121` does not matter), or None."""
    return next((row for row in releases() if row.torch == public(version)), None)


def newest() -> TorchRelease:
    """The newest release that the table knows."""
    return releases()[0]


def dated() -> str:
    """The day that the table was last compared with the package indexes."""
    return str(load(PROFILE)["dated"])


def newest_for_intel_mac() -> str:
    """The last torch with wheels for macOS on x86_64."""
    return str(load(PROFILE)["newest_for_intel_mac"])


def system_needed(os: str, machine: str, torch: str) -> str | None:
    """The oldest glibc or macOS that wheels of `torch` install on; None for any, or unknown."""
    rows = [row for row in load(PROFILE)["needs"] if (row["os"], row["machine"]) == (os, machine)]
    reached = [row["system"] for row in rows if Version(row["since"]) <= Version(public(torch))]
    return max(reached, key=Version, default=None)


def vc_runtime_needed(torch: str) -> str | None:
    """The oldest Visual C++ runtime with which `torch` surely loads on Windows; None: unknown."""
    rows = load(PROFILE)["vc_runtime"]
    return next((row["needs"] for row in rows if _reaches(torch, row["since"])), None)


def index_url(variant: str) -> str:
    """The address of the PyTorch index that holds the build `variant`."""
    return f"{load(PROFILE)['index']}{variant}"


def is_newer_than_known(version: str) -> bool:
    """Whether this torch came out after the table was made; False for what is no version."""
    try:
        return Version(public(version)) > Version(newest().torch)
    except InvalidVersion:
        return False


def pairing(torch: str, package: str, version: str) -> Pairing:
    """Whether `package` (`torchvision` or `torchaudio`) in `version` works with `torch`."""
    specifiers = {row.torch: getattr(row, f"{package}_fits") for row in releases()}
    theirs = public(version)
    if public(torch) in specifiers:
        known = specifiers[public(torch)]
        if SpecifierSet(known, prereleases=True).contains(theirs):
            return Pairing.FITS
        return Pairing.UNKNOWN if _newer_than_all(theirs, package) else Pairing.CLASHES
    exact_elsewhere = f"=={theirs}" in specifiers.values()
    return Pairing.CLASHES if exact_elsewhere else Pairing.UNKNOWN


def torch_for(package: str, version: str) -> str | None:
    """The torch that `package` in `version` came out with, or None."""
    theirs = public(version)
    return next((row.torch for row in releases() if getattr(row, package) == theirs), None)


def public(version: str) -> str:
    """`version` without its local label: `2.1.2` for `2.1.2+cu121`."""
    return version.partition("+")[0]


def covers(span: tuple[tuple[int, int], tuple[int, int]], version: str) -> bool:
    """Whether the Python `version` lies between two minor versions; False for what is none."""
    try:
        return span[0] <= minor_version(version) <= span[1]
    except InvalidVersion:
        return False


def minor_version(version: str) -> tuple[int, int]:
    """`(3, 10)` for `3.10` or `3.10.6`.

    Raises:
        InvalidVersion: it is not a version.
    """
    parsed = Version(version)
    return parsed.major, parsed.minor


def _reaches(torch: str, since: str) -> bool:
    try:
        return Version(public(torch)) >= Version(since)
    except InvalidVersion:
        return False


def _newer_than_all(version: str, package: str) -> bool:
    try:
        return all(Version(version) > Version(getattr(row, package)) for row in releases())
    except InvalidVersion:
        return True
