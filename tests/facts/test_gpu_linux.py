"""GPUs as Linux's own files show them, on recorded machines."""

from __future__ import annotations

import pytest

from sdops.facts.gpu import drivers, kfd, pci
from tests.machine import record

GIB = 1024**3
DEVICES = "/sys/bus/pci/devices"
AMD = f"{DEVICES}/0000:03:00.0"
RX_6800 = {
    f"{AMD}/class": "0x030000\n",
    f"{AMD}/vendor": "0x1002\n",
    f"{AMD}/device": "0x73bf\n",
    f"{AMD}/driver": "-> ../../../../bus/pci/drivers/amdgpu",
    f"{AMD}/mem_info_vram_total": str(16 * GIB),
    f"{AMD}/mem_info_vram_used": str(1 * GIB),
    f"{AMD}/current_link_speed": "2.5 GT/s PCIe\n",
    f"{AMD}/current_link_width": "16\n",
    f"{AMD}/max_link_speed": "16.0 GT/s PCIe\n",
    f"{AMD}/max_link_width": "16\n",
    f"{AMD}/hwmon/hwmon3/temp1_input": "47000\n",
    f"{AMD}/hwmon/hwmon3/power1_average": "31000000\n",
    f"{AMD}/hwmon/hwmon3/power1_cap": "203000000\n",
    f"{AMD}/hwmon/hwmon3/power1_cap_default": "203000000\n",
    "/opt/rocm/.info/version": "6.1.2-119\n",
    "/dev/kfd": "",
    "/dev/dri/renderD128": "",
    "/sys/class/drm/renderD128/device/vendor": "0x1002",
}
KFD_CPU = "cpu_cores_count 24\nsimd_count 0\ngfx_target_version 0\n"
KFD_6800 = (
    "cpu_cores_count 0\nsimd_count 144\ngfx_target_version 100300\nvendor_id 4098\n"
    "device_id 29631\nlocation_id 768\ndomain 0\nunique_id 7034521637849034511\n"
)
NODES = kfd.NODES
NOUVEAU = f"{DEVICES}/0000:01:00.0"
RTX_3060 = {
    f"{NOUVEAU}/class": "0x030000",
    f"{NOUVEAU}/vendor": "0x10de",
    f"{NOUVEAU}/device": "0x2503",
}
INTEL = {
    f"{DEVICES}/0000:00:02.0/class": "0x030000",
    f"{DEVICES}/0000:00:02.0/vendor": "0x8086",
    f"{DEVICES}/0000:00:02.0/device": "0x4680",
    f"{DEVICES}/0000:00:02.0/driver": "-> /sys/bus/pci/drivers/i915",
    f"{DEVICES}/0000:03:00.0/class": "0x030000",
    f"{DEVICES}/0000:03:00.0/vendor": "0x8086",
    f"{DEVICES}/0000:03:00.0/device": "0x56a0",
    f"{DEVICES}/0000:03:00.0/driver": "-> /sys/bus/pci/drivers/xe",
}
NO_GPU = {
    f"{DEVICES}/0000:00:01.0/class": "0x030000",  # a virtual machine's display
    f"{DEVICES}/0000:00:01.0/vendor": "0x1234",
    f"{DEVICES}/0000:00:01.0/device": "0x1111",
    f"{DEVICES}/0000:01:00.1/class": "0x040300",  # a graphics card's sound
    f"{DEVICES}/0000:01:00.1/vendor": "0x10de",
    f"{DEVICES}/0000:01:00.1/device": "0x228e",
    f"{DEVICES}/0000:05:00.0/class": "garbage",
}


def test_amd_with_amdgpu(tmp_path):
    (found,) = pci.look(record(tmp_path, RX_6800))
    gpu = found.gpu
    assert found.driver == "amdgpu"
    assert (gpu.vendor, gpu.pci_id, gpu.pci_bus) == ("amd", "1002:73bf", "0000:03:00.0")
    assert "RX 6800" in gpu.name
    assert gpu.gfx == "gfx1030"
    assert gpu.integrated is False
    assert (gpu.vram_total_bytes, gpu.vram_free_bytes) == (16 * GIB, 15 * GIB)
    assert (gpu.temperature_c, gpu.power_w, gpu.power_limit_w) == (47, 31.0, 203.0)
    assert gpu.pcie is not None
    assert (gpu.pcie.generation, gpu.pcie.max_generation, gpu.pcie.width) == (1, 4, 16)


def test_kfd_tells_target_and_number(tmp_path):
    files = {
        f"{NODES}/0/properties": KFD_CPU,
        f"{NODES}/1/properties": KFD_6800,
    }
    tree = record(tmp_path, {**RX_6800, **files})
    (gpu,) = kfd.refine([found.gpu for found in pci.look(tree)], tree)
    assert (gpu.source, gpu.gfx, gpu.index) == ("kfd", "gfx1030", 0)
    assert gpu.uuid == f"GPU-{7034521637849034511:016x}"


