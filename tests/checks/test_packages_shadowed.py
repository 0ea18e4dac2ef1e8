from __future__ import annotations

import os
from pathlib import Path

import pytest

from sdops.facts import python_env
from sdops.facts.types import Facts, Host
from sdops.finding import Severity
from tests import pythons

RULE = "packages-shadowed"
HOST = Host("linux", "Ubuntu 24.04", "x86_64")
posix = pytest.mark.skipif(os.name == "nt", reason="the layout of Linux")


@pytest.fixture
def user_site(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("PYTHONNOUSERSITE", raising=False)
    return tmp_path / "home" / ".local" / "lib" / "python3.10" / "site-packages"


@posix
def test_the_users_folder_comes_before_a_conda_environment(tmp_path, user_site, judge, monkeypatch):
    own = pythons.conda(tmp_path / "env")
    pythons.torch(own, "2.9.1+cu130", "13.0")
    pythons.torch(user_site, "2.1.2+cu121", "12.1")
    env = python_env.look(tmp_path / "env").value
    assert env.torch is not None
    assert env.torch.version == "2.1.2+cu121"
    (finding,) = judge(RULE, Facts("", HOST, python=env))
    assert finding.severity is Severity.WARNING
    assert "2.9.1+cu130" in finding.why
    assert "PYTHONNOUSERSITE=1" in finding.remedies[0].commands[0].line
    monkeypatch.setenv("PYTHONNOUSERSITE", "1")
    env = python_env.look(tmp_path / "env").value
    assert env.torch is not None
    assert env.torch.version == "2.9.1+cu130"


@posix
def test_python_path_comes_before_a_venv(tmp_path, judge):
    own = pythons.posix_venv(tmp_path / "venv")
    pythons.install(own, "toml", "0.8.1")
    other = tmp_path / "other"
    pythons.install(other, "toml", "0.4.1")
    sources = tmp_path / "sources"
    pythons.text(sources / "mine.py", "")
    env = python_env.look(tmp_path / "venv", f"{sources}{os.pathsep}{other}").value
    assert env.site_packages == (str(other), str(own))
    (finding,) = judge(RULE, Facts("", HOST, python=env))
    assert finding.severity is Severity.INFO
    assert "PYTHONPATH=" in finding.remedies[0].commands[0].line


@posix
def test_a_venv_does_not_read_the_users_folder(tmp_path, user_site, judge):
    own = pythons.posix_venv(tmp_path / "venv")
    pythons.torch(own, "2.9.1+cu130", "13.0")
    pythons.torch(user_site, "2.1.2+cu121", "12.1")
    env = python_env.look(tmp_path / "venv").value
    assert env.site_packages == (str(own),)
    assert judge(RULE, Facts("", HOST, python=env)) == ()


@posix
def test_a_venv_that_hides_its_base_is_what_was_meant(tmp_path, judge):
    own = pythons.posix_venv(tmp_path / "venv")
    config = tmp_path / "venv" / "pyvenv.cfg"
    config.write_text(config.read_text() + "include-system-site-packages = true\n")
    base = tmp_path / "base" / "lib" / "python3.10" / "site-packages"
    pythons.install(own, "numpy", "1.26.4")
    pythons.install(base, "numpy", "2.2.6")
    env = python_env.look(tmp_path / "venv").value
    assert env.site_packages == (str(own), str(base))
    assert judge(RULE, Facts("", HOST, python=env)) == ()
