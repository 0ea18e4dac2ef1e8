"""Which container, and how much memory it may use, from what containers really show."""

from __future__ import annotations

import pytest

from sdops.facts.host import containers
from tests.machine import record

GIB = 1024**3
DOCKER_V2_MOUNTS = (
    "1015 942 0:198 / / rw,relatime master:310 - overlay overlay rw,lowerdir=/var/lib/docker/"
    "overlay2/l/5QZ:/var/lib/docker/overlay2/l/7XN,upperdir=/var/lib/docker/overlay2/x/diff\n"
    "1016 1015 0:201 / /proc rw,nosuid - proc proc rw\n"
)
HOST_MOUNTS = (
    "29 1 259:2 / / rw,relatime shared:1 - ext4 /dev/nvme0n1p2 rw\n"
    "310 29 0:198 / /var/lib/docker/overlay2/x/merged rw - overlay overlay rw,lowerdir=/var/lib\n"
)


@pytest.mark.parametrize(
    ("files", "environment", "kind"),
    [
        ({"/.dockerenv": "", "/proc/1/cgroup": "0::/"}, {}, "docker"),
        ({"/proc/1/cgroup": "0::/", "/proc/self/mountinfo": DOCKER_V2_MOUNTS}, {}, "docker"),
        ({"/proc/1/cgroup": "12:memory:/docker/3f4e5a\n"}, {}, "docker"),
        ({"/run/.containerenv": 'engine="podman-4.9.3"'}, {}, "podman"),
        ({"/proc/1/cgroup": "0::/"}, {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, "kubernetes"),
        ({"/proc/1/cgroup": "11:memory:/kubepods/burstable/pod1/ab"}, {}, "kubernetes"),
        ({"/proc/1/environ": "TERM=linux\0container=lxc\0"}, {}, "lxc"),
        ({"/run/systemd/container": "systemd-nspawn\n"}, {}, "other"),
        ({"/run/systemd/container": "wsl\n", "/proc/1/cgroup": "0::/"}, {}, None),
        ({"/proc/1/cgroup": "0::/init.scope", "/proc/self/mountinfo": HOST_MOUNTS}, {}, None),
        ({}, {}, None),
    ],
)
def test_kind(tmp_path, files, environment, kind):
    assert containers.kind(record(tmp_path, files), environment) == kind


@pytest.mark.parametrize(
    ("files", "limit"),
    [
        # cgroup v2 in a container: its own group is the root that it sees.
        (
            {"/proc/self/cgroup": "0::/", "/sys/fs/cgroup/memory.max": f"{4 * GIB}\n"},
            4 * GIB,
        ),
        ({"/proc/self/cgroup": "0::/", "/sys/fs/cgroup/memory.max": "max\n"}, None),
        # cgroup v2 on a host: a parent's limit counts too.
        (
            {
                "/proc/self/cgroup": "0::/user.slice/user-1000.slice/app.scope",
                "/sys/fs/cgroup/user.slice/user-1000.slice/app.scope/memory.max": "max",
                "/sys/fs/cgroup/user.slice/user-1000.slice/memory.max": str(8 * GIB),
            },
            8 * GIB,
        ),
        # cgroup v1 in a container: the path is the host's, the limit is at the mount's root.
        (
            {
                "/proc/self/cgroup": "9:memory:/docker/3f4e5a\n0::/system.slice\n",
                "/sys/fs/cgroup/memory/memory.limit_in_bytes": str(2 * GIB),
            },
            2 * GIB,
        ),
        # cgroup v1 without a limit.
        (
            {
                "/proc/self/cgroup": "9:cpu,memory:/\n",
                "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712",
            },
            None,
        ),
        # A limit above the machine's memory is none.
        (
            {"/proc/self/cgroup": "0::/", "/sys/fs/cgroup/memory.max": str(64 * GIB)},
            None,
        ),
        ({"/proc/self/cgroup": "0::/../../../etc"}, None),
        ({"/proc/self/cgroup": "garbage\n::\n\n"}, None),
        ({}, None),
    ],
)
def test_memory_limit(tmp_path, files, limit):
    assert containers.memory_limit(record(tmp_path, files), 32 * GIB) == limit
