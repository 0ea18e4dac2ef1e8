"""An extension cannot be loaded, or will fail in use, whatever is done with it.

Its code imports what nothing installed provides, or takes from the UI's own modules what this
version of the UI does not have: the extension was written for another version. The UI then shows
"IMPORT FAILED" beside its name, or an AttributeError or TypeError when a node of it runs.

Fix: Install what is missing, or update the UI or the extension, whichever is older.

Source: the extension's own files, read with ast, against the installed packages and the UI's tree.
"""

from __future__ import annotations

from collections.abc import Sequence

from sdops.check import (
    Action,
    Extension,
    Facts,
    Finding,
    Iterator,
    Location,
    PythonEnv,
    Remedy,
    Severity,
    SourceFault,
)
from sdops.knowledge.bad_packages import contains
from sdops.knowledge.extensions import enabled, environment, missing
from sdops.knowledge.modules import distribution_of
from sdops.remedies.packages import install_beside

RULE = "extension-broken"
SHOWN = 5
OF_THE_HOST = ("host-module", "host-name", "host-call")


def check(facts: Facts) -> Iterator[Finding]:
    """One finding for each kind of cause in each extension."""
    extensions = enabled(facts)
    python = environment(facts)
    for each in extensions:
        modules = [fault for fault in each.faults if fault.kind == "module"]
        if modules:
            yield _modules(facts, python, each, modules)
        host = [fault for fault in each.faults if fault.kind in OF_THE_HOST]
        if host or _refuses_this_version(facts, each):
            yield _host(facts, each, host)
        for fault in each.faults:
            if fault.kind in ("syntax", "file"):
                yield _own(facts, each, fault)


def _modules(
    facts: Facts, python: PythonEnv, each: Extension, faults: Sequence[SourceFault]
) -> Finding:
    wanted = {f"{item.name}{item.wanted}": None for item in missing(each, facts, python)}
    unknown = []
    for fault in faults:
        found = distribution_of(fault.subject, each.requirements)
        if found is None:
            unknown.append(fault.subject)
        else:
            wanted.setdefault(found)
    names = ", ".join(fault.subject for fault in faults)
    remedies = []
    if wanted:
        text = "Install what is missing with the UI's own Python; torch and NumPy stay as they are."
        remedies.append(install_beside(facts, text, list(wanted)))
    if unknown:
        remedies.append(
            Remedy(
                f"See in the description of {each.name} which package brings "
                f"{', '.join(unknown)}; it does not say so in its own list."
            )
        )
    return Finding(
        rule=RULE,
        severity=Severity.ERROR,
        title=f"{each.name} cannot be loaded: it imports {names}, which nothing here provides.",
        why=f"{_places(faults)}. Neither the UI's folder nor any installed package has it.",
        evidence={"extension": each.name, "modules": [fault.subject for fault in faults]},
        location=Location(faults[0].file, line=faults[0].line),
        remedies=tuple(remedies),
    )


def _refuses_this_version(facts: Facts, each: Extension) -> bool:
    version = facts.ui.version if facts.ui else None
    return bool(
        each.wants_host
        and version
        and contains(">=0", version)
        and not contains(each.wants_host, version)
        and contains(each.wants_host, "99999")
    )


def _host(facts: Facts, each: Extension, faults: Sequence[SourceFault]) -> Finding:
    assert facts.ui is not None
    fatal = any(fault.at_load for fault in faults)
    version = f" {facts.ui.version}" if facts.ui.version else ""
    newer = _refuses_this_version(facts, each)
    why = (
        [f"{_places(faults)}: this {facts.ui.kind}{version} does not have it so."] if faults else []
    )
    if newer:
        why.append(f"{each.name} says itself that it wants version {each.wants_host}.")
    remedy = (
        f"Update the UI to a version that fits {each.wants_host}."
        if newer
        else f"Most often {each.name} was written for a newer version of the UI: update that. If "
        f"it is the newest already, {each.name} was written for an older one: update "
        f"{each.name}, or do without it."
    )
    what = "wants a newer version of the UI" if newer else "wants another version of the UI"
    return Finding(
        rule=RULE,
        severity=Severity.ERROR if fatal else Severity.WARNING,
        title=f"{each.name} {what}"
        + (", and cannot be loaded." if fatal else ": parts of it fail when they are used."),
        why=" ".join(why),
        evidence={
            "extension": each.name,
            "ui_version": facts.ui.version,
            "missing": [fault.subject for fault in faults],
        },
        location=Location(faults[0].file, line=faults[0].line) if faults else None,
        remedies=(
            Remedy(remedy, Action.UPDATE_UI if hasattr(Action, "UPDATE_UI") else Action.NONE),
        ),
    )


def _own(facts: Facts, each: Extension, fault: SourceFault) -> Finding:
    version = facts.python.version if facts.python else None
    broken = (
        f"a file of it is not valid for Python {version}: {fault.subject}"
        if fault.kind == "syntax"
        else f"its own file {fault.subject} is missing"
    )
    return Finding(
        rule=RULE,
        severity=Severity.ERROR,
        title=f"{each.name} cannot be loaded: {broken}.",
        why=f"{_places((fault,))}. A download or an update that was interrupted, a merge, or "
        "another version of Python than it was written for are the usual causes.",
        evidence={"extension": each.name, "fault": fault.subject},
        location=Location(fault.file, line=fault.line),
        remedies=(Remedy(f"Update {each.name}, or install it again.", Action.REINSTALL),),
    )


def _places(faults: Sequence[SourceFault]) -> str:
    """`comfy.x.f (nodes.py, line 3)`, the first few of them."""
    shown = ", ".join(
        f"{fault.subject} ({_short(fault.file)}, line {fault.line}"
        + (f": {fault.detail})" if fault.detail else ")")
        for fault in faults[:SHOWN]
    )
    more = len(faults) - SHOWN
    return f"{shown} and {more} more" if more > 0 else shown


def _short(path: str) -> str:
    return path.replace("\\", "/").rpartition("/")[2]
