"""Is it slower than before? Only where that is more than the spread of the timings."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from statistics import median

from sdops.bench.speed.answer import ComparedFigure
from sdops.bench.speed.result import Result, Run, median_absolute_deviation
from sdops.errors import UsageError
from sdops.finding import Finding, Remedy, Severity
from sdops.typed_json import to_json

SPREADS = 3.0
"""How many median absolute deviations a difference must be to count."""
FIGURES = {"loop_rates": "loop it/s", "whole_rates": "end-to-end it/s"}


@dataclass(frozen=True, slots=True)
class Change:
    """One figure, before and now."""

    run: str
    figure: str
    before: float
    now: float
    spread: float
    """The larger median absolute deviation of the two."""

    @property
    def share(self) -> float:
        """How much slower, of what it was: 0.1 for a tenth; negative if faster."""
        return (self.before - self.now) / self.before

    def is_regression(self, most: float) -> bool:
        """Whether it is worse by more than `most` (of what it was), and than the spread."""
        return self.share > most and self.before - self.now > SPREADS * self.spread


Conditions = Mapping[str, str]


def differences(before: Conditions, now: Conditions) -> dict[str, tuple[str, str]]:
    """Conditions that are not alike, each before and now."""
    found = {}
    for name in {**before, **now}:
        pair = before.get(name, "unknown"), now.get(name, "unknown")
        if pair[0] != pair[1]:
            found[name] = pair
    return found


def refuse_unlike(before: Conditions, now: Conditions) -> None:
    """Refuse to compare what was measured under other conditions.

    Raises:
        UsageError: says which.
    """
    unlike = differences(before, now)
    if unlike:
        words = "; ".join(f"{name}: {a} then, {b} now" for name, (a, b) in unlike.items())
        raise UsageError(
            f"The saved result is from other conditions ({words}).",
            "Save a new one here, or compare all the same with --compare-anyway.",
        )


def refuse_other_runs(before: Result, names: Collection[str]) -> None:
    """Refuse to compare with a result that has none of the runs called `names`.

    Raises:
        UsageError: says which it has.
    """
    known = [run.name for run in before.runs]
    if not set(known) & set(names):
        raise UsageError(
            f"The saved result has no run in common with this one, only {', '.join(known)}.",
            "Use the same --protocol and the same kind of model.",
        )


def changes(before: Result, now: Result) -> tuple[Change, ...]:
    """Every figure that both have."""
    known = {run.name: run for run in before.runs}
    return tuple(
        _change(known[run.name], run, field, figure)
        for run in now.runs
        if run.name in known
        for field, figure in FIGURES.items()
    )


def _change(before: Run, now: Run, field: str, figure: str) -> Change:
    old, new = getattr(before, field), getattr(now, field)
    spread = max(median_absolute_deviation(old), median_absolute_deviation(new))
    return Change(now.name, figure, median(old), median(new), spread)


def findings(before: Result, now: Result, most: float) -> Iterator[Finding]:
    """What became slower by more than `most` and by more than the spread, and what changed."""
    unlike = differences(before.conditions, now.conditions)
    what = ", ".join(f"{name} ({a} then, {b} now)" for name, (a, b) in unlike.items())
    for change in changes(before, now):
        if not change.is_regression(most):
            continue
        yield Finding(
            "bench-regression",
            Severity.ERROR,
            f"Pictures take longer than before: {change.run} is {change.share:.0%} slower",
            f"{change.figure}: {change.before:.3g} then, {change.now:.3g} now, spread"
            f" {change.spread:.2g} (median absolute deviation); allowed were {most:.0%}."
            f" Changed meanwhile: {what or 'nothing that sdops looks at'}.",
            {
                "changed": {name: list(pair) for name, pair in unlike.items()},
                **to_json(figure_of(change)),
            },
            remedies=(
                Remedy(
                    "Look for other programs on the device and for heat (`sdops doctor`), then"
                    " measure again; if it stays, undo what changed."
                ),
            ),
        )


def figure_of(change: Change) -> ComparedFigure:
    """The change as it stands in the answer."""
    return ComparedFigure(
        run=change.run,
        figure=change.figure,
        before=change.before,
        now=change.now,
        slower_by=change.share,
        spread=change.spread,
    )
