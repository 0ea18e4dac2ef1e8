"""Launch files that say something else than was meant, and UIs that lie somewhere else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sdops.errors import UnreadableInputError
from sdops.facts.target import resolve
from sdops.facts.types import UiInstall
from sdops.facts.ui.install import look_as
from tests import uis
from tests.pythons import text


def look(root: Path, system: str = "linux") -> UiInstall:
    return look_as(root, None, system, {}).value


BATCH = [
    ("set COMMANDLINE_ARGS=\u2013medvram --api", ["dash"]),
    ("set COMMANDLINE_ARGS=--ckpt-dir \u201cD:/m\u201d", ["curly-quote"]),
    ("set COMMANDLINE_ARGS = --medvram", ["spaced-set"]),
    (r"set COMMANDLINE_ARGS=--ckpt-dir D:\models\sd", ["backslash"]),
    ("call webui.bat\r\nset COMMANDLINE_ARGS=--medvram", ["set-after-call"]),
    (r'set COMMANDLINE_ARGS=--ckpt-dir "D:\models\sd"', []),
    ("set COMMANDLINE_ARGS=--ckpt-dir D:/models --port 7861", []),
    ("rem set COMMANDLINE_ARGS = x\r\nset COMMANDLINE_ARGS=\r\ncall webui.bat", []),
]
SHELL = [
    ('export COMMANDLINE_ARGS="\u2014medvram"', ["dash"]),
    ('export COMMANDLINE_ARGS="--api \u2014medvram"', ["dash"]),
    ('COMMANDLINE_ARGS = "--medvram"', ["spaced-assignment"]),
    ("export COMMANDLINE_ARGS=\u201c--medvram\u201d", ["curly-quote"]),
    ('export COMMANDLINE_ARGS="--medvram --api"', []),
    ('# COMMANDLINE_ARGS = "x"', []),
]


@pytest.mark.parametrize(("line", "kinds"), BATCH)
def test_batch_files(tmp_path: Path, line: str, kinds: list[str]) -> None:
    uis.a1111(tmp_path)
    text(tmp_path / "webui-user.bat", f"@echo off\r\n{line}\r\n")
    assert [trap.kind for trap in look(tmp_path, "windows").traps] == kinds


@pytest.mark.parametrize(("line", "kinds"), SHELL)
def test_shell_files(tmp_path: Path, line: str, kinds: list[str]) -> None:
    uis.a1111(tmp_path)
    text(tmp_path / "webui-user.sh", f"#!/bin/bash\n{line}\n")
    traps = look(tmp_path).traps
    assert [trap.kind for trap in traps] == kinds
    assert all(trap.line == 2 for trap in traps)


@pytest.mark.parametrize("kind", uis.BUILDERS)
def test_what_is_shipped_has_no_traps(tmp_path: Path, kind: str) -> None:
    root = uis.BUILDERS[kind](tmp_path / "ui")
    assert look(root).traps == ()
    assert look(root, "windows").traps == ()


def test_a_script_of_ones_own_that_starts_webui_sh(tmp_path: Path) -> None:
    uis.a1111(tmp_path)
    text(tmp_path / "mine.sh", "cd /x\nsh webui.sh --listen --port 7862\n")
    install = look(tmp_path)
    assert [(each.flag, each.value) for each in install.arguments] == [
        ("--listen", None), ("--port", "7862"),
    ]  # fmt: skip
    assert [trap.kind for trap in install.traps] == ["sh-webui"]


def test_stability_matrix_starts_its_packages_itself(tmp_path: Path) -> None:
    root = uis.a1111(tmp_path / "Data" / "Packages" / "stable-diffusion-webui")
    text(root / "webui-user.sh", 'export COMMANDLINE_ARGS="--lowvram"\n')
    options = [
        {"Name": "--medvram", "Type": "Bool", "OptionValue": True},
        {"Name": "--port", "Type": "Integer", "OptionValue": 7861},
        {"Name": "--api", "Type": "Bool", "OptionValue": False},
        {"Name": "--ckpt", "Type": "String", "OptionValue": None},
    ]
    package = {"LibraryPath": "Packages\\stable-diffusion-webui", "LaunchArgs": options}
    text(tmp_path / "Data" / "settings.json", json.dumps({"InstalledPackages": [package]}))
    install = look(root)
    assert install.layout == "stability-matrix"
    assert [(each.flag, each.value) for each in install.arguments] == [
        ("--medvram", None), ("--port", "7861"),
    ]  # fmt: skip
    assert resolve(str(tmp_path)).ui_root is None or resolve(str(tmp_path)).ui_root == root


@pytest.mark.parametrize("deep", ["app", "apps/comfy"])
def test_a_ui_one_or_two_levels_down_is_followed(tmp_path: Path, deep: str) -> None:
    root = uis.comfyui(tmp_path / deep)
    (tmp_path / "logs").mkdir()
    found = resolve(str(tmp_path))
    assert (found.ui_kind, found.ui_root) == ("comfyui", root)
    assert str(tmp_path) in found.description


def test_several_below_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = uis.comfyui(tmp_path / "one"), uis.a1111(tmp_path / "two")
    with pytest.raises(UnreadableInputError) as error:
        resolve(str(tmp_path))
    assert str(one) in (error.value.hint or "")
    assert str(two) in (error.value.hint or "")
    monkeypatch.chdir(tmp_path)
    assert str(one) in resolve(None).description
