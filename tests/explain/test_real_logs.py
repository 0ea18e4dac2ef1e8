"""Logs that programs really print here, so that the wording stays true with their new versions."""

from __future__ import annotations

import os
import pickle
import socket
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.explain.reading import causes, everything

NOWHERE = "http://127.0.0.1:9"


def printed(code: str, *arguments: object, **environment: str) -> str:
    """What a Python program prints as it fails."""
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=False,
    )
    assert done.returncode
    return done.stdout + done.stderr


def pip(*arguments: str) -> str:
    """What pip prints as it fails, asking nobody outside of this machine."""
    if subprocess.run(
        [sys.executable, "-m", "pip", "--version"], capture_output=True, check=False
    ).returncode:
        pytest.skip("no pip in this environment")
    done = subprocess.run(
        [sys.executable, "-m", "pip", *arguments, "--disable-pip-version-check", "--no-cache-dir"],
        capture_output=True,
        text=True,
        env={
            **os.environ,
            "NO_PROXY": "",
            "no_proxy": "",
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_RETRIES": "1",
        },
        check=False,
    )
    assert done.returncode
    return done.stdout + done.stderr


def test_pip_and_a_dead_proxy():
    log = pip(
        "download",
        "--no-deps",
        "--proxy",
        NOWHERE,
        "--index-url",
        "https://index.invalid/simple",
        "odd-package",
    )
    assert causes(log)[0] in ("pip-proxy-unreachable", "pip-connection-refused")
    assert "pip-no-matching-distribution" in everything(log)


def test_pip_and_a_refused_connection():
    assert (
        causes(pip("download", "--no-deps", "--index-url", f"{NOWHERE}/simple", "odd-package"))[0]
        == "pip-connection-refused"
    )


def test_pip_and_a_wheel_of_another_python(tmp_path):
    wheel = tmp_path / "odd-1.0-cp27-cp27m-win_amd64.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(
            "odd-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: odd\nVersion: 1.0\n"
        )
    assert causes(pip("install", "--no-deps", "--no-index", str(wheel))) == [
        "pip-wrong-platform-wheel"
    ]


def test_pip_and_a_package_that_is_not_there(tmp_path):
    log = pip("install", "--no-index", "--find-links", str(tmp_path), "odd-package")
    assert causes(log) == ["pip-no-matching-distribution"]


SAFETENSORS = {
    "page": (b"<!DOCTYPE html><html>" + b" " * 200, "safetensors-header-too-large"),
    "pointer": (b"version https://git-lfs.github.com/spec/v1\n", "safetensors-header-too-large"),
    "empty": (b"", "safetensors-header-too-small"),
    "not-json": (
        (20).to_bytes(8, "little") + b"this is not any JSON",
        "safetensors-invalid-header",
    ),
    "short": (
        (57).to_bytes(8, "little")
        + b'{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}  '
        + b"1234",
        "safetensors-incomplete",
    ),
    "newer": (
        (56).to_bytes(8, "little")
        + b'{"a":{"dtype":"X99","shape":[1],"data_offsets":[0,4]}}  '
        + b"1234",
        "safetensors-too-old",
    ),
}


@pytest.mark.parametrize("name", SAFETENSORS)
def test_safetensors_and_a_broken_file(name, tmp_path):
    content, expected = SAFETENSORS[name]
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    log = printed(
        "import sys; from safetensors import safe_open; safe_open(sys.argv[1], 'np')", path
    )
    assert causes(log) == [expected]


TORCH = {
    "page": (b"<!DOCTYPE html><html><body>Not found</body></html>", "html-as-ckpt"),
    "pointer": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
        "lfs-pointer-as-ckpt",
    ),
    "empty": (b"", "empty-file-ckpt"),
    "pickle": (pickle.dumps({"a": ["b"] * 3}, protocol=4), "pickle-plain-file"),
}


@pytest.mark.parametrize("name", TORCH)
def test_torch_and_what_is_no_model(name, tmp_path):
    pytest.importorskip("torch")
    content, expected = TORCH[name]
    path = tmp_path / "model.ckpt"
    path.write_bytes(content)
    log = printed("import sys, torch; torch.load(sys.argv[1], map_location='cpu')", path)
    assert causes(log) == [expected]
    assert "torch-weights-only" not in causes(log)


def test_a_taken_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        log = printed(
            "import sys, socket; socket.create_server(('127.0.0.1', int(sys.argv[1])))", port
        )
    assert causes(log) == ["port-in-use-errno98"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_a_full_disk():
    assert causes(printed("import os; os.write(os.open('/dev/full', os.O_WRONLY), b'x')")) == [
        "disk-full"
    ]


def test_a_permission(unprivileged):
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    (unprivileged / "locked").mkdir(mode=0o500)
    assert causes(printed("import sys; open(sys.argv[1], 'w')", unprivileged / "locked" / "x")) == [
        "permission-denied"
    ]


def test_numpy_names_that_are_gone():
    log = printed("import numpy; numpy.bool8; numpy.float_")
    assert causes(log) == ["numpy-removed-alias"]


def test_an_unknown_option():
    log = printed("import argparse; argparse.ArgumentParser().parse_args(['--xformer'])")
    assert causes(log) == ["launch-flag-unknown"]


def test_git_and_a_host_that_does_not_answer(tmp_path):
    from shutil import which

    if which("git") is None:
        pytest.skip("no git here")
    done = subprocess.run(
        ["git", "-c", "http.proxy=http://127.0.0.1:9", "clone", "https://github.com/odd/odd", str(tmp_path / "odd")],
        capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "no_proxy": "", "NO_PROXY": ""},
    )  # fmt: skip
    assert done.returncode
    assert causes(done.stderr) == ["git-dead-local-proxy"]
