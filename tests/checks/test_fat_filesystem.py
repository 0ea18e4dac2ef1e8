from __future__ import annotations

import pytest

from sdops.facts.types import Disk


@pytest.mark.parametrize(
    ("filesystem", "count"),
    [("vfat", 1), ("FAT32", 1), ("exfat", 0), ("NTFS", 0), ("ext4", 0), (None, 0)],
)
def test_judges_the_uis_disk(machine, judge, with_host, filesystem, count):
    disks = (Disk("/ui", "ui", 10**12, 10**11, filesystem), Disk("/boot", "temp", 1, 1, "vfat"))
    facts = with_host(machine("healthy-linux-rtx3060-a1111"), disks=disks)
    assert len(judge("fat-filesystem", facts)) == count
