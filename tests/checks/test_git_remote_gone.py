from __future__ import annotations

from dataclasses import replace

import pytest

from sdops.facts.types import Extension, Git, Remote, Setting
from sdops.finding import Severity

STABILITY = "https://github.com/Stability-AI/stablediffusion.git"
CLONED = Extension("stable-diffusion-stability-ai", "/ui/repositories/x", git=Git(commit="cf1d67a"))


@pytest.fixture
def with_ui(machine):
    def change(**changes):
        facts = machine("healthy-linux-rtx3060-a1111")
        return replace(facts, ui=replace(facts.ui, **changes))

    return change


def test_a_first_start_cannot_finish(judge, with_ui):
    (finding,) = judge("git-remote-gone", with_ui(repositories=()))
    assert finding.severity is Severity.ERROR
    assert finding.remedies[0].commands[0].line.startswith("export STABLE_DIFFUSION_REPO=https://")


def test_a_checkout_without_a_version_is_told_by_its_remote(judge, with_ui):
    assert judge("git-remote-gone", with_ui(repositories=(), version=None))


def test_windows_sets_it_its_own_way(machine, judge):
    facts = machine("gtx1060-windows-a1111")
    (finding,) = judge("git-remote-gone", replace(facts, ui=replace(facts.ui, repositories=())))
    assert finding.remedies[0].commands[0].line.startswith("set STABLE_DIFFUSION_REPO=https://")


@pytest.mark.parametrize(
    "changes",
    [
        {"repositories": None},
        {"repositories": (CLONED,)},
        {"repositories": (), "version": "v1.11.0"},
        {"repositories": (), "kind": "forge"},
        {"repositories": (), "version": "unreadable"},
        {"repositories": (), "version": None, "git": None},
        {
            "repositories": (),
            "settings": (Setting("STABLE_DIFFUSION_REPO", "https://example.org/a.git", "f", 1),),
        },
    ],
)
def test_quiet(judge, with_ui, changes):
    assert not judge("git-remote-gone", with_ui(**changes))


def test_the_same_repository_named_by_hand_is_still_gone(judge, with_ui):
    setting = Setting(
        "STABLE_DIFFUSION_REPO", "git@github.com:stability-ai/StableDiffusion", "f", 1
    )
    assert judge("git-remote-gone", with_ui(repositories=(), settings=(setting,)))


def test_what_is_installed_goes_on_working(judge, with_ui):
    remote = Remote("origin", STABILITY)
    old = replace(CLONED, git=Git(commit="cf1d67a", remotes=(remote,)))
    assert not judge("git-remote-gone", with_ui(repositories=(old,)))
    (finding,) = judge("git-remote-gone", with_ui(extensions=(old,)))
    assert finding.severity is Severity.INFO
    assert "set-url origin https://" in finding.remedies[0].commands[0].line
