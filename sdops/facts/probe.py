"""What a look at the machine brings back: the value, and the gaps where nothing could be seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from sdops.facts.types import Gap
from sdops.programs.process import ProbeError

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Probed(Generic[T_co]):
    """A value learnt from the machine, with what could not be learnt of it."""

    value: T_co
    gaps: tuple[Gap, ...] = ()


def attempt(gaps: list[Gap], fact: str, look: Callable[[], T], default: T) -> T:
    """The value of `look()`; when it fails, `default`, and a gap for `fact` added to `gaps`."""
    try:
        return look()
    except Exception as error:  # whatever a strange machine does, the other facts must survive
        gaps.append(Gap(fact, reason(error)))
        return default


def reason(error: BaseException) -> str:
    """What went wrong, in one line for people."""
    if isinstance(error, PermissionError):
        return f"not permitted: {error.filename or error}"
    if isinstance(error, ProbeError):
        return str(error)
    if isinstance(error, OSError):
        return f"{error.strerror or error}: {error.filename or _asker(error)}"
    if type(error) is RuntimeError:  # psutil's, in its own words
        return str(error)
    return f"{type(error).__name__}: {error}"


def _asker(error: BaseException) -> str:
    """The module whose question failed, where the system does not say what it did not find."""
    trace, module = error.__traceback__, "unknown"
    while trace is not None:
        module = str(trace.tb_frame.f_globals.get("__name__", module))
        trace = trace.tb_next
    return f"asked for in {module}"
