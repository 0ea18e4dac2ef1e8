"""Situations that users reported, each with its right answer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sdops.facts.types import Driver, Facts, Gpu, Host, PythonEnv, TorchBuild, UiInstall
from sdops.finding import Finding, Severity

HOST = Host("linux", "Ubuntu 24.04.2 LTS", "x86_64", distribution="ubuntu")
CARD = Gpu(0, "nvidia", "NVIDIA GeForce RTX 5090", "nvml", compute_capability=(12, 0),
           vram_total_bytes=32 << 30)  # fmt: skip
DRIVER = Driver("nvidia", "nvidia", "580.95.05", cuda="13.0", loaded=True)
PYTHON = PythonEnv("/ui/venv", "/ui/venv/bin/python", "venv", version="3.12.3", bits=64,
                   machine="x86_64", has_pip=True, site_packages=("/ui/venv/lib",),
                   torch=TorchBuild("torch", "2.8.0+cu128", "12.8"))  # fmt: skip


def facts(**changes: object) -> Facts:
    made = Facts("2026-12-01T00:00:00Z", HOST, gpus=(CARD,), drivers=(DRIVER,), python=PYTHON,
                 ui=UiInstall("comfyui", "/ui"))  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]


GPU_RULES = ("driver-faulty", "container-without-gpu", "gpu-access-denied", "driver-absent",
             "gpu-masked", "no-gpu", "wsl-without-gpu", "gpu-lost")  # fmt: skip


@pytest.fixture
def said(judge):
    def run(seen: Facts) -> dict[str, Finding]:
        return {rule: found[0] for rule in GPU_RULES if (found := judge(rule, seen))}

    return run


def lost(container: str) -> Facts:
    driver = replace(DRIVER, fault="Unknown Error", denied_nodes=("/dev/nvidia0", "/dev/nvidiactl"))
    listed = replace(CARD, source="sysfs")
    return facts(host=replace(HOST, container=container), drivers=(driver,), gpus=(listed,))


@pytest.mark.parametrize("container", ["docker", "podman", "kubernetes"])
def test_a_container_that_lost_its_cards_has_one_cause(said, container):
    found = said(lost(container))
    assert list(found) == ["driver-faulty"]
    texts = " ".join(remedy.text for remedy in found["driver-faulty"].remedies)
    assert "anew" in texts
    assert "CDI" in texts
    assert "cgroupfs" in texts
    assert "install the driver" not in texts


def test_denied_is_not_faulty(said):
    driver = replace(DRIVER, denied_nodes=("/dev/nvidia0",))
    assert list(said(facts(drivers=(driver,)))) == ["gpu-access-denied"]


def test_a_driver_at_fault_on_the_machine_itself(said):
    driver = replace(DRIVER, fault="Unknown Error")
    found = said(facts(drivers=(driver,)))
    assert list(found) == ["driver-faulty"]
    assert found["driver-faulty"].remedies[0].commands


@pytest.mark.parametrize("value", ["", "-1", "7"])
def test_hidden_and_torch_missing(said, judge, value):
    seen = facts(
        host=replace(HOST, environment={"CUDA_VISIBLE_DEVICES": value}),
        gpus=(replace(CARD, visible=False),),
        python=replace(PYTHON, torch=None),
    )
    assert list(said(seen)) == ["gpu-masked"]
    (finding,) = judge("torch-missing", seen)
    line = finding.remedies[0].commands[0].line
    assert "/whl/cu1" in line
    assert "/whl/cpu" not in line


def test_a_healthy_machine_is_silent(said):
    assert said(facts()) == {}


@pytest.mark.parametrize(
    ("version", "known", "severity"),
    [("3.14.0", None, Severity.ERROR), ("3.14.0", False, Severity.INFO), ("3.11.2", None, None)],
)
def test_a_fork_that_is_not_known_gets_notes_only(judge, version, known, severity):
    ui = UiInstall("forge", "/ui", remote_known=known)
    found = judge("python-unsuitable", facts(ui=ui, python=replace(PYTHON, version=version)))
    assert [each.severity for each in found] == ([severity] if severity else [])
    assert not severity or severity is Severity.ERROR or not found[0].remedies


@pytest.mark.parametrize(("version", "fires"), [("3.13.12", False), ("3.10.6", True)])
def test_the_trees_own_range_goes_before_the_table(judge, version, fires):
    ui = UiInstall("forge", "/ui", python_range=">=3.11,<3.14")
    found = judge("python-unsuitable", facts(ui=ui, python=replace(PYTHON, version=version)))
    assert bool(found) == fires
