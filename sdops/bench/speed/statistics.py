"""Medians and percentiles: what repeated timings say, whatever one of them was disturbed by."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median

__all__ = ["median", "median_absolute_deviation", "percentile"]


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` (0…1) of all are not above, linear between neighbors (Hyndman-Fan 7).

    `values` must not be empty.
    """
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def median_absolute_deviation(values: Sequence[float]) -> float:
    """The median distance from the median: a spread that outliers do not move."""
    middle = median(values)
    return median(abs(value - middle) for value in values)
