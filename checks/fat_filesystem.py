"""The UI lies on a disk that cannot hold large files.

The file system FAT32 ends every file at 4 GiB: most checkpoints arrive cut off, and cannot be
loaded.

Fix: Move the UI to a disk with NTFS, ext4 or APFS, or format an empty stick as exFAT.

Source: Microsoft, overview of FAT, HPFS and NTFS file systems (4 GiB minus 1 byte per file).
"""

from __future__ import annotations

from sdops.check import Facts, Finding, Iterator, Remedy, Severity, Skip

FAT32 = ("vfat", "fat32", "msdos", "fat")


def check(facts: Facts) -> Iterator[Finding]:
    """Judges the file system under the UI's folder."""
    disk = next((disk for disk in facts.host.disks if disk.purpose == "ui"), None)
    if disk is None or disk.filesystem is None:
        raise Skip("The file system under the UI is not known.")
    if disk.filesystem.lower() in FAT32:
        yield Finding(
            rule="fat-filesystem",
            severity=Severity.WARNING,
            title="Model files of more than 4 GiB do not fit on this disk.",
            why=f"{disk.path} lies on {disk.filesystem}, which ends every file at 4 GiB.",
            evidence={"path": disk.path, "filesystem": disk.filesystem},
            remedies=(Remedy("Move the UI's folder to a disk with NTFS, ext4, APFS or exFAT."),),
        )
