"""From what generation needs here to what each UI must be told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from sdops import uis
from sdops.bench.smoke.step import Fault, Need, Step
from sdops.finding import Action, Finding, Remedy
from sdops.knowledge.flags import flags_of
from sdops.launch import LaunchPlan, PlannedFlag, Standing
from sdops.profile import load
from sdops.shells import line_here

DEFAULT_UI = "a1111"


@dataclass(frozen=True, slots=True)
class UiRemedy:
    """How one UI is told of one need; a row of `profiles/bench/remedies`."""

    need: str
    ui: str
    source: str
    flags: tuple[tuple[str, ...], ...] = ()
    """Each a flag, and its value if it takes one."""
    setting: str = ""
    """Where there is no flag, what to change in the UI."""
    automatic: bool = False
    """Whether the UI does it by itself where it is needed."""


@cache
def remedy_for(need: Need, ui: str) -> UiRemedy | None:
    """How `ui` is told of `need`; None if it cannot be, or it is not known how."""
    for row in load("bench/remedies")["remedy"]:
        if row["need"] == need.value and uis.is_one_of(ui, (row["ui"],)):
            return UiRemedy(**{**row, "flags": tuple(map(tuple, row["flags"]))})
    return None


def known_uis() -> tuple[str, ...]:
    """The UIs whose words are known."""
    rows = load("bench/remedies")["remedy"]
    words = {row["ui"] for row in rows}
    return tuple(kind for kind in uis.kinds() if uis.is_one_of(kind, words))


def title_of(ui: str) -> str:
    """What people call a UI."""
    table = flags_of(ui)
    return table.title if table else ui


def launch_plan(steps: Iterable[Step], ui: str) -> LaunchPlan:
    """The flags that the steps showed to be needed, or faster, on this machine."""
    planned: dict[str, PlannedFlag] = {}
    for need, reason in _reasons(steps):
        remedy = remedy_for(need, ui)
        for words in remedy.flags if remedy else ():
            value = words[1] if len(words) > 1 else None
            planned.setdefault(words[0], PlannedFlag(words[0], value, reason, Standing.MEASURED))
    flags = _without_weaker(tuple(planned.values()))
    line = line_here([word for flag in flags for word in (flag.flag, flag.value) if word])
    place = f"the launch flags of {title_of(ui)}"
    return LaunchPlan(ui, flags, (), line, place, bool(flags))


def _reasons(steps: Iterable[Step]) -> Iterable[tuple[Need, str]]:
    for step in steps:
        yield from ((fault.need, _reason(fault)) for fault in step.faults if fault.need)
        yield from ((gain.need, gain.reason) for gain in step.gains)


def _reason(fault: Fault) -> str:
    return f"{fault.title}; this was seen on this machine."


def _without_weaker(flags: tuple[PlannedFlag, ...]) -> tuple[PlannedFlag, ...]:
    """The model in full precision makes the VAE's own flag needless (A1111)."""
    names = {flag.flag for flag in flags}
    return tuple(f for f in flags if not (f.flag == "--no-half-vae" and "--no-half" in names))


def findings(steps: Sequence[Step], ui: str) -> tuple[Finding, ...]:
    """What went wrong, with the flags that fix it."""
    return tuple(_finding(step, fault, ui) for step in steps for fault in step.faults)


def _finding(step: Step, fault: Fault, ui: str) -> Finding:
    remedies = []
    remedy = remedy_for(fault.need, ui) if fault.need else None
    if remedy and remedy.flags:
        line = " ".join(word for words in remedy.flags for word in words)
        flags = tuple(" ".join(words) for words in remedy.flags)
        text = f"Start {title_of(ui)} with {line}."
        remedies.append(Remedy(text, Action.CHANGE_FLAG, add_flags=flags))
    elif remedy and remedy.setting:
        remedies.append(Remedy(remedy.setting))
    elif fault.need:
        remedies.append(Remedy(NO_WORD[fault.need.value.partition("-")[0]]))
    if fault.advice and not (remedy and remedy.flags):
        remedies.append(Remedy(fault.advice))
    return Finding(
        fault.rule,
        fault.severity,
        fault.title,
        fault.why,
        {"step": step.name, "need": fault.need.value if fault.need else None},
        remedies=tuple(remedies),
    )


NO_WORD = {
    "vae": "Let the UI run the VAE in full precision (fp32).",
    "model": "Let the UI run the model in full precision (fp32).",
    "upcast": "Let the UI compute attention in full precision (fp32).",
    "memory": "Switch on the UI's way of doing with less graphics memory.",
    "attention": "Switch the UI to another way of computing attention.",
}
"""What to do, by kind of need, with a UI that is set by other means than a flag known here."""
