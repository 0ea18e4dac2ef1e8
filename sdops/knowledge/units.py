"""Sizes and times as people read them."""

from __future__ import annotations

KIB, MIB, GIB = 2**10, 2**20, 2**30


def size(number: int) -> str:
    """`number` bytes in the unit that fits: `134 bytes`, `64 MiB`, `3.2 GiB`."""
    for unit, name in ((GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")):
        if number >= unit:
            value = number / unit
            return (
                f"{value:.1f} {name}"
                if value < 10 and value != int(value)
                else f"{value:.0f} {name}"
            )
    return f"{number} bytes"


def duration(seconds: float) -> str:
    """`seconds` as `40 seconds`, `5 minutes`, `3 hours` or `2 days`."""
    for unit, name in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= unit:
            count = round(seconds / unit)
            return f"{count} {name}{'s' if count != 1 else ''}"
    return f"{round(seconds)} seconds"
