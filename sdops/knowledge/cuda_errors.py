"""What it means when the CUDA runtime cannot start."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from sdops.finding import Action
from sdops.profile import load


@dataclass(frozen=True, slots=True)
class CudaError:
    """One error of the CUDA runtime at its start."""

    code: int
    """The number in `cudaError_t`."""
    pattern: str
    title: str
    why: str
    remedy: str
    action: Action
    linux: tuple[tuple[str, ...], ...]
    """Commands for Linux, to be run with administrator's rights."""
    source: str


@cache
def errors() -> tuple[CudaError, ...]:
    """The errors in the table, in its order."""
    return tuple(
        CudaError(
            **{
                **row,
                "action": Action(row["action"]),
                "linux": tuple(tuple(argv) for argv in row.get("linux", ())),
            }
        )
        for row in load("cuda_errors")["error"]
    )


def recognize(message: str) -> CudaError | None:
    """The error that `message` (as PyTorch prints it) is about, or None."""
    return next((row for row in errors() if re.search(row.pattern, message, re.IGNORECASE)), None)
