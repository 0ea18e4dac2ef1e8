"""Windows has no page file, or a small one.

Windows promises memory before it is used; main memory and page file together are the limit. Torch
and a model ask for much at once, and fail with "error 1455: the paging file is too small" or an
out-of-memory message although memory is free.

Fix: Let Windows manage the page file, on a disk with room.

Source: learn.microsoft.com, Introduction to page files (system commit limit); A1111 issues
"OSError: [WinError 1455]".
"""

from __future__ import annotations

from sdops.check import Command, Facts, Finding, Iterator, Platform, Remedy, Severity, Skip
from sdops.knowledge.units import GIB, size

AMPLE_RAM_BYTES = 31 * GIB
"""What a computer with 32 GB shows: enough for SDXL without any page file."""
COMMIT_BYTES = 20 * GIB
"""Torch with its CUDA libraries maps 5 to 6 GB; an SDXL model is held twice for a moment (14)."""


def check(facts: Facts) -> Iterator[Finding]:
    """A warning without a page file, a note where both together are little."""
    host = facts.host
    if host.os != "windows":
        raise Skip("Only Windows has a page file.")
    if host.swap_total_bytes is None or host.ram_total_bytes is None:
        raise Skip("The size of the page file is not known.")
    ram, page_file = host.ram_total_bytes, host.swap_total_bytes
    if ram + page_file >= COMMIT_BYTES and page_file:
        return
    missing = page_file == 0
    if missing and ram >= AMPLE_RAM_BYTES:
        return
    yield Finding(
        rule="page-file",
        severity=Severity.WARNING if missing else Severity.INFO,
        title="Loading models can fail with “the paging file is too small”.",
        why=f"Main memory ({size(ram)}) and page file ({size(page_file)}) together are all that "
        "Windows can promise to programs.",
        evidence={"ram_total_bytes": ram, "page_file_bytes": page_file},
        remedies=(
            Remedy(
                "Open the window below, choose Advanced, Virtual memory, Change, and tick "
                "“Automatically manage paging file size for all drives”; or give it 16 to 32 GB "
                "on a disk with room. Then restart Windows.",
                commands=(Command(("SystemPropertiesPerformance.exe",), Platform.WINDOWS),),
            ),
        ),
    )
