"""Packages outside the environment are imported in place of those inside it.

Python looks into the user's own folder (~/.local, or in AppData) before the packages of a conda
or system Python, and into PYTHONPATH before everything. What was installed there once, for another
program, then hides what the UI's environment holds, however often that is installed again.

Fix: Keep the outside out: PYTHONNOUSERSITE=1, or an empty PYTHONPATH, when the UI starts.

Source: docs.python.org, site (order of sys.path) and PYTHONPATH; CPython Lib/site.py main().
"""

from __future__ import annotations

import re

from sdops.check import Action, Distribution, Facts, Finding, Iterator, PythonEnv, Remedy, Severity
from sdops.knowledge.patient import installed
from sdops.knowledge.weighty import weighty_packages
from sdops.remedies.commands import command

RULE = "packages-shadowed"
SHOWN = 8
USER_SITE = re.compile(r"/\.local/lib/python|/appdata/roaming/python/|/library/python/", re.I)


def check(facts: Facts) -> Iterator[Finding]:
    """One finding for all that an outer folder hides."""
    python = installed(facts)
    hidden = list(_hidden(python))
    if not hidden:
        return
    weighty = any(winner.name in weighty_packages() for winner, _ in hidden)
    shown = ", ".join(
        f"{winner.name} {winner.version} (in the environment: {loser.version})"
        for winner, loser in hidden[:SHOWN]
    )
    more = len(hidden) - SHOWN
    folder = hidden[0][0].location
    yield Finding(
        rule=RULE,
        severity=Severity.WARNING if weighty else Severity.INFO,
        title="Packages outside the UI's environment are used in place of its own.",
        why=f"{folder} comes first: {shown}{f' and {more} more' if more > 0 else ''}.",
        evidence={"folder": folder, "packages": [winner.name for winner, _ in hidden]},
        remedies=(_remedy(facts, folder),),
    )


def _hidden(python: PythonEnv) -> Iterator[tuple[Distribution, Distribution]]:
    """Each outer distribution with the one of the environment's own that it hides."""
    first: dict[str, Distribution] = {}
    for dist in python.distributions:
        winner = first.setdefault(dist.name, dist)
        if (
            winner is not dist
            and winner.version != dist.version
            and _is_inside(dist, python)
            and not _is_inside(winner, python)
        ):
            yield winner, dist


def _is_inside(dist: Distribution, python: PythonEnv) -> bool:
    """Whether it lies in the environment itself, or in the system's Python that it is."""
    if USER_SITE.search(dist.location.replace("\\", "/")):
        return False
    return dist.location.startswith(python.root) or python.kind == "system"


def _remedy(facts: Facts, folder: str) -> Remedy:
    user = USER_SITE.search(folder.replace("\\", "/")) is not None
    name, value = ("PYTHONNOUSERSITE", "1") if user else ("PYTHONPATH", "")
    windows = facts.host.os == "windows"
    line = command(facts.host, "set" if windows else "export", f"{name}={value}")
    return Remedy(
        f"Start the UI with {name}={value or '(empty)'}, from its launch file or from a terminal "
        "after this line. Nothing has to be installed again.",
        Action.RESTART_UI,
        (line,),
    )
