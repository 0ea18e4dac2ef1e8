"""Times commands as whole processes, in turn, so that a drifting machine slows all of them alike.

from measure import compare
compare({"sdops": [...], "pip": [...]}, runs=7)
"""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Run:
    """One finished process."""

    wall_s: float
    cpu_s: float
    peak_rss_mb: float
    returncode: int


@dataclass(frozen=True, slots=True)
class Figures:
    """The medians over several runs of one command."""

    wall_s: float
    cpu_s: float
    peak_rss_mb: float
    returncode: int


def once(argv: Sequence[str], cwd: Path | None = None) -> Run:
    """Runs `argv` to its end, its output thrown away, and says what it took."""
    # Installed packages have their bytecode beside them; a checkout gets it by the warm-up.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    begin = time.perf_counter()
    process = subprocess.Popen(
        argv,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=cwd,
    )
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, process.returncode)


def compare(
    commands: Mapping[str, Sequence[str]], runs: int, cwd: Path | None = None
) -> dict[str, Figures]:
    """Medians of `runs` interleaved runs of every command, after one warm-up; printed as a table.

    The last column is the wall time over that of the last command.
    """
    for argv in commands.values():
        once(argv, cwd)
    taken: dict[str, list[Run]] = {name: [] for name in commands}
    for _ in range(runs):
        for name, argv in commands.items():
            taken[name].append(once(argv, cwd))
    figures = {name: _median(list_of_runs) for name, list_of_runs in taken.items()}
    reference = list(figures.values())[-1].wall_s
    print("\n| command | wall s | CPU s | peak MB | exit | ratio |\n|---|---|---|---|---|---|")
    for name, own in figures.items():
        print(
            f"| {name} | {own.wall_s:.3f} | {own.cpu_s:.3f} | {own.peak_rss_mb:.0f}"
            f" | {own.returncode} | {own.wall_s / reference:.2f} |"
        )
    return figures


def _median(runs: Sequence[Run]) -> Figures:
    return Figures(
        statistics.median(run.wall_s for run in runs),
        statistics.median(run.cpu_s for run in runs),
        max(run.peak_rss_mb for run in runs),
        runs[-1].returncode,
    )
