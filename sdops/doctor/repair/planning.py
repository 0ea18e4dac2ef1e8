"""Makes a plan of the remedies in a report that sdops can carry out itself.

Only four kinds of step exist, and each is bounded here: pip, run by the patient's own
interpreter; its venv's scripts written again by the Python that it was made from; leftovers of pip
(`~name`) moved out of site-packages; flags in a `webui-user` file. A remedy that asks for anything
else is left to the user, and the plan says why.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from sdops.doctor.repair.steps import (
    EditLaunchFile,
    MoveAway,
    RenewVenv,
    RunPip,
    Step,
    on,
)
from sdops.errors import SdopsError
from sdops.facts.types import Facts, PythonEnv
from sdops.finding import Command, Finding, Remedy, Report

BACKUP_FOLDER = "sdops-backup"
LEFTOVER = "~"
"""pip renames what it is about to remove to a name that starts with this."""
PIP_OPTIONS_WITH_VALUE = frozenset(
    ("-i", "--index-url", "--extra-index-url", "-f", "--find-links", "-r", "-c", "--constraint")
)


@dataclass(frozen=True, slots=True)
class RepairPlan:
    """What a repair will do, in order."""

    steps: tuple[Step, ...] = ()
    left: tuple[str, ...] = ()
    """What is left to the user, and why, one sentence each."""
    python: PythonEnv | None = None
    """The patient's interpreter, where packages change."""
    ui_pid: int | None = None
    """The process of the user interface, if it was running."""

    @property
    def changes_packages(self) -> bool:
        """Whether a step installs or removes packages."""
        return any(isinstance(step, RunPip) for step in self.steps)

    def preview(self) -> str:
        """The plan as text for the user, a step a paragraph."""
        paragraphs = []
        for number, step in enumerate(self.steps, 1):
            lines = (f"{number}. {step.reason} [{step.finding}]", *step.preview())
            paragraphs.append("\n   ".join(lines))
        paragraphs += [f"Left to you: {reason}" for reason in self.left]
        return "\n\n".join(paragraphs)


def plan(report: Report, facts: Facts) -> RepairPlan:
    """The steps that repair what is `automatic` among the remedies of the report's findings.

    The first automatic remedy of a finding counts; the worst findings come first. Leftovers go
    before packages change, flags change last. What two findings ask for is done once, and a
    package is changed once: a later proposal for it waits for the next look.
    """
    proposals: list[tuple[Step, ...]] = []
    left: list[str] = []
    for finding in sorted(report.findings, key=lambda finding: -finding.severity):
        remedy = next((remedy for remedy in finding.remedies if remedy.automatic), None)
        if remedy is None:
            continue
        try:
            proposals.append(tuple(_steps(finding, remedy, facts)))  # all of a remedy, or nothing
        except SdopsError as error:
            left.append(f"{remedy.text} ({error.message})")
    # What is compiled for torch is chosen for the torch to come, not for the one that goes.
    proposals.sort(key=lambda proposal: "torch" not in _packages(proposal))
    ordered = sorted(_once(proposals, left), key=_rank)
    ui_pid = facts.ui.running_pid if facts.ui else None
    return RepairPlan(tuple(ordered), tuple(dict.fromkeys(left)), facts.python, ui_pid)


def _rank(step: Step) -> int:
    return (MoveAway, RenewVenv, RunPip, EditLaunchFile).index(type(step))


def _steps(finding: Finding, remedy: Remedy, facts: Facts) -> Iterator[Step]:
    if remedy.move_away:
        yield _move(finding, remedy, facts)
    for command in remedy.commands:
        if not remedy.move_away and on(command.platform, facts.host.os):
            yield _run(finding, remedy, command, facts)
    if remedy.add_flags or remedy.remove_flags:
        yield _edit(finding, remedy, facts)


def _move(finding: Finding, remedy: Remedy, facts: Facts) -> MoveAway:
    python = _own_python(facts)
    for path in map(Path, remedy.move_away):
        if not path.name.startswith(LEFTOVER) or str(path.parent) not in python.site_packages:
            raise SdopsError(f"{path} is not a leftover of pip.")
    keep_in = Path(python.root) / BACKUP_FOLDER / facts.taken_at.replace(":", "")
    return MoveAway(finding.rule, remedy.text, remedy.move_away, str(keep_in))


