"""The program as a user starts it."""

import json
import os
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
        timeout=120,
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
    command = f"{sys.executable} -m sdops schema | head -c 10"
    result = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert result.stderr == ""
