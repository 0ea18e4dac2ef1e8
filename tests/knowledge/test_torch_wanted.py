"""A plan for torch agrees with the UI's own installer for its version, GPU and driver."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from packaging.version import Version

from sdops.env.plan import plan
from sdops.facts.types import (
    Distribution,
    Driver,
    Facts,
    Gpu,
    Host,
    PythonEnv,
    UiInstall,
)
from sdops.facts.ui.install import look_as
from sdops.knowledge.torch_wanted import wanted_by
from tests.pythons import text

LINUX = Host("linux", "Ubuntu 24.04", "x86_64")
ADA = Gpu(0, "nvidia", "NVIDIA GeForce RTX 4090", "nvml", compute_capability=(8, 9),
          vram_total_bytes=24 << 30)  # fmt: skip
NAVI = Gpu(0, "amd", "AMD Radeon RX 7900 XTX", "kfd", gfx="gfx1100", pci_id="1002:744c",
           vram_total_bytes=24 << 30)  # fmt: skip
NEW = Driver("nvidia", "nvidia", "580.95.05", cuda="13.0", loaded=True)


def facts(ui: UiInstall, *distributions: Distribution, python: str = "3.10.14", gpu: Gpu = ADA,
          driver: Driver = NEW, host: Host = LINUX) -> Facts:  # fmt: skip
    env = PythonEnv("/venv", "/venv/bin/python", "venv", version=python, bits=64,
                    machine=host.machine, distributions=distributions)  # fmt: skip
    return Facts("2026-12-01T00:00:00Z", host, gpus=(gpu,), drivers=(driver,), python=env, ui=ui)


def planned(seen: Facts) -> str:
    made = plan(seen)
    torch = next(each for each in made.packages if each.name == "torch")
    return f"{torch.version}+{made.variant}"


LAUNCH = """
import os
def check_python_version():
    if is_windows:
        supported_minors = [10]
    else:
        supported_minors = [9, 10, 11]
def prepare_environment():
    torch_index_url = os.environ.get('TORCH_INDEX_URL', "https://download.pytorch.org/whl/{build}")
    torch_command = os.environ.get('TORCH_COMMAND', f"pip install torch=={torch} torchvision --extra-index-url {{torch_index_url}}")
"""  # noqa: E501


def webui(root: Path, torch: str, build: str, **files: str) -> UiInstall:
    for path in ("launch.py", "webui.py", "modules/shared.py"):
        text(root / path, "")
    text(root / "modules/launch_utils.py", LAUNCH.format(torch=torch, build=build))
    for name, content in files.items():
        text(root / name.replace("__", "/").replace("_py", ".py"), content)
    return look_as(root, None, "linux", {}).value


@pytest.mark.parametrize(
    ("torch", "build"), [("2.6.0", "cu126"), ("2.9.0", "cu128"), ("2.3.1", "cu121")]
)
def test_the_start_scripts_own_command_is_the_plan(tmp_path, torch, build):
    ui = webui(tmp_path, torch, build)
    assert ui.python_range == ">=3.9,<3.12"
    assert planned(facts(ui)) == f"{torch}+{build}"


def test_what_the_card_cannot_use_is_said(tmp_path):
    ui = webui(tmp_path, "2.3.1", "cu121")
    blackwell = replace(ADA, name="NVIDIA GeForce RTX 5090", compute_capability=(12, 0))
    made = plan(facts(ui, gpu=blackwell))
    assert made.variant in ("cu128", "cu129", "cu130")
    assert any("2.3.1 (cu121)" in note for note in made.notes)


def test_sdnext_goes_by_the_rocm_that_is_installed(tmp_path):
    for path in ("launch.py", "webui.py", "modules/shared.py"):
        text(tmp_path / path, "")
    pins = {"7.2": "2.13.0", "6.4": "2.9.1", "6.2.4": "2.7.1"}
    commands = "\n".join(
        f"c = os.environ.get('TORCH_COMMAND', 'torch=={torch}+rocm{rocm} --index-url "
        f"https://download.pytorch.org/whl/rocm{rocm}')"
        for rocm, torch in pins.items()
    )
    cuda = "c = os.environ.get('TORCH_COMMAND', 'torch==2.13.0+cu132')\n"
    text(tmp_path / "installer.py", f"import os\n{cuda}{commands}\n")
    ui = look_as(tmp_path, None, "linux", {}).value
    for rocm, torch in (("7.2.0", "2.13.0"), ("6.4.1", "2.9.1"), ("6.3.0", "2.7.1")):
        driver = Driver("amd", "amdgpu", rocm=rocm, loaded=True)
        seen = facts(ui, gpu=NAVI, driver=driver, python="3.12.3")
        wanted = wanted_by(seen)
        assert wanted is not None
        assert wanted.release() == torch


@pytest.mark.parametrize(
    ("version", "requires", "host", "python", "torch"),
    [
        ("6.9.0", "torch~=2.7.0", LINUX, "3.12.3", "2.7"),
        ("4.2.9", "torch==2.2.2", LINUX, "3.11.4", "2.2.2"),
        ("6.14.0", "torch<2.8.0,>=2.7.0; sys_platform == 'darwin'",
         Host("macos", "macOS 15.1", "arm64"), "3.12.3", "2.7"),
    ],
)  # fmt: skip
def test_an_installed_invokeai_says_it_in_its_metadata(version, requires, host, python, torch):
    dist = Distribution("invokeai", version, "/venv/lib", requires=(requires, "numpy<2"))
    seen = facts(UiInstall("invokeai", "/invoke"), dist, python=python, host=host)
    if host.os == "macos":
        seen = replace(seen, gpus=(Gpu(0, "apple", "Apple M2", "system_profiler"),), drivers=())
    assert planned(seen).startswith(torch)


def test_kohyas_requirements_say_it_and_bring_xformers(tmp_path):
    text(tmp_path / "kohya_gui.py", "")
    text(tmp_path / "kohya_gui/__init__.py", "")
    text(tmp_path / "setup/setup_common.py", "")
    text(tmp_path / "requirements.txt", "numpy<2\n")
    text(
        tmp_path / "requirements_linux.txt",
        "torch==2.7.0+cu128\nxformers>=0.0.30\n-r requirements.txt",
    )
    seen = facts(look_as(tmp_path, None, "linux", {}).value)
    assert planned(seen) == "2.7.0+cu128"
    assert any(each.name == "xformers" for each in plan(seen).packages)


def test_a_hidden_card_is_planned_for(tmp_path):
    ui = webui(tmp_path, "2.6.0", "cu126")
    seen = facts(ui, gpu=replace(ADA, visible=False))
    assert planned(seen) == "2.6.0+cu126"


def test_a_comfyui_takes_the_newest_that_the_driver_runs():
    made = planned(facts(UiInstall("comfyui", "/ui"), python="3.12.3"))
    assert made.endswith("+cu130")
    assert Version(made) >= Version("2.7")
