"""Sizes in bytes as people read them."""

from __future__ import annotations

_UNITS = (("GB", 1e9), ("MB", 1e6), ("kB", 1e3))


def readable_size(count: int) -> str:
    """`count` bytes in the largest decimal unit that it fills, as disks and downloads are sold."""
    for unit, scale in _UNITS:
        if count >= scale:
            return f"{count / scale:.2f} {unit}"
    return f"{count} bytes"
