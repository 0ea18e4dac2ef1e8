"""The one vocabulary of every command: findings, their remedies, and the report that holds them.

These are named tuples, not dataclasses, because a scan of a small file takes less time than
importing `dataclasses` and making so many of them.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from enum import Enum, IntEnum
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, cast

from sdops.errors import ExitCode
from sdops.version import __version__

Label = Literal["info", "warning", "error", "critical"]
Verdict = Literal["pass", "fail", "incomplete"]
_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Severity(IntEnum):
    """How much a finding matters to the user; ordered."""

    INFO = 10
    """Worth knowing; nothing needs to be done."""
    WARNING = 20
    """Works now, but slower or more fragile than it should be."""
    ERROR = 30
    """Something the user wants does not work."""
    CRITICAL = 40
    """Going on can do harm: code execution, exposure, failing hardware."""

    @property
    def label(self) -> Label:
        """The lower-case word used on the command line and in JSON."""
        return cast("Label", self.name.lower())

    @classmethod
    def of(cls, label: str) -> Severity:
        """The severity of a `label`; raises KeyError for an unknown word."""
        return cls[label.upper()]


class Action(Enum):
    """What kind of step a remedy is, for scripts that act on a report."""

    NONE = "none"
    CHANGE_FLAG = "change-flag"
    REINSTALL = "reinstall"
    UPDATE_DRIVER = "update-driver"
    RESTART_UI = "restart-ui"
    RESET_GPU = "reset-gpu"
    REBOOT = "reboot"
    REPLACE_HARDWARE = "replace-hardware"


class Platform(Enum):
    """The operating system that a command line is written for."""

    LINUX = "linux"
    WINDOWS = "windows"
    MACOS = "macos"
    ANY = "any"


class Command(NamedTuple):
    """One command to type, as an argument list, so that spaces in paths survive every shell."""

    argv: tuple[str, ...]
    platform: Platform = Platform.ANY

    @property
    def line(self) -> str:
        """The command as one line, quoted for its platform's usual shell."""
        from sdops import shells

        if self.platform is Platform.ANY:
            return shells.line_here(self.argv)
        windows = self.platform is Platform.WINDOWS
        return shells.cmd_line(self.argv) if windows else shells.sh_line(self.argv)

    @property
    def powershell(self) -> str:
        """The same for PowerShell, which Windows has beside the Command Prompt; else the line."""
        from sdops import shells

        if self.platform is Platform.WINDOWS or (
            self.platform is Platform.ANY and sys.platform == "win32"
        ):
            return shells.powershell_line(self.argv)
        return self.line


class Remedy(NamedTuple):
    """One way to fix a finding."""

    text: str
    """What to do, in a sentence that a beginner can follow."""
    action: Action = Action.NONE
    commands: tuple[Command, ...] = ()
    """The exact commands for this machine, in order."""
    add_flags: tuple[str, ...] = ()
    """Launch flags to add, each as written on the UI's command line."""
    remove_flags: tuple[str, ...] = ()
    """Launch flags to take away."""
    move_away: tuple[str, ...] = ()
    """Paths of files and folders that must go; a repair keeps them in a backup folder."""
    automatic: bool = False
    """Whether `sdops doctor --fix` can carry it out."""

    @property
    def in_powershell(self) -> tuple[str, ...]:
        """The commands as PowerShell wants them; empty where it takes the same lines."""
        lines = tuple(command.powershell for command in self.commands)
        return () if lines == tuple(command.line for command in self.commands) else lines


class Location(NamedTuple):
    """Where a finding was made."""

    path: str
    member: str | None = None
    """The member's name inside an archive."""
    offset: int | None = None
    """Bytes from the start of the file, or of the member if there is one."""
    line: int | None = None
    """Line number in a text file, from 1."""

    @property
    def in_words(self) -> str:
        """For people: `webui-user.sh, line 6`; `model.ckpt, member data.pkl, byte 12`."""
        details = {"member": self.member, "byte": self.offset, "line": self.line}
        told = (f"{name} {value}" for name, value in details.items() if value is not None)
        return ", ".join((self.path, *told))


class Finding(NamedTuple):
    """One thing that is wrong, or worth knowing, and what to do about it."""

    rule: str
    """The id of the check or rule that made it, in kebab-case."""
    severity: Severity
    title: str
    """One plain sentence: what it means for the user."""
    why: str = ""
    """How it comes about, with the numbers."""
    evidence: Mapping[str, Any] = _NOTHING
    """The facts it rests on, JSON-able."""
    location: Location | None = None
    remedies: tuple[Remedy, ...] = ()


class Rule(NamedTuple):
    """What a check or rule looks for; its documentation in every format."""

    id: str
    title: str
    """The first sentence of its documentation."""
    explanation: str = ""
    """What it means for the user."""
    why: str = ""
    """How it comes about."""
    fix: str = ""
    source: str = ""
    """Where the knowledge comes from."""
    tags: tuple[str, ...] = ()
    severities: tuple[Severity, ...] = ()
    """Those that it is reported with, the lowest first."""


class Report(NamedTuple):
    """What a command has to say: the same content for every output format."""

    command: str
    """The command's name, such as `doctor`."""
    subject: str
    """What it looked at, in words: a path, a machine."""
    started_at: str
    """ISO 8601, UTC."""
    duration_s: float = 0.0
    findings: tuple[Finding, ...] = ()
    cases: tuple[str, ...] = ()
    """What was looked at one by one: ids of checks, names of steps or paths of files."""
    skipped: Mapping[str, str] = _NOTHING
    """Rule id to the reason why it did not apply."""
    crashed: Mapping[str, str] = _NOTHING
    """Rule id to the fault that stopped it."""
    faults: tuple[str, ...] = ()
    """What the command could not do, one sentence each."""
    data: Any = _NOTHING
    """The command's own result: a type of its room's `answer.py`; its view names it as `DATA`."""
    interrupted: bool = False
    """Whether the user stopped it: it holds what was found so far."""
    fail_on: Severity | None = Severity.ERROR
    """The lowest severity that makes the verdict `fail`; None for never."""
    version: str = __version__

    @property
    def complete(self) -> bool:
        """Whether the command could do all of its work."""
        return not (self.crashed or self.faults or self.interrupted)

    @property
    def exit_code(self) -> ExitCode:
        """Found wins over could-not: a sure danger is not masked by an unreadable neighbor."""
        if self.interrupted:
            return ExitCode.INTERRUPTED
        if self.fail_on is not None and any(f.severity >= self.fail_on for f in self.findings):
            return ExitCode.FOUND
        return ExitCode.OK if self.complete else ExitCode.INCOMPLETE

    @property
    def verdict(self) -> Verdict:
        """`pass`, `fail` or `incomplete`, as the exit code says."""
        if self.exit_code is ExitCode.OK:
            return "pass"
        return "fail" if self.exit_code is ExitCode.FOUND else "incomplete"
