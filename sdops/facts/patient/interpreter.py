"""Finds the parts of a Python environment: its folder, program, version, base, site-packages.

The layouts are those of venv and virtualenv on each system, conda, the python.org installer and
embeddable package on Windows, and Linux distributions. Only path logic: a Windows environment is
understood on Linux too.
"""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath

from sdops.facts.files import home, is_folder, readable_entries, text_or_empty
from sdops.facts.patient import executable_header
from sdops.paths import real

_PROGRAM = re.compile(r"(?:python|pypy)(?:\d(?:\.\d+)?)?(?:\.exe)?", re.I)
_PROGRAM_PLACES = ("bin/python", "bin/python3", "Scripts/python.exe", "python.exe",
                   "bin/pypy3", "tools/python.exe")  # fmt: skip
_VERSION = re.compile(r"(\d+\.\d+(?:\.\d+)?)")
_LIMIT_BYTES = 64 * 1024
_PTH_LINES = 200


@dataclass(frozen=True, slots=True)
class Interpreter:
    """Where the parts of one Python environment are."""

    root: str
    executable: str
    kind: str
    """`venv`, `conda`, `embedded` or `system`."""
    version: str | None
    implementation: str
    base: str | None
    base_exists: bool | None
    system_site_packages: bool
    site_packages: tuple[str, ...]
    """Those that exist, in the order in which Python searches them."""


def locate(path: Path) -> Interpreter | None:
    """The environment that `path` (its folder, or its program) belongs to, or None."""
    path = Path(os.path.abspath(path))  # noqa: PTH100  (resolving would leave a venv by its link)
    program = _program_in(path) if path.is_dir() else path
    if program is None or not os.path.lexists(program):
        return None
    root = _root_of(program)
    config = _venv_config(root)
    if config is None and program.is_symlink():
        # /usr/local/bin/python3 may point into another folder: that one is the environment.
        program = Path(real(program))
        root = _root_of(program)
        config = _venv_config(root)
    if config is not None:
        return _venv(root, program, config)
    return _installed(root, program)


def _program_in(folder: Path) -> Path | None:
    for place in _PROGRAM_PLACES:
        if os.path.lexists(folder / place):
            return folder / place
    for entry in readable_entries(folder / "bin"):
        if _PROGRAM.fullmatch(entry.name):
            return Path(entry.path)
    return None


def _root_of(program: Path) -> Path:
    folder = program.parent
    return folder.parent if folder.name.lower() in ("bin", "scripts", "tools") else folder


def _venv_config(root: Path) -> dict[str, str] | None:
    """The keys of pyvenv.cfg (PEP 405), lower case, or None where there is no such file."""
    if not (root / "pyvenv.cfg").is_file():
        return None
    lines = text_or_empty(root / "pyvenv.cfg", _LIMIT_BYTES).splitlines()
    pairs = (line.partition("=") for line in lines if "=" in line)
    return {key.strip().lower(): value.strip() for key, _, value in pairs}


def _venv(root: Path, program: Path, config: dict[str, str]) -> Interpreter:
    stated = _VERSION.match(config.get("version_info") or config.get("version") or "")
    base = config.get("home") or None
    shared = config.get("include-system-site-packages", "").lower() == "true"
    folders = _site_packages(root)
    if shared and base:
        # As site.main() has it: the venv's own, then the user's, then those of the base.
        folders += _user_site_packages(root)
        folders += _site_packages(_root_of(Path(base) / program.name))
    return Interpreter(
        root=str(root),
        executable=str(program),
        kind="venv",
        version=stated[1] if stated else _version_from_folders(root),
        implementation=config.get("implementation", "cpython").lower(),
        base=base,
        base_exists=_base_exists(base, program),
        system_site_packages=shared,
        site_packages=_with_linked(folders),
    )


def _base_exists(base: str | None, program: Path) -> bool | None:
    """Whether the Python that a venv was made from is still there; None if this is unknown."""
    if program.is_symlink():
        return program.exists()
    if base is None or not _is_native(base):
        return None
    return any(_PROGRAM.fullmatch(entry.name) for entry in readable_entries(base))


def _is_native(path: str) -> bool:
    """Whether `path` is written in the way of the system that this runs on."""
    return bool(PureWindowsPath(path).drive) == (os.name == "nt")


