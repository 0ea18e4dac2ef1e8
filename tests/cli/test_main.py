"""The program as a user starts it."""

import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

pytestmark = pytest.mark.smoke


def sdops(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sdops", *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "NO_COLOR": "1", **environment},
        timeout=600,
        check=False,
    )


def test_version() -> None:
    result = sdops("--version")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("sdops 0.")


def test_help_names_the_commands() -> None:
    result = sdops("--help")
    assert result.returncode == 0
    assert "doctor" in result.stdout


@pytest.mark.parametrize("arguments", [["nonsense"], ["--nonsense"], ["doctor", "--nonsense"]])
def test_wrong_usage_is_two_without_a_traceback(arguments: list[str]) -> None:
    result = sdops(*arguments)
    assert result.returncode == 2
    assert "nonsense" in result.stderr
    assert "Traceback" not in result.stderr


def test_schema_is_a_valid_schema() -> None:
    result = sdops("schema")
    jsonschema.Draft202012Validator.check_schema(json.loads(result.stdout))


def test_a_closed_pipe_is_no_fault(tmp_path: Path) -> None:
    command = f"{shlex.quote(sys.executable)} -m sdops schema | head -c 10"
    result = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert result.stderr == ""


@pytest.mark.skipif(os.name != "posix", reason="a POSIX shell closes the streams")
def test_a_stream_that_takes_nothing_is_no_fault_of_sdops() -> None:
    def shell(redirection: str) -> subprocess.CompletedProcess[str]:
        command = f"{shlex.quote(sys.executable)} -m sdops doctor --list-checks {redirection}"
        return subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)

    closed = shell(">&- 2>&-")
    assert closed.returncode == 0
    if Path("/dev/full").exists():
        full = shell(">/dev/full")
        assert full.returncode == 2
        assert full.stderr == "sdops: The answer cannot be written: No space left on device.\n"


def test_an_old_encoding_gets_plain_characters(tmp_path: Path) -> None:
    result = sdops("doctor", "--quiet", sys.executable, PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert "Traceback" not in result.stderr
    assert "What was looked at" in result.stdout
    assert "\\u2192" not in result.stdout


@pytest.mark.skipif(os.name != "posix", reason="Ctrl-C is sent as a signal")
def test_ctrl_c_while_the_program_is_loaded(tmp_path: Path) -> None:
    slow = tmp_path / "typer.py"
    slow.write_text("import sys, time\nprint('loading', flush=True)\ntime.sleep(60)\n")
    process = subprocess.Popen(
        [sys.executable, "-m", "sdops", "--help"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "loading\n"
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=600)
    assert (process.returncode, errors) == (130, "")


def test_an_error_message_obeys_nobody() -> None:
    result = sdops("doctor", "/nowhere\n::error::mine\x1b[31m")
    assert result.returncode == 2
    assert "\x1b" not in result.stderr
    assert not any(line.startswith("::") for line in result.stderr.splitlines())
