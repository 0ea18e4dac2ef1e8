"""Containers: which kind this process is in, and the memory that it may use there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from sdops.facts.tree import Tree

_MARKERS = (
    ("kubernetes", r"kubepods|/kubelet/"),
    ("podman", r"libpod|/containers/storage/"),
    ("docker", r"docker|/moby/"),
    ("lxc", r"/lxc|lxcfs"),
    ("other", r"containerd|/garden/|systemd-nspawn|/machine\.slice/"),
)
"""What the control groups and mounts of a process show in each kind of container."""

_NAMED = {"docker": "docker", "podman": "podman", "lxc": "lxc", "lxc-libvirt": "lxc"}
"""`$container` as systemd's container interface defines it (systemd.io/CONTAINER_INTERFACE)."""


def kind(tree: Tree, environment: Mapping[str, str]) -> str | None:
    """`kubernetes`, `docker`, `podman`, `lxc` or `other` inside a container, else None."""
    if (
        tree.exists("/var/run/secrets/kubernetes.io")
        or tree.exists("/run/secrets/kubernetes.io")
        or "KUBERNETES_SERVICE_HOST" in environment
    ):
        return "kubernetes"
    if tree.exists("/run/.containerenv"):
        return "podman"
    if tree.exists("/.dockerenv"):
        return "docker"
    named = tree.text("/run/systemd/container") or _first_process_container(tree)
    if named and named != "wsl":
        return _NAMED.get(named, "other")
    # Only the root mount and process 1 tell: a Docker host mounts containers' folders too.
    evidence = f"{tree.text('/proc/1/cgroup') or ''}\n{_root_mount(tree)}"
    return next((name for name, mark in _MARKERS if re.search(mark, evidence)), None)


def memory_limit(tree: Tree, ram_total: int | None) -> int | None:
    """The least memory limit of this process's control groups, in bytes.

    None where there is no limit, or none below the machine's own memory.
    """
    limits = [limit for limit in _limits(tree) if ram_total is None or limit < ram_total]
    return min(limits, default=None)


def _limits(tree: Tree) -> Iterator[int]:
    for line in (tree.text("/proc/self/cgroup") or "").splitlines():
        hierarchy, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if hierarchy == "0":
            base, name = "/sys/fs/cgroup", "memory.max"
        elif "memory" in controllers.split(","):
            base, name = "/sys/fs/cgroup/memory", "memory.limit_in_bytes"
        else:
            continue
        group = PurePosixPath("/" + path.replace("..", "").lstrip("/"))
        for folder in (group, *group.parents):
            limit = tree.text(f"{base}{folder}/{name}")
            if limit is not None and limit.isdecimal() and int(limit) < 1 << 60:  # v1's "no limit"
                yield int(limit)


def _first_process_container(tree: Tree) -> str | None:
    for entry in (tree.text("/proc/1/environ") or "").split("\0"):
        name, _, value = entry.partition("=")
        if name == "container":
            return value
    return None


def _root_mount(tree: Tree) -> str:
    for line in (tree.text("/proc/self/mountinfo") or "").splitlines():
        fields = line.split()
        if len(fields) > 4 and fields[4] == "/":
            return line
    return ""
