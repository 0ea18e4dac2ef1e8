"""Chooses a torch with a real pip: the PyTorch index is out of reach, a folder is the default."""

from __future__ import annotations

import os
import venv
from pathlib import Path

import pytest

from sdops.env.install_torch import MIRROR, install_torch
from sdops.env.plan import torch_for
from sdops.errors import SdopsError
from sdops.facts import python_env
from sdops.facts.types import Driver, Facts, Gpu, Host
from tests.wheels import make_wheel

HOST = Host(os="linux", os_version="test", machine="x86_64")
RTX_4090 = Gpu(0, "nvidia", "NVIDIA GeForce RTX 4090", "nvml", compute_capability=(8, 9))
NEW_DRIVER = Driver("nvidia", "nvidia", "580.95.05", cuda="13.0")
OLD_DRIVER = Driver("nvidia", "nvidia", "535.183.01", cuda="12.2")


@pytest.fixture(scope="module")
def patient(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("sdops itself") / "venv"
    venv.create(root, with_pip=True)
    return root


@pytest.fixture
def index(tmp_path, monkeypatch) -> Path:
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")  # also shuts the PyTorch index out
    monkeypatch.setenv("PIP_FIND_LINKS", tmp_path.as_uri())
    make_wheel(tmp_path, "nvidia-cublas", "13.0.0")
    return tmp_path


def facts(root: Path, *cards: Gpu, driver: Driver | None = None) -> Facts:
    return Facts(
        "2026-11-20T10:00:00+00:00",
        HOST,
        gpus=cards,
        drivers=(driver,) if driver else (),
        python=python_env.look(root).value,
    )


def installed(root: Path) -> str | None:
    found = python_env.look(root).value.distribution("torch")
    return found.version if found else None


@pytest.fixture(autouse=True)
def without_torch(patient):
    yield
    for path in (path for site in patient.rglob("site-packages") for path in site.glob("torch*")):
        for file in sorted(path.rglob("*"), reverse=True):
            file.rmdir() if file.is_dir() else file.unlink()
        path.rmdir()


def test_a_machine_without_gpu_is_spared_the_cuda_build(patient, index):
    make_wheel(index, "torch", "2.14.0", requires=["nvidia-cublas"], cuda="13.0")
    make_wheel(index, "torch", "2.12.0+cpu")
    make_wheel(index, "torch", "2.11.0+cpu")
    told: list[str] = []
    install_torch(facts(patient), told.append)
    assert installed(patient) == "2.12.0+cpu"
    talk = "\n".join(told)
    assert "is not available from https://download.pytorch.org/whl/cpu" in talk
    assert "default index" in talk
    told.clear()
    install_torch(facts(patient), told.append)
    assert told == ["The PyTorch that is installed fits this machine."]


def test_an_index_that_does_not_answer_is_left_alone_even_where_a_folder_has_the_build(
    patient, index, monkeypatch, capfd
):
    make_wheel(index, "torch", "2.13.0+cpu")
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_PROXY", "http://127.0.0.1:9")  # nothing listens there
    monkeypatch.setenv("PIP_INDEX_URL", index.as_uri())
    told: list[str] = []
    install_torch(facts(patient), told.append)
    assert installed(patient) == "2.13.0+cpu"
    assert "index cannot be reached" in "\n".join(told)
    assert "Retrying" not in capfd.readouterr().err


def test_where_there_is_only_a_cuda_build_it_says_so(patient, index):
    chosen = "2.15.0"
    make_wheel(index, "torch", chosen, requires=["nvidia-cublas"], cuda="13.0")
    told: list[str] = []
    install_torch(facts(patient), told.append)
    assert installed(patient) == chosen
    assert any("NVIDIA's libraries" in line and "GB to download" in line for line in told)


def test_a_gpu_gets_the_newest_default_build_that_its_driver_can_run(patient, index):
    make_wheel(index, "torch", "2.14.1", requires=["nvidia-cublas"], cuda="13.0")
    make_wheel(index, "torch", "2.8.0", requires=["nvidia-cublas"], cuda="13.0")
    told: list[str] = []
    install_torch(facts(patient, RTX_4090, driver=OLD_DRIVER), told.append)
    assert installed(patient) == "2.8.0"
    install_torch(facts(patient, RTX_4090, driver=NEW_DRIVER), told.append)
    assert installed(patient) == "2.14.1"


def test_a_gpu_is_not_given_a_build_that_cannot_use_it(patient, index):
    make_wheel(index, "torch", "2.13.0+cpu")
    with pytest.raises(SdopsError, match="no torch that fits this GPU") as caught:
        install_torch(facts(patient, RTX_4090, driver=NEW_DRIVER), lambda _: None)
    assert "--no-torch" in caught.value.hint
    assert installed(patient) is None


def test_an_empty_index_is_a_plain_fault(patient, index):
    with pytest.raises(SdopsError, match="torch"):
        install_torch(facts(patient), lambda _: None)


def test_a_mirror_of_the_pytorch_index_is_asked_first(patient, tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    chosen, _ = torch_for(facts(patient))
    assert chosen is not None
    version = chosen.torch if "+" in chosen.torch else f"{chosen.torch}+{chosen.variant}"
    folder = tmp_path / "a mirror" / chosen.variant / "torch"
    folder.mkdir(parents=True)
    wheel = make_wheel(folder, "torch", version)
    (folder / "index.html").write_text(f'<a href="{wheel.name}">{wheel.name}</a>')
    monkeypatch.setenv(MIRROR, (tmp_path / "a mirror").as_uri())
    said: list[str] = []
    install_torch(facts(patient), said.append)
    assert installed(patient) == version, said
