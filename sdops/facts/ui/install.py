"""Puts together what a user interface's folder tells."""

from __future__ import annotations

import dataclasses
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from sdops.facts.files import entries, exists, is_folder, readable_entries, text_or_empty
from sdops.facts.probe import Probed
from sdops.facts.types import Argument, Gap, Git, Requirement, UiInstall
from sdops.facts.ui import (
    argument_file,
    arguments,
    extensions,
    git,
    launch,
    logs,
    model_folders,
    pins,
    requirements,
    running,
)
from sdops.facts.ui.kinds import UiKind, known
from sdops.facts.ui.launch import Launch
from sdops.facts.ui.recognize import Recognized, layout, recognize

_VERSION_BYTES = 64 * 1024
_CLOSED = 10


def look(root: Path, kind: str | None) -> Probed[UiInstall]:
    """The user interface in `root`, of `kind` if given, otherwise as its files tell."""
    return look_as(root, kind, _system(), os.environ)


def look_as(
    root: Path, kind: str | None, system: str, environment: Mapping[str, str]
) -> Probed[UiInstall]:
    """As `look`, with the launch files that `system` reads, started from `environment`."""
    found = recognize(root)
    if kind is not None and (found is None or found.kind.kind != kind):
        asked = known()[kind]
        found = Recognized(asked, root, layout(asked, root))
    try:
        entries(root)
    except OSError as error:
        gap = Gap("ui", f"{root}: {error.strerror}")
        return Probed(UiInstall(kind or "unknown", str(root)), (gap,))
    if found is None:
        gap = Gap("ui", f"{root} holds none of the user interfaces that sdops knows")
        return Probed(UiInstall("unknown", str(root)), (gap,))
    return _examine(found, system, environment)


def _examine(found: Recognized, system: str, environment: Mapping[str, str]) -> Probed[UiInstall]:
    kind, root = found.kind, found.root
    flags = argument_file.read(root, kind.argument_files)
    switches = frozenset(
        name for each in flags.value if not each.takes_value for name in (each.flag, *each.aliases)
    )
    started = launch.read(launch.Place(kind, root, system, environment, switches))
    process = running.find(kind, root)
    given = _in_force(kind, started, process, switches)
    settings = tuple(started.settings)
    needed = _requirements(kind, root, started, system, given)
    checkout = _git(root)
    folders = model_folders.find(kind, root, given, settings)
    install = UiInstall(
        kind=kind.kind,
        root=str(root),
        layout=found.layout,
        version=_version(kind, root),
        git=checkout.value,
        arguments=given,
        settings=settings,
        launch_files=tuple(started.files),
        known_flags=flags.value,
        extensions=extensions.read(kind, root),
        repositories=extensions.repositories(kind, root),
        requirements=needed.value,
        model_folders=tuple(str(path) for path in folders.value),
        logs=logs.find(root, kind.logs),
        running_pid=process.pid if process else None,
        python=started.python,
        python_range=pins.python_range(root, kind.pin_files, system),
        torch_pins=pins.torch_pins(root, kind.pin_files),
        traps=tuple(started.traps),
        remote_known=_remote_known(kind, checkout.value),
    )
    gaps = (
        *flags.gaps,
        *started.gaps,
        *needed.gaps,
        *checkout.gaps,
        *folders.gaps,
        *_closed(root),
    )
    return Probed(install, gaps)


def _closed(root: Path) -> tuple[Gap, ...]:
    """What lies in the UI's folder and may not be read: most facts just lack what is in there."""
    paths = (Path(entry.path) for entry in readable_entries(root))
    closed = [path for path in paths if exists(path) and not _may_read(path)]
    return tuple(Gap("ui", f"{path} may not be read by this user") for path in closed[:_CLOSED])


def _may_read(path: Path) -> bool:
    mode = os.R_OK | os.X_OK if is_folder(path) else os.R_OK
    return os.access(path, mode, effective_ids=os.access in os.supports_effective_ids)


def _in_force(
    kind: UiKind,
    started: Launch,
    process: running.Running | None,
    switches: frozenset[str],
) -> tuple[Argument, ...]:
    """The arguments in force: those of the running process win over a launcher's command line.

    Where a variable holds them, the process reads that too, and they add up.
    """
    if process is None:
        return tuple(started.arguments)
    given = arguments.group(process.words, switches, running.COMMAND_LINE, 0)
    return (*started.arguments, *given) if kind.argument_variable else given


def _requirements(
    kind: UiKind, root: Path, started: Launch, system: str, given: tuple[Argument, ...]
) -> Probed[tuple[Requirement, ...]]:
    if kind.project_requirements:
        project = root / "pyproject.toml"
        return Probed(
            tuple(Requirement(text, str(project), 0) for text in pins.project_requirements(root))
        )
    named = [each.value for each in started.settings if each.name == kind.requirement_setting]
    flagged = [name for flag, name in kind.requirement_flags.items()
               if any(each.flag == flag for each in given)]  # fmt: skip
    choices = (tuple(named[-1:]), tuple(flagged), kind.requirement_files_for.get(system, ()))
    chosen = next((files for files in choices if files and exists(root / files[0])), None)
    files = (root / file for file in chosen or kind.requirement_files)
    return requirements.read(files, kind.local_packages)


def _remote_known(kind: UiKind, checkout: Git | None) -> bool | None:
    """By the address, or at least the name, of a repository that it was cloned from.

    Whoever forks a repository to change a line keeps its name; who makes another program of it
    mostly does not.
    """
    if checkout is None or not checkout.remotes:
        return None
    addresses = {_plain_address(remote.url) for remote in checkout.remotes}
    upstream = {_plain_address(address) for address in kind.upstream}
    names = {address.rpartition("/")[2] for address in upstream}
    return any(each in upstream or each.rpartition("/")[2] in names for each in addresses)


def _plain_address(url: str) -> str:
    """`github.com/owner/name` in lower case, of any form in which git takes an address."""
    text = re.sub(r"^\w+://(?:[^/@]*@)?", "", url.strip())
    text = re.sub(r"^[^/@]*@([^/:]+):", r"\1/", text)
    return text.rstrip("/").removesuffix(".git").lower()


def _git(root: Path) -> Probed[Git | None]:
    checkout = git.read(root)
    if checkout is None:
        return Probed(None)
    changes = git.local_changes(root)
    return Probed(dataclasses.replace(checkout, local_changes=changes.value), changes.gaps)


def _version(kind: UiKind, root: Path) -> str | None:
    for file, pattern in kind.version.items():
        match = re.search(pattern, text_or_empty(root / file, _VERSION_BYTES), re.M)
        if match:
            return match[1]
    return _installed_version(kind, root) if kind.distribution else None


def _installed_version(kind: UiKind, root: Path) -> str | None:
    """The version in the name of the dist-info folder in the UI's own venv."""
    for venv in kind.venv_folders:
        for pattern in ("lib/python3*/site-packages", "Lib/site-packages"):
            for folder in (root / venv).glob(pattern):
                for entry in readable_entries(folder):
                    match = re.fullmatch(rf"{kind.distribution}-([\w.+!]+)\.dist-info", entry.name)
                    if match:
                        return match[1]
    return None


def _system() -> str:
    return {"win32": "windows", "darwin": "macos"}.get(sys.platform, "linux")
