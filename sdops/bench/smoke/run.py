"""The smoke test from beginning to end: steps, one verdict, the flags that follow."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from sdops.bench.device import Device, choose
from sdops.bench.memory_limit import is_out_of_memory
from sdops.bench.smoke.answer import Likeness, SmokeAnswer
from sdops.bench.smoke.flags import DEFAULT_UI, findings, known_uis, launch_plan
from sdops.bench.smoke.step import Need, Step
from sdops.bench.smoke.steps import pipeline
from sdops.bench.smoke.steps.attention import try_attention
from sdops.bench.smoke.steps.checkpoint import try_claims
from sdops.bench.smoke.steps.edits import try_edits
from sdops.bench.smoke.steps.kernels import try_kernels
from sdops.bench.smoke.steps.like import NAME as LIKE
from sdops.bench.smoke.steps.like import Like, try_like
from sdops.bench.smoke.steps.parts import TEXT, UNET, reference, try_part, vae_part
from sdops.bench.smoke.wanted import NO_OVERRIDES, Overrides
from sdops.bench.subject import Subject, few_threads, usual_precision
from sdops.dialect.names import known
from sdops.errors import UsageError
from sdops.finding import Report
from sdops.sampler.attention import BACKENDS, backend
from sdops.sampler.configuration import ModelConfig
from sdops.sampler.pipeline import NotANumberError, Options
from sdops.sampler.precision import PRECISIONS, Precision
from sdops.sampler.weights import Weights
from sdops.tried import Tried, TriedDevice, TriedStep

OnStep = Callable[[Step], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to try."""

    subject: Subject
    config: ModelConfig
    """The configuration of the subject."""
    device: Device
    precision: str = "fp32"
    """The precision of the whole pipeline; a name in `PRECISIONS`."""
    attention: str = "sdpa"
    memory_limit: int | None = None
    """Bytes of memory to act as if the device had; None for all it has."""
    ui: str = DEFAULT_UI
    """The UI whose flags to name."""
    overrides: Overrides = NO_OVERRIDES
    """What to paint, and how."""
    like: Like | None = None
    """Someone's picture to make again."""


@dataclass(slots=True)
class Outcome:
    """What was found."""

    steps: list[Step] = field(default_factory=list)
    trial: pipeline.Trial | None = None

    @property
    def needs(self) -> set[Need]:
        """What the steps so far showed to be needed."""
        return {fault.need for step in self.steps for fault in step.faults if fault.need}


def planned(
    checkpoint: Path | None = None,
    *,
    architecture: str | None = None,
    vae: Path | None = None,
    device: str | None = None,
    precision: str | None = None,
    attention: str = "sdpa",
    memory_limit: int | None = None,
    ui: str = DEFAULT_UI,
    weights: Weights = Weights.LIVE,
    overrides: Overrides = NO_OVERRIDES,
    like: Path | None = None,
) -> Plan:
    """The plan for what the user asked for, the rest chosen to suit the device.

    Raises:
        UsageError: something named does not exist, or contradicts something else.
        UnreadableInputError: the checkpoint cannot be read or is no such model.
    """
    if checkpoint is not None and architecture is not None:
        raise UsageError(
            "--architecture is for random weights; the checkpoint has its own.", "Leave one out."
        )
    for option, is_given in (("--vae", vae is not None), ("--ema", weights is Weights.EMA)):
        if is_given and checkpoint is None:
            raise UsageError(f"{option} goes with a checkpoint.", "Name a checkpoint too.")
    chosen = choose(device)
    ui = known("UI with known flags", ui, known_uis())
    usual = "tiny-sd15" if chosen.kind == "cpu" else "sd15"
    subject = Subject(architecture or usual, checkpoint, vae, weights)
    precision = known("precision", precision or usual_precision(chosen), PRECISIONS)
    attention = known("attention back-end", attention, BACKENDS)
    backend(attention)
    config = subject.parts().config
    given = None if like is None else Like.of(like, overrides, subject, chosen)
    if given is not None:
        overrides = replace(overrides, given=given.request)
    overrides.request(config)
    return Plan(subject, config, chosen, precision, attention, memory_limit, ui, overrides, given)


