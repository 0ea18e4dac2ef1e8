"""The torch that fits: by compute capability, driver, Python and system; refusals with a reason."""

import pytest

from sdops.facts.types import Driver, Gpu, Host, Libc
from sdops.knowledge.torch_plan import Refusal, TorchPlan, choose

LINUX = Host("linux", "Ubuntu 24.04", "x86_64", libc=Libc("glibc", "2.39"))
WINDOWS = Host("windows", "Windows 11", "x86_64")
MAC = Host("macos", "macOS 15", "arm64")


def nvidia(name, capability=None):
    return Gpu(0, "nvidia", name, "nvml", compute_capability=capability)


def driver(version, cuda=None):
    return Driver("nvidia", "nvidia", version, cuda, loaded=True)


RTX_3060 = nvidia("NVIDIA GeForce RTX 3060", (8, 6))
RTX_5090 = nvidia("NVIDIA GeForce RTX 5090", (12, 0))
GTX_1070 = nvidia("NVIDIA GeForce GTX 1070", (6, 1))
TITAN_V = nvidia("NVIDIA TITAN V", (7, 0))


@pytest.mark.parametrize(
    ("host", "cards", "gpu_driver", "python", "near", "torch", "variant"),
    [
        (LINUX, [RTX_3060], driver("580.95.05"), "3.12.3", None, "2.15.0", "cu130"),
        (LINUX, [RTX_3060], driver("580.95.05"), "3.10.6", None, "2.14.1", "cu130"),
        (LINUX, [RTX_3060], driver("550.127.08"), "3.12.3", None, "2.14.1", "cu126"),
        (LINUX, [RTX_3060], driver("470.256.02"), "3.10.6", None, "2.7.1", "cu118"),
        (LINUX, [RTX_3060], None, "3.12.3", None, "2.15.0", "cu132"),
        (WINDOWS, [RTX_3060], driver("560.94"), "3.10.6", "2.1.2", "2.1.2", "cu121"),
        (WINDOWS, [RTX_5090], driver("572.80"), "3.10.6", "2.1.2", "2.7.0", "cu128"),
        (LINUX, [GTX_1070], driver("580.95.05"), "3.12.3", None, "2.14.1", "cu126"),
        (LINUX, [GTX_1070], driver("595.58.03"), "3.12.3", "2.15.0", "2.14.1", "cu126"),
        (LINUX, [GTX_1070], driver("580.95.05"), "3.12.3", "2.13.0+cu130", "2.13.0", "cu126"),
        (WINDOWS, [TITAN_V], driver("576.02"), "3.11.9", "2.8.0", "2.8.0", "cu126"),
        (LINUX, [TITAN_V], driver("575.51.03"), "3.11.9", "2.8.0", "2.8.0", "cu129"),
        (LINUX, [RTX_5090, GTX_1070], driver("580.95.05"), "3.12.3", None, "2.15.0", "cu130"),
        (LINUX, [RTX_3060, GTX_1070], driver("580.95.05"), "3.12.3", None, "2.14.1", "cu126"),
        (LINUX, [nvidia("Tesla K80", (3, 7))], driver("470.256"), "3.10.6", None, "2.4.1", "cu118"),
        (LINUX, [], None, "3.12.3", None, "2.15.0", "cpu"),
        (LINUX, [nvidia("NVIDIA GeForce GTX 1060 6GB")], None, "3.12.3", None, "2.14.1", "cu126"),
        (WINDOWS, [TITAN_V], driver("576.02"), "3.11.9", "2.10.0", "2.10.0", "cu128"),
    ],
)
def test_nvidia_and_cpu(host, cards, gpu_driver, python, near, torch, variant):
    plan = choose(host, cards, gpu_driver, python, near=near)
    assert isinstance(plan, TorchPlan), plan
    assert (plan.torch, plan.variant) == (torch, variant)
    assert plan.index_url == f"https://download.pytorch.org/whl/{variant}"
    assert plan.reason


