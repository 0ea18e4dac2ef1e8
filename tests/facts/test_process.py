"""Programs are started by absolute path, never from the current folder, and never wait forever."""

import os
import sys
import time
from pathlib import Path

import pytest

from sdops.programs.process import OUTPUT_LIMIT_BYTES, ProbeError, TimedOutError, program, run
from tests.processes import end_within


def plant(folder: Path, name: str) -> None:
    file = folder / name
    file.write_text("#!/bin/sh\necho planted\n")
    file.chmod(0o755)


@pytest.mark.skipif(os.name != "posix", reason="shell scripts")
def test_a_program_planted_in_the_current_folder_is_never_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(tmp_path, "sdops-test-planted")
    (tmp_path / "bin").mkdir()
    plant(tmp_path / "bin", "sdops-test-planted")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f":.:bin:{tmp_path}:{tmp_path / 'bin'}:{os.environ['PATH']}")
    with pytest.raises(ProbeError, match="not installed"):
        program("sdops-test-planted")


@pytest.mark.skipif(os.name != "posix", reason="shell scripts")
def test_a_program_elsewhere_on_path_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "here").mkdir()
    plant(tmp_path / "bin", "sdops-test-planted")
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    found = program("sdops-test-planted")
    assert run([found]).stdout == "planted\n"


@pytest.mark.skipif(sys.platform != "linux", reason="where Linux keeps ldconfig")
def test_the_systems_own_programs_are_found_from_their_own_folder(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir("/usr")
    assert Path(program("ldconfig")).name == "ldconfig"


@pytest.mark.skipif(os.name != "posix", reason="process groups")
def test_a_hanging_program_and_its_children_are_killed(tmp_path: Path) -> None:
    marker = tmp_path / "child"
    script = 'sleep 300 & echo $! > "$0"; wait'
    begin = time.monotonic()
    with pytest.raises(ProbeError, match=r"did not answer within 1\.5 s"):
        run(["/bin/sh", "-c", script, str(marker)], timeout_s=1.5)
    assert time.monotonic() - begin < 60
    assert end_within(int(marker.read_text()), 60)


def test_what_cannot_be_started_is_said(tmp_path: Path) -> None:
    with pytest.raises(ProbeError, match="cannot be started"):
        run([str(tmp_path / "missing")])


def test_output_that_is_not_text_is_decoded() -> None:
    code = "import sys; sys.stdout.buffer.write(bytes(range(256)))"
    assert "\ufffd" in run([sys.executable, "-c", code]).stdout


@pytest.mark.skipif(os.name != "posix", reason="a program of POSIX")
def test_endless_output_is_bounded() -> None:
    with pytest.raises(TimedOutError) as caught:
        run([program("yes")], timeout_s=3)
    assert len(caught.value.stdout) == OUTPUT_LIMIT_BYTES


@pytest.mark.skipif(os.name != "posix", reason="a program of POSIX")
def test_what_a_hanging_program_had_said_is_kept() -> None:
    with pytest.raises(TimedOutError) as caught:
        run(["/bin/sh", "-c", "echo said; sleep 60"], timeout_s=1.5)
    assert caught.value.stdout.strip() == "said"


def test_input_larger_than_a_pipe_is_fed() -> None:
    code = (
        "import sys; data = sys.stdin.buffer.read(); print(len(data)); print('e', file=sys.stderr)"
    )
    output = run([sys.executable, "-c", code], stdin=b"x" * 1_000_000)
    assert (output.stdout.strip(), output.stderr.strip()) == ("1000000", "e")


def test_input_that_nobody_reads_is_no_fault() -> None:
    assert run([sys.executable, "-c", "print(1)"], stdin=b"x" * 1_000_000).stdout.strip() == "1"
