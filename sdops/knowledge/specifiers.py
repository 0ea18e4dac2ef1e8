"""Whether two ranges of versions have a version in common."""

from __future__ import annotations

from collections.abc import Iterator

from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version


def compatible(first: SpecifierSet, second: SpecifierSet) -> bool:
    """Whether some version is in both.

    Ranges begin and end at the versions that they name, so those and their neighbors decide.
    """
    both = first & second
    return any(both.contains(each, prereleases=True) for each in _candidates(both))


def _candidates(ranges: SpecifierSet) -> Iterator[Version]:
    yield Version("0")
    yield Version("99999")
    for each in ranges:
        if each.operator == "===":
            continue
        try:
            edge = Version(each.version.removesuffix(".*"))
        except InvalidVersion:
            continue
        release = edge.release
        yield edge
        yield Version(f"{edge.public}.post1") if not edge.is_prerelease else edge
        for depth in range(len(release)):
            higher = (*release[:depth], release[depth] + 1)
            yield Version(".".join(map(str, higher)))
            if release[depth]:
                lower = (*release[:depth], release[depth] - 1, 99999)
                yield Version(".".join(map(str, lower)))
        yield Version(".".join(map(str, (*release, 0, 0, 1))))