def test_under_wsl_the_windows_driver_counts():
    wsl = Host("linux", "Ubuntu", "x86_64", wsl=2)
    plan = choose(wsl, [RTX_3060], driver("572.16"), "3.10.12", near="2.7.1")
    assert plan.variant == "cu128"


def test_a_card_that_is_left_out_is_named():
    plan = choose(LINUX, [GTX_1070, RTX_5090], driver("580.95.05"), "3.12.3")
    assert any("GTX 1070" in note for note in plan.notes)


def test_a_missing_driver_is_named():
    plan = choose(LINUX, [RTX_3060], None, "3.12.3")
    assert any("driver" in note for note in plan.notes)


def amd(name, gfx=None):
    return Gpu(0, "amd", name, "kfd", gfx=gfx)


def test_amd_on_linux():
    plan = choose(LINUX, [amd("Radeon RX 7900 XTX", "gfx1100")], None, "3.12.3")
    assert plan.variant.startswith("rocm")
    assert plan.device == "cuda"
    assert plan.notes == ()


def test_amd_with_an_override():
    plan = choose(LINUX, [amd("Radeon RX 6700 XT")], None, "3.12.3")
    assert plan.variant.startswith("rocm")
    assert any("HSA_OVERRIDE_GFX_VERSION=10.3.0" in note for note in plan.notes)


@pytest.mark.parametrize(
    ("host", "card", "word"),
    [
        (LINUX, nvidia("NVIDIA GeForce GTX 780", (3, 5)), "Kepler"),
        (LINUX, amd("Radeon RX 580", "gfx803"), "ROCm"),
        (WINDOWS, amd("AMD Radeon RX 5700 XT"), "Neither PyTorch nor AMD"),
        (LINUX, nvidia("NVIDIA Card of tomorrow"), "does not know"),
        (LINUX, nvidia("NVIDIA Card of tomorrow", (19, 0)), "has code for"),
    ],
)
def test_refusal_says_why_and_offers_the_processor(host, card, word):
    plan = choose(host, [card], driver("470.256.02"), "3.12.3")
    assert isinstance(plan, Refusal)
    assert word in plan.reason
    assert plan.instead.variant == "cpu"


def test_nothing_for_this_python():
    assert isinstance(choose(LINUX, [], None, "3.6.9"), Refusal)
    assert choose(LINUX, [], None, "3.99").instead is None


def test_musl():
    alpine = Host("linux", "Alpine", "x86_64", libc=Libc("musl", "1.2.5"))
    assert "musl" in choose(alpine, [RTX_3060], None, "3.12.3").reason


def test_macs():
    card = Gpu(0, "apple", "Apple M3", "system_profiler")
    plan = choose(MAC, [card], None, "3.12.3")
    assert (plan.device, plan.index_url, plan.torch) == ("mps", None, "2.15.0")
    old = choose(MAC, [card], None, "3.10.6", machine="x86_64")
    assert (old.device, old.torch) == ("cpu", "2.2.2")


def test_intel():
    arc = Gpu(0, "intel", "Intel(R) Arc(TM) A770 Graphics", "cim")
    assert choose(WINDOWS, [arc], None, "3.11.9").variant == "xpu"
    old = Gpu(0, "intel", "Intel UHD Graphics 630", "cim", integrated=True)
    assert choose(WINDOWS, [old], None, "3.11.9").variant == "cpu"


def test_an_integrated_gpu_does_not_decide():
    raphael = amd("AMD Radeon Graphics (Raphael)", "gfx1036")
    plan = choose(LINUX, [raphael, RTX_3060], driver("580.95.05"), "3.12.3")
    assert plan.variant == "cu130"


def test_pip_arguments():
    plan = choose(LINUX, [RTX_3060], driver("550.127.08"), "3.10.6", near="2.5.1")
    assert plan.pip_arguments(("torch", "torchvision", "torchaudio")) == (
        "torch==2.5.1",
        "torchvision==0.20.1",
        "torchaudio==2.5.1",
        "--index-url",
        "https://download.pytorch.org/whl/cu124",
    )


