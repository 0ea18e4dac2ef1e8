"""Carries out a repair plan: asks first, keeps what changes, and stops at the first failure."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sdops.atomic import replace, write_new
from sdops.doctor.repair.planning import RepairPlan
from sdops.doctor.repair.steps import RunPip
from sdops.errors import SdopsError
from sdops.facts.types import PythonEnv
from sdops.knowledge.bad_packages import contains
from sdops.knowledge.torch_releases import index_url
from sdops.programs import process
from sdops.shells import line_here

FREEZE_TIMEOUT_S = 120.0
PIP_WITHOUT_DRY_RUN = "<22.2"
PACKAGES = "packages.txt"
NOTE = "how-to-go-back.txt"


@dataclass(frozen=True, slots=True)
class Applied:
    """What a repair did."""

    steps: int
    backup: Path
    """The folder with what was kept."""

    @property
    def note(self) -> Path:
        """The file that says how to go back."""
        return self.backup / NOTE


def apply(
    plan: RepairPlan, confirm: Callable[[str], bool], progress: Callable[[str], None]
) -> Applied | None:
    """Shows the plan through `confirm` and, on its yes, carries it out.

    Args:
        plan: what to do.
        confirm: is given the plan as text; answers whether to go on.
        progress: is given a line of text before each step.

    Returns:
        What was done; None if there was nothing to do or the answer was no.

    Raises:
        SdopsError: the user interface is running, or a step failed: the message says which, and
            how to go back.
    """
    _refuse_while_running(plan.ui_pid)
    if not plan.steps or not confirm(plan.preview()):
        return None
    _rehearse(plan, progress)
    backup = _backup_folder()
    way_back = []
    if plan.changes_packages and plan.python is not None:
        progress("Writing down which packages are installed …")
        way_back.append(_list_packages(plan.python, backup / PACKAGES))
    for number, step in enumerate(plan.steps, 1):
        progress(f"Step {number} of {len(plan.steps)}: {step.reason}")
        try:
            way_back.insert(0, step.carry_out(backup))
        except SdopsError as error:
            note = _write_note(backup, way_back)
            raise SdopsError(
                f"Step {number} of {len(plan.steps)} failed: {error.message}",
                f"Nothing after it was done. How to go back is written in {note}",
            ) from None
        _write_note(backup, way_back)
    return Applied(len(plan.steps), backup)


def _rehearse(plan: RepairPlan, progress: Callable[[str], None]) -> None:
    """Finds out whether pip can do its steps, before the first one changes anything."""
    pip = plan.python.distribution("pip") if plan.python else None
    if pip is None or contains(PIP_WITHOUT_DRY_RUN, pip.version):
        return
    for number, step in enumerate(plan.steps, 1):
        if not isinstance(step, RunPip):
            continue
        progress(f"Asking pip whether step {number} can be done …")
        try:
            step.rehearse()
        except SdopsError as error:
            raise SdopsError(
                f"Step {number} cannot be done: {error.message}",
                f"Nothing was changed. The command was: {step.command.line}\n"
                "To do other steps alone, name what they fix: --fix --only ID.",
            ) from None


def _refuse_while_running(pid: int | None) -> None:
    import psutil

    if pid is not None and psutil.pid_exists(pid):
        raise SdopsError(
            f"The user interface is running (process {pid}); it would break in mid-repair.",
            "Stop it, then run this again.",
        )


def _backup_folder() -> Path:
    import platformdirs

    state = platformdirs.user_state_path("sdops") / "repairs"
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    for attempt in range(100):
        folder = state / (stamp if attempt == 0 else f"{stamp}-{attempt}")
        try:
            folder.mkdir(parents=True, mode=0o700)
            return folder
        except FileExistsError:
            continue
        except OSError as error:
            raise SdopsError(
                f"There is no place for a backup: {folder} cannot be made ({error.strerror}).",
                "Set XDG_STATE_HOME to a folder that you can write to.",
            ) from None
    raise SdopsError(f"{state} already holds a hundred repairs of this second.")


def _list_packages(python: PythonEnv, file: Path) -> str:
    """Writes the installed packages as pip wants them back; how to do that."""
    lines = _frozen(python) or [f"{dist.name}=={dist.version}" for dist in python.distributions]
    variants = {
        build.variant
        for build in (python.torch, python.torchvision, python.torchaudio)
        if build is not None and "+" in build.version
    }
    indexes = [f"--extra-index-url {index_url(variant)}" for variant in sorted(variants)]
    write_new(file, "\n".join((*indexes, *lines, "")))
    argv = [python.executable, "-m", "pip", "install", "--no-deps", "-r", str(file)]
    return f"run {line_here(argv)}"


def _frozen(python: PythonEnv) -> list[str]:
    """What `pip freeze` says; nothing where pip itself is broken."""
    argv = [python.executable, "-m", "pip", "--disable-pip-version-check", "freeze", "--all"]
    try:
        output = process.run(argv, timeout_s=FREEZE_TIMEOUT_S)
    except process.ProbeError:
        return []
    return output.stdout.splitlines() if output.returncode == 0 else []


def _write_note(backup: Path, way_back: list[str]) -> Path:
    steps = [step for step in way_back if step]
    text = "To go back to before this repair, in this order:\n\n"
    text += "\n".join(f"{number}. {step}" for number, step in enumerate(steps, 1)) + "\n"
    note = backup / NOTE
    replace(note, text.encode(sys.getfilesystemencoding(), "backslashreplace"))
    return note
