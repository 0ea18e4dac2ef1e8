"""The promise that no traceback reaches a user: every fault becomes one clear line and a code."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from typing import NoReturn, TextIO

from sdops.cli.answer import note
from sdops.errors import ExitCode, SdopsError


class Terminated(BaseException):
    """The process is asked to end: what cleans up after Ctrl-C cleans up after this."""


def exit_code(run: Callable[[], object], *, debug: bool) -> int:
    """Runs the program and answers with its exit code; `debug` shows tracebacks of our faults."""
    _open_streams()
    _end_on_sigterm()
    try:
        run()
    except SystemExit as stop:
        if stop.code is None:
            return int(ExitCode.OK)
        return stop.code if isinstance(stop.code, int) else int(ExitCode.INCOMPLETE)
    except Terminated:
        note("sdops: ended by SIGTERM")
        return int(ExitCode.TERMINATED)
    except KeyboardInterrupt:
        note("sdops: interrupted")
        return int(ExitCode.INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output is gone; what is still buffered has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except SdopsError as error:
        note(f"sdops: {error.message}" + (f" {error.hint}" if error.hint else ""))
        return int(ExitCode.INCOMPLETE)
    except Exception as error:
        if debug:
            import traceback

            traceback.print_exc()
        note(
            f"sdops: a fault in sdops itself ({type(error).__name__}: {error})."
            " Run again with --debug and report it, please."
        )
        return int(ExitCode.INCOMPLETE)
    return int(ExitCode.OK)


def _end_on_sigterm() -> None:
    """Lets SIGTERM end the program as Ctrl-C does, so that no half-written file stays."""

    def end(_number: int, _frame: object) -> NoReturn:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second one must not stop the cleaning
        raise Terminated

    import signal

    try:
        if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            signal.signal(signal.SIGTERM, end)
    except ValueError:
        pass  # not in the main thread: someone else's program


def _open_streams() -> None:
    """Gives a process that was started with closed streams somewhere to write to."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        elif not os.environ.get("PYTHONIOENCODING"):
            _write_utf8(getattr(sys, name))


def _write_utf8(stream: TextIO) -> None:
    r"""What goes to a file or another program is UTF-8 with `\n`, whatever the code page.

    Python writes to a console of Windows as it should, and to a terminal elsewhere as that wants.
    """
    if isinstance(stream, io.TextIOWrapper) and not stream.isatty():
        stream.reconfigure(encoding="utf-8", newline="\n")
