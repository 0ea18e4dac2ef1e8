"""The patient is found from a UI's folder, an environment, a Python, or the current folder."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from sdops.errors import SdopsError, UnreadableInputError, UsageError
from sdops.facts.target import resolve
from tests import uis
from tests.pythons import posix_venv, text, windows_venv


def test_a_ui_folder(tmp_path: Path) -> None:
    found = resolve(str(uis.comfyui(tmp_path)))
    assert (found.ui_root, found.ui_kind, found.python) == (tmp_path, "comfyui", None)
    assert "ComfyUI" in found.description


def test_a_portable_package_leads_to_the_ui_in_it(tmp_path: Path) -> None:
    found = resolve(str(uis.comfyui_portable(tmp_path)))
    assert found.ui_root == tmp_path / "ComfyUI"


def test_a_venv_folder_and_its_program(tmp_path: Path) -> None:
    windows_venv(tmp_path / "venv")
    for path in (tmp_path / "venv", tmp_path / "venv" / "Scripts" / "python.exe"):
        found = resolve(str(path))
        assert (found.ui_root, found.python) == (None, path)


@pytest.mark.skipif(os.name != "posix", reason="a link whose end is gone")
def test_a_venv_whose_base_is_gone_is_still_a_patient(tmp_path: Path) -> None:
    posix_venv(tmp_path / "venv")
    (tmp_path / "base").rename(tmp_path / "elsewhere")
    assert resolve(str(tmp_path / "venv")).python == tmp_path / "venv"
    program = tmp_path / "venv" / "bin" / "python"
    assert resolve(str(program)).python == program


def test_nothing_given_inside_a_ui(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    uis.a1111(tmp_path)
    monkeypatch.chdir(tmp_path / "models" / "VAE")
    found = resolve(None)
    assert (found.ui_root, found.ui_kind) == (tmp_path, "a1111")
    assert "around the current folder" in found.description
    assert resolve(None, "forge").ui_kind == "forge"


def test_nothing_given_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = resolve(None)
    assert (found.ui_root, found.python) == (None, Path(sys.executable))
    assert "the Python that runs sdops" in found.description


def test_python_overrides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    uis.comfyui(tmp_path / "ui")
    windows_venv(tmp_path / "venv")
    found = resolve(str(tmp_path / "ui"), python=str(tmp_path / "venv"))
    assert (found.ui_root, found.python) == (tmp_path / "ui", tmp_path / "venv")
    monkeypatch.chdir(tmp_path)
    assert resolve(None, python="venv").python == tmp_path / "venv"
    if os.name == "posix":
        monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
        named = resolve(None, python=Path(sys.executable).name).python
        assert named is not None
        assert named.is_absolute()


def test_a_folder_inside_a_ui(tmp_path: Path) -> None:
    uis.comfyui(tmp_path)
    found = resolve(str(tmp_path / "models" / "loras"))
    assert found.ui_root == tmp_path
    assert "loras" in found.description


def test_the_user_names_the_kind_of_a_folder_that_does_not_tell(tmp_path: Path) -> None:
    found = resolve(str(tmp_path), "comfyui")
    assert (found.ui_root, found.ui_kind) == (tmp_path, "comfyui")


@pytest.mark.parametrize(
    ("target", "says"),
    [("missing", "There is no"), (".", "neither a user interface"), ("file.txt", "not a Python"),
     ("python.txt", "not a Python"), ("nul\0byte", "There is no")],
)  # fmt: skip
def test_what_is_no_patient_is_told_plainly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str, says: str
) -> None:
    text(tmp_path / "file.txt", "x")
    text(tmp_path / "python.txt", "x")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnreadableInputError, match=says) as caught:
        resolve(target)
    assert caught.value.hint


def test_a_folder_of_uis_is_not_one(tmp_path: Path) -> None:
    uis.comfyui(tmp_path / "ComfyUI")
    uis.a1111(tmp_path / "webui")
    with pytest.raises(UnreadableInputError) as caught:
        resolve(str(tmp_path))
    assert str(tmp_path / "ComfyUI") in caught.value.hint


def test_a_kind_that_does_not_exist() -> None:
    with pytest.raises(UsageError, match="'comfy'") as caught:
        resolve(None, "comfy")
    assert "comfyui" in caught.value.hint


def test_a_kind_that_is_not_around(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnreadableInputError, match="no ComfyUI"):
        resolve(None, "comfyui")


def test_a_python_that_is_not_one(tmp_path: Path) -> None:
    with pytest.raises(SdopsError, match="There is no Python in"):
        resolve(None, python=str(tmp_path))
