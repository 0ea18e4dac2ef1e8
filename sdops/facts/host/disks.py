"""The file systems behind the folders that the patient uses."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from sdops.facts.bounded import Pending
from sdops.facts.files import home
from sdops.facts.probe import Probed
from sdops.facts.tree import Tree
from sdops.facts.types import Disk
from sdops.paths import real

TIMEOUT_S = 2.0
"""A network drive that is gone keeps its callers waiting for minutes."""


def measure(paths: Mapping[str, str], tree: Tree) -> Probed[tuple[Disk, ...]]:
    """The disk behind each path; for a path that does not exist yet, behind its parent."""
    nothing: tuple[Disk, ...] = ()
    pending = [
        Pending(
            f"host.disks.{purpose}", partial(_measure_one, path, purpose, tree), nothing, TIMEOUT_S
        )
        for purpose, path in paths.items()
    ]
    answers = [probe.result() for probe in pending]
    disks = tuple(disk for answer in answers for disk in answer.value)
    return Probed(disks, tuple(gap for answer in answers for gap in answer.gaps))


def cache_folder(environment: Mapping[str, str]) -> str:
    """Where downloads are kept: Hugging Face's folder if it is set, else the system's for caches.

    Sources: huggingface_hub documentation, "Environment variables"; XDG Base Directory
    Specification; pip documentation, "Caching".
    """
    named = environment.get("HF_HOME") or environment.get("XDG_CACHE_HOME")
    if named:
        return named
    if sys.platform == "win32" and environment.get("LOCALAPPDATA"):
        return environment["LOCALAPPDATA"]
    return str(home() / ("Library/Caches" if sys.platform == "darwin" else ".cache"))


def _measure_one(path: str, purpose: str, tree: Tree) -> Probed[tuple[Disk, ...]]:
    folder = _existing(Path(path))
    usage = shutil.disk_usage(folder)
    disk = Disk(path, purpose, usage.total, usage.free, _filesystem(folder, tree))
    return Probed((disk,))


def _existing(path: Path) -> Path:
    path = path.absolute()
    return next((folder for folder in (path, *path.parents) if _exists(folder)), path)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # inside a folder that this user may not enter
        return False


def _filesystem(folder: Path, tree: Tree) -> str | None:
    if sys.platform == "linux":
        mounts = mounted(tree.text("/proc/self/mountinfo") or "")
    else:
        import psutil

        mounts = {part.mountpoint: part.fstype for part in psutil.disk_partitions(all=False)}
    where = Path(real(folder))
    for parent in (where, *where.parents):
        if str(parent) in mounts:
            return mounts[str(parent)] or None
    return None


def mounted(mountinfo: str) -> dict[str, str]:
    """Mount point → file system type, from /proc/self/mountinfo (proc(5))."""
    mounts: dict[str, str] = {}
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        fields, kind = before.split(), after.split()
        if len(fields) > 4 and kind:
            mounts[_unescape(fields[4])] = kind[0]
    return mounts


def _unescape(path: str) -> str:
    return os.fsdecode(re.sub(rb"\\([0-7]{3})", lambda m: bytes([int(m[1], 8)]), os.fsencode(path)))
