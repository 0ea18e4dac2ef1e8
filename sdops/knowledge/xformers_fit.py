"""Whether the installed xformers goes with the torch and Python beside it, and who would use it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from packaging.version import InvalidVersion, Version

from sdops.errors import Skip
from sdops.facts.types import Facts, PythonEnv, TorchBuild, UiInstall, XformersBuild
from sdops.knowledge import xformers
from sdops.knowledge.patient import kind_of, python_of
from sdops.knowledge.torch_releases import minor_version, public
from sdops.uis import trait

ASKED, REFUSED = ("--xformers", "--force-enable-xformers"), ("--disable-xformers",)


@dataclass(frozen=True, slots=True)
class Misfit:
    """One way in which xformers does not go with what is beside it."""

    why: str
    fatal: bool
    """Its kernels cannot be loaded; otherwise they may be."""


def build_of(facts: Facts) -> XformersBuild:
    """The installed xformers.

    Raises:
        Skip: it is not installed, or its files cannot be read.
    """
    python = python_of(facts)
    if python.xformers is None:
        gap = facts.gap("python.xformers")
        raise Skip(gap.reason if gap else "xformers is not installed.")
    return python.xformers


def is_used(facts: Facts) -> bool:
    """Whether the patient uses xformers, as far as its launch arguments tell."""
    if facts.ui is None:
        return True
    if any(facts.ui.argument(flag) for flag in REFUSED):
        return False
    return not _on_request(facts.ui) or is_asked(facts)


def is_asked(facts: Facts) -> bool:
    """Whether the launch arguments ask for xformers."""
    ui = facts.ui
    return ui is not None and _on_request(ui) and any(ui.argument(flag) for flag in ASKED)


def _on_request(ui: UiInstall) -> bool:
    """Whether it uses xformers only when told to; the others do whenever it is installed."""
    return bool(trait(ui.kind, "xformers_on_request"))


def misfits(python: PythonEnv, torch: TorchBuild, build: XformersBuild) -> tuple[Misfit, ...]:
    """How xformers does not go with the torch and Python beside it."""
    return tuple(_misfits(python, torch, build))


def _misfits(python: PythonEnv, torch: TorchBuild, build: XformersBuild) -> Iterator[Misfit]:
    wrong_torch = _wrong_torch(torch, build)
    if wrong_torch:
        fatal = not _same_minor(torch.version, wrong_torch)
        why = f"It belongs to torch {wrong_torch}; installed is torch {public(torch.version)}."
        yield Misfit(why, fatal)
    if (
        build.python
        and python.version
        and not xformers.serves_any_python(build.version)
        and not _same_minor(build.python, python.version)
    ):
        yield Misfit(f"It is for Python {build.python}; this is Python {python.version}.", True)
    yield from _wrong_runtime(torch, build)


def _wrong_torch(torch: TorchBuild, build: XformersBuild) -> str | None:
    """The torch that xformers wants in place of the installed one, or None if that is right."""
    known = xformers.release(build.version)
    if known is not None:
        wanted = known.torch if known.fits.startswith("==") else f"{known.torch} or newer"
        return None if known.works_with(torch.version) else wanted
    if build.torch is None:
        return None
    wanted = public(build.torch)
    if xformers.has_stable_abi(build.version):
        return f"{wanted} or newer" if _older(torch.version, wanted) else None
    return None if public(torch.version) == wanted else wanted


def _wrong_runtime(torch: TorchBuild, build: XformersBuild) -> Iterator[Misfit]:
    kind = "cuda" if build.cuda else "rocm" if build.hip else None
    if kind is None:
        return
    version = build.cuda or build.hip or ""
    name = f"{'CUDA' if kind == 'cuda' else 'ROCm'} {version}"
    if kind_of(torch) != kind:
        installed = {"cpu": "the processor", "cuda": "CUDA", "rocm": "ROCm", "xpu": "Intel XPU"}
        text = f"It is a build for {name}; torch is a build for {installed[kind_of(torch)]}."
        yield Misfit(text, True)
        return
    beside = torch.cuda or torch.hip or ""
    if beside.split(".")[0] != version.split(".")[0]:
        yield Misfit(f"It is a build for {name}; torch is a build for {beside}.", True)


def _same_minor(one: str, other: str) -> bool:
    try:
        return minor_version(public(one)) == minor_version(public(other.partition(" ")[0]))
    except InvalidVersion:
        return False


def _older(version: str, than: str) -> bool:
    try:
        return Version(public(version)) < Version(than)
    except InvalidVersion:
        return False
