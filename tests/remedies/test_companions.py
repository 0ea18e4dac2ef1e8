"""When torch is replaced, what was compiled for the old one is replaced or removed as well."""

from __future__ import annotations

import dataclasses

import pytest

from sdops.doctor.diagnose import diagnose
from sdops.doctor.repair.planning import plan
from sdops.env import plan as env_plan
from sdops.facts.types import (
    Distribution,
    Driver,
    Facts,
    Gpu,
    Host,
    PythonEnv,
    TorchBuild,
    UiInstall,
    XformersBuild,
)
from sdops.registry import checks
from sdops.remedies import companions
from sdops.remedies.torch import plan_torch

HOST = Host("linux", "Ubuntu 24.04", "x86_64")
CARD = Gpu(0, "nvidia", "NVIDIA GeForce RTX 5090", "nvml", compute_capability=(12, 0),
           vram_total_bytes=32 << 30)  # fmt: skip


def facts(*packages: tuple[str, str], torch: str = "2.1.2+cu121", ui: str = "comfyui") -> Facts:
    listed = [Distribution(name, version, "/venv/lib") for name, version in packages]
    listed.append(Distribution("torch", torch, "/venv/lib"))
    cuda = f"{torch[-3:-1]}.{torch[-1]}"
    xformers = next((version for name, version in packages if name == "xformers"), None)
    python = PythonEnv(
        "/venv", "/venv/bin/python", "venv", version="3.12.3", bits=64, machine="x86_64",
        has_pip=True, site_packages=("/venv/lib",), distributions=tuple(listed),
        torch=TorchBuild("torch", torch, cuda),
        xformers=XformersBuild(xformers, torch, cuda) if xformers else None,
    )  # fmt: skip
    driver = Driver("nvidia", "nvidia", "580.65.06", cuda="13.0", loaded=True)
    return Facts("2026-12-01T00:00:00Z", HOST, gpus=(CARD,), drivers=(driver,), python=python,
                 ui=UiInstall(ui, "/ui"))  # fmt: skip


def commands(seen: Facts) -> list[str]:
    return [step.command.line for step in plan(diagnose(seen, checks(), 0.0), seen).steps]


def test_xformers_follows_torch_in_a_repair_and_in_a_plan():
    seen = facts(("xformers", "0.0.23.post1"))
    wanted = plan_torch(seen, near="2.1.2")
    (change,) = companions.changes(seen, wanted)
    assert change.name == "xformers"
    ran = commands(seen)
    assert sum(f"torch=={wanted.torch}" in line for line in ran) == 2  # and then its dependencies
    if change.version:
        assert any(f"xformers=={change.version}" in line for line in ran)
    else:
        assert any(line.endswith("uninstall -y xformers") for line in ran)
    assert not any("0.0.23" in line for line in ran)
    planned = env_plan.plan(seen)
    assert any(each.name == "xformers" for each in planned.packages) or any(
        "uninstall -y xformers" in note for note in planned.notes
    )


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("flash-attn", "2.7.4.post1+cu121torch2.1.2cxx11abifalse"),
        ("sageattention", "2.2.0+cu128torch2.1.0"),
        ("nunchaku", "1.0.0+torch2.1"),
        ("torch-scatter", "2.1.2+pt21cu121"),
    ],
)
def test_what_is_labeled_for_another_torch_goes(name, version):
    seen = facts((name, version))
    assert any(line.endswith(f"uninstall -y {name}") for line in commands(seen))
    assert any(f"uninstall -y {name}" in note for note in env_plan.plan(seen).notes)


def test_what_goes_with_the_torch_to_come_stays():
    plain = facts()
    wanted = plan_torch(plain, near="2.1.2")
    minor = ".".join(wanted.torch.split(".")[:2])
    fitting = ("flash-attn", f"2.8.3+{wanted.variant}torch{minor}")
    others = (("sageattention", "1.0.6"), ("bitsandbytes", "0.45.0"), ("numpy", "1.26.4+torch"))
    assert companions.changes(facts(fitting, *others), wanted) == ()
    assert companions.changes(dataclasses.replace(plain, python=None), wanted) == ()
