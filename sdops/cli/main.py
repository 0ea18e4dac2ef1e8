"""The program `sdops`: its commands, and the promise that no traceback reaches a user."""

from __future__ import annotations

import os
import sys
from typing import Annotated, NoReturn

import typer

from sdops.cli import (
    bench,
    convert,
    doctor,
    env,
    explain,
    info,
    pnginfo,
    prune,
    rules,
    scan,
    schema,
    smoke,
    verify,
)
from sdops.cli import hash as hash_command
from sdops.cli.guard import exit_code
from sdops.errors import UsageError
from sdops.version import __version__

app = typer.Typer(
    name="sdops",
    help="Finds out why Stable Diffusion does not work on this machine, and fixes it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("bench")(bench.bench)
app.command("convert")(convert.convert)
app.command("doctor")(doctor.doctor)
app.command("explain")(explain.explain)
app.command("hash")(hash_command.hash_command)
app.command("info")(info.info)
app.command("pnginfo")(pnginfo.pnginfo)
app.command("prune")(prune.prune)
app.command("scan")(scan.scan)
app.command("smoke")(smoke.smoke)
app.command("verify")(verify.verify)
app.add_typer(env.app)
app.command("rules")(rules.rules)
app.command("schema")(schema.schema)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"sdops {__version__}")
        raise typer.Exit


@app.callback()
def _program(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show Python's traceback when sdops itself fails.")
    ] = False,
) -> None:
    """Finds out why Stable Diffusion does not work on this machine, and fixes it."""


def main() -> NoReturn:
    """Runs the command line; every fault becomes one clear line and an exit code."""
    debug = "--debug" in sys.argv or bool(os.environ.get("SDOPS_DEBUG"))
    argv = [argument for argument in sys.argv[1:] if argument != "--debug"]
    sys.exit(exit_code(lambda: _run(argv), debug=debug))


def _run(argv: list[str]) -> None:
    """Runs the command; an error line that was pasted in its place is pointed to `explain`."""
    first = argv[0] if argv else ""
    if " " in first or (first.endswith((".log", ".txt")) and os.path.isfile(first)):  # noqa: PTH113
        raise UsageError(
            f"There is no command {first[:80]!r}.",
            "To have a console's text explained: sdops explain FILE, or pipe it to sdops explain -",
        )
    app(args=argv, prog_name="sdops")
