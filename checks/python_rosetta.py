"""This Python runs translated on an Apple processor, so torch cannot use its graphics.

A Python for Intel Macs works on Apple silicon through Rosetta, but several times slower; torch for
it ends at version 2.2.2 and computes on the processor only.

Fix: Install the Python for Apple silicon and make the environment anew with it.

Source: PyTorch 2.2.2 release notes (last for macOS x86_64); Apple developer documentation, Rosetta.
"""

from __future__ import annotations

from sdops.check import (
    Action,
    Command,
    Facts,
    Finding,
    Iterator,
    Platform,
    PythonEnv,
    Remedy,
    Severity,
    Skip,
)
from sdops.knowledge.patient import python_of
from sdops.knowledge.ui_environments import environment

HOMEBREW = "/opt/homebrew/bin/"
"""Where Homebrew for Apple silicon keeps its programs; the one for Intel uses /usr/local."""


def check(facts: Facts) -> Iterator[Finding]:
    """An x86_64 interpreter beside an Apple GPU."""
    if facts.host.os != "macos":
        raise Skip("This is not a Mac.")
    python = python_of(facts)
    apple = facts.host.rosetta or any(card.vendor == "apple" for card in facts.gpus)
    if python.machine != "x86_64" or not apple:
        return
    yield Finding(
        rule="python-rosetta",
        severity=Severity.ERROR,
        title="This Python is made for Intel Macs, so torch cannot use this Mac's graphics.",
        why=f"{python.executable} is an x86_64 program that Rosetta translates.",
        evidence={"python": python.executable, "machine": python.machine},
        remedies=(
            Remedy(
                "Install Python for Apple silicon, in a terminal that does not run under Rosetta "
                "(`arch` prints arm64 there), and make the environment anew.",
                Action.REINSTALL,
                _commands(facts, python),
                move_away=(python.root,) if python.kind == "venv" else (),
            ),
        ),
    )


def _commands(facts: Facts, python: PythonEnv) -> tuple[Command, ...]:
    wanted = environment(facts.ui.kind) if facts.ui else None
    version = wanted.recommended if wanted else "3.12"
    install = Command((HOMEBREW + "brew", "install", f"python@{version}"), Platform.MACOS)
    if python.kind != "venv":
        return (install,)
    interpreter = f"{HOMEBREW}python{version}"
    return (install, Command((interpreter, "-m", "venv", python.root), Platform.MACOS))
