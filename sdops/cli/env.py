"""`sdops env`: plan and keep a Python environment."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from sdops.cli import options
from sdops.cli.answer import Answer, note
from sdops.cli.reporting import reporting
from sdops.finding import Report

app = typer.Typer(
    name="env", help="Plan the Python environment of a user interface.", no_args_is_help=True
)

FactsFile = Annotated[
    Path | None, typer.Option("--facts", help="Plan for facts saved on another machine.")
]


@app.command("plan")
@reporting
def plan(answer: Answer, place: options.Patient, facts_file: FactsFile = None) -> Report:
    """Say which torch, torchvision, torchaudio and xformers fit this machine, and why."""
    from sdops.cli.progress import working
    from sdops.doctor.session import Patient, facts_of
    from sdops.env.plan import report
    from sdops.facts.gather import Depth, gather
    from sdops.facts.target import resolve

    if facts_file is not None:
        return report(facts_of(Patient(*place, facts_file), Depth()))
    patient = resolve(*place)
    with working("Looking at the machine …", quiet=answer.quiet):
        facts = gather(patient, Depth())
    return report(facts)


@app.command("install-torch", hidden=True)
def install_torch() -> None:
    """Install the torch that fits this machine into the Python that runs sdops."""
    from sdops.env.install_torch import install_torch as install
    from sdops.facts.gather import Depth, gather
    from sdops.facts.target import resolve

    install(gather(resolve(sys.executable), Depth()), note)
