"""A file makes every start of this Python execute code.

Lines in .pth files that begin with `import` run before anything else, in every program that uses
this Python, pip included. Some tools need that; malicious packages use it to stay.

Fix: Find out which package brought the file. If nobody knows it, do not start this Python again.

Source: docs.python.org, site; PYSEC-2026-2; profiles/startup_files.toml.
"""

from __future__ import annotations

from sdops.check import Facts, Finding, Iterator, Location, PthFile, Remedy, Severity
from sdops.knowledge.patient import installed
from sdops.knowledge.startup_files import is_known, suspicions

LOOK = (
    "Read the file with a text editor, and ask whoever set up this machine. If a package that you "
    "know brought it, nothing is wrong."
)
MALICE = (
    "Do not start this Python again, not even pip. Read the file with a text editor. If you cannot "
    "tell what it is for, delete the environment's folder, make a new one, and change every "
    "password and key that was on this machine."
)


def check(facts: Facts) -> Iterator[Finding]:
    """Critical for several signs of malice, a warning for one; else information."""
    for file in installed(facts).executable_pth:
        if is_known(file):
            continue
        signs = suspicions(file)
        yield _suspicious(file, signs) if signs else _unknown(file)


def _suspicious(file: PthFile, signs: tuple[str, ...]) -> Finding:
    return Finding(
        rule="startup-code",
        severity=Severity.CRITICAL if len(signs) > 1 else Severity.WARNING,
        title="Every start of this Python runs code that looks malicious."
        if len(signs) > 1
        else "Every start of this Python runs code that should be looked at.",
        why=f"{file.path} is executed at each start: {', '.join(signs)}.",
        evidence={"lines": list(file.lines)},
        location=Location(file.path),
        remedies=(Remedy(MALICE if len(signs) > 1 else LOOK),),
    )


def _unknown(file: PthFile) -> Finding:
    return Finding(
        rule="startup-code",
        severity=Severity.INFO,
        title="A package adds code that runs at every start of this Python.",
        why=f"{file.path} has {len(file.lines)} such lines, and sdops does not know it.",
        evidence={"lines": list(file.lines)},
        location=Location(file.path),
    )
