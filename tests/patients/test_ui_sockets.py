"""User interfaces whose sockets are really there: where they listen, and who holds their port."""

from __future__ import annotations

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
server.bind((sys.argv[1], int(sys.argv[2])))
server.listen()
print("ready", flush=True)
time.sleep(300)
"""

Serve = Callable[[Path, str, int], None]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Runs a program that listens: `serve(script, address, port)`; stopped after the test."""
    running: list[subprocess.Popen[str]] = []

    def start(script: Path, address: str, port: int) -> None:
        script.write_text(SERVER)
        argv = [sys.executable, script.name, address, str(port)]
        process = subprocess.Popen(argv, cwd=script.parent, stdout=subprocess.PIPE, text=True)
        running.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"

    yield start
    for process in running:
        process.kill()
        process.wait(timeout=10)
        assert process.stdout is not None
        process.stdout.close()


@pytest.fixture
def port() -> int:
    """A TCP port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def webui(tmp_path: Path) -> Callable[[str], Path]:
    """An A1111 folder that is started with these arguments."""

    def make(arguments: str) -> Path:
        root = uis.a1111(tmp_path / "stable-diffusion-webui")
        (root / "webui-user.sh").write_text(f'export COMMANDLINE_ARGS="{arguments}"\n')
        return root

    return make


def _ids(diagnosis) -> dict[str, str]:
    return {finding["id"]: finding["severity"] for finding in diagnosis.findings}


def test_told_to_listen_but_bound_to_loopback(webui, serve, doctor, port):
    root = webui(f"--listen --port {port} --gradio-auth name:password")
    serve(root / "launch.py", "127.0.0.1", port)
    found = _ids(doctor(root))
    assert found["nothing-listens"] == "error"
    assert found["ui-running"] == "info"
    assert "port-taken" not in found
    assert "exposed-without-login" not in found


def test_listening_as_told(webui, serve, doctor, port):
    root = webui(f"--listen --port {port}")
    serve(root / "launch.py", "0.0.0.0", port)
    found = _ids(doctor(root))
    assert not found.keys() & {"nothing-listens", "port-taken", "loopback-only"}
    assert found["exposed-without-login"] == "warning"


def test_moved_to_the_next_port(webui, serve, doctor, port):
    root = webui("--listen --gradio-auth name:password")
    serve(root / "launch.py", "0.0.0.0", port)
    diagnosis = doctor(root, "--only", "nothing-listens")
    (finding,) = diagnosis.findings
    assert finding["severity"] == "warning"
    assert str(port) in finding["title"]


def test_port_held_by_another_process(webui, serve, doctor, port, tmp_path):
    root = webui(f"--port {port}")
    serve(tmp_path / "other.py", "127.0.0.1", port)
    diagnosis = doctor(root, "--only", "port-taken")
    (finding,) = diagnosis.findings
    assert finding["severity"] == "error"
    assert finding["evidence"]["port"] == port
    assert finding["remedies"][1]["add_flags"] == [f"--port {port + 1}"]
    assert diagnosis.exit_code == 1


def test_the_password_is_not_told(webui, doctor, port):
    diagnosis = doctor(webui(f"--listen --port {port} --gradio-auth name:hunter2"))
    assert "hunter2" not in str(diagnosis.report)


def test_extensions_for_every_visitor(webui, doctor):
    found = _ids(doctor(webui("--listen --enable-insecure-extension-access")))
    assert found["insecure-extension-access"] == "critical"


def test_comfyui_bound_to_loopback(serve, doctor, port, tmp_path):
    root = uis.comfyui(tmp_path / "ComfyUI")
    script = root / "run.sh"
    script.write_text(f"#!/bin/sh\npython main.py --listen --port {port}\n")
    serve(root / "main.py", "127.0.0.1", port)
    found = _ids(doctor(root, "--only", "port-taken", "--only", "exposed-without-login"))
    assert "port-taken" not in found
