"""Judges what a pickle's trace would do, by the policy."""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

from sdops.checkpoint.scan.argument_rules import (
    RULES,
    TRAMPOLINES,
    RuleContext,
    bad_dtype_state,
    bad_state,
)
from sdops.checkpoint.scan.policy import Entry, Policy
from sdops.checkpoint.trace.show import show, show_call
from sdops.checkpoint.trace.values import (
    Blob,
    Call,
    Dict,
    Effect,
    Global,
    Set,
    Trace,
    Value,
    real_name,
)
from sdops.report.plain import one_line


class Verdict(IntEnum):
    """What a file is, from harmless to harmful."""

    SAFE = 0
    SUSPICIOUS = 1
    """It refers to something unknown, or readers would disagree about it."""
    UNREADABLE = 2
    """It could not be looked at to the end: nothing is known about the rest."""
    DANGEROUS = 3
    """Loading it runs something."""

    @property
    def word(self) -> str:
        """The word in JSON."""
        return self.name.lower()


class Judgment(NamedTuple):
    """One thing that a pickle would do and should not."""

    rule: str
    verdict: Verdict
    does: str
    """What it would do, in words that follow "Loading this file"."""
    call: str
    """The call or reference, shown safely."""
    module: str
    name: str
    opcode: str
    offset: int


class Reference(NamedTuple):
    """One name that a pickle refers to."""

    module: str
    name: str
    verdict: Verdict
    called: bool
    offset: int
    member: str | None
    allowed_because: str | None = None
    """The user's reason, if their own policy allows it."""


class Judge:
    """Judges one trace."""

    def __init__(self, trace: Trace, policy: Policy, member: str | None = None) -> None:
        """For `trace` of the archive's `member`.

        After `judgments` is exhausted, `context.payloads` is filled.
        """
        self.trace = trace
        self.policy = policy
        self.member = member
        self.context = RuleContext(policy)

    def references(self) -> Iterator[Reference]:
        """Every name, with its class."""
        for reference in self.trace.globals.values():
            entry = self.policy.entry(reference)
            module, name = real_name(reference)
            yield Reference(
                module=module,
                name=name,
                verdict=_class_of(reference, entry),
                called=reference.called,
                offset=reference.offset,
                member=self.member,
                allowed_because=entry.reason if entry is not None and entry.user else None,
            )

    def judgments(self) -> Iterator[Judgment]:
        """Everything that is not as the policy wants it."""
        for reference in self.trace.globals.values():
            if not reference.called and self.policy.entry(reference) is None:
                yield _judgment("pickle-reference", Verdict.SUSPICIOUS, reference,
                                "imports {}, which no model needs", reference)  # fmt: skip
        for call in self.trace.calls:
            found = self._call(call)
            if found is not None:
                yield found
        yield from self._kept()
        for effect in self.trace.builds:
            yield from self._build(effect)
        for effect in self.trace.fills:
            yield from self._fill(effect)
        for effect in self.trace.computed:
            yield self._computed(effect)

    def _call(self, call: Call) -> Judgment | None:
        callee = call.callee
        if type(callee) is not Global:
            return _judgment("pickle-call", Verdict.DANGEROUS, call,
                             "calls something that is only known when it happens: {}",
                             callee)  # fmt: skip
        entry = self.policy.entry(callee)
        if entry is None or not entry.callable:
            return _judgment("pickle-call", Verdict.DANGEROUS, call, "runs {}", callee)
        if entry.rule is None:
            return None
        found = RULES[entry.rule](call, self.context)
        if found is None and not isinstance(call.args, tuple):
            found = "is given unknown arguments"
        if found is None and isinstance(call.kwargs, (Dict, Call)):
            found = "is given keyword arguments"
        if found is None:
            return None
        return _judgment("pickle-argument", Verdict.DANGEROUS, call, f"{found}: {{}}", callee)

    def _kept(self) -> Iterator[Judgment]:
        """Trampolines among the values: put into an object, they are called with what it gets."""
        for reference in self.trace.globals.values():
            entry = self.policy.entry(reference)
            if entry is None or entry.rule not in TRAMPOLINES:
                continue
            passed = sum(1 for known in self.context.passed if known is reference)
            if reference.pushes > reference.calls + passed:
                yield _judgment("pickle-argument", Verdict.DANGEROUS, reference,
                                "keeps {} to call it later with anything", reference)  # fmt: skip

    def _entry_of(self, value: Value) -> Entry | None:
        """The policy's entry for the class of an object that a call made."""
        if not isinstance(value, Call) or not isinstance(value.callee, Global):
            return None
        entry = self.policy.entry(value.callee)
        if entry is not None and entry.rule == "reconstructor" and isinstance(value.args, tuple):
            made = value.args[0] if value.args else None
            return self.policy.entry(made) if isinstance(made, Global) else None
        return entry

    def _build(self, effect: Effect) -> Iterator[Judgment]:
        target = effect.target
        if isinstance(target, (Dict, Set, list, tuple, str, bytes, int, float, Blob, type(None))):
            return  # these have no attributes to set: Python refuses
        entry = self._entry_of(target)
        if entry is not None and entry.build:
            found = bad_state(effect.state)
            if found is None and entry.rule == "dtype":
                found = bad_dtype_state(target, effect.state)
            if found is None:
                return
            does = f"{found}: {{}}"
        else:
            does = "changes the inside of {}"
        if entry is None and isinstance(target, Call):
            return  # making the object is the finding
        yield _judgment("pickle-state", Verdict.DANGEROUS, effect, does, _class(target))

    def _fill(self, effect: Effect) -> Iterator[Judgment]:
        target = effect.target
        entry = self._entry_of(target)
        if isinstance(target, (bytes, Blob)) or (entry is not None and entry.fill):
            return
        if entry is None and isinstance(target, Call):
            return  # making the object is the finding
        yield _judgment("pickle-state", Verdict.DANGEROUS, effect,
                        "puts items into {}", _class(target))  # fmt: skip

    def _computed(self, effect: Effect) -> Judgment:
        if effect.opcode == "STACK_GLOBAL":
            does, rule = "imports a name that it computes first: {}", "pickle-computed-import"
        else:
            does, rule = "uses what is registered under extension code {}", "pickle-extension-code"
        shown = show(effect.target)
        return Judgment(
            rule, Verdict.DANGEROUS, does.format(shown), shown, "", "", effect.opcode, effect.offset
        )


def _class_of(reference: Global, entry: Entry | None) -> Verdict:
    if entry is None:
        return Verdict.DANGEROUS if reference.called else Verdict.SUSPICIOUS
    return Verdict.DANGEROUS if reference.called and not entry.callable else Verdict.SAFE


def _class(target: Value) -> Value:
    return target.callee if isinstance(target, Call) else target


def _judgment(
    rule: str, verdict: Verdict, at: Call | Effect | Global, does: str, callee: Value
) -> Judgment:
    module, name = real_name(callee) if isinstance(callee, Global) else ("", "")
    label = f"{module}.{name}" if isinstance(callee, Global) else show(callee)
    shown = show_call(label, at.args) if isinstance(at, Call) else one_line(label, 300)
    return Judgment(
        rule=rule,
        verdict=verdict,
        does=does.replace("{}", shown),
        call=shown,
        module=module,
        name=name,
        opcode=at.opcode,
        offset=at.offset,
    )
