"""User interfaces whose sockets are really there: where they listen, and who holds their port."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import uis

SERVER = """
import socket, sys, time
server = socket.socket()
server.bind((sys.argv[1], 0))
server.listen()
print(server.getsockname()[1], flush=True)
time.sleep(600)
"""

Serve = Callable[[Path, str], int]
Webui = Callable[[str], Path]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Runs a program that listens, and gives its port: `serve(script, address)`."""
    running: list[subprocess.Popen[str]] = []

    def start(script: Path, address: str) -> int:
        script.parent.mkdir(exist_ok=True)
        script.write_text(SERVER)
        argv = [sys.executable, script.name, address]
        process = subprocess.Popen(argv, cwd=script.parent, stdout=subprocess.PIPE, text=True)
        running.append(process)
        assert process.stdout is not None
        return int(process.stdout.readline())

    yield start
    for process in running:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A TCP port on which nothing listens, and which nobody else can have."""
    with socket.socket() as held:
        held.bind(("0.0.0.0", 0))
        yield int(held.getsockname()[1])


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An A1111 folder."""
    return uis.a1111(tmp_path / "stable-diffusion-webui")


@pytest.fixture
def webui(root: Path) -> Webui:
    """Gives that folder once it is started with other arguments."""

    def make(arguments: str) -> Path:
        (root / "webui-user.sh").write_text(f'export COMMANDLINE_ARGS="{arguments}"\n')
        return root

    return make


def _ids(diagnosis) -> dict[str, str]:
    return {finding["id"]: finding["severity"] for finding in diagnosis.findings}


def test_told_to_listen_but_bound_to_loopback(root, webui, serve, doctor):
    port = serve(root / "launch.py", "127.0.0.1")
    found = _ids(doctor(webui(f"--listen --port {port} --gradio-auth name:password")))
    assert found["nothing-listens"] == "error"
    assert found["ui-running"] == "info"
    assert "port-taken" not in found
    assert "exposed-without-login" not in found


def test_listening_as_told(root, webui, serve, doctor):
    port = serve(root / "launch.py", "0.0.0.0")
    found = _ids(doctor(webui(f"--listen --port {port}")))
    assert not found.keys() & {"nothing-listens", "port-taken", "loopback-only"}
    assert found["exposed-without-login"] == "warning"


def test_moved_to_the_next_port(root, webui, serve, doctor, silent_port):
    port = serve(root / "launch.py", "0.0.0.0")
    told = webui(f"--listen --port {silent_port} --gradio-auth name:password")
    diagnosis = doctor(told, "--only", "nothing-listens")
    (finding,) = diagnosis.findings
    assert finding["severity"] == "warning"
    assert str(port) in finding["title"]


def test_port_held_by_another_process(webui, serve, doctor, tmp_path):
    port = serve(tmp_path / "other" / "other.py", "127.0.0.1")
    diagnosis = doctor(webui(f"--port {port}"), "--only", "port-taken")
    (finding,) = diagnosis.findings
    assert finding["severity"] == "error"
    assert finding["evidence"]["port"] == port
    assert finding["remedies"][1]["add_flags"] == [f"--port {port + 1}"]
    assert diagnosis.exit_code == 1


def test_the_password_is_not_told(webui, doctor):
    diagnosis = doctor(webui("--listen --port 7861 --gradio-auth name:hunter2"))
    assert "hunter2" not in str(diagnosis.report)


def test_extensions_for_every_visitor(webui, doctor):
    found = _ids(doctor(webui("--listen --enable-insecure-extension-access")))
    assert found["insecure-extension-access"] == "critical"


def test_a_running_ui_had_its_port(serve, doctor, tmp_path):
    """Also where its usual port, which its command line does not change, is another's."""
    root = uis.comfyui(tmp_path / "ComfyUI")
    port = serve(root / "main.py", "127.0.0.1")
    with socket.socket() as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):  # someone else has it already, which is as good
            held.bind(("0.0.0.0", 8188))
            held.listen()
        diagnosis = doctor(root)
    assert "port-taken" not in _ids(diagnosis)
    assert diagnosis.report["data"]["facts"]["ui"]["running_pid"] is not None
    assert port


def test_comfyui_bound_to_loopback(serve, doctor, tmp_path):
    root = uis.comfyui(tmp_path / "ComfyUI")
    port = serve(root / "main.py", "127.0.0.1")
    (root / "run.sh").write_text(f"#!/bin/sh\npython main.py --listen --port {port}\n")
    found = _ids(doctor(root, "--only", "port-taken", "--only", "exposed-without-login"))
    assert "port-taken" not in found
