"""TCMalloc as A1111's `webui.sh` would find it.

Source: AUTOMATIC1111/stable-diffusion-webui `webui.sh` at 82a973c, function `prepare_tcmalloc`: it
takes the first line of `ldconfig -p` that matches each pattern in turn; below glibc 2.34, where
libpthread is a library of its own, the library must be linked against it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from sdops.facts.tree import Tree
from sdops.facts.types import Libc, Tcmalloc
from sdops.programs.process import ProbeError, program, run

PATTERNS = (r"libtcmalloc(_minimal|)\.so\.\d", r"libtcmalloc\.so\.\d")
"""The library names that `webui.sh` tries, in its order, as regular expressions."""

FIRST_GLIBC_WITH_PTHREAD = (2, 34)
"""glibc 2.34 release notes: libpthread is part of libc."""

_CACHE_LINE = re.compile(r"^\s*(?P<name>\S+)\s+\((?P<kind>[^)]*)\)\s+=>\s+(?P<path>.+)$")


def look(libc: Libc | None, environment: Mapping[str, str], tree: Tree) -> Tcmalloc:
    """What `webui.sh` would preload on this machine.

    Raises:
        ProbeError: the loader's cache cannot be listed.
    """
    listing = _ldconfig()
    preload = tuple(re.split(r"[\s:]+", environment.get("LD_PRELOAD", "").strip()))
    preload = tuple(entry for entry in preload if entry)
    has_pthread = None if libc is None or libc.name != "glibc" else _has_pthread(libc.version)
    library, links = None, None
    for candidate in candidates(listing):
        links = None if has_pthread is not False else _links_pthread(candidate)
        library = library or candidate
        if links is not False:
            library = candidate
            break
    missing = tuple(entry for entry in preload if not _is_loadable(entry, listing, tree))
    return Tcmalloc(library, PATTERNS, has_pthread, links, preload, missing)


def candidates(listing: str) -> tuple[str, ...]:
    """The path that each pattern finds first in the output of `ldconfig -p`, without repeats."""
    found: dict[str, None] = {}
    for pattern in PATTERNS:
        line = next((line for line in listing.splitlines() if re.search(pattern, line)), None)
        match = _CACHE_LINE.match(line) if line else None
        if match:
            found[match["path"].strip()] = None
    return tuple(found)


def _ldconfig() -> str:
    output = run([program("ldconfig"), "-p"], timeout_s=4)
    if output.returncode != 0:
        raise ProbeError(f"ldconfig -p failed: {output.stderr.strip()[:200]}")
    return output.stdout


def _has_pthread(version: str) -> bool:
    numbers = [int(part) for part in re.findall(r"\d+", version)[:2]]
    return tuple(numbers) >= FIRST_GLIBC_WITH_PTHREAD


def _links_pthread(library: str) -> bool:
    return "libpthread" in run([program("ldd"), library], timeout_s=4).stdout


def _is_loadable(entry: str, listing: str, tree: Tree) -> bool:
    if "$" in entry:
        return True  # $ORIGIN, $LIB and $PLATFORM are the loader's to fill in
    if os.sep in entry:
        return tree.exists(entry)
    return any(line.split()[:1] == [entry] for line in listing.splitlines())