def _run(finding: Finding, remedy: Remedy, command: Command, facts: Facts) -> Step:
    python = _own_python(facts)
    program, *arguments = command.argv
    by_base = python.base is not None and Path(program).parent == Path(python.base)
    if by_base and arguments == ["-m", "venv", python.root]:
        return RenewVenv(finding.rule, remedy.text, command, python.root)
    if command.argv[:3] not in (
        (python.executable, "-m", "pip"),
        (python.executable, "-m", "ensurepip"),
    ):
        raise SdopsError(f"this is not a command for its own pip: {command.line}")
    pip_packages(command)  # refuses what is not from an index
    return RunPip(finding.rule, remedy.text, command)


def _own_python(facts: Facts) -> PythonEnv:
    """The patient's interpreter, if it is one that sdops may change.

    Raises:
        SdopsError: there is none, or it belongs to the operating system.
    """
    if facts.python is None:
        raise SdopsError("no Python environment was found")
    if facts.python.kind == "system":
        raise SdopsError("this Python is the system's own; sdops does not change it")
    return facts.python


def _edit(finding: Finding, remedy: Remedy, facts: Facts) -> EditLaunchFile:
    wanted = "webui-user.bat" if facts.host.os == "windows" else "webui-user.sh"
    files = facts.ui.launch_files if facts.ui else ()
    path = next((file for file in files if Path(file).name == wanted), None)
    if path is None:
        raise SdopsError(f"there is no {wanted} to change")
    step = EditLaunchFile(finding.rule, remedy.text, path, remedy.add_flags, remedy.remove_flags)
    if len(step.preview()) == 1:
        raise SdopsError(f"that flag is not set in {path}")
    return step


def _once(proposals: list[tuple[Step, ...]], left: list[str]) -> Iterator[Step]:
    """The steps without those that repeat another or change what an earlier proposal changes."""
    commands: set[Command] = set()
    packages: set[str] = set()
    moved: set[str] = set()
    edits: list[EditLaunchFile] = []
    for proposal in proposals:
        mine = [step for step in proposal if getattr(step, "command", None) not in commands]
        if _packages(mine) & packages:
            left.append(f"{mine[0].reason} (after this repair, run the doctor again)")
            continue
        packages |= _packages(mine)
        for step in mine:
            if isinstance(step, MoveAway):
                new = tuple(path for path in step.paths if path not in moved)
                moved.update(new)
                if new:
                    yield MoveAway(step.finding, step.reason, new, step.keep_in)
            elif isinstance(step, EditLaunchFile):
                edits.append(step)
            elif isinstance(step, (RunPip, RenewVenv)):
                commands.add(step.command)
                yield step
    yield from _merged(edits)


def _packages(proposal: Sequence[Step]) -> frozenset[str]:
    """The packages that the steps of one proposal change."""
    runs = (pip_packages(step.command) for step in proposal if isinstance(step, RunPip))
    return frozenset().union(*runs)


def _merged(edits: list[EditLaunchFile]) -> Iterator[EditLaunchFile]:
    """One edit a file; of two edits that contradict each other the first (the worse) counts."""
    for path in dict.fromkeys(edit.path for edit in edits):
        mine = [edit for edit in edits if edit.path == path]
        add: dict[str, str] = {}
        remove: dict[str, str] = {}
        for edit in mine:
            for flag in edit.add:
                if flag.split()[0] not in remove:
                    add.setdefault(flag.split()[0], flag)
            for flag in edit.remove:
                if flag.split()[0] not in add:
                    remove.setdefault(flag.split()[0], flag)
        reason = " ".join(dict.fromkeys(edit.reason for edit in mine))
        finding = ", ".join(dict.fromkeys(edit.finding for edit in mine))
        yield EditLaunchFile(finding, reason, path, tuple(add.values()), tuple(remove.values()))


def pip_packages(command: Command) -> frozenset[str]:
    """The normalized names of the packages that a pip command names.

    Raises:
        SdopsError: it names an address or a file: what is in there has no version to go back to.
    """
    names = set()
    words = iter(command.argv[4:])
    for word in words:
        if word in PIP_OPTIONS_WITH_VALUE:
            next(words, None)
        elif not word.startswith("-"):
            try:
                requirement = Requirement(word)
            except InvalidRequirement:
                raise SdopsError(f"{word} is not a package of the index") from None
            if requirement.url is not None:
                raise SdopsError(f"{word} is not a package of the index")
            names.add(str(canonicalize_name(requirement.name)))
    return frozenset(names)
