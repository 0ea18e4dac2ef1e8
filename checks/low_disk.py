"""The disk is nearly full where the UI and its packages live.

Downloads and installations stop half-way and leave broken files; images cannot be saved, and the
message seldom says that the disk is the reason.

Fix: Make room, or move the models to another disk and point the UI at them.

Source: sizes of stabilityai/stable-diffusion-xl-base-1.0 and of torch's CUDA wheels; torch issues
on truncated saves (PytorchStreamWriter failed writing file).
"""

from __future__ import annotations

from sdops.check import Disk, Facts, Finding, Iterator, Remedy, Severity, Skip
from sdops.knowledge.units import GIB, size

ROOM_FOR_WORK = 10 * GIB
"""One SDXL checkpoint (6.5 GiB) and some images; or one torch (a wheel of 2.5 GB that unpacks to
5 to 8 GB)."""
FULL = GIB
"""Below this, saving one more model cannot work and saving images soon will not."""
ROOM_FOR_FILES = 2 * GIB
"""What caches and temporary files need while packages are installed."""
WORKING = ("ui", "venv")
PURPOSES = {
    "ui": "the UI",
    "venv": "its Python packages",
    "cache": "downloads",
    "temp": "temporary files",
    "home": "your own files",
}


def check(facts: Facts) -> Iterator[Finding]:
    """One finding for each file system, however many of the folders lie on it."""
    if not facts.host.disks:
        raise Skip("The room on the disks is not known.")
    systems: dict[tuple[int, int], list[Disk]] = {}
    for disk in facts.host.disks:
        systems.setdefault((disk.total_bytes, disk.free_bytes), []).append(disk)
    for disks in systems.values():
        free = disks[0].free_bytes
        working = any(disk.purpose in WORKING for disk in disks)
        if free < (ROOM_FOR_WORK if working else ROOM_FOR_FILES):
            yield _finding(disks, full=working and free < FULL)


def _finding(disks: list[Disk], *, full: bool) -> Finding:
    free, total = disks[0].free_bytes, disks[0].total_bytes
    uses = ", ".join(dict.fromkeys(PURPOSES.get(disk.purpose, disk.purpose) for disk in disks))
    return Finding(
        rule="low-disk",
        severity=Severity.ERROR if full else Severity.WARNING,
        title=f"The disk that holds {uses} is {'full' if full else 'nearly full'}.",
        why=f"{size(free)} of {size(total)} are free at {disks[0].path}; one more model or one "
        "reinstallation of torch needs up to 10 GiB.",
        evidence={
            "free_bytes": free,
            "total_bytes": total,
            "paths": [disk.path for disk in disks],
        },
        remedies=(
            Remedy(
                "Make room: move models that you seldom use and old images to another disk, and "
                "empty the trash."
            ),
        ),
    )
