"""The program `sdops`: its commands, and the promise that no traceback reaches a user."""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from sdops.cli import convert, doctor, env, info, prune, scan, schema, verify
from sdops.cli import hash as hash_command
from sdops.cli.answer import note
from sdops.errors import ExitCode, SdopsError
from sdops.version import __version__

app = typer.Typer(
    name="sdops",
    help="Finds out why Stable Diffusion does not work on this machine, and mends it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("convert")(convert.convert)
app.command("doctor")(doctor.doctor)
app.command("hash")(hash_command.hash_command)
app.command("info")(info.info)
app.command("prune")(prune.prune)
app.command("scan")(scan.scan)
app.command("verify")(verify.verify)
app.add_typer(env.app)
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
    """Finds out why Stable Diffusion does not work on this machine, and mends it."""


def main() -> NoReturn:
    """Runs the command line; every fault becomes one clear line and an exit code."""
    _open_streams()
    debug = "--debug" in sys.argv or bool(os.environ.get("SDOPS_DEBUG"))
    argv = [argument for argument in sys.argv[1:] if argument != "--debug"]
    try:
        app(args=argv, prog_name="sdops")
        code = int(ExitCode.OK)
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else int(ExitCode.INCOMPLETE)
    except KeyboardInterrupt:
        note("sdops: interrupted")
        code = int(ExitCode.INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output is gone; what is still buffered has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = int(ExitCode.OK)
    except SdopsError as error:
        note(f"sdops: {error.message}" + (f" {error.hint}" if error.hint else ""))
        code = int(ExitCode.INCOMPLETE)
    except Exception as error:
        if debug:
            traceback.print_exc()
        note(
            f"sdops: a fault in sdops itself ({type(error).__name__}: {error})."
            " Run again with --debug and report it, please."
        )
        code = int(ExitCode.INCOMPLETE)
    sys.exit(code)


def _open_streams() -> None:
    """Gives a process that was started with closed streams somewhere to write to."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115
