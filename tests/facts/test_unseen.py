"""What could not be seen names what was asked, and what was therefore not judged."""

from __future__ import annotations

from pathlib import Path

from sdops.facts.probe import attempt
from sdops.facts.types import Gap
from sdops.profile import load
from sdops.report.views.doctor import _unjudged

ROOT = Path(__file__).resolve().parents[2]


def test_a_source_without_a_name_is_named_by_who_asked() -> None:
    gaps: list[Gap] = []

    def look() -> int:
        raise FileNotFoundError(2, "File not found")

    assert attempt(gaps, "network.firewall", look, 7) == 7
    (gap,) = gaps
    assert gap.reason.startswith("File not found: asked for in ")
    assert gap.reason.endswith("test_unseen")


def test_a_file_is_named_as_it_was_asked_for(tmp_path: Path) -> None:
    gaps: list[Gap] = []
    attempt(gaps, "host.kernel", lambda: len((tmp_path / "none").read_bytes()), 0)
    assert gaps[0].reason.endswith(str(tmp_path / "none"))


def test_the_longest_entry_says_what_was_not_judged() -> None:
    assert "firewall" in _unjudged("network.firewall.ufw")
    assert "temperature" in _unjudged("gpu.nvml")
    assert "graphics cards" in _unjudged("gpu.something-new")
    assert _unjudged("nothing.known") == ""
    assert _unjudged("gpux") == ""


def test_every_check_that_is_named_is_one() -> None:
    for row in load("unseen")["facts"]:
        for word in row["source"].replace(",", " ").split():
            if word.startswith("checks/"):
                assert (ROOT / word).is_file() or not (ROOT / "checks").is_dir(), word
