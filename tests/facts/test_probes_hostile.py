"""No text that a program or a file may hold takes a probe down."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdops.facts import git_config
from sdops.facts.gpu import apple, masks, nvidia_smi, nvml, windows, xids
from sdops.facts.host import containers, disks, processor, system, tcmalloc
from sdops.facts.network import ports
from sdops.facts.network.firewalls import firewalld, iptables, nftables, ufw
from sdops.facts.network.firewalls import windows as windows_firewall
from sdops.facts.tree import Tree
from sdops.facts.types import Firewall, Gpu
from sdops.programs.process import ProbeError
from tests.machine import record

STEADY = settings(deadline=None)
"""Other work on the same machine is no failure."""

PIECES = st.sampled_from(
    ["index, name", "0, X", "²", "0x", "[N/A]", "9" * 40, "\0", "\n", "\t", '"', "'", "{", "}", ",",
     "### tuple ### allow tcp 99999999 0.0.0.0/0 any 0.0.0.0/0 in", "-A INPUT -p tcp --dport ",
     "NVRM: Xid (PCI:0000:01:00): 79, x", "6,1,²,-;", "processor: 0", "core id: ²", "a" * 132_000,
     '{"gpu": 0, "call": "name", "value": [1]}', '{"gpu": null, "call": "init", "value": null}',
     '{"nftables": [{"chain": 3}]}', '{"controllers": [1], "adapters": {}}', "[section", "=", "\\"]
)  # fmt: skip
HOSTILE = st.lists(st.one_of(PIECES, st.text(max_size=30)), max_size=8).map("".join)

RECORDED = ("/proc/self/cgroup", "/proc/1/cgroup", "/proc/1/environ", "/etc/os-release",
            "/proc/self/mountinfo", "/proc/sys/kernel/osrelease",
            "/sys/fs/cgroup/memory.max")  # fmt: skip

READERS = (
    lambda text: nvidia_smi.interpret(text, text),
    lambda text: nvidia_smi.interpret(f"index, name, memory.total [MiB]\n{text}", text),
    nvml.interpret,
    lambda text: xids.from_kmsg(text, 1.0),
    lambda text: xids.from_journal(text, 1.0),
    lambda text: processor.from_cpuinfo(text, Tree(), None),
    lambda text: processor.from_sysctl(text, None),
    disks.mounted,
    tcmalloc.candidates,
    ports.parse,
    lambda text: ufw.interpret(text, "deny"),
    firewalld.from_program,
    lambda text: windows_firewall.interpret([text], "public", True, "deny"),
    windows.nvidia_version,
    lambda text: list(git_config.parse(text)),
)


@pytest.mark.parametrize("read", READERS)
@STEADY
@given(text=HOSTILE)
def test_readers_of_text_never_raise(read, text):
    assert read(text) is not None


@pytest.mark.parametrize(
    "read", [apple.interpret, windows.interpret, nftables.interpret, iptables.interpret]
)
@STEADY
@given(text=st.one_of(HOSTILE, PIECES))
def test_readers_of_documents_raise_probe_errors_only(read, text):
    with contextlib.suppress(ProbeError):
        assert isinstance(read(text), (tuple, Firewall, windows.WindowsGpus))


@STEADY
@given(text=HOSTILE)
def test_recorded_files_may_hold_anything(text, tmp_path_factory):
    root = tmp_path_factory.mktemp("tree")
    tree = record(root, dict.fromkeys(RECORDED, text.replace("-> ", "")))
    assert containers.kind(tree, {}) in (None, "docker", "podman", "kubernetes", "lxc", "other")
    assert containers.memory_limit(tree, 1 << 34) is None or text
    assert system.wsl(tree) in (None, 1, 2)
    assert isinstance(system.os_release(tree), dict)


@STEADY
@given(mask=st.text(max_size=20))
def test_any_mask(mask):
    gpus = tuple(Gpu(i, v, "X", "nvml") for v in ("nvidia", "amd", "intel") for i in range(2))
    names = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES",
             "ZE_AFFINITY_MASK", "ONEAPI_DEVICE_SELECTOR")  # fmt: skip
    assert len(masks.apply(gpus, dict.fromkeys(names, mask)).value) == len(gpus)
