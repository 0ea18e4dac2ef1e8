"""Ports that firewall rules open, as single numbers and ranges."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

LAST_PORT = 65535


@dataclass(frozen=True, slots=True)
class Ports:
    """The TCP ports that a firewall opens to everyone."""

    single: tuple[int, ...] = ()
    ranges: tuple[tuple[int, int], ...] = ()


def collect(pairs: Iterable[tuple[int, int]]) -> Ports:
    """First and last of each opened stretch, sorted, single ports apart from real ranges."""
    unique = sorted(set(pairs))
    single = tuple(first for first, last in unique if first == last)
    return Ports(single, tuple(pair for pair in unique if pair[0] != pair[1]))


def parse(text: str) -> list[tuple[int, int]]:
    """The stretches in `22`, `80,443`, `7000:8000` or `7000-8000`; empty for anything else."""
    pairs = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d+)(?:[:-](\d+))?\s*", part)
        if match is None:
            return []
        pairs.append((int(match[1]), int(match[2] or match[1])))
    return pairs
