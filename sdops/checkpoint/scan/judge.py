"""Judges what a pickle's trace would do, by the policy."""

from __future__ import annotations

import sys
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
from sdops.checkpoint.trace.gadgets import gadget, libraries
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
    is_plausible,
    real_name,
)
from sdops.report.plain import one_line


class Verdict(IntEnum):
    """What a file is, from harmless to harmful."""

    SAFE = 0
    NOT_JUDGED = 1
    """It is nothing that can be judged here: a program, a text, a placeholder."""
    SUSPICIOUS = 2
    """Readers would disagree about it, or it brings code that its loader may run."""
    UNREADABLE = 3
    """It could not be looked at to the end: nothing is known about the rest."""
    UNFAMILIAR = 4
    """It imports or makes something that is on no list; that may be harmless."""
    DANGEROUS = 5
    """Loading it runs something."""

    @property
    def word(self) -> str:
        """The word in JSON."""
        return self.name.lower().replace("_", "-")


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
        run = {id(call.callee) for call in self.trace.calls if not is_plain_class(call)}
        for reference in self.trace.globals.values():
            entry = self.policy.entry(reference)
            module, name = real_name(reference)
            yield Reference(
                module=module,
                name=name,
                verdict=_class_of(reference, entry, run=id(reference) in run),
                called=reference.called,
                offset=reference.offset,
                member=self.member,
                allowed_because=entry.reason if entry is not None and entry.user else None,
            )

    def judgments(self) -> Iterator[Judgment]:
        """Everything that is not as the policy wants it."""
        for reference in self.trace.globals.values():
            known = reference.called or self.policy.entry(reference) is not None
            if not known and not self._is_cut(reference):
                yield _judgment("pickle-reference", _unknown(reference), reference,
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

    def _is_cut(self, reference: Global) -> bool:
        """Whether a name stands at the end of a file that is cut off, and may go on."""
        source, length = self.trace.source, len(reference.module) + len(reference.name) + 3
        last = reference.opcode == "GLOBAL" and reference.offset + length >= source.size
        if not last or self.trace.complete:
            return False
        return not reference.name or source.read(source.size - 1, 1) != b"\n"

    def _call(self, call: Call) -> Judgment | None:
        callee = call.callee
        if type(callee) is not Global:
            return _judgment("pickle-call", Verdict.DANGEROUS, call,
                             "calls something that is only known when it happens: {}",
                             callee)  # fmt: skip
        entry = self.policy.entry(callee)
        if entry is None and is_plain_class(call):
            return _judgment("pickle-class", Verdict.UNFAMILIAR, call,
                             "makes an object of a class that sdops does not know: {}",
                             callee)  # fmt: skip
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
        made = call.args[0] if isinstance(call.args, tuple) and call.args else None
        if entry.rule == "reconstructor" and is_plain_class(Call(made, (), None, 0, "NEWOBJ")):
            return _judgment("pickle-class", Verdict.UNFAMILIAR, call,
                             "makes an object of a class that sdops does not know: {}",
                             made)  # fmt: skip
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


def is_plain_class(call: Call) -> bool:
    """Whether a call of something unknown looks like making an object of a library's class.

    NEWOBJ can do nothing else; by REDUCE, only classes of well-known libraries count.
    """
    callee = call.callee
    if not isinstance(callee, Global) or not is_plausible(callee):
        return False
    module, name = real_name(callee)
    top = module.partition(".")[0]
    if "." in name or not name.lstrip("_")[:1].isupper() or gadget(module, name) is not None:
        return False
    if top in sys.stdlib_module_names or top in sys.builtin_module_names:
        return False
    return call.opcode in _MAKING or top in libraries()


_MAKING = ("NEWOBJ", "NEWOBJ_EX")


def _unknown(reference: Global) -> Verdict:
    known = gadget(*real_name(reference)) is not None
    return Verdict.DANGEROUS if known else Verdict.UNFAMILIAR


def _class_of(reference: Global, entry: Entry | None, *, run: bool) -> Verdict:
    if entry is None:
        return Verdict.DANGEROUS if run else _unknown(reference)
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
