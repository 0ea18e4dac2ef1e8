"""Which GPUs the environment hides."""

from __future__ import annotations

import pytest

from sdops.facts.gpu import masks
from sdops.facts.types import Gpu

OLD = Gpu(0, "nvidia", "GTX 1660", "nvml", uuid="GPU-1660aaaa-1", compute_capability=(7, 5))
NEW = Gpu(1, "nvidia", "RTX 5090", "nvml", uuid="GPU-5090aaaa-1", compute_capability=(12, 0))
TWINS = tuple(Gpu(i, "nvidia", "RTX 3090", "nvml", uuid=f"GPU-{i}0000000-1") for i in range(3))
AMD = (Gpu(0, "amd", "iGPU", "kfd", gfx="gfx1036"), Gpu(1, "amd", "RX 7900 XTX", "kfd"))
INTEL = (Gpu(0, "intel", "UHD 770", "sysfs"), Gpu(1, "intel", "Arc A770", "sysfs"))


def visible(gpus, environment):
    return [gpu.visible for gpu in masks.apply(gpus, environment).value]


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        (None, [True, True, True]),
        ("", [False, False, False]),
        ("-1", [False, False, False]),
        ("0", [True, False, False]),
        ("2,0", [True, False, True]),
        ("1,7,0", [False, True, False]),  # what follows a wrong number is hidden
        ("0,-1,1", [True, False, False]),
        ("GPU-1", [False, True, False]),  # an abbreviation
        ("GPU-", [False, False, False]),  # not unique
        ("GPU-9", [False, False, False]),
        ("none", [False, False, False]),
        (" 1 , 2 ", [False, True, True]),
        ("NoDevFiles", [False, False, False]),
        ("0,0", [True, False, False]),
    ],
)
def test_cuda(mask, expected):
    environment = {} if mask is None else {"CUDA_VISIBLE_DEVICES": mask}
    assert visible(TWINS, environment) == expected


def test_cuda_numbers_the_fastest_first():
    masked = masks.apply((OLD, NEW), {"CUDA_VISIBLE_DEVICES": "0"})
    assert [gpu.visible for gpu in masked.value] == [False, True]
    assert "guess" in masked.gaps[0].reason
    by_bus = {"CUDA_VISIBLE_DEVICES": "0", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    assert visible((OLD, NEW), by_bus) == [True, False]
    by_uuid = masks.apply((OLD, NEW), {"CUDA_VISIBLE_DEVICES": "GPU-1660"})
    assert [gpu.visible for gpu in by_uuid.value] == [True, False]
    assert by_uuid.gaps == ()


def test_mig_of_a_parent():
    environment = {"CUDA_VISIBLE_DEVICES": "MIG-GPU-10000000-1/7/0"}
    assert visible(TWINS, environment) == [False, True, False]


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"HIP_VISIBLE_DEVICES": "1"}, [False, True]),
        ({"HIP_VISIBLE_DEVICES": ""}, [True, True]),  # HIP takes empty for unset
        ({"HIP_VISIBLE_DEVICES": "-1"}, [False, False]),
        ({"CUDA_VISIBLE_DEVICES": "0"}, [True, False]),  # HIP reads CUDA's too
        ({"ROCR_VISIBLE_DEVICES": "1", "HIP_VISIBLE_DEVICES": "0"}, [False, True]),
        ({"ROCR_VISIBLE_DEVICES": ""}, [False, False]),
        ({}, [True, True]),
    ],
)
def test_hip(environment, expected):
    assert visible(AMD, environment) == expected


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"ZE_AFFINITY_MASK": "1"}, [False, True]),
        ({"ZE_AFFINITY_MASK": "1.0,0.1"}, [True, True]),
        ({"ONEAPI_DEVICE_SELECTOR": "level_zero:0"}, [True, False]),
        ({"ONEAPI_DEVICE_SELECTOR": "*:gpu"}, [True, True]),
        ({"ONEAPI_DEVICE_SELECTOR": "opencl:cpu"}, [False, False]),
        ({"ONEAPI_DEVICE_SELECTOR": "level_zero:*;!level_zero:0"}, [False, True]),
        ({"ONEAPI_DEVICE_SELECTOR": "cuda:*"}, [False, False]),
    ],
)
def test_intel(environment, expected):
    assert visible(INTEL, environment) == expected


def test_a_mask_of_one_vendor_leaves_the_others():
    gpus = (*TWINS, *INTEL)
    environment = {"CUDA_VISIBLE_DEVICES": "-1", "HIP_VISIBLE_DEVICES": "-1"}
    assert visible(gpus, environment) == [False, False, False, True, True]
