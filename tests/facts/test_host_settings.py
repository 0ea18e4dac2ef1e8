"""The settings of pip and git, read from their files."""

from __future__ import annotations

import os

import pytest

from sdops.facts import git_config
from sdops.facts.host import settings
from tests.machine import record

GIT = """\
[user]
\tname = Some Body
\temail = some@body.example
[http]
\tproxy = http://me:secret@proxy.example:3128  # the office
\tsslVerify = false
[url "https://mirror.example/"]
\tinsteadOf = "https://code.example/"
[core] longpaths
[safe]
\tdirectory = *
[http "https://code.example"]
\tproxy = ""
; a comment
[broken
"""


@pytest.fixture
def home(tmp_path, monkeypatch):
    home = tmp_path / "home"
    home.mkdir()
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(home))
    for name in ("PIP_CONFIG_FILE", "XDG_CONFIG_HOME", "GIT_CONFIG_GLOBAL", "APPDATA"):
        monkeypatch.delenv(name, raising=False)
    return home


def test_git_syntax():
    found = dict(git_config.parse(GIT))
    assert found["http.proxy"] == "http://me:secret@proxy.example:3128"
    assert found["http.sslverify"] == "false"
    assert found["url.https://mirror.example/.insteadof"] == "https://code.example/"
    assert found["core.longpaths"] == "true"
    assert found["http.https://code.example.proxy"] == ""


def test_only_what_matters_is_kept(home, tmp_path):
    (home / ".gitconfig").write_text(GIT)
    found = settings.look({}, record(tmp_path / "root", {}))
    assert found["git:http.proxy"] == "http://me:secret@proxy.example:3128"
    assert found["git:safe.directory"] == "*"
    assert not any("user." in name for name in found)
    assert "body.example" not in repr(found)


def test_pip_files_in_order(home, tmp_path):
    tree = record(
        tmp_path / "root",
        {
            "/etc/pip.conf": "[global]\nindex-url = https://a:b@one.example/simple\ntimeout = 5\n",
            "/etc/xdg/pip/pip.conf": "[global]\ntimeout = 1\n",
        },
    )
    venv = tmp_path / "venv"
    record(venv, {"/pip.conf": "[install]\nextra_index_url =\n    https://x.example\n    y\n"})
    record(home, {"/.config/pip/pip.conf": "[global]\nindex-url = https://two.example/simple\n"})
    found = settings.look({"venv": str(venv)}, tree)
    assert found == {
        "pip:global.timeout": "5",
        "pip:global.index-url": "https://two.example/simple",
        "pip:install.extra-index-url": "https://x.example y",
    }


def test_broken_files_are_passed_over(home, tmp_path):
    (home / ".gitconfig").write_bytes(b"\xff\xfe\x00[[[\n=\n")
    record(home, {"/.config/pip/pip.conf": "no section here = 1\n[global\n"})
    assert settings.look({}, record(tmp_path / "root", {})) == {}


def test_pip_config_file_set_to_nothing_means_none(home, tmp_path, monkeypatch):
    record(home, {"/.config/pip/pip.conf": "[global]\ntimeout = 1\n"})
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    assert not any(name.startswith("pip:") for name in settings.look({}, record(tmp_path, {})))


def test_a_fifo_in_place_of_a_file_does_not_hang(home, tmp_path):
    if not hasattr(os, "mkfifo"):
        pytest.skip("no FIFOs here")
    os.mkfifo(home / ".gitconfig")
    assert settings.look({}, record(tmp_path / "root", {})) == {}