def test_torchaudio_is_left_out_where_its_index_has_none():
    plan = choose(LINUX, [RTX_3060], driver("610.43.02"), "3.12.3", near="2.13.0")
    assert (plan.variant, plan.torchaudio) == ("cu132", None)
    assert plan.requirements(("torch", "torchaudio")) == ("torch==2.13.0",)


def test_releases_that_are_not_confirmed_come_last():
    assert choose(LINUX, [], None, "3.15.0").torch == "2.15.0"
    assert choose(LINUX, [], None, "3.12.3", near="2.14.1").torch == "2.14.1"


def test_amd_on_windows_has_wheels_of_its_own():
    plan = choose(WINDOWS, [amd("AMD Radeon RX 7800 XT")], None, "3.13.2", near="2.9.1")
    assert plan.pip_arguments(("torch", "torchvision", "torchaudio")) == (
        "torch[device-gfx1101]==2.13.0+rocm10.0.0",
        "torchvision[device-gfx1101]==0.28.0+rocm10.0.0",
        "torchaudio==2.11.0.2+rocm10.0.0",
        "--index-url",
        "https://stable.repo.amd.com/rocm/whl-next/",
    )
    assert any("driver" in note for note in plan.notes)
    for python in ("3.10.6", "3.14.0"):
        refusal = choose(WINDOWS, [amd("AMD Radeon RX 7800 XT")], None, python)
        assert "3.13" in refusal.reason


@pytest.mark.parametrize(
    ("host", "near", "torch"),
    [
        (Host("linux", "CentOS 7", "x86_64", libc=Libc("glibc", "2.17")), "2.9.1", "2.6.0"),
        (Host("linux", "CentOS 7", "x86_64", libc=Libc("glibc", "2.17")), None, "2.6.0"),
        (Host("linux", "Ubuntu 18.04", "arm64", libc=Libc("glibc", "2.27")), None, "2.5.1"),
        (Host("linux", "AlmaLinux 8.9", "x86_64", libc=Libc("glibc", "2.28")), "2.9.1", "2.9.1"),
        (Host("macos", "macOS 13.6", "arm64"), None, "2.11.0"),
        (Host("macos", "macOS 14.5", "arm64"), None, "2.15.0"),
        (Host("linux", "something", "x86_64"), "2.9.1", "2.9.1"),
    ],
)
def test_wheels_that_the_system_is_too_old_for(host, near, torch):
    assert choose(host, [], None, "3.12.3", near=near).torch == torch


def test_a_32_bit_python_and_a_jetson():
    assert "32-bit" in choose(WINDOWS, [], None, "3.10.6", bits=32).reason
    jetson = Host("linux", "Ubuntu 22.04", "arm64", kernel="5.15.148-tegra")
    assert "JetPack" in choose(jetson, [nvidia("Orin", (8, 7))], None, "3.10.12").reason


def test_a_driver_that_dropped_the_card_is_not_said_to_run_the_build():
    plan = choose(LINUX, [GTX_1070], driver("595.58.03"), "3.12.3")
    assert "580" in plan.reason
    assert "can run" not in plan.reason


@pytest.mark.parametrize(
    ("card", "near", "variant"),
    [
        (amd("Radeon 8060S Graphics", "gfx1151"), "2.9.1", "rocm7.1"),
        (amd("AMD Instinct MI50", "gfx906"), "2.9.1", "rocm6.3"),
        (amd("Radeon RX 9070 XT", "gfx1201"), "2.5.1", "rocm6.3"),
    ],
)
def test_rocm_builds_by_what_they_hold(card, near, variant):
    plan = choose(LINUX, [card], None, "3.12.3", near=near)
    assert isinstance(plan, TorchPlan), plan
    assert plan.variant == variant
