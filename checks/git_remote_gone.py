"""A repository that the UI or an extension is fetched from does not exist any more.

The first start of A1111 up to 1.10.1 stops with "Repository not found" or asks for a GitHub login;
an installed UI or extension can no longer be updated.

Fix: Name a copy of the repository; the commit's hash proves that it holds the same code.

Source: AUTOMATIC1111/stable-diffusion-webui issues 17204, 17218, 17255 and pull request 17207.
"""

from __future__ import annotations

from packaging.version import InvalidVersion, Version

from sdops.check import (
    Action,
    Command,
    Facts,
    Finding,
    Git,
    Iterator,
    Location,
    Remedy,
    Severity,
    Skip,
    UiInstall,
)
from sdops.knowledge.repositories import Clone, Gone, clones, gone, plain_address
from sdops.knowledge.variables import variable
from sdops.remedies.commands import command
from sdops.uis import is_one_of

RULE = "git-remote-gone"


def check(facts: Facts) -> Iterator[Finding]:
    """An error for a clone still to be made, a note for a remote of what is installed."""
    ui = facts.ui
    if ui is None:
        raise Skip("There is no UI here.")
    for clone in clones():
        lost = gone(clone.address)
        if lost and is_one_of(ui.kind, clone.kinds) and _still_to_be_made(facts, ui, clone):
            yield _cannot_start(facts, ui, clone, lost)
    for name, path, git in _checkouts(ui):
        for remote in git.remotes:
            lost = gone(remote.url)
            if lost:
                yield _cannot_update(facts, name, path, remote.name, lost)


def _still_to_be_made(facts: Facts, ui: UiInstall, clone: Clone) -> bool:
    if ui.repositories is None or not _is_affected(ui, clone):
        return False
    if any(item.name == clone.folder and item.git is not None for item in ui.repositories):
        return False
    chosen = variable(facts, clone.setting)
    return chosen is None or plain_address(chosen.value) == plain_address(clone.address)


def _is_affected(ui: UiInstall, clone: Clone) -> bool:
    """Whether this is the release, or at least the edition, that clones what is gone."""
    if ui.version is not None:
        try:
            return Version(ui.version) <= Version(clone.version)
        except InvalidVersion:
            return False
    remotes = ui.git.remotes if ui.git else ()
    return any(plain_address(remote.url) == plain_address(clone.ui) for remote in remotes)


def _checkouts(ui: UiInstall) -> Iterator[tuple[str, str, Git]]:
    if ui.git is not None:
        yield "The UI", ui.root, ui.git
    for item in ui.extensions:
        if item.git is not None:
            yield item.name, item.path, item.git


def _cannot_start(facts: Facts, ui: UiInstall, clone: Clone, lost: Gone) -> Finding:
    windows = facts.host.os == "windows"
    setting: Command = (
        command(facts.host, "set", f"{clone.setting}={lost.instead}")
        if windows
        else command(facts.host, "export", f"{clone.setting}={lost.instead}")
    )
    where = ui.launch_files[0] if ui.launch_files else "the launch file"
    return Finding(
        rule=RULE,
        severity=Severity.ERROR,
        title="The UI cannot finish its first start: a part that it downloads is gone.",
        why=f"It clones {lost.address}, which does not exist any more since {lost.since}.",
        evidence={"address": lost.address, "folder": clone.folder, "setting": clone.setting},
        location=Location(ui.root),
        remedies=(
            Remedy(
                f"Put this line into {where}, above the last one, and start the UI again. It names "
                f"{lost.instead_note}.",
                Action.RESTART_UI,
                commands=(setting,),
            ),
        ),
    )


def _cannot_update(facts: Facts, name: str, path: str, remote: str, lost: Gone) -> Finding:
    return Finding(
        rule=RULE,
        severity=Severity.INFO,
        title=f"{name} cannot be updated any more: the repository that it came from is gone.",
        why=f"{path} was cloned from {lost.address}, which does not exist since {lost.since}. What "
        "is installed goes on working.",
        evidence={"path": path, "address": lost.address},
        location=Location(path),
        remedies=(
            Remedy(
                f"Fetch it from {lost.instead_note}.",
                commands=(
                    command(
                        facts.host, "git", "-C", path, "remote", "set-url", remote, lost.instead
                    ),
                ),
            ),
        ),
    )