def smoke(plan: Plan, on_step: OnStep = lambda _: None) -> Outcome:
    """Try everything in `plan`.

    Args:
        plan: what to try.
        on_step: told each step when it is done.

    Raises:
        UnreadableInputError: the checkpoint cannot be read any more.
    """
    outcome = Outcome()
    with few_threads(plan.subject.is_tiny):
        for step in _until_it_fails(_steps(plan, outcome), plan):
            outcome.steps.append(step)
            on_step(step)
    return outcome


def _until_it_fails(steps: Iterator[Step], plan: Plan) -> Iterator[Step]:
    """The steps; where torch or the driver fails on the way, one that says so is the last.

    So it does where what was made once without a fault is not a number the next time.
    """
    try:
        yield from steps
    except (RuntimeError, NotANumberError) as error:
        yield pipeline.fails(plan.device, error)


def _steps(plan: Plan, outcome: Outcome) -> Iterator[Step]:
    kernels = try_kernels(plan.device, plan.precision)
    yield kernels
    attention, usable = try_attention(plan.device, plan.attention)
    yield attention
    options = Options(device=plan.device.name, attention=usable)
    if any(fault.rule == "smoke-kernels-refused" for fault in kernels.faults):
        return
    config, notes = _described(plan.subject)
    try:
        sample = reference(plan.subject, options)
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        yield pipeline.never_fits(plan.subject)
        return
    yield try_claims(plan.subject, config, notes, sample)
    yield try_part(TEXT, plan.subject, options, sample)
    yield try_part(UNET, plan.subject, options, sample)
    yield try_part(vae_part(sample.painted), plan.subject, options, sample)
    precision = _corrected(PRECISIONS[plan.precision], outcome.needs)
    yield from _whole(plan, replace(options, precision=precision), outcome)


def _described(subject: Subject) -> tuple[Any, tuple[str, ...]]:
    parts = subject.parts()
    return parts.config, parts.notes


def _corrected(precision: Precision, needs: set[Need]) -> Precision:
    """`precision` as the flags for `needs` would have it."""
    if Need.MODEL_FP32 in needs:
        return PRECISIONS["fp32"]
    if Need.UPCAST_ATTENTION in needs:
        precision = replace(precision, upcast_attention=True)
    if Need.UPCAST_SAMPLING in needs:
        precision = precision.upcast_sampling()
    return precision.no_half_vae() if Need.VAE_FP32 in needs else precision


def _whole(plan: Plan, options: Options, outcome: Outcome) -> Iterator[Step]:
    plan_parts = (plan.subject, options, plan.device, plan.overrides, plan.memory_limit, plan.ui)
    work = pipeline.Whole(*plan_parts)
    try:
        memory, trial = work.make()
    except NotANumberError as error:
        yield work.failed(error)
        return
    yield memory
    if trial is None:
        return
    outcome.trial = trial
    yield pipeline.judge(trial)
    if plan.like is not None:
        yield try_like(plan.like, trial)
    yield from work.repeat(trial)
    yield from try_edits(work, trial)
    yield work.memory_left(trial)


def tried(plan: Plan, outcome: Outcome) -> Tried:
    """Where, and each step."""
    device = plan.device
    return Tried(
        TriedDevice(device.name, device.title, device.memory_bytes, plan.precision),
        tuple(TriedStep(s.name, s.ok, s.detail, s.measured) for s in outcome.steps),
    )


def report(
    plan: Plan,
    outcome: Outcome,
    begin: float,
    images: Sequence[str] = (),
    faults: Sequence[str] = (),
) -> Report:
    """The Report of `sdops smoke`.

    Args:
        plan: what was tried.
        outcome: what was found.
        begin: when, on time.monotonic's clock.
        images: paths of the pictures that were saved.
        faults: why some that were wanted are not.
    """
    shown = tried(plan, outcome)
    like = next((step.measured for step in outcome.steps if step.name == LIKE), None)
    return Report(
        command="smoke",
        subject=f"{plan.subject.title} on {plan.device.title}",
        started_at=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        duration_s=time.monotonic() - begin,
        findings=findings(outcome.steps, plan.ui),
        cases=tuple(step.name for step in outcome.steps if step.ok is not None),
        faults=tuple(faults),
        data=SmokeAnswer(
            device=shown.device,
            steps=shown.steps,
            launch=launch_plan(outcome.steps, plan.ui),
            infotext=None if outcome.trial is None else outcome.trial.text,
            like=None if like is None else Likeness(**like),
            images=tuple(images),
        ),
    )
