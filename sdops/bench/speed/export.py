"""The result in other tools' formats: github-action-benchmark and pytest-benchmark."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sdops.atomic import write_new
from sdops.bench.speed.result import Result, Run, median_absolute_deviation
from sdops.errors import UsageError


def github_action(result: Result) -> list[dict[str, Any]]:
    """For github-action-benchmark's tool `customBiggerIsBetter`."""
    extra = "\n".join(f"{name}: {value}" for name, value in result.conditions.items())
    return [
        {
            "name": f"{run.name}, {figure}",
            "unit": "it/s",
            "value": statistics.median(rates),
            "range": f"± {median_absolute_deviation(rates):.3g}",
            "extra": extra,
        }
        for run in result.runs
        for figure, rates in (("loop", run.loop_rates), ("end to end", run.whole_rates))
    ]


def pytest_benchmark(result: Result) -> dict[str, Any]:
    """As pytest-benchmark's --benchmark-json; seconds of the whole call."""
    return {
        "machine_info": dict(result.conditions),
        "commit_info": {},
        "benchmarks": [_benchmark(result, run) for run in result.runs],
        "datetime": result.taken_at,
        "version": "5.0.0",
    }


def _benchmark(result: Result, run: Run) -> dict[str, Any]:
    return {
        "group": result.protocol,
        "name": run.name,
        "fullname": f"sdops bench::{run.name}",
        "params": {"batch": run.batch, "width": run.width, "height": run.height},
        "param": run.name,
        "extra_info": {"loop_it_s": statistics.median(run.loop_rates), "mfu": run.mfu},
        "options": {"disable_gc": False, "timer": "perf_counter", "warmup": True},
        "stats": _stats(run.seconds),
    }


def _stats(seconds: Sequence[float]) -> dict[str, Any]:
    low, middle, high = statistics.quantiles(seconds, n=4, method="inclusive")
    total = sum(seconds)
    return {
        "min": min(seconds),
        "max": max(seconds),
        "mean": total / len(seconds),
        "stddev": statistics.stdev(seconds),
        "rounds": len(seconds),
        "iterations": 1,
        "median": middle,
        "iqr": high - low,
        "q1": low,
        "q3": high,
        "ops": len(seconds) / total,
        "total": total,
        "data": list(seconds),
    }


FORMATS: dict[str, Callable[[Result], Any]] = {
    "gha.json": github_action,
    "pytest.json": pytest_benchmark,
}
"""By how the file's name ends."""


def format_for(path: Path) -> Callable[[Result], Any]:
    """The format that the name of `path` asks for.

    Raises:
        UsageError: none does.
    """
    for ending, make in FORMATS.items():
        if path.name.endswith(ending):
            return make
    raise UsageError(
        f"The name {path.name} does not tell a format.",
        f"Let it end in {' or '.join(FORMATS)}.",
    )


def export(result: Result, path: Path) -> None:
    """Write `result` to the new file `path`, in the format that its name asks for.

    Raises:
        UsageError: the name tells no format, or the file exists already.
    """
    write_new(path, json.dumps(format_for(path)(result), indent=1) + "\n")
