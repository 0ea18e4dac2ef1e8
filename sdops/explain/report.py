"""The answer of `sdops explain`: logs read and judged, as one Report."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from sdops.errors import UnreadableInputError
from sdops.explain import advice, decode
from sdops.explain.answer import ExplainAnswer, LogFacts, Role, SeenSignature, Unmatched
from sdops.explain.banner import read_banner
from sdops.explain.clean import clean
from sdops.explain.graph import Cause, Diagnosis, Unknown, diagnose
from sdops.explain.match import Match, find
from sdops.explain.remedies import reason_of, remedies
from sdops.explain.structure import paused, structure
from sdops.facts.redact import Redactor, local_identity
from sdops.finding import Finding, Location, Remedy, Report, Severity
from sdops.knowledge.signatures import SEVERITIES, fill, first_sentence

STDIN = "-"
EXCERPT = 400
"""Characters of a line that are shown."""

UNKNOWN = "unknown-failure"


@dataclass(frozen=True, slots=True)
class Known:
    """What is known beside the log."""

    facts: Mapping[str, str] = field(default_factory=dict)
    """As `read_banner` names them."""
    findings: tuple[Finding, ...] = ()
    """What the doctor found on the same machine."""


@dataclass(frozen=True, slots=True)
class Explained:
    """One log and what it comes to."""

    name: str
    facts: Mapping[str, str]
    diagnosis: Diagnosis
    contradictions: tuple[str, ...] = ()
    left_out_bytes: int = 0
    ended_silently: bool = False


def read_log(name: str) -> decode.Reading:
    """The lines of the log `name`, or of standard input for `-`.

    Raises:
        UnreadableInputError: it cannot be read.
    """
    if name == STDIN:
        stream = sys.stdin.buffer
        return decode.read_chunks(iter(lambda: stream.read(decode.CHUNK_BYTES), b""))
    try:
        return decode.read_file(Path(name))
    except OSError as error:
        raise UnreadableInputError(f"{name} cannot be read: {error.strerror or error}.") from None


def explain(name: str, reading: decode.Reading, known: Known, *, every_run: bool) -> Explained:
    """What the log `name` comes to."""
    lines = clean(reading.lines)
    units = structure(lines)
    told = read_banner(lines)
    facts = {**told, **known.facts}
    diagnosis = diagnose(units, find(units, facts), every_run=every_run)
    silent = not diagnosis.causes and paused(lines)
    return Explained(
        name, facts, diagnosis, _contradictions(told, known.facts), reading.left_out_bytes, silent
    )


def _contradictions(told: Mapping[str, str], found: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(
        f"The log says {name} {told[name]}, but here it is {found[name]}."
        for name in ("torch", "python", "gpu", "ui", "platform")
        if name in told and name in found and not _agree(told[name], found[name])
    )


def _agree(one: str, other: str) -> bool:
    one, other = one.lower(), other.lower()
    return one.startswith(other) or other.startswith(one) or one in other or other in one


def report(logs: Sequence[Explained], known: Known, begin: float) -> Report:
    """The Report on `logs`.

    Args:
        logs: what was read.
        known: what is known beside them.
        begin: when the work began, on time.monotonic's clock.
    """
    teller = _Teller(known)
    findings = tuple(finding for log in logs for finding in teller.findings(log))
    return Report(
        command="explain",
        subject=", ".join(teller.clean(log.name) for log in logs),
        started_at=datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        duration_s=time.monotonic() - begin,
        findings=findings,
        cases=tuple(teller.clean(log.name) for log in logs),
        data=ExplainAnswer(
            tuple(row for log in logs for row in teller.matches(log)),
            tuple(row for log in logs for row in teller.unmatched(log)),
            tuple(map(teller.log, logs)),
        ),
    )


class _Teller:
    """Tells logs with one redaction for all of them."""

    def __init__(self, known: Known) -> None:
        self._known = known
        self.clean = Redactor(local_identity()).text

    def findings(self, log: Explained) -> Iterator[Finding]:
        for cause in log.diagnosis.causes:
            if isinstance(cause.failure, Match):
                yield self._known_cause(log, cause, cause.failure)
            else:
                yield self._unknown_cause(log, cause, cause.failure)
        if log.ended_silently:
            yield self._silent(log)

    def _known_cause(self, log: Explained, cause: Cause, match: Match) -> Finding:
        item = match.signature
        reason = reason_of(match, log.facts)
        joined = [found for found in self._known.findings if found.rule in item.checks]
        sentence = fill(reason.cause if reason else item.cause, dict(match.captured))
        title, rest = first_sentence(sentence)
        why = [rest if not joined else sentence, self._proof(match.line, match.excerpt)]
        if match.owner.kind == "pack":
            why.append(f"It happened in {match.owner.name}.")
        why += log.contradictions[:2]
        return Finding(
            rule=item.id,
            severity=SEVERITIES[item.severity],
            title=self.clean(joined[0].title if joined else title),
            why=self.clean(" ".join(part for part in why if part)),
            evidence=self._evidence(cause, match.owner.name, match.unit.stage, match.captured)
            | ({"doctor": [found.rule for found in joined]} if joined else {}),
            location=Location(self.clean(log.name), line=match.line),
            remedies=self._cleaned(joined[0].remedies if joined else remedies(match, log.facts)),
        )

    def _unknown_cause(self, log: Explained, cause: Cause, item: Unknown) -> Finding:
        told = advice.about(item, log.facts)
        return Finding(
            rule=UNKNOWN,
            severity=Severity.ERROR,
            title=self.clean(told.title),
            why=self.clean(f"{self._proof(item.line, item.excerpt)} {told.why}"),
            evidence=self._evidence(cause, item.owner.name, item.unit.stage, {})
            | {"fingerprint": item.fingerprint, "exception": item.unit.exception},
            location=Location(self.clean(log.name), line=item.line),
            remedies=self._cleaned(told.remedies),
        )

    def _silent(self, log: Explained) -> Finding:
        return Finding(
            rule=UNKNOWN,
            severity=Severity.ERROR,
            title="The program ended without saying why.",
            why="The log ends with the console waiting for a key, and nothing in it is an error."
            " That is how it looks when the system ended it: out of memory and page file, or a"
            " crash in a library.",
            location=Location(self.clean(log.name)),
            remedies=(
                Remedy(
                    "Look at memory while it starts (Task Manager, free -h); on Windows let the"
                    " system manage the page file. Then sdops doctor on the UI's folder."
                ),
            ),
        )

    def _proof(self, line: int, excerpt: str) -> str:
        return f"Line {line} says: {excerpt[:EXCERPT]}" + ("" if excerpt.endswith(".") else ".")

    def _evidence(
        self, cause: Cause, owner: str, stage: str, captured: Mapping[str, str]
    ) -> dict[str, Any]:
        told: dict[str, Any] = {
            "owner": owner or None,
            "stage": stage or None,
            "captured": {name: self.clean(value) for name, value in captured.items()},
            "consequences": [f"line {item.line}: {_label(item)}" for item in cause.consequences],
            "also": list(cause.also[:20]),
        }
        return {name: value for name, value in told.items() if value}

    def _cleaned(self, given: Sequence[Remedy]) -> tuple[Remedy, ...]:
        return tuple(
            remedy._replace(
                text=self.clean(remedy.text),
                commands=tuple(
                    command._replace(argv=tuple(map(self.clean, command.argv)))
                    for command in remedy.commands
                ),
            )
            for remedy in given
        )

    def matches(self, log: Explained) -> Iterator[SeenSignature]:
        for cause in log.diagnosis.causes:
            if isinstance(cause.failure, Match):
                yield self._seen(log, cause.failure, "cause")
            for item in cause.consequences:
                if isinstance(item, Match):
                    yield self._seen(log, item, "consequence")
        for match in log.diagnosis.harmless:
            yield self._seen(log, match, "harmless")

    def _seen(self, log: Explained, item: Match, role: Role) -> SeenSignature:
        return SeenSignature(
            signature=item.signature.id,
            log=self.clean(log.name),
            line=item.line,
            excerpt=self.clean(item.excerpt[:EXCERPT]),
            role=role,
            title=item.signature.title,
            owner=item.owner.name or None,
            stage=item.unit.stage or None,
        )

    def unmatched(self, log: Explained) -> Iterator[Unmatched]:
        for cause in log.diagnosis.causes:
            for item in (cause.failure, *cause.consequences):
                if isinstance(item, Unknown):
                    yield Unmatched(
                        log=self.clean(log.name),
                        line=item.line,
                        excerpt=self.clean(item.excerpt[:EXCERPT]),
                        exception=item.unit.exception or None,
                        owner=item.owner.name or None,
                        owner_folder=self.clean(item.owner.folder) or None,
                        fingerprint=item.fingerprint,
                        stage=item.unit.stage or None,
                        times=item.times,
                    )

    def log(self, log: Explained) -> LogFacts:
        facts = {name: self.clean(value) for name, value in sorted(log.facts.items())}
        return LogFacts(self.clean(log.name), facts, tuple(_notes(log)))


def _notes(log: Explained) -> Iterator[str]:
    runs, later = log.diagnosis.runs, log.diagnosis.later_run_was_fine
    if runs > 1:
        after = ", and a later one shows no failure" if later else ""
        yield f"The log holds {runs} runs; this is about number {log.diagnosis.run + 1}{after}."
    if log.left_out_bytes:
        yield "This very long log was read around its failures; the rest was passed over."
    yield from log.contradictions


def _label(item: Match | Unknown) -> str:
    return item.signature.id if isinstance(item, Match) else item.unit.exception or "failure"
