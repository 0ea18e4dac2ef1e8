"""Which torch an xformers was built for, and which GPUs its kernels serve."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

from sdops.knowledge.torch_releases import public
from sdops.profile import load

PROFILE = "xformers"


@dataclass(frozen=True, slots=True)
class XformersRelease:
    """One release of xformers."""

    xformers: str
    torch: str
    """The torch that it was built with."""
    fits: str
    """The torch versions that it works with, as a PEP 440 specifier."""
    cuda_linux: tuple[str, ...]
    """`cu126`: the builds on the PyTorch index."""
    cuda_windows: tuple[str, ...]
    note: str
    source: str

    def works_with(self, torch: str) -> bool:
        """Whether it works with the version `torch`, whatever its local label."""
        try:
            return SpecifierSet(self.fits, prereleases=True).contains(public(torch))
        except InvalidVersion:
            return False

    def variants(self, os: str) -> tuple[str, ...]:
        """The CUDA builds for `os`."""
        return {"linux": self.cuda_linux, "windows": self.cuda_windows}.get(os, ())


@cache
def releases() -> tuple[XformersRelease, ...]:
    """Every release in the table, newest first."""
    return tuple(
        XformersRelease(
            xformers=row["xformers"],
            torch=row["torch"],
            fits=row["fits"],
            cuda_linux=tuple(row["cuda_linux"]),
            cuda_windows=tuple(row.get("cuda_windows", row["cuda_linux"])),
            note=row.get("note", ""),
            source=row["source"],
        )
        for row in load(PROFILE)["release"]
    )


def release(version: str) -> XformersRelease | None:
    """The release `version` (a local label does not matter), or None."""
    return next((row for row in releases() if row.xformers == public(version)), None)


def for_torch(torch: str, variant: str, os: str) -> XformersRelease | None:
    """The newest xformers that works with `torch` and has a build for `variant` on `os`."""
    return next(
        (row for row in releases() if row.works_with(torch) and variant in row.variants(os)), None
    )


def has_stable_abi(version: str) -> bool:
    """Whether this version works with newer torch releases than the one it was built with."""
    return _at_least(version, "stable_abi_from")


def serves_any_python(version: str) -> bool:
    """Whether one wheel of this version serves every Python version."""
    return _at_least(version, "any_python_from")


def kernels_of(version: str) -> tuple[str, ...] | None:
    """The architectures that official builds of `version` have kernels for, where known."""
    for row in load(PROFILE)["architectures"]:
        if _compare(version, row["since"]):
            return tuple(row["kernels"])
    return None


def dated() -> str:
    """The day that the table was last compared with the package indexes."""
    return str(load(PROFILE)["dated"])


def _at_least(version: str, key: str) -> bool:
    return _compare(version, str(load(PROFILE)[key]))


def _compare(version: str, since: str) -> bool:
    try:
        return Version(public(version)) >= Version(since)
    except InvalidVersion:
        return False
