"""Runs the patient's own Python (`--deep`): its imports, its devices, a small computation on each.

`guest.py` is piped into the interpreter, one process for each question, so that a crash or a hang
in one answer leaves the others. Nothing is written into the patient's folders.
"""

from __future__ import annotations

import json
import secrets
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import resources
from typing import Any, TypeVar

from sdops import profile
from sdops.facts.bounded import Pending
from sdops.facts.probe import Probed
from sdops.facts.types import DeepProbe, Gap, ImportProbe, KernelProbe, PythonEnv
from sdops.programs.process import ProbeError, run

T = TypeVar("T")

START_TIMEOUT_S = 20.0
IMPORT_TIMEOUT_S = 120.0
KERNEL_TIMEOUT_S = 180.0
"""The first kernel on a new card may be compiled from PTX for minutes."""
ALL_TIMEOUT_S = 900.0
AT_ONCE = 2
_GRACE_S = 5.0
"""How much longer sdops waits for a guest that is to end itself."""
_TEXT_LIMIT = 2000
_HUNG = "Timeout (0:"
"""How faulthandler begins what it says of a process that it ends (CPython faulthandler.c)."""

_WINDOWS_CRASHES = {
    0xC0000005: "access violation",
    0xC000001D: "illegal instruction",
    0xC0000135: "a DLL was not found",
    0xC0000142: "a DLL failed to start",
    0xC0000374: "heap corruption",
    0xC0000409: "stack buffer overrun",
    0xC00000FD: "stack overflow",
}
"""NTSTATUS values (MS-ERREF, 2.3.1)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the guest said, or how it died."""

    result: Mapping[str, Any]
    """Empty where it died."""
    exception: str | None = None
    message: str | None = None
    printed: str | None = None


def look(env: PythonEnv, environment: Mapping[str, str]) -> Probed[DeepProbe]:
    """What the environment's own interpreter says when it is really run.

    Args:
        env: the environment.
        environment: the variables to run it with; those for Python itself are left out, because
            they may be meant for the Python that runs sdops.
    """
    guest = _Guest(env, environment)
    started = guest.ask(START_TIMEOUT_S, "interpreter")
    if "python" not in started.result:
        reason = f"{env.executable} does not start: {started.message}"
        return Probed(DeepProbe(), (Gap("deep", reason),))
    imports, import_gaps = _answers([partial(_import, guest, row) for row in _modules(env)])
    has_torch = any(each.module == "torch" and each.ok for each in imports)
    devices = guest.ask(IMPORT_TIMEOUT_S, "devices") if has_torch else Answer({})
    found = devices.result
    names = _texts(found.get("devices"))
    kernels, kernel_gaps = _answers([partial(_kernels, guest, name) for name in names])
    gaps = [*import_gaps, *kernel_gaps]
    if devices.exception is not None:
        gaps.append(Gap("deep.devices", f"{devices.exception}: {devices.message}"))
    return Probed(
        DeepProbe(
            python=_text(started.result.get("python")),
            imports=imports,
            kernels=tuple(each for of_device in kernels for each in of_device),
            cuda_available=_typed(found.get("cuda_available"), bool),
            cuda_error=_text(found.get("cuda_error")),
            device_count=_typed(found.get("device_count"), int),
            device_names=_texts(found.get("device_names")),
            arch_list=_texts(found.get("arch_list")),
            cudnn=_text(found.get("cudnn")),
        ),
        tuple(gaps),
    )


def _answers(questions: Sequence[Callable[[], T]]) -> tuple[tuple[T, ...], list[Gap]]:
    """The answers to `questions`, `AT_ONCE` of them asked at a time.

    The threads are daemons, so that Ctrl-C ends sdops at once; the guests end by themselves.
    """
    slots = threading.BoundedSemaphore(AT_ONCE)

    def ask(question: Callable[[], T]) -> Probed[T | None]:
        with slots:
            return Probed(question())

    nothing: T | None = None
    pending = [Pending("deep", partial(ask, each), nothing, ALL_TIMEOUT_S) for each in questions]
    results = [each.result() for each in pending]
    answers = tuple(each.value for each in results if each.value is not None)
    return answers, [gap for each in results for gap in each.gaps]


