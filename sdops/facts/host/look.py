"""Looks at the whole machine."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from sdops.facts.host import (
    containers,
    disks,
    environment,
    memory,
    processor,
    settings,
    system,
    tcmalloc,
    windows,
)
from sdops.facts.probe import Probed, attempt
from sdops.facts.tree import REAL, Tree
from sdops.facts.types import Gap, Host


def look(paths: Mapping[str, str], tree: Tree = REAL) -> Probed[Host]:
    """Everything that is known of this machine but its GPUs and its network.

    Args:
        paths: the folders that the patient uses, by purpose (`ui`, `venv`, `cache`, `temp`,
            `home`); they need not exist.
        tree: where `/proc`, `/sys` and `/etc` are read.
    """
    gaps: list[Gap] = []
    name = attempt(gaps, "host.os", system.os_name, sys.platform)
    linux, win32 = name == "linux", name == "windows"
    rosetta = attempt(gaps, "host.rosetta", system.rosetta, False)
    libc = attempt(gaps, "host.libc", lambda: system.libc(tree), None) if linux else None
    ram = attempt(gaps, "host.memory", memory.ram, memory.Ram())
    measured = disks.measure(paths, tree)
    found = None
    if linux:
        found = attempt(gaps, "host.tcmalloc", lambda: tcmalloc.look(libc, os.environ, tree), None)
    host = Host(
        os=name,
        os_version=attempt(gaps, "host.os_version", lambda: system.os_version(tree), name),
        machine="arm64" if rosetta else system.machine(),
        kernel=attempt(gaps, "host.kernel", lambda: system.kernel(tree), None),
        distribution=system.distribution(tree) if linux else None,
        wsl=system.wsl(tree) if linux else None,
        container=containers.kind(tree, os.environ) if linux else None,
        container_memory_limit_bytes=containers.memory_limit(tree, ram.total) if linux else None,
        libc=libc,
        cpu=attempt(gaps, "host.cpu", lambda: processor.look(tree), None),
        rosetta=rosetta,
        ram_total_bytes=ram.total,
        ram_available_bytes=ram.available,
        swap_total_bytes=attempt(gaps, "host.swap", memory.swap_total, None),
        shm_total_bytes=attempt(gaps, "host.shm", lambda: memory.shm_total(tree), None),
        disks=measured.value,
        is_admin=attempt(gaps, "host.is_admin", system.is_admin, None),
        environment=environment.relevant(os.environ),
        settings=attempt(gaps, "host.settings", lambda: settings.look(paths, tree), {}),
        tcmalloc=found,
        vc_runtime=attempt(gaps, "host.vc_runtime", windows.vc_runtime, None) if win32 else None,
        long_paths=attempt(gaps, "host.long_paths", windows.long_paths, None) if win32 else None,
    )
    return Probed(host, (*gaps, *measured.gaps))
