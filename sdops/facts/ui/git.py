"""Reads the state of a git checkout from its files; asks git itself only for local changes.

git can be told by a checkout's own configuration to start programs (filters, file system monitors,
included files). A stranger's checkout is therefore only given to git when its configuration has
none of that, and git's remaining doors are shut by options that win over any file.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from sdops.facts.files import exists, text_or_empty
from sdops.facts.git_config import parse
from sdops.facts.probe import Probed
from sdops.facts.types import Gap, Git, Remote
from sdops.programs.process import ProbeError, program, run

STATUS_TIMEOUT_S = 5.0
_SMALL_BYTES = 64 * 1024
_PACKED_REFS_BYTES = 4 * 1024 * 1024
_REMOTES = 50
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_REF = re.compile(r"refs/(?!.*\.\.)[\w./@+#=,%-]{1,250}")
_SECTION = re.compile(r"^\s*\[\s*([A-Za-z0-9.-]+)(?:\s+\"((?:[^\"\\]|\\.)*)\")?\s*\](.*)$")

HARMLESS_SECTIONS = frozenset(
    {"core", "remote", "branch", "submodule", "user", "pull", "push", "fetch", "gui", "init",
     "merge", "rebase", "color", "advice", "extensions"}
)  # fmt: skip
"""Sections in which nothing makes `git status` start a program, given the options below."""

_STATUS = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c",
           "protocol.allow=never", "--no-optional-locks", "status", "--porcelain",
           "--untracked-files=no", "--ignore-submodules=all")  # fmt: skip
_STATUS_ENVIRONMENT = {
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_NO_LAZY_FETCH": "1",
}


def read(root: Path) -> Git | None:
    """The state of the checkout at `root`, its local changes not looked at; None without one."""
    folder = git_folder(root)
    if folder is None:
        return None
    common = _common_folder(folder)
    head = text_or_empty(folder / "HEAD", _SMALL_BYTES).strip()
    reference = head.removeprefix("ref:").strip() if head.startswith("ref:") else None
    commit = _resolve(reference, folder, common) if reference else head
    return Git(
        commit=commit if commit and _COMMIT.fullmatch(commit) else None,
        branch=reference.removeprefix("refs/heads/") if reference else None,
        remotes=_remotes(text_or_empty(common / "config", _SMALL_BYTES)),
    )


def git_folder(root: Path) -> Path | None:
    """The folder that holds the history of the checkout at `root` (gitrepository-layout(5))."""
    place = root / ".git"
    if place.is_file():  # a worktree or a submodule
        line = text_or_empty(place, _SMALL_BYTES).strip()
        if not line.startswith("gitdir:"):
            return None
        place = root / line.removeprefix("gitdir:").strip()
    return place if (place / "HEAD").is_file() else None


def local_changes(root: Path) -> Probed[bool | None]:
    """Whether tracked files differ from the commit, as git says."""
    folder = git_folder(root)
    if folder is None:
        return Probed(None)
    reason = _danger(folder)
    if reason is not None:
        return Probed(None, (Gap("ui.git.local_changes", reason),))
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    try:
        status = run(
            [program("git"), "-C", str(root), *_STATUS],
            timeout_s=STATUS_TIMEOUT_S,
            environment={**inherited, **_STATUS_ENVIRONMENT},
        )
    except ProbeError as error:
        return Probed(None, (Gap("ui.git.local_changes", str(error)),))
    if status.returncode != 0:
        reason = next(iter(status.stderr.strip().splitlines()), "git status failed")
        return Probed(None, (Gap("ui.git.local_changes", reason),))
    return Probed(bool(status.stdout.strip()))


def _danger(folder: Path) -> str | None:
    """Why the checkout is not given to git, or None."""
    for path in (_common_folder(folder) / "config", folder / "config.worktree"):
        config = text_or_empty(path, _SMALL_BYTES)
        if exists(path) and path.stat().st_size > _SMALL_BYTES:
            return "its git configuration is too long to be looked through"
        for line in filter(_opens_section, config.splitlines()):
            section = _SECTION.match(line)
            # git takes a second section on the same line; nobody writes that but to hide it.
            if section is None or _opens_section(section[3]):
                return "its git configuration has a section that cannot be read"
            name = section[1].lower().partition(".")[0]
            if name not in HARMLESS_SECTIONS:
                return f"its git configuration has a section [{name}], which can start programs"
    return None


def _opens_section(line: str) -> bool:
    return line.lstrip().startswith("[")


def _common_folder(folder: Path) -> Path:
    shared = text_or_empty(folder / "commondir", _SMALL_BYTES).strip()
    return folder / shared if shared else folder


def _resolve(reference: str, folder: Path, common: Path) -> str | None:
    if not _REF.fullmatch(reference):
        return None
    for place in (folder, common):
        loose = text_or_empty(place / reference, _SMALL_BYTES).strip()
        if loose:
            return loose
    for line in text_or_empty(common / "packed-refs", _PACKED_REFS_BYTES).splitlines():
        commit, _, name = line.partition(" ")
        if name == reference:
            return commit
    return None


def _remotes(config: str) -> tuple[Remote, ...]:
    """The remotes in a git configuration (git-config(1))."""
    remotes: dict[str, str] = {}
    for setting, value in parse(config):
        named = re.fullmatch(r"remote\.(.+)\.url", setting, re.DOTALL)
        if named and value and len(remotes) < _REMOTES:
            remotes.setdefault(named[1], value)
    return tuple(Remote(name, url) for name, url in remotes.items())