class _Guest:
    """The patient's interpreter, ready to be asked."""

    def __init__(self, env: PythonEnv, environment: Mapping[str, str]) -> None:
        self._source = resources.files("sdops.facts").joinpath("guest.py").read_bytes()
        # -s as the portable package's own launchers have it; -B: no .pyc in the patient's folders.
        options = ["-B", "-s"] if env.kind == "embedded" else ["-B"]
        self._command = [env.executable, *options, "-"]
        self._environment = {
            name: value
            for name, value in environment.items()
            if not name.upper().startswith(("PYTHON", "__PYVENV"))
        }

    def ask(self, timeout_s: float, *task: str) -> Answer:
        """What the guest answers to `task`; never raises."""
        # The marker cannot be known to what the guest imports, which shares its output.
        marker = secrets.token_hex(16)
        try:
            output = run(
                [*self._command, marker, f"{timeout_s:g}", *task],
                timeout_s=timeout_s + _GRACE_S,
                environment=self._environment,
                stdin=self._source,
            )
        except ProbeError as error:
            return Answer({}, "TimeoutError", str(error))
        _, found, text = output.stdout.rpartition(marker)
        try:
            result = json.loads(text) if found else None
        except ValueError:
            result = None
        if not isinstance(result, dict):
            return _death(output.returncode, output.stderr)
        failed = result.get("ok") is False
        return Answer(
            result,
            _text(result.get("exception")) if failed else None,
            _text(result.get("message")) if failed else None,
            _end_of(output.stderr),
        )


def _death(returncode: int, stderr: str) -> Answer:
    """How a guest ended that gave no answer."""
    last = _end_of(stderr) or "it printed nothing"
    if _HUNG in stderr:
        return Answer({}, "TimeoutError", f"it did not end in time; it hangs here: {last}")
    if returncode < 0:
        try:
            name = signal.Signals(-returncode).name
        except ValueError:
            name = f"signal {-returncode}"
        return Answer({}, name, f"the process was killed by {name}: {last}")
    crash = _WINDOWS_CRASHES.get(returncode & 0xFFFFFFFF)
    if crash:
        return Answer(
            {}, f"0x{returncode & 0xFFFFFFFF:08X}", f"the process died of {crash}: {last}"
        )
    return Answer({}, "SystemExit", f"the process ended with code {returncode}: {last}")


def _end_of(text: str) -> str | None:
    return text.strip()[-_TEXT_LIMIT:] or None


def _modules(env: PythonEnv) -> list[dict[str, Any]]:
    """The rows of `profiles/deep_imports.toml` whose package is installed."""
    installed = {distribution.name for distribution in env.distributions}
    builds = (env.torch, env.torchvision, env.torchaudio)
    installed |= {build.package for build in builds if build is not None}
    rows = profile.load("deep_imports")["imports"]
    return [row for row in rows if installed.intersection(row["distributions"])]


def _import(guest: _Guest, row: Mapping[str, Any]) -> ImportProbe:
    answer = guest.ask(IMPORT_TIMEOUT_S, "import", row["module"])
    seconds = answer.result.get("seconds")
    return ImportProbe(
        module=row["name"],
        ok=answer.exception is None,
        version=_text(answer.result.get("version")),
        exception=answer.exception,
        message=answer.message,
        seconds=float(seconds) if isinstance(seconds, (int, float)) else None,
        printed=answer.printed,
    )


def _kernels(guest: _Guest, device: str) -> tuple[KernelProbe, ...]:
    answer = guest.ask(KERNEL_TIMEOUT_S, "kernels", device)
    rows = answer.result.get("kernels")
    if not isinstance(rows, list):
        return (
            KernelProbe(device, "matmul", "float32", ok=False, exception=answer.exception,
                        message=answer.message),
        )  # fmt: skip
    return tuple(
        KernelProbe(
            device=device,
            operation=_text(row.get("operation")) or "",
            dtype=_text(row.get("dtype")) or "",
            ok=row.get("ok") is True,
            relative_error=_typed(row.get("relative_error"), float),
            exception=_text(row.get("exception")),
            message=_text(row.get("message")),
        )
        for row in rows
        if isinstance(row, dict)
    )


def _text(value: Any) -> str | None:
    return value[: 2 * _TEXT_LIMIT] if isinstance(value, str) and value else None


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(each for each in value if isinstance(each, str)) if isinstance(value, list) else ()


def _typed(value: Any, kind: type) -> Any:
    return value if isinstance(value, kind) else None
