"""torch is not installed in this environment.

torch does all the computing: without it no UI can make an image. UIs that install it themselves
do so at their next start, which takes a download of several gigabytes.

Fix: Install the torch build that fits this machine's GPU, driver and Python.

Source: AUTOMATIC1111/stable-diffusion-webui modules/launch_utils.py prepare_environment;
Comfy-Org/ComfyUI README, Manual Install.
"""

from __future__ import annotations

from sdops.check import Facts, Finding, Iterator, PythonEnv, Severity, Skip
from sdops.knowledge.patient import installed
from sdops.knowledge.ui_environments import environment, installs_itself
from sdops.remedies.torch import install_torch

RULE = "torch-missing"


def check(facts: Facts) -> Iterator[Finding]:
    """How bad it is depends on who would install it."""
    python = installed(facts)
    if python.torch is not None:
        return
    if facts.host.libc is not None and facts.host.libc.name == "musl":
        raise Skip("There is no torch for systems with the C library musl.")
    gap = facts.gap("python.torch")
    if gap is not None:
        raise Skip(gap.reason)
    if python.distribution("torch") is not None:
        yield _half_installed(facts, python)
    else:
        yield _missing(facts, python)


def _half_installed(facts: Facts, python: PythonEnv) -> Finding:
    return Finding(
        rule=RULE,
        severity=Severity.ERROR,
        title="torch is only half installed: its files are gone, so no image can be made.",
        why=f"{python.root} lists torch as installed, but its folder is not there. Most often an "
        "update was interrupted, or a program that was running held the files.",
        evidence={"python": python.executable, "leftovers": list(python.leftovers)},
        remedies=install_torch(facts),
    )


def _missing(facts: Facts, python: PythonEnv) -> Finding:
    count = len(python.distributions)
    others = f"{count} package{'' if count == 1 else 's'}, and torch is not among them"
    why = f"{python.root} has {others if count else 'no packages at all'}."
    if facts.ui is None and python.distribution("sdops") is not None:
        severity = Severity.INFO
        title = "torch is not installed beside sdops; only its own image sampler would need it."
    elif facts.ui is None:
        severity = Severity.WARNING
        title = "torch is not installed in this Python, so it cannot make images."
    elif installs_itself(facts.ui):
        severity = Severity.INFO
        title = "torch is not installed yet; the UI will install it when it starts."
    else:
        severity = Severity.ERROR
        title = "torch is not installed, so the UI cannot start."
    wanted = environment(facts.ui.kind) if facts.ui else None
    return Finding(
        rule=RULE,
        severity=severity,
        title=title,
        why=why,
        evidence={"python": python.executable, "ui_would_install": wanted and wanted.torch},
        remedies=install_torch(facts),
    )
