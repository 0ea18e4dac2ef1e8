"""Looks at the patient's Python from outside: files are read, nothing of it is imported or run."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from sdops.facts.files import readable_entries
from sdops.facts.patient import (
    companion_builds,
    distributions,
    executable_header,
    interpreter,
    module_owners,
    pth,
    recorded_files,
    recorded_root,
    torch_build,
    xformers_build,
)
from sdops.facts.patient.distributions import SitePackages
from sdops.facts.patient.interpreter import Interpreter
from sdops.facts.probe import Probed
from sdops.facts.types import Distribution, Gap, PythonEnv, TorchBuild, XformersBuild
from sdops.profile import load

T = TypeVar("T")
TORCH_FAMILY = ("torch", "torchvision", "torchaudio")


def look(executable_or_root: Path, python_path: str = "") -> Probed[PythonEnv]:
    """The Python environment that a folder or a Python program belongs to.

    Args:
        executable_or_root: the environment's folder, or its Python.
        python_path: the variable PYTHONPATH that it is started with.
    """
    found = interpreter.locate(executable_or_root)
    if found is not None and python_path and found.kind != "embedded":
        ahead = tuple(filter(_holds_packages, python_path.split(os.pathsep)))
        searched = dict.fromkeys((*ahead, *found.site_packages))
        found = dataclasses.replace(found, site_packages=tuple(searched))
    if found is None:
        env = PythonEnv(str(executable_or_root), str(executable_or_root), "system")
        return Probed(env, (Gap("python", f"no Python was found in {executable_or_root}"),))
    gaps: list[Gap] = []
    header = _header(found, gaps)
    folders = _read_site_packages(found, gaps)
    installed = tuple(each for folder in folders for each in folder.distributions)
    builds = {name: _torch_build(folders, name, gaps) for name in TORCH_FAMILY}
    pth_files = (pth.executable(path) for folder in folders for path in folder.pth_files)
    return Probed(
        PythonEnv(
            root=found.root,
            executable=found.executable,
            kind=found.kind,
            version=found.version,
            implementation=found.implementation,
            bits=header.bits if header else None,
            machine=header.machine if header else None,
            base=found.base,
            base_exists=found.base_exists,
            recorded_root=recorded_root.read(found.root) if found.kind == "venv" else None,
            system_site_packages=found.system_site_packages,
            has_pip=any(each.name == "pip" for each in installed) if folders else None,
            site_packages=found.site_packages,
            distributions=installed,
            leftovers=tuple(name for folder in folders for name in folder.leftovers),
            unreadable_metadata=tuple(name for folder in folders for name in folder.unreadable),
            module_owners=module_owners.find(installed),
            executable_pth=tuple(each for each in pth_files if each is not None),
            xformers=_xformers_build(folders, installed, gaps),
            companion_builds=companion_builds.read(found.site_packages),
            damaged=recorded_files.compare(installed, frozenset(load("weighty_packages")["names"])),
            **builds,
        ),
        tuple(gaps),
    )


def _holds_packages(folder: str) -> bool:
    """Whether a folder of PYTHONPATH holds installed packages, not only a program's sources."""
    names = (entry.name for entry in readable_entries(folder) if folder)
    return any(name.endswith((".dist-info", ".egg-info")) or name in TORCH_FAMILY for name in names)


def _header(found: Interpreter, gaps: list[Gap]) -> executable_header.Header | None:
    if found.version is None:
        gaps.append(Gap("python.version", f"no file in {found.root} tells the version of Python"))
    try:
        header = executable_header.read(found.executable)
    except OSError as error:
        reason = f"{found.executable} cannot be read: {error.strerror}"
        gaps.append(Gap("python.bits", reason))
        return None
    if header is None:
        gaps.append(Gap("python.bits", f"{found.executable} is not a program of a known kind"))
    return header


def _read_site_packages(found: Interpreter, gaps: list[Gap]) -> list[SitePackages]:
    if not found.site_packages:
        reason = f"there is no site-packages folder in {found.root}, or it cannot be read"
        gaps.append(Gap("python.distributions", reason))
    folders = (_read_folder(folder, gaps) for folder in found.site_packages)
    return [folder for folder in folders if folder is not None]


def _read_folder(folder: str, gaps: list[Gap]) -> SitePackages | None:
    try:
        return distributions.read(folder)
    except OSError as error:
        gaps.append(Gap("python.distributions", f"{folder}: {error.strerror}"))
        return None


def _first(
    folders: list[SitePackages], fact: str, read: Callable[[Path], T | None], gaps: list[Gap]
) -> T | None:
    """What `read` finds in the first site-packages folder that has it, as an import would."""
    try:
        builds = (read(Path(folder.path)) for folder in folders)
        return next((build for build in builds if build is not None), None)
    except (OSError, ValueError) as error:
        gaps.append(Gap(fact, str(error)))
        return None


def _torch_build(folders: list[SitePackages], package: str, gaps: list[Gap]) -> TorchBuild | None:
    read = partial(torch_build.read, package=package)
    return _first(folders, f"python.{package}", read, gaps)


def _xformers_build(
    folders: list[SitePackages], installed: tuple[Distribution, ...], gaps: list[Gap]
) -> XformersBuild | None:
    version = next((each.version for each in installed if each.name == "xformers"), None)
    read = partial(xformers_build.read, installed_version=version)
    return _first(folders, "python.xformers", read, gaps)