@pytest.mark.parametrize(
    ("version", "target"),
    [("90010", "gfx90a"), ("90402", "gfx942"), ("110003", "gfx1103"), ("80003", "gfx803")],
)
def test_kfd_targets(tmp_path, version, target):
    properties = KFD_6800.replace("100300", version)
    tree = record(tmp_path, {**RX_6800, f"{NODES}/1/properties": properties})
    (gpu,) = kfd.refine([found.gpu for found in pci.look(tree)], tree)
    assert gpu.gfx == target


def test_kfd_garbage_changes_nothing(tmp_path):
    files = {f"{NODES}/1/properties": "simd_count\nlocation_id x y z\n\0\xff"}
    tree = record(tmp_path, {**RX_6800, **files})
    gpus = tuple(found.gpu for found in pci.look(tree))
    assert kfd.refine(gpus, tree) == gpus


def test_amd_driver(tmp_path):
    tree = record(tmp_path, RX_6800)
    (driver,) = drivers.look(pci.look(tree), tree)
    assert (driver.vendor, driver.name, driver.rocm) == ("amd", "amdgpu", "6.1.2")
    assert driver.loaded is True
    assert driver.device_nodes == ("/dev/kfd", "/dev/dri/renderD128")
    assert driver.denied_nodes == ()


def test_nvidia_card_under_nouveau(tmp_path):
    driver_link = {f"{NOUVEAU}/driver": "-> /sys/bus/pci/drivers/nouveau"}
    tree = record(tmp_path, {**RTX_3060, **driver_link})
    (found,) = pci.look(tree)
    assert "RTX 3060" in found.gpu.name
    assert found.gpu.compute_capability == (8, 6)
    (driver,) = drivers.look([found], tree)
    assert (driver.name, driver.loaded, driver.version) == ("nouveau", True, None)


def test_nvidia_card_without_any_driver(tmp_path):
    tree = record(tmp_path, RTX_3060)
    (driver,) = drivers.look(pci.look(tree), tree)
    assert (driver.name, driver.loaded) == ("nvidia", False)


@pytest.mark.parametrize(
    "text",
    [
        "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.183.01  Sun May 12 19:39 2024\n",
        "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  535.183.01  Release Build  (x@y)",
    ],
)
def test_nvidia_version_of_the_kernel_module(tmp_path, text):
    tree = record(tmp_path, {"/proc/driver/nvidia/version": text, "/dev/nvidia0": ""})
    (driver,) = drivers.look((), tree)
    assert driver.version == "535.183.01"
    assert driver.loaded is True
    assert driver.device_nodes == ("/dev/nvidia0",)


def test_intel_integrated_and_discrete(tmp_path):
    integrated, discrete = pci.look(record(tmp_path, INTEL))
    assert (integrated.gpu.integrated, discrete.gpu.integrated) == (True, False)
    assert (integrated.gpu.index, discrete.gpu.index) == (0, 1)
    assert discrete.gpu.name == "Intel Arc A770"
    assert discrete.driver == "xe"


def test_what_is_no_gpu(tmp_path):
    assert pci.look(record(tmp_path, NO_GPU)) == ()


def test_unknown_card_is_named_by_the_system_or_by_number(tmp_path):
    card = {
        f"{NOUVEAU}/class": "0x030200",
        f"{NOUVEAU}/vendor": "0x10de",
        f"{NOUVEAU}/device": "0xfffe",
    }
    (found,) = pci.look(record(tmp_path / "bare", card))
    assert found.gpu.name == "NVIDIA GPU 10de:fffe"
    ids = (
        "# comment\n1002  AMD/ATI\n\tfffe  Not this\n10de  NVIDIA Corporation\n"
        "\tfffd  GX999\n\tfffe  GX900 [GeForce RTX 9090]\n\t\t1043 0001  A board\n11de  Other\n"
        "\tfffe  Nor this\n"
    )
    (found,) = pci.look(record(tmp_path / "ids", {**card, "/usr/share/misc/pci.ids": ids}))
    assert found.gpu.name == "NVIDIA GeForce RTX 9090"


def test_data_centre_amd(tmp_path):
    accelerator = {
        f"{AMD}/class": "0x120000",
        f"{AMD}/vendor": "0x1002",
        f"{AMD}/device": "0x74a1",
    }
    (found,) = pci.look(record(tmp_path, accelerator))
    assert "MI300X" in found.gpu.name
    assert found.gpu.gfx == "gfx942"
