"""The function of each sampler that has a name."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from sdops.dialect.samplers import Sampler
from sdops.sampler import dpm_solver, samplers, timestep_samplers

_ROOMS = (samplers, timestep_samplers, dpm_solver)


def function_of(chosen: Sampler) -> Callable[..., Tensor]:
    """The published algorithm behind a row of the catalog."""
    room = next(room for room in _ROOMS if hasattr(room, chosen.function))
    function: Callable[..., Tensor] = getattr(room, chosen.function)
    return function
