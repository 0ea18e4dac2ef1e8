"""One torch on one machine, many times: what every check together says of the pair.

Each row is a system, a card, a driver, a Python and a torch that somebody has had; the last field
names the rules that must find something from a warning on, and no other may.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from sdops.errors import Skip
from sdops.facts.types import Driver, Facts, Gpu, Libc, TorchBuild
from sdops.finding import Finding, Severity
from sdops.registry import Check, checks
from tests.checks.machines import FOLDER, facts_of

LINUX, WINDOWS, ARM = "linux", "windows", "arm"
BASE = {
    LINUX: "healthy-linux-rtx5090-comfyui",
    ARM: "healthy-linux-rtx5090-comfyui",
    WINDOWS: "healthy-windows-rtx4090-comfyui-portable",
}
NVIDIA = {
    "GTX 970": ("NVIDIA GeForce GTX 970", (5, 2)),
    "GTX 1080": ("NVIDIA GeForce GTX 1080", (6, 1)),
    "P100": ("Tesla P100-PCIE-16GB", (6, 0)),
    "V100": ("Tesla V100-SXM2-16GB", (7, 0)),
    "RTX 2080": ("NVIDIA GeForce RTX 2080", (7, 5)),
    "T4": ("Tesla T4", (7, 5)),
    "A100": ("NVIDIA A100-SXM4-80GB", (8, 0)),
    "RTX 3060": ("NVIDIA GeForce RTX 3060", (8, 6)),
    "Orin": ("Orin (nvgpu)", (8, 7)),
    "RTX 4090": ("NVIDIA GeForce RTX 4090", (8, 9)),
    "H100": ("NVIDIA H100 80GB HBM3", (9, 0)),
    "B200": ("NVIDIA B200", (10, 0)),
    "B300": ("NVIDIA B300 SXM6 AC", (10, 3)),
    "Thor": ("NVIDIA Thor", (11, 0)),
    "RTX 5090": ("NVIDIA GeForce RTX 5090", (12, 0)),
    "GB10": ("NVIDIA GB10", (12, 1)),
}
AMD = {
    "RX 6800": ("AMD Radeon RX 6800", "gfx1030"),
    "RX 7800 XT": ("AMD Radeon RX 7800 XT", "gfx1101"),
    "RX 7900 XTX": ("AMD Radeon RX 7900 XTX", "gfx1100"),
    "RX 9070 XT": ("AMD Radeon RX 9070 XT", "gfx1201"),
    "8060S": ("AMD Radeon 8060S Graphics", "gfx1151"),
    "MI300X": ("AMD Instinct MI300X", "gfx942"),
    "MI50": ("AMD Instinct MI50", "gfx906"),
}
HEALTHY = [
    # official builds
    (LINUX, "GTX 970", "580.95.05", "2.14.1+cu126"),
    (LINUX, "GTX 1080", "535.183.01", "2.6.0+cu124"),
    (LINUX, "GTX 1080", "580.95.05", "2.13.0+cu126"),
    (LINUX, "GTX 1080", "470.256.02", "2.3.1+cu118"),
    (WINDOWS, "GTX 1080", "581.57", "2.11.0+cu126"),
    (LINUX, "P100", "550.127.08", "2.7.1+cu126"),
    (LINUX, "V100", "575.51.03", "2.9.1+cu128"),
    (LINUX, "V100", "575.51.03", "2.10.0+cu129"),
    (WINDOWS, "V100", "576.02", "2.10.0+cu128"),
    (WINDOWS, "V100", "576.02", "2.8.0+cu128"),  # the sources disagree: nothing is said
    (LINUX, "RTX 2080", "595.58.03", "2.15.0+cu132"),
    (LINUX, "T4", "580.95.05", "2.12.0+cu130"),
    (LINUX, "A100", "550.127.08", "2.6.0+cu124"),
    (WINDOWS, "RTX 3060", "572.80", "2.7.0+cu128"),
    (LINUX, "RTX 4090", "610.43.02", "2.15.0"),
    (LINUX, "H100", "580.95.05", "2.13.0+cu130"),
    (LINUX, "B200", "580.95.05", "2.9.1+cu130"),
    (LINUX, "B300", "590.44.01", "2.10.0+cu130"),
    (WINDOWS, "RTX 5090", "591.44", "2.13.0+cu130"),
    (LINUX, "RTX 5090", "610.43.02", "2.15.0+cu132"),
    (ARM, "GB10", "580.95.05", "2.13.0+cu130"),
    (ARM, "GB10", "580.95.05", "2.9.1+cu130"),
    (ARM, "H100", "580.95.05", "2.12.0+cu126"),
    (LINUX, "RX 6800", None, "2.9.1+rocm6.4"),
    (LINUX, "RX 7800 XT", None, "2.10.0+rocm7.0"),
    (LINUX, "RX 7900 XTX", None, "2.5.1+rocm6.2"),
    (LINUX, "RX 9070 XT", None, "2.14.0+rocm10.0.0"),
    (LINUX, "8060S", None, "2.11.0+rocm7.2"),
    (LINUX, "MI300X", None, "2.4.1+rocm6.0"),
    (LINUX, "MI50", None, "2.7.1+rocm6.3"),
    (WINDOWS, "RX 7800 XT", None, "2.13.0+rocm10.0.0"),
    (WINDOWS, "RX 6800", None, "2.13.0+rocm10.0.0"),
    # nightly, containers of NVIDIA, Jetson, conda-forge, from source: nobody here knows their lists
    (LINUX, "RTX 5090", "610.43.02", "2.16.0.dev20261101+cu132"),
    (LINUX, "GTX 1080", "580.95.05", "2.16.0.dev20261101+cu126"),
    (LINUX, "V100", "580.95.05", "2.9.0a0+50eac811a6.nv25.09"),
    (LINUX, "B300", "590.44.01", "2.11.0a0+nv26.03"),
    (ARM, "Orin", None, "2.8.0"),
    (ARM, "Orin", None, "2.5.0a0+872d972e41.nv24.08"),
    (ARM, "Thor", "580.95.05", "2.9.0+cu130"),
    (LINUX, "GTX 1080", "580.95.05", "2.10.0+git1234567"),
]
BROKEN = [
    (LINUX, "GTX 970", "580.95.05", "2.11.0+cu130", "torch-lacks-architecture"),
    (LINUX, "GTX 1080", "580.95.05", "2.15.0", "torch-lacks-architecture"),
    (LINUX, "GTX 1080", "580.95.05", "2.8.0+cu128", "torch-lacks-architecture"),
    (WINDOWS, "GTX 1080", "581.57", "2.10.0+cu128", "torch-lacks-architecture"),
    (LINUX, "P100", "580.95.05", "2.12.0+cu132", "torch-lacks-architecture"),
    (LINUX, "V100", "580.95.05", "2.11.0+cu128", "torch-lacks-architecture"),
    (LINUX, "V100", "580.95.05", "2.7.1+cu128", "torch-lacks-architecture"),
    (WINDOWS, "V100", "581.57", "2.11.0+cu128", "torch-lacks-architecture"),
    (LINUX, "H100", "525.60.13", "1.13.1+cu117", "torch-lacks-architecture"),
    (LINUX, "B200", "570.26", "2.6.0+cu126", "torch-lacks-architecture"),
    (WINDOWS, "RTX 5090", "572.80", "2.6.0+cu124", "torch-lacks-architecture"),
    (LINUX, "RTX 5090", "575.51.03", "2.7.1+cu126", "torch-lacks-architecture"),
    (ARM, "GB10", "580.95.05", "2.13.0+cu126", "torch-lacks-architecture"),
    (LINUX, "RX 7800 XT", None, "2.4.1+rocm6.1", "hsa-override|torch-lacks-architecture"),
    (LINUX, "RX 9070 XT", None, "2.5.1+rocm6.2", "torch-lacks-architecture"),
    (LINUX, "8060S", None, "2.9.1+rocm6.4", "torch-lacks-architecture"),
    (LINUX, "8060S", None, "2.7.1+rocm6.3", "torch-lacks-architecture"),
    (LINUX, "RTX 4090", "470.256.02", "2.8.0+cu128", "driver-too-old"),
    (WINDOWS, "RTX 4090", "531.14", "2.11.0+cu130", "driver-too-old"),
    (WINDOWS, "RX 7800 XT", None, "2.11.0+cu130", "torch-wrong-vendor"),
    (WINDOWS, "RX 9070 XT", None, "2.9.1+cpu", "torch-cpu-build"),
    (LINUX, "RTX 4090", "580.95.05", "2.9.1+rocm6.4", "torch-wrong-vendor"),
    (LINUX, "RX 7900 XTX", None, "2.9.1+cu128", "torch-wrong-vendor"),
    (LINUX, "RTX 4090", "580.95.05", "2.9.1+cpu", "torch-cpu-build"),
]


def facts_for(system: str, card: str, driver: str | None, torch: str) -> Facts:
    facts = facts_of(FOLDER / f"{BASE[system]}.json")
    assert facts.python is not None
    name, target = NVIDIA.get(card) or AMD[card]
    gpu = replace(
        facts.gpus[0],
        name=name,
        vendor="nvidia" if card in NVIDIA else "amd",
        source="nvml" if card in NVIDIA else "kfd" if system != WINDOWS else "cim",
        compute_capability=target if card in NVIDIA else None,
        gfx=target if card in AMD and system != WINDOWS else None,
        integrated=card in ("8060S", "Orin", "GB10", "Thor"),
        pcie=None,
    )
    build = built(torch)
    family = tuple(
        dist
        for dist in facts.python.distributions
        if dist.name not in ("torchvision", "torchaudio", "xformers")
    )
    arm = system == ARM
    return replace(
        facts,
        gpus=(gpu,),
        drivers=drivers(gpu, driver, system),
        host=replace(
            facts.host,
            machine="arm64" if arm else facts.host.machine,
            kernel="5.15.148-tegra" if card == "Orin" else facts.host.kernel,
            vc_runtime="14.44.35211.0" if system == WINDOWS else None,
        ),
        python=replace(
            facts.python,
            version="3.12.9" if not torch.startswith("1.") else "3.10.6",
            machine="arm64" if arm else facts.python.machine,
            torch=build,
            torchvision=None,
            torchaudio=None,
            xformers=None,
            distributions=family,
        ),
        ui=replace(facts.ui, arguments=()) if facts.ui else None,
    )


def built(version: str) -> TorchBuild:
    """What `torch/version.py` of such a build says."""
    label = version.partition("+")[2]
    if label.startswith("cu"):
        return TorchBuild("torch", version, cuda=f"{label[2:4]}.{label[4:]}")
    if label.startswith("rocm"):
        return TorchBuild("torch", version, hip=f"{label[4:]}.41134")
    if label == "cpu":
        return TorchBuild("torch", version)
    usual = {"2.15.0": "13.2", "2.8.0": "12.6"}
    return TorchBuild(
        "torch", version, cuda=usual.get(version, "13.0" if "a0" in version else "12.6")
    )


def drivers(gpu: Gpu, version: str | None, system: str) -> tuple[Driver, ...]:
    if gpu.vendor == "nvidia":
        return (Driver("nvidia", "nvidia", version, loaded=True),)
    if system == WINDOWS:
        return (Driver("amd", "amdwddmg", "32.0.22029.1019"),)
    return (Driver("amd", "amdgpu", None, loaded=True),)


def found(facts: Facts) -> set[str]:
    """The rules that find something from a warning on."""
    findings = (each for check in checks() for each in judged(check, facts))
    return {finding.rule for finding in findings if finding.severity >= Severity.WARNING}


def judged(check: Check, facts: Facts) -> tuple[Finding, ...]:
    try:
        return tuple(check.judge(facts))
    except Skip:
        return ()


@pytest.mark.parametrize("row", HEALTHY, ids=lambda row: "-".join(map(str, row)).replace(" ", "_"))
def test_healthy(row):
    assert found(facts_for(*row)) == set()


@pytest.mark.parametrize("row", BROKEN, ids=lambda row: "-".join(map(str, row)).replace(" ", "_"))
def test_broken(row):
    *pair, rules = row
    assert found(facts_for(*pair)) & set(rules.split("|"))


def test_conda_and_old_systems():
    facts = facts_for(LINUX, "GTX 1080", "580.95.05", "2.10.0")
    assert facts.python is not None
    conda = replace(facts.python, kind="conda", torch=TorchBuild("torch", "2.10.0", cuda="12.9"))
    assert found(replace(facts, python=conda)) == set()
    alma = replace(facts.host, libc=Libc("glibc", "2.28"), distribution="almalinux")
    assert found(replace(facts, host=alma, python=conda)) == set()
