"""Makes Python environments out of plain files, in the layouts of each system, for any host."""

from __future__ import annotations

import os
import struct
from pathlib import Path

HOME = Path(os.path.expanduser("~"))  # noqa: PTH111  (Path.home() fails where there is none)
ELF_X86_64 = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HH", 2, 62) + bytes(40)
PE_HEAD = b"MZ" + bytes(58) + struct.pack("<I", 64)
PE_X86_64 = PE_HEAD + b"PE\0\0" + struct.pack("<H", 0x8664) + bytes(18)
PE_X86 = PE_HEAD + b"PE\0\0" + struct.pack("<H", 0x014C) + bytes(18)


def program(path: Path, head: bytes = ELF_X86_64) -> Path:
    """A file that begins like a program."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(head)
    return path


def text(path: Path, content: str) -> Path:
    """A text file, with the folders that it needs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


def install(site_packages: Path, name: str, version: str, extra: str = "") -> Path:
    """A distribution's dist-info folder, with `extra` header lines."""
    folder = site_packages / f"{name.replace('-', '_')}-{version}.dist-info"
    header = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{extra}\nA description.\n"
    text(folder / "METADATA", header)
    return folder


def torch(site_packages: Path, version: str, cuda: str | None, dist_version: str = "") -> None:
    """A torch as its wheel leaves it: `version.py` with the build, METADATA with or without it."""
    text(
        site_packages / "torch" / "version.py",
        f"from typing import Optional\n\n__version__ = '{version}'\ndebug = False\n"
        f"cuda: Optional[str] = {cuda!r}\nhip: Optional[str] = None\n",
    )
    install(site_packages, "torch", dist_version or version)


def posix_venv(root: Path, version: str = "3.10.6") -> Path:
    """A venv as `python -m venv` makes it on Linux, its base beside it; gives site-packages."""
    short = ".".join(version.split(".")[:2])
    base = program(root.parent / "base" / "bin" / f"python{short}")
    text(root / "pyvenv.cfg", f"home = {base.parent}\nversion = {version}\n")
    text(root / "bin" / "activate", f'VIRTUAL_ENV="{root}"\nexport VIRTUAL_ENV\n')
    (root / "bin" / "python").symlink_to(base)
    site_packages = root / "lib" / f"python{short}" / "site-packages"
    site_packages.mkdir(parents=True)
    (root / "lib64").symlink_to("lib")
    return site_packages


def windows_venv(root: Path, home: str = r"C:\Python310", version: str = "3.10.6") -> Path:
    """A venv as `python -m venv` makes it on Windows; gives site-packages."""
    text(root / "pyvenv.cfg", f"home = {home}\nversion = {version}\n")
    text(root / "Scripts" / "activate.bat", "@echo off\r\nset VIRTUAL_ENV=C:\\ui\\venv\r\n")
    program(root / "Scripts" / "python.exe", PE_X86_64)
    site_packages = root / "Lib" / "site-packages"
    site_packages.mkdir(parents=True)
    return site_packages


def embedded(root: Path) -> Path:
    """The embeddable package of python.org with a pip, as ComfyUI's portable ships it."""
    program(root / "python.exe", PE_X86_64)
    program(root / "python312.dll", PE_X86_64)
    text(root / "python312._pth", "../ComfyUI\npython312.zip\n.\nimport site\n")
    site_packages = root / "Lib" / "site-packages"
    site_packages.mkdir(parents=True)
    return site_packages


def conda(root: Path, version: str = "3.10.14") -> Path:
    """A conda environment on Linux; gives site-packages."""
    short = ".".join(version.split(".")[:2])
    text(root / "conda-meta" / f"python-{version}-hd12c33a_0_cpython.json", "{}")
    program(root / "bin" / f"python{short}")
    (root / "bin" / "python").symlink_to(f"python{short}")
    site_packages = root / "lib" / f"python{short}" / "site-packages"
    site_packages.mkdir(parents=True)
    return site_packages
