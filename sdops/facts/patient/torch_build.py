"""Reads what torch, torchvision and torchaudio were built for, from their own `version.py`."""

from __future__ import annotations

import ast
import mmap
import os
import re
from pathlib import Path

from sdops.facts.files import read_text
from sdops.facts.types import TorchBuild

_LIMIT_BYTES = 64 * 1024
_LABEL = re.compile(r"(cu|rocm|xpu|cpu)([0-9.]*)(?:[.-].*)?")
_RUNTIME = re.compile(rb"libcudart(?:-[0-9a-f]+)?\.so\.(\d+)|cudart64_(\d+)\d?\.dll|"
                      rb"libamdhip64\.so\.(\d+)")  # fmt: skip
_LIBRARIES = {
    "torchvision": ("_C.so", "_C.pyd"),
    "torchaudio": ("lib/_torchaudio.abi3.so", "lib/_torchaudio.so", "lib/_torchaudio.pyd"),
}
_LIBRARY_LIMIT_BYTES = 64 * 1024 * 1024


def read(site_packages: Path, package: str) -> TorchBuild | None:
    """The build of `package` in `site_packages`, or None where it is not installed.

    torch states CUDA, HIP and XPU in so many words; its companions have only the label of their
    version (`0.28.0+cu130`), or, in builds without one, the runtime library that they load, which
    tells the major version alone.

    Raises:
        OSError: its `version.py` is there but cannot be read.
        ValueError: its `version.py` does not state a version.
    """
    folder = site_packages / package
    path = folder / "version.py"
    if not path.exists():
        return None
    stated = constants(path)
    version = stated.get("__version__")
    if version is None:
        raise ValueError(f"{path} does not state a version")
    if {"cuda", "hip", "xpu"} & stated.keys():
        return TorchBuild(
            package, version, stated.get("cuda"), stated.get("hip"), stated.get("xpu")
        )
    build = from_label(package, version)
    return build or _from_library(folder, package, version)


def constants(path: Path) -> dict[str, str | None]:
    """The names that the source file assigns at its top level to a text or None.

    Raises:
        OSError: it cannot be read.
        ValueError: it is not Python.
    """
    try:
        tree = ast.parse(read_text(path, _LIMIT_BYTES))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ValueError(f"{path} is not Python that can be read") from None
    found: dict[str, str | None] = {}
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=value)):
                pass
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.Constant(value=value)):
                pass
            case _:
                continue
        if value is None or isinstance(value, str):
            found[name] = value
    return found


def from_label(package: str, version: str) -> TorchBuild | None:
    """The build that the local label of `version` names, or None without such a label."""
    match = _LABEL.fullmatch(version.partition("+")[2])
    if match is None:
        return None
    kind, number = match.groups()
    if kind == "cu" and len(number) >= 2:
        return TorchBuild(package, version, cuda=f"{number[:-1]}.{number[-1]}")
    if kind == "rocm" and number:
        return TorchBuild(package, version, hip=number)
    return TorchBuild(package, version, xpu="xpu" if kind == "xpu" else None)


def _from_library(folder: Path, package: str, version: str) -> TorchBuild:
    for name in _LIBRARIES.get(package, ()):
        match = _runtime(folder / name)
        if match:
            cuda_linux, cuda_windows, hip = match
            return TorchBuild(package, version, cuda_linux or cuda_windows, hip)
    return TorchBuild(package, version)


def _runtime(path: Path) -> tuple[str | None, ...]:
    try:
        with path.open("rb") as file:
            size = min(os.fstat(file.fileno()).st_size, _LIBRARY_LIMIT_BYTES)
            with mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ) as content:
                match = _RUNTIME.search(content)
                groups = match.groups() if match else ()
                return tuple(part.decode() if part else None for part in groups)
    except (OSError, ValueError):
        return ()
