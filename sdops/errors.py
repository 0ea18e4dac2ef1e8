"""What sdops says when it cannot go on, and the exit codes that tell programs the same."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """The exit statuses of every command."""

    OK = 0
    """Everything was looked at and nothing reached the `--fail-on` severity."""
    FOUND = 1
    """At least one finding reached the `--fail-on` severity."""
    INCOMPLETE = 2
    """The command could not do all of its work: usage, unreadable input, no room, a fault."""
    INTERRUPTED = 130
    """Stopped by Ctrl-C."""
    TERMINATED = 143
    """Stopped by SIGTERM, with the same cleaning up."""


class SdopsError(Exception):
    """A problem that the user can understand: what happened and where, and what to do about it.

    Args:
        message: one plain sentence; names the file, option or value concerned.
        hint: what to do next, one sentence, or empty.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(SdopsError):
    """The command line asks for something that does not exist or makes no sense."""


class UnreadableInputError(SdopsError):
    """A file or folder is missing, not readable, or not what it was given as."""


class MissingDependencyError(SdopsError):
    """An optional package (torch, for the sampler) is not installed."""


class Skip(Exception):  # noqa: N818  (it is an answer, not an error)
    """Raised by a check that does not apply to these facts, with the reason in plain words."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
