"""The steps of a repair: each shows what it will do, does it, and says how to take it back."""

from __future__ import annotations

import difflib
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sdops import moving
from sdops.atomic import replace
from sdops.doctor.repair import launch_file
from sdops.errors import SdopsError
from sdops.facts.credentials import hide_credentials
from sdops.finding import Command, Platform
from sdops.programs import pip, process

MAX_LAUNCH_FILE_BYTES = 1_000_000


class Step(Protocol):
    """One step of a repair."""

    @property
    def finding(self) -> str:
        """The id of the check whose finding it fixes."""

    @property
    def reason(self) -> str:
        """What it is good for, in a sentence."""

    def preview(self) -> tuple[str, ...]:
        """What it will do, line by line."""

    def carry_out(self, backup: Path) -> str:
        """Does it, keeping what it changes in the folder `backup`; how to take it back.

        Raises:
            SdopsError: it failed, and has changed nothing or says what.
        """


@dataclass(frozen=True, slots=True)
class RunPip:
    """Changes packages with the patient's own interpreter."""

    finding: str
    reason: str
    command: Command

    def preview(self) -> tuple[str, ...]:
        """The command."""
        return (f"run   {self.command.line}",)

    def rehearse(self) -> None:
        """Asks pip whether it could, and changes nothing.

        Raises:
            SdopsError: the packages are not available, or their index does not answer: pip would
                take another build from elsewhere.
        """
        program, _, module, verb, *arguments = self.command.argv
        if (module, verb) == ("pip", "install"):
            pip.would_fetch(program, arguments)

    def carry_out(self, backup: Path) -> str:  # noqa: ARG002  (packages.txt is written before)
        """Runs the command; the list of packages made before is the way back."""
        _attend(self.command)
        return ""


@dataclass(frozen=True, slots=True)
class RenewVenv:
    """Has the base Python write a venv's own scripts again; packages stay."""

    finding: str
    reason: str
    command: Command
    root: str

    def preview(self) -> tuple[str, ...]:
        """The command."""
        return (f"run   {self.command.line}",)

    def carry_out(self, backup: Path) -> str:
        """Keeps a copy of the scripts and of pyvenv.cfg, then runs the command."""
        root, copy = Path(self.root), backup / "venv"
        try:
            copy.mkdir()
            shutil.copy2(root / "pyvenv.cfg", copy)
            for name in ("bin", "Scripts"):
                if (root / name).is_dir():
                    shutil.copytree(root / name, copy / name, symlinks=True)
        except (OSError, shutil.Error) as error:
            raise SdopsError(f"{root} cannot be kept a copy of: {error}.") from None
        _attend(self.command)
        return f"copy what is in {copy} back to {root}"


@dataclass(frozen=True, slots=True)
class MoveAway:
    """Moves files and folders out of site-packages into a backup folder on the same disk."""

    finding: str
    reason: str
    paths: tuple[str, ...]
    keep_in: str

    def preview(self) -> tuple[str, ...]:
        """Each path, and where it goes."""
        return tuple(f"move  {path}  to  {self.keep_in}" for path in self.paths)

    def carry_out(self, backup: Path) -> str:  # noqa: ARG002  (see keep_in)
        """Moves them by renaming, which cannot leave one half moved."""
        moved: list[str] = []
        folder = Path(self.keep_in)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for path in map(Path, self.paths):
                target = folder / path.name
                if target.exists():
                    raise SdopsError(f"{target} exists already; {path} stays where it is.")
                path.rename(target)
                moved.append(f"move {target} back to {path}")
        except OSError as error:
            done = f" Moved before that: {'; '.join(moved)}." if moved else ""
            why = moving.refusal(error)
            raise SdopsError(f"{error.filename} cannot be moved: {why}.{done}") from None
        return "; ".join(moved)


@dataclass(frozen=True, slots=True)
class EditLaunchFile:
    """Changes launch flags in a `webui-user` file."""

    finding: str
    reason: str
    path: str
    add: tuple[str, ...]
    remove: tuple[str, ...]

    def preview(self) -> tuple[str, ...]:
        """The file, then the lines that change, before (-) and after (+)."""
        before, after = self._texts()
        lines = difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")
        changed = (hide_credentials(line) for line in list(lines)[2:] if not line.startswith("@@"))
        return (f"edit  {self.path}", *(f"      {line}" for line in changed))

    def carry_out(self, backup: Path) -> str:
        """Keeps a copy in `backup`, then replaces the file in one move."""
        path = Path(self.path)
        _, after = self._texts()
        copy = backup / path.name
        try:
            if copy.exists():
                copy = backup / f"{len(list(backup.iterdir()))}-{path.name}"
            shutil.copy2(path, copy)
        except OSError as error:
            raise SdopsError(f"{path} cannot be changed: {moving.refusal(error)}.") from None
        replace(path, after.encode("utf-8", "surrogateescape"))
        return f"copy {copy} back to {path}"

    def _texts(self) -> tuple[str, str]:
        """The file's text now, and as it will be."""
        path = Path(self.path)
        dialect = launch_file.BATCH if path.suffix.lower() == ".bat" else launch_file.SHELL
        try:
            if path.stat().st_size > MAX_LAUNCH_FILE_BYTES:
                raise SdopsError(f"{path} is too large for a launch file.")
            before = path.read_bytes().decode("utf-8", "surrogateescape")
        except OSError as error:
            raise SdopsError(f"{path} cannot be read: {error.strerror}.") from None
        return before, launch_file.edit(before, dialect, self.add, self.remove)


def _attend(command: Command) -> None:
    try:
        status = process.attend(command.argv)
    except process.ProbeError as error:
        raise SdopsError(f"{error}.") from None
    if status:
        raise SdopsError(f"This command failed with exit status {status}: {command.line}")


def on(platform: Platform, os_name: str) -> bool:
    """Whether a command for `platform` is one for the system `os_name` (as Host.os says it)."""
    return platform is Platform.ANY or platform.value == os_name
