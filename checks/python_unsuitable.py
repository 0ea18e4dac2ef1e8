"""This UI does not work with this version of Python.

The versions of packages that it asks for do not exist for this Python: the installation stops with
"No matching distribution found" or "Couldn't install torch".

Fix: Make the environment anew with the Python that the UI is meant for.

Source: profiles/uis: each UI's own check of its Python.
"""

from __future__ import annotations

from sdops.check import (
    Action,
    Facts,
    Finding,
    Iterator,
    PythonEnv,
    Remedy,
    Severity,
    Skip,
    UiInstall,
)
from sdops.knowledge.bad_packages import contains
from sdops.knowledge.patient import python_of
from sdops.knowledge.ui_environments import UiEnvironment, environment
from sdops.remedies.commands import command

RULE = "python-unsuitable"


def check(facts: Facts) -> Iterator[Finding]:
    """An error where it cannot work, a warning where the UI's makers do not mean it to."""
    python = python_of(facts)
    if facts.ui is None:
        raise Skip("There is no UI here that asks for a version.")
    wanted = environment(facts.ui.kind)
    if wanted is None or python.version is None:
        raise Skip("Which Python this UI wants, or has, is not known.")
    own = _own_range(facts.ui, python)
    meant_for = own or wanted.python_for(facts.host.os)
    fails = any(contains(item, python.version) for item in wanted.python_fails)
    if facts.ui.remote_known is False and own is None:
        # A fork that sdops does not know may have other limits than its parent.
        if fails or not contains(meant_for, python.version):
            yield _finding(facts, python, wanted, Severity.INFO, meant_for)
    elif own is not None and contains(own, python.version):
        return  # the tree that lies there knows better than a table of all its releases
    elif own is not None and python.distribution(facts.ui.kind) is not None:
        yield _finding(facts, python, wanted, Severity.ERROR, own)
    elif fails:
        yield _finding(facts, python, wanted, Severity.ERROR, meant_for)
    elif not contains(meant_for, python.version):
        yield _finding(facts, python, wanted, Severity.WARNING, meant_for)


def _own_range(ui: UiInstall, python: PythonEnv) -> str | None:
    """What the installed release or the UI's own sources ask for, where they say so."""
    package = python.distribution(ui.kind)
    return (package.requires_python if package else None) or ui.python_range


def _finding(
    facts: Facts, python: PythonEnv, wanted: UiEnvironment, severity: Severity, meant_for: str
) -> Finding:
    verb = {Severity.ERROR: "does not work", Severity.INFO: "may not be meant to work"}.get(
        severity, "is not meant to work"
    )
    return Finding(
        rule=RULE,
        severity=severity,
        title=f"This UI {verb} with Python {python.version}.",
        why=f"It is meant for Python {meant_for}; Python {wanted.recommended} is best."
        if severity > Severity.INFO
        else f"The UI that it was made from is meant for Python {meant_for}; whether that holds "
        "for this fork is not known.",
        evidence={"python": python.version, "meant_for": meant_for, "ui": wanted.kind},
        remedies=(_remedy(facts, python, wanted.recommended),) if severity > Severity.INFO else (),
    )


def _remedy(facts: Facts, python: PythonEnv, version: str) -> Remedy:
    text = f"Install Python {version} (64-bit)"
    if python.kind != "venv":
        return Remedy(f"{text} and make an environment with it for the UI.", Action.REINSTALL)
    windows = facts.host.os == "windows"
    interpreter = ("py", f"-{version}") if windows else (f"python{version}",)
    return Remedy(
        f"{text}, move the environment's folder away, and make it anew. The UI's packages are "
        "installed again at its next start, or by its installer.",
        Action.REINSTALL,
        (command(facts.host, *interpreter, "-m", "venv", python.root),),
        move_away=(python.root,),
    )