def _installed(root: Path, program: Path) -> Interpreter:
    kind = "system"
    if (root / "conda-meta").is_dir():
        kind = "conda"
    elif any(entry.name.endswith("._pth") for entry in readable_entries(root)):
        kind = "embedded"
    folders = _site_packages(root)
    if kind != "embedded":
        folders = [*_user_site_packages(root), *folders]  # site.main() puts the user's first
    return Interpreter(
        root=str(root),
        executable=str(program),
        kind=kind,
        version=_installed_version(root, program),
        implementation="pypy" if program.name.lower().startswith("pypy") else "cpython",
        base=None,
        base_exists=None,
        system_site_packages=False,
        site_packages=_with_linked(folders),
    )


def _installed_version(root: Path, program: Path) -> str | None:
    for entry in readable_entries(root / "conda-meta"):
        match = re.match(r"python-(\d+\.\d+\.\d+)-", entry.name)
        if match:
            return match[1]
    if program.suffix.lower() == ".exe":
        stated = _stated_by_program(program)
        if stated:
            return stated
    short = _version_from_name(program.name) or _version_from_folders(root)
    places = [root / "include"]
    if short:
        places.insert(0, root / "include" / f"python{short}")
    for place in places:
        header = text_or_empty(place / "patchlevel.h", _LIMIT_BYTES)
        match = re.search(r'#define\s+PY_VERSION\s+"(\d+\.\d+\.\d+)', header)
        if match:
            return match[1]
    return short


def _stated_by_program(program: Path) -> str | None:
    try:
        return executable_header.python_version(str(program))
    except OSError:
        return None


def _version_from_name(name: str) -> str | None:
    match = re.match(r"(?:python|pypy)(\d\.\d+)", name)
    return match[1] if match else None


def _version_from_folders(root: Path) -> str | None:
    """`3.10` from `lib/python3.10`, `python310.dll` or `python310._pth`."""
    names = [*(entry.name for entry in readable_entries(root / "lib")),
             *(entry.name for entry in readable_entries(root))]  # fmt: skip
    for name in names:
        match = re.fullmatch(r"(?:python|pypy)(\d)\.?(\d+)t?(?:\.dll|\._pth)?", name, re.I)
        if match:
            return f"{match[1]}.{match[2]}"
    return None


def _site_packages(root: Path) -> list[str]:
    """The site-packages folders under `root` that exist."""
    found = []
    for library in ("local/lib", "lib", "lib64"):
        for entry in readable_entries(root / library):
            if re.fullmatch(r"(?:python|pypy)3(?:\.\d+t?)?", entry.name):
                found += [f"{entry.path}/site-packages", f"{entry.path}/dist-packages"]
    found += [str(root / "Lib" / "site-packages"), str(root / "site-packages")]
    distinct: dict[str, str] = {}
    for folder in filter(os.path.isdir, found):
        # lib64 is a link to lib on some systems, and Lib is lib on others.
        distinct.setdefault(real(folder), folder)
    return list(distinct.values())


def _with_linked(folders: list[str]) -> tuple[str, ...]:
    """`folders` and the site-packages folders that their `.pth` files add to Python's path."""
    found = {real(folder): folder for folder in reversed(folders)}
    found = dict(reversed(found.items()))
    for folder in folders:
        for entry in readable_entries(folder):
            lines = text_or_empty(entry.path, _LIMIT_BYTES) if entry.name.endswith(".pth") else ""
            for path in (Path(folder, line.strip()) for line in lines.splitlines()[:_PTH_LINES]):
                if path.name in ("site-packages", "dist-packages") and is_folder(path):
                    found.setdefault(real(path), str(path))
    return tuple(found.values())


def _user_site_packages(root: Path) -> list[str]:
    """The user's own site-packages, which every Python but a venv's and embedded one reads."""
    version = _version_from_folders(root)
    if version is None or os.environ.get("PYTHONNOUSERSITE"):
        return []
    user, roaming = home(), Path(os.environ.get("APPDATA", "."))
    short = version.replace(".", "")
    folder = {
        "win32": roaming / "Python" / f"Python{short}" / "site-packages",
        "darwin": user / "Library" / "Python" / version / "lib" / "python" / "site-packages",
    }.get(sys.platform, user / ".local" / "lib" / f"python{version}" / "site-packages")
    return [str(folder)] if is_folder(folder) else []
