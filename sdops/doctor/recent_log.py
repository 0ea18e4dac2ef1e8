"""What the newest log of a UI adds to an examination, joined to the findings by cause."""

from __future__ import annotations

import time
from collections.abc import Sequence

from sdops.errors import SdopsError
from sdops.explain import report as explained
from sdops.explain.machine import from_facts
from sdops.facts.types import Facts
from sdops.finding import Finding
from sdops.knowledge.signatures import signatures


def failures(facts: Facts) -> tuple[Finding, ...]:
    """What failed in the last run of the UI's newest log; empty where nothing did.

    A log that ends with a run that is fine says nothing of today, and one that cannot be read is
    passed over: the doctor is about the installation.
    """
    if facts.ui is None or not facts.ui.logs:
        return ()
    name = facts.ui.logs[0]
    known = explained.Known(from_facts(facts))
    try:
        log = explained.explain(name, explained.read_log(name), known, every_run=False)
    except SdopsError:
        return ()
    if log.diagnosis.later_run_was_fine:
        return ()
    return explained.report([log], known, time.monotonic()).findings


def joined(findings: Sequence[Finding], logged: Sequence[Finding]) -> list[Finding]:
    """The findings, with what the log adds: a line as proof where both name one cause."""
    checks = {item.id: item.checks for item in signatures()}
    result, rest = list(findings), []
    for failure in logged:
        known = checks.get(failure.rule, ())
        at = next((n for n, finding in enumerate(result) if finding.rule in known), None)
        if at is None:
            rest.append(failure)
        else:
            where = failure.location.in_words if failure.location else "the newest log"
            finding = result[at]
            result[at] = finding._replace(
                why=f"{finding.why} The newest log shows it ({where}).".strip(),
                evidence={**finding.evidence, "log": where, "log_class": failure.rule},
            )
    return [*result, *rest]
