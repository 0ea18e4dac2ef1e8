"""Every sampler under the name that A1111's users know, and how it wants to be run."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Any

from sdops.dialect.names import look_up
from sdops.profile import own


class Axis(Enum):
    """What a sampler walks along."""

    SIGMAS = "sigmas"
    """A list of noise levels."""
    ENDS = "ends"
    """Only the highest and lowest level, and perhaps a number of evaluations."""
    TIMES = "times"
    """Training times."""
    CONSISTENCY = "consistency"
    """The levels at which a consistency model was distilled."""


class Noise(Enum):
    """What noise a sampler adds on its way."""

    NONE = "none"
    CHURN = "churn"
    """Only if churn is asked for."""
    STEPS = "steps"
    """A draw a step."""
    BROWNIAN = "brownian"
    """From a Brownian path over the levels."""


@dataclass(frozen=True, slots=True)
class Sampler:
    """A sampler and how it wants to be run."""

    label: str
    function: str
    """The name of the published algorithm, as in k-diffusion."""
    aliases: tuple[str, ...] = ()
    noise: Noise = Noise.NONE
    axis: Axis = Axis.SIGMAS
    scheduler: str = "automatic"
    """The schedule that "Automatic" stands for."""
    second_order: bool = False
    """Two evaluations a step: prompts are scheduled over twice the steps."""
    discard_penultimate: bool = False
    """Whether the last level above 0 is left out."""
    takes_eta: bool = False
    uses_seed_delta: bool = False
    """Whether ENSD is written to the infotext."""
    one_by_one: bool = False
    """Whether a picture's steps would depend on its neighbors in a batch."""


KARRAS: dict[str, Any] = {"scheduler": "karras"}
EXPONENTIAL: dict[str, Any] = {
    "scheduler": "exponential",
    "noise": Noise.BROWNIAN,
    "takes_eta": True,
}
ANCESTRAL: dict[str, Any] = {"noise": Noise.STEPS, "takes_eta": True, "uses_seed_delta": True}
CHURN: dict[str, Any] = {"noise": Noise.CHURN}
SECOND: dict[str, Any] = {"second_order": True}
DISCARD: dict[str, Any] = {"discard_penultimate": True}
TIMES: dict[str, Any] = {"axis": Axis.TIMES}
ENDS: dict[str, Any] = {"axis": Axis.ENDS}

SAMPLERS = (
    Sampler("DPM++ 2M", "sample_dpmpp_2m", ("k_dpmpp_2m",), **KARRAS),
    Sampler(
        "DPM++ SDE",
        "sample_dpmpp_sde",
        ("k_dpmpp_sde",),
        Noise.BROWNIAN,
        takes_eta=True,
        **KARRAS,
        **SECOND,
    ),
    Sampler("DPM++ 2M SDE", "sample_dpmpp_2m_sde", ("k_dpmpp_2m_sde",), **EXPONENTIAL),
    Sampler(
        "DPM++ 2M SDE Heun", "sample_dpmpp_2m_sde_heun", ("k_dpmpp_2m_sde_heun",), **EXPONENTIAL
    ),
    Sampler(
        "DPM++ 2S a",
        "sample_dpmpp_2s_ancestral",
        ("k_dpmpp_2s_a",),
        **ANCESTRAL,
        **KARRAS,
        **SECOND,
    ),
    Sampler("DPM++ 3M SDE", "sample_dpmpp_3m_sde", ("k_dpmpp_3m_sde",), **EXPONENTIAL, **DISCARD),
    Sampler("Euler a", "sample_euler_ancestral", ("k_euler_a", "k_euler_ancestral"), **ANCESTRAL),
    Sampler("Euler", "sample_euler", ("k_euler",), **CHURN),
    Sampler("LMS", "sample_lms", ("k_lms",)),
    Sampler("Heun", "sample_heun", ("k_heun",), **CHURN, **SECOND),
    Sampler("DPM2", "sample_dpm_2", ("k_dpm_2",), **CHURN, **KARRAS, **SECOND, **DISCARD),
    Sampler(
        "DPM2 a",
        "sample_dpm_2_ancestral",
        ("k_dpm_2_a",),
        **ANCESTRAL,
        **KARRAS,
        **SECOND,
        **DISCARD,
    ),
    Sampler("DPM fast", "sample_dpm_fast", ("k_dpm_fast",), **ANCESTRAL, **ENDS),
    Sampler(
        "DPM adaptive", "sample_dpm_adaptive", ("k_dpm_ad",), one_by_one=True, **ANCESTRAL, **ENDS
    ),
    Sampler("Restart", "sample_restart", ("restart",), Noise.STEPS, **KARRAS, **SECOND),
    Sampler("DDIM", "sample_ddim", ("ddim",), Noise.STEPS, takes_eta=True, **TIMES),
    Sampler(
        "DDIM CFG++", "sample_ddim_cfgpp", ("ddim_cfgpp",), Noise.STEPS, takes_eta=True, **TIMES
    ),
    Sampler("PLMS", "sample_plms", ("plms",), **TIMES),
    Sampler("UniPC", "sample_unipc", ("unipc",), **TIMES),
    Sampler("LCM", "sample_lcm", ("k_lcm",), Noise.STEPS, Axis.CONSISTENCY),
)
"""Every sampler, in the order users see in A1111."""


