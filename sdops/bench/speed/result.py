"""The result of a benchmark as a file: `sdops.bench/1`, written whole and read back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from sdops.atomic import write_new
from sdops.errors import UnreadableInputError

SCHEMA = "sdops.bench/1"
LARGEST_BYTES = 16 * 2**20
RATES = ("loop_rates", "whole_rates")


@dataclass(frozen=True, slots=True)
class Run:
    """One case, timed."""

    name: str
    """Unique in the file."""
    architecture: str
    width: int
    height: int
    batch: int
    steps: int
    loop_rates: tuple[float, ...]
    """CFG steps a second of the loop alone, by repeat."""
    whole_rates: tuple[float, ...]
    """Steps a second over the whole call, times the batch, by repeat."""
    seconds: tuple[float, ...]
    """The time of the whole call, by repeat."""
    load_seconds: float
    warm_up_seconds: float
    peak_vram_bytes: int | None
    peak_ram_bytes: int
    flops_per_step: int
    mfu: float
    """Share of the measured matmul peak that the loop reached."""
    gpu: Mapping[str, Any]
    """What the GPU said of itself meanwhile."""


@dataclass(frozen=True, slots=True)
class Result:
    """Everything that one benchmark measured, and under which conditions."""

    protocol: str
    taken_at: str
    """ISO 8601, UTC."""
    conditions: Mapping[str, str]
    """What must be alike for two results to be compared: device, driver, versions, options."""
    peak_flops: float
    runs: tuple[Run, ...]
    faults: tuple[str, ...] = ()
    """What could not be timed, and why, one sentence each."""


def median_absolute_deviation(values: Sequence[float]) -> float:
    """The median distance from the median: a spread that outliers do not move."""
    middle = median(values)
    return median(abs(value - middle) for value in values)


def percentile(values: Sequence[float], share: int) -> float:
    """What `share` (1…99) percent of all are not above, linear between neighbors."""
    return quantiles(values, n=100, method="inclusive")[share - 1]


def write(result: Result, path: Path) -> None:
    """Write `result` to the new file `path`, whole or not at all.

    Raises:
        SdopsError: it exists already or cannot be written.
    """
    document = json.dumps({"schema": SCHEMA, **asdict(result)}, indent=1)
    write_new(path, document + "\n")


def read(path: Path) -> Result:
    """The result in the file at `path`.

    Raises:
        UnreadableInputError: it is missing, or no such result.
    """
    try:
        with path.open("rb") as file:
            return _parse(file.read(LARGEST_BYTES))
    except OSError as error:
        raise UnreadableInputError(f"{path} cannot be read: {error.strerror or error}.") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UnreadableInputError(
            f"{path} is no result of sdops bench: {error}.", "Make one with --save."
        ) from None


def _parse(text: bytes) -> Result:
    document = json.loads(text)
    if document.pop("schema") != SCHEMA:
        raise ValueError(f"its schema is not {SCHEMA}")
    runs = tuple(_run(row) for row in document.pop("runs"))
    if not runs:
        raise ValueError("it holds no runs")
    faults = tuple(map(str, document.pop("faults", ())))
    conditions = _words(document.pop("conditions"))
    return Result(**document, conditions=conditions, runs=runs, faults=faults)


def _run(row: Mapping[str, Any]) -> Run:
    numbers = {name: tuple(map(float, row[name])) for name in (*RATES, "seconds")}
    if not all(numbers.values()) or not all(n > 0 for all_ in numbers.values() for n in all_):
        raise ValueError("a run without timings")
    return Run(**{**row, **numbers})


def _words(conditions: Mapping[str, Any]) -> dict[str, str]:
    return {str(name): str(value) for name, value in conditions.items()}
