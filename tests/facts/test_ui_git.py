"""A checkout's state is read from its files, and no checkout can make git start a program."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from sdops.facts.ui import git
from tests.pythons import text

COMMIT = "0123456789abcdef0123456789abcdef01234567"
needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def made(root: Path, head: str = "ref: refs/heads/master\n", config: str = "") -> Path:
    text(root / ".git" / "HEAD", head)
    text(root / ".git" / "config", f"[core]\n\tbare = false\n{config}")
    return root


def run_git(root: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    settings = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    output = subprocess.run(
        ["git", *identity, *arguments], cwd=root, env=os.environ | settings, check=True,
        capture_output=True, text=True,
    )  # fmt: skip
    return output.stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    root = tmp_path / "ui"
    root.mkdir()
    run_git(root, "init", "-q", "-b", "master")
    text(root / "file.py", "one\n")
    run_git(root, "add", ".")
    run_git(root, "commit", "-q", "-m", "one")
    return root


@needs_git
def test_a_real_checkout(checkout: Path) -> None:
    run_git(checkout, "remote", "add", "origin", "https://me:secret@example.org/ui.git")
    run_git(checkout, "remote", "add", "fork", "git@example.org:fork/ui.git")
    found = git.read(checkout)
    assert found is not None
    assert (found.commit, found.branch) == (run_git(checkout, "rev-parse", "HEAD"), "master")
    assert [each.name for each in found.remotes] == ["origin", "fork"]
    assert found.remotes[0].url == "https://me:secret@example.org/ui.git"  # hidden by `gather`
    assert found.remotes[0].url.endswith("@example.org/ui.git")
    run_git(checkout, "gc", "-q")  # the branch moves into packed-refs
    assert git.read(checkout) == found
    run_git(checkout, "checkout", "-q", "--detach")
    detached = git.read(checkout)
    assert detached is not None
    assert (detached.commit, detached.branch) == (found.commit, None)


@needs_git
def test_a_worktree(checkout: Path, tmp_path: Path) -> None:
    run_git(checkout, "remote", "add", "origin", "https://example.org/ui.git")
    run_git(checkout, "worktree", "add", "-q", "-b", "other", str(tmp_path / "other"))
    found = git.read(tmp_path / "other")
    assert found is not None
    assert (found.commit, found.branch) == (run_git(checkout, "rev-parse", "HEAD"), "other")
    assert found.remotes[0].url == "https://example.org/ui.git"


@needs_git
def test_local_changes(checkout: Path) -> None:
    text(checkout / "untracked.txt", "x")
    assert git.local_changes(checkout).value is False
    text(checkout / "file.py", "two\n")
    before = (checkout / ".git" / "index").stat().st_mtime_ns
    assert git.local_changes(checkout).value is True
    assert (checkout / ".git" / "index").stat().st_mtime_ns == before


@needs_git
@pytest.mark.skipif(os.name != "posix", reason="the traps are shell commands")
def test_a_hostile_checkout_starts_nothing(checkout: Path, tmp_path: Path) -> None:
    trap = tmp_path / "trap.sh"
    text(trap, f"#!/bin/sh\ntouch '{tmp_path / 'ran'}'\ncat\n").chmod(0o755)
    text(checkout / "file.py", "changed\n")
    run_git(checkout, "config", "core.fsmonitor", str(trap))
    for hook in ("post-index-change", "fsmonitor-watchman"):
        shutil.copy(trap, checkout / ".git" / "hooks" / hook)
    assert git.local_changes(checkout).value is True
    text(checkout / ".git" / "info" / "attributes", "* filter=trap\n")
    run_git(checkout, "config", "filter.trap.clean", str(trap))
    (gap,) = git.local_changes(checkout).gaps
    assert "[filter]" in gap.reason
    assert not (tmp_path / "ran").exists()
    # The trap is a real one: git by itself falls into it.
    subprocess.run(["git", "status"], cwd=checkout, check=False, capture_output=True)
    assert (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "config",
    ['[filter "x"]\n\tclean = evil\n', "[include]\n\tpath = evil\n", '[includeIf "gitdir:/"]\n',
     '[user] [filter "x"] clean = evil\n', "[FILTER.x]\n", '  [ filter "x" ]\n', "[fil ter\n",
     "# " + "x" * 70_000 + '\n[filter "x"]\n', "# " + "é" * 35_000 + '\n[filter "x"]\n'],
)  # fmt: skip
def test_a_configuration_that_could_start_programs_is_not_given_to_git(
    tmp_path: Path, config: str
) -> None:
    (gap,) = git.local_changes(made(tmp_path, config=config)).gaps
    assert gap.fact == "ui.git.local_changes"
    assert "git configuration" in gap.reason


@pytest.mark.parametrize(
    "head",
    ["ref: refs/heads/../../../secret\n", "ref: /etc/passwd\n", "junk", "", "ref: refs/heads/none"],
)
def test_a_head_that_leads_nowhere_gives_no_commit(tmp_path: Path, head: str) -> None:
    text(tmp_path / "secret", COMMIT)
    found = git.read(made(tmp_path / "a" / "b", head=head))
    assert found is not None
    assert found.commit is None


def test_no_checkout(tmp_path: Path) -> None:
    assert git.read(tmp_path) is None
    assert git.local_changes(tmp_path).value is None
    text(tmp_path / ".git", "gitdir: /nowhere\n")
    assert git.read(tmp_path) is None


def test_git_that_is_not_there_is_a_gap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sdops.programs.process._system_folders", tuple)
    monkeypatch.setenv("PATH", "")
    (gap,) = git.local_changes(made(tmp_path)).gaps
    assert gap.reason == "git is not installed"
