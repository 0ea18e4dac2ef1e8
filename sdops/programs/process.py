"""The one place where sdops starts another program: absolute path, no shell, bounded time."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from sdops.paths import real
from sdops.text import decode

TIMEOUT_S = 8.0
OUTPUT_LIMIT_BYTES = 4 * 1024 * 1024

_SYSTEM_FOLDERS = {
    "linux": ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin",
              "/usr/lib/wsl/lib", "/opt/rocm/bin"),
    "darwin": ("/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/local/bin", "/opt/homebrew/bin"),
}  # fmt: skip


class ProbeError(Exception):
    """A program could not tell what it was asked; its text becomes the reason of a Gap."""


class TimedOutError(ProbeError):
    """A program did not finish in time; `stdout` is what it had printed until then."""

    def __init__(self, message: str, stdout: str) -> None:
        super().__init__(message)
        self.stdout = stdout


@dataclass(frozen=True, slots=True)
class Output:
    """What a finished program printed."""

    returncode: int
    stdout: str
    stderr: str


def program(name: str) -> str:
    """The absolute path of `name`, never one that a stranger put in or under the current folder.

    The system's own folders are searched first, then the absolute folders on PATH that are not in
    or under the current one.

    Raises:
        ProbeError: it is not installed.
    """
    here = real(os.getcwd())
    named = os.environ.get("PATH", "").split(os.pathsep)
    safe = (
        folder for folder in named if os.path.isabs(folder) and not _is_within(real(folder), here)
    )
    # Not shutil.which: on Windows it looks in the current folder first, whatever it is given.
    file = name if sys.platform != "win32" or os.path.splitext(name)[1] else f"{name}.exe"
    for folder in (*_system_folders(), *safe):
        path = os.path.join(folder, file)
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    raise ProbeError(f"{name} is not installed")


def run(
    argv: Sequence[str],
    *,
    timeout_s: float = TIMEOUT_S,
    environment: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: bytes = b"",
) -> Output:
    """Runs `argv` (its first item an absolute path) and returns what it printed.

    The program runs in a neutral folder, in a session of its own, and it and its children are
    killed when the time is up.

    Raises:
        ProbeError: it cannot be started.
        TimedOutError: it does not finish in `timeout_s` seconds.
    """
    name = Path(argv[0]).name
    env = dict(os.environ if environment is None else environment)
    env.setdefault("LC_ALL", "C")
    try:
        process = subprocess.Popen(
            list(argv),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=env,
            cwd=cwd or Path(sys.prefix).anchor,
            start_new_session=os.name == "posix",
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
    except OSError as error:
        raise ProbeError(f"{argv[0]} cannot be started: {error.strerror or error}") from None
    stdout, stderr = _Drain(process.stdout), _Drain(process.stderr)
    feeder = threading.Thread(target=_feed, args=(process, stdin), daemon=True)
    feeder.start()
    if not _finishes(process, (stdout, stderr), time.monotonic() + timeout_s):
        _kill(process)
        reason = f"{name} did not answer within {timeout_s:g} s"
        raise TimedOutError(reason, stdout.text())
    return Output(process.returncode, stdout.text(), stderr.text())


class _Drain(threading.Thread):
    """Reads what a program prints to its end, and keeps the first `OUTPUT_LIMIT_BYTES` of it."""

    def __init__(self, pipe: IO[bytes] | None) -> None:
        super().__init__(daemon=True)
        assert pipe is not None
        self._pipe = pipe
        self._kept = bytearray()
        self.start()

    def run(self) -> None:
        """Reads until the program, and whoever inherited its end of the pipe, has closed it."""
        with self._pipe:
            while chunk := os.read(self._pipe.fileno(), 65536):
                self._kept += chunk[: OUTPUT_LIMIT_BYTES - len(self._kept)]

    def text(self) -> str:
        """What has been printed until now."""
        return decode(bytes(self._kept))


def _finishes(process: subprocess.Popen[bytes], drains: Sequence[_Drain], deadline: float) -> bool:
    for drain in drains:
        drain.join(max(0.0, deadline - time.monotonic()))
    try:
        process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        return False
    return not any(drain.is_alive() for drain in drains)


def _feed(process: subprocess.Popen[bytes], stdin: bytes) -> None:
    assert process.stdin is not None
    with contextlib.suppress(OSError, ValueError), process.stdin:  # it may not want to read
        process.stdin.write(stdin)


def attend(argv: Sequence[str], *, environment: Mapping[str, str] | None = None) -> int:
    """Runs `argv` (its first item an absolute path) before the user's eyes; its exit status.

    For long work that the user asked for, such as a download: no time limit, its output goes to
    stderr as it comes, and Ctrl-C reaches it.

    Raises:
        ProbeError: it cannot be started.
    """
    try:
        with subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr.fileno(),
            env=dict(os.environ if environment is None else environment),
            cwd=Path(sys.prefix).anchor,
        ) as process:
            return process.wait()
    except OSError as error:
        name = Path(argv[0]).name
        raise ProbeError(f"{name} cannot be started: {error.strerror or error}") from None


def _kill(process: subprocess.Popen[bytes]) -> None:
    try:
        if os.name == "posix":
            os.killpg(process.pid, 9)
        else:
            process.kill()
        process.wait(timeout=1)
    except (OSError, subprocess.TimeoutExpired):
        pass  # an unkillable process (state D) must not hang the doctor


def _system_folders() -> tuple[str, ...]:
    if sys.platform == "win32":
        root = os.environ.get("SystemRoot", r"C:\Windows")  # noqa: SIM112
        return (rf"{root}\System32", rf"{root}\System32\WindowsPowerShell\v1.0", root)
    return _SYSTEM_FOLDERS.get(sys.platform, _SYSTEM_FOLDERS["linux"])


def _is_within(path: str, folder: str) -> bool:
    # In the root folder every path is "within": there the current folder shields nothing.
    return folder != os.path.dirname(folder) and (path + os.sep).startswith(folder + os.sep)
