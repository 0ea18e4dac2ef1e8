"""`sdops env`: plan and keep a Python environment."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from sdops.cli import options
from sdops.cli.answer import Answer, note

app = typer.Typer(
    name="env", help="Plan the Python environment of a user interface.", no_args_is_help=True
)


@app.command("plan")
def plan(
    target: Annotated[
        str | None,
        typer.Argument(
            help="A UI's folder, a venv or a Python. Default: the UI around the current folder,"
            " else this Python."
        ),
    ] = None,
    ui: Annotated[
        str | None, typer.Option("--ui", help="Which UI it is, where the folder does not tell.")
    ] = None,
    python: Annotated[
        str | None, typer.Option("--python", help="The Python that the UI runs with.")
    ] = None,
    format_name: options.Format = None,
    json: options.Json = False,
    output: options.Output = None,
    fail_on: options.FailOn = "error",
    quiet: options.Quiet = False,
) -> None:
    """Say which torch, torchvision, torchaudio and xformers fit this machine, and why."""
    from sdops.cli.progress import working
    from sdops.env.plan import report
    from sdops.facts.gather import Depth, gather
    from sdops.facts.target import resolve

    answer = Answer.of(format_name, json, output, fail_on, quiet)
    patient = resolve(target, ui, python)
    with working("Looking at the machine …", quiet=quiet):
        facts = gather(patient, Depth())
    answer.give(report(facts))


@app.command("install-torch", hidden=True)
def install_torch() -> None:
    """Install the torch that fits this machine into the Python that runs sdops."""
    from sdops.env.install_torch import install_torch as install
    from sdops.facts.gather import Depth, gather
    from sdops.facts.target import resolve

    install(gather(resolve(sys.executable), Depth()), note)