@dataclass(frozen=True, slots=True)
class Scheduler:
    """A schedule of noise levels under the name that users know."""

    name: str
    label: str
    function: str
    """The name of the function that computes it, as in k-diffusion."""


SCHEDULERS = tuple(
    Scheduler(name, label, f"get_sigmas_{'uniform' if name == 'automatic' else name}")
    for name, label in (
        ("automatic", "Automatic"),
        ("uniform", "Uniform"),
        ("karras", "Karras"),
        ("exponential", "Exponential"),
        ("polyexponential", "Polyexponential"),
        ("sgm_uniform", "SGM Uniform"),
        ("kl_optimal", "KL Optimal"),
        ("align_your_steps", "Align Your Steps"),
        ("simple", "Simple"),
        ("normal", "Normal"),
        ("ddim", "DDIM"),
        ("beta", "Beta"),
    )
)
"""Every schedule, in the order users see in A1111."""


def scheduler(name: str) -> Scheduler:
    """The schedule with this name or label, whatever its case.

    Raises:
        UsageError: there is none; suggests one that is spelled alike.
    """
    label = _scheduler_labels().get(folded(name), name)
    return look_up("scheduler", label, {known.label: known for known in SCHEDULERS})


def sampler(name: str) -> Sampler:
    """The sampler with this label or alias, however it is spelled.

    Raises:
        UsageError: there is none; suggests one that is spelled alike.
    """
    label = _sampler_labels().get(folded(name), name)
    return look_up("sampler", label, {known.label: known for known in SAMPLERS})


def split_scheduler(name: str) -> tuple[str, str | None]:
    """`DPM++ 2M Karras` or `dpmpp_2m_karras` as sampler and scheduler, by the names users know.

    A sampler that has no name here stays as it is written; None where no schedule is named.
    """
    whole = folded(name)
    if whole in _sampler_labels():
        return _sampler_labels()[whole], None
    for ending, schedule in sorted(_scheduler_labels().items(), key=lambda row: -len(row[0])):
        start = whole.removesuffix(ending)
        if start != whole and start in _sampler_labels():
            return _sampler_labels()[start], schedule
    return name, None


def scheduler_label(name: str) -> str:
    """The name that A1111's users know for a schedule; as it is written where there is none."""
    return _scheduler_labels().get(folded(name), name)


def folded(name: str) -> str:
    """`name` without what programs write differently: case, spaces, marks, `k_`, `Scheduler`."""
    plain = re.sub(r"[\s_\-().]", "", re.sub(r"^k[_ ]", "", name.strip().casefold()))
    for ending in ("discretescheduler", "scheduler", "gpu"):
        plain = plain.removesuffix(ending)
    return plain.replace("++", "pp")


@cache
def _sampler_labels() -> dict[str, str]:
    rows = own("pictures/names")["sampler"]
    elsewhere = {folded(name): row["label"] for row in rows for name in row["names"]}
    here = {
        folded(name): known.label
        for known in SAMPLERS
        for name in (known.label, known.function.removeprefix("sample_"), *known.aliases)
    }
    return elsewhere | here | {known.function.replace("_", ""): known.label for known in SAMPLERS}


@cache
def _scheduler_labels() -> dict[str, str]:
    rows = own("pictures/names")["scheduler"]
    elsewhere = {folded(name): row["label"] for row in rows for name in row["names"]}
    here = {folded(name): row.label for row in SCHEDULERS for name in (row.name, row.label)}
    return elsewhere | here


def schedule_for(chosen: Sampler, name: str) -> str:
    """The scheduler that `name` means for a sampler: "Automatic" is the sampler's own."""
    return chosen.scheduler if name.casefold() == "automatic" else name
