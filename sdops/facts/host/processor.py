"""The processor: its name, its cores and the instruction sets that matter to torch and numpy."""

from __future__ import annotations

import os
import platform
import sys

from sdops.facts.host import windows
from sdops.facts.tree import Tree
from sdops.facts.types import Cpu
from sdops.programs.process import program, run

_FEATURES = ("sse4_1", "sse4_2", "ssse3", "avx", "avx2", "f16c", "fma", "avx512f", "avx512_bf16",
             "amx_bf16", "neon", "fphp", "bf16", "sve")  # fmt: skip
_SYSCTL_NAMES = {"sse4.1": "sse4_1", "sse4.2": "sse4_2", "avx1.0": "avx", "asimd": "neon"}
_SYSCTL_KEYS = ("machdep.cpu.brand_string", "machdep.cpu.features", "machdep.cpu.leaf7_features",
                "hw.physicalcpu", "hw.optional.neon", "hw.optional.arm.FEAT_BF16")  # fmt: skip


def look(tree: Tree) -> Cpu:
    """This machine's processor.

    Raises:
        ProbeError: macOS does not answer.
    """
    if sys.platform == "win32":
        import psutil

        name = windows.processor_name() or platform.processor()
        cores = psutil.cpu_count(logical=False)
        return Cpu(name, os.cpu_count(), cores, windows.processor_features())
    if sys.platform == "darwin":
        output = run([program("sysctl"), *_SYSCTL_KEYS]).stdout
        return from_sysctl(output, os.cpu_count())
    return from_cpuinfo(tree.text("/proc/cpuinfo") or "", tree, os.cpu_count())


def from_cpuinfo(text: str, tree: Tree, logical_cores: int | None) -> Cpu:
    """The processor as Linux describes it in /proc/cpuinfo."""
    fields: dict[str, str] = {}
    cores: set[tuple[str, str]] = set()
    socket = ""
    for line in text.splitlines():
        key, _, value = (part.strip() for part in line.partition(":"))
        fields.setdefault(key, value)
        if key == "physical id":
            socket = value
        elif key == "core id":
            cores.add((socket, value))
    board = tree.text("/sys/firmware/devicetree/base/model")
    name = fields.get("model name") or fields.get("Model") or board or platform.machine()
    flags = fields.get("flags", fields.get("Features", ""))
    return Cpu(name, logical_cores, len(cores) or None, _features(flags))


def from_sysctl(text: str, logical_cores: int | None) -> Cpu:
    """The processor as macOS describes it through sysctl(8)."""
    lines = (line.partition(":") for line in text.splitlines())
    fields = {key.strip(): value.strip() for key, _, value in lines}
    flags = [
        *fields.get("machdep.cpu.features", "").split(),
        *fields.get("machdep.cpu.leaf7_features", "").split(),
        *(["neon"] if fields.get("hw.optional.neon") == "1" else []),
        *(["bf16"] if fields.get("hw.optional.arm.FEAT_BF16") == "1" else []),
    ]
    cores = fields.get("hw.physicalcpu", "")
    name = fields.get("machdep.cpu.brand_string") or platform.machine()
    return Cpu(
        name, logical_cores, int(cores) if cores.isdecimal() else None, _features(" ".join(flags))
    )


def _features(flags: str) -> tuple[str, ...]:
    present = {_SYSCTL_NAMES.get(flag, flag) for flag in flags.lower().split()}
    return tuple(feature for feature in _FEATURES if feature in present)
