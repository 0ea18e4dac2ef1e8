"""What a log says about its machine and installation, mostly in its first lines."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from sdops.explain.clean import Line
from sdops.knowledge.log_marks import marks

_CONTAINER = re.compile(r"/workspace/|/content/|/kaggle/|/\.dockerenv|docker=True|runpod", re.I)
ENOUGH = 2500
"""Lines at the beginning that are looked at, and a fifth as many at the end."""


def read_banner(lines: Sequence[Line]) -> Mapping[str, str]:
    """Facts by name: `ui`, `platform`, `python`, `executable`, `torch`, `torch_build`, and so on.

    The last run's word counts where a log holds several.
    """
    facts: dict[str, str] = {}
    votes: dict[str, int] = {}
    looked_at = lines if len(lines) < ENOUGH * 1.2 else (*lines[:ENOUGH], *lines[-ENOUGH // 5 :])
    for line in looked_at:
        text = line.text
        if not text:
            continue
        told = _told(text)
        if "executable" in facts and not text.startswith(("**", "venv")):
            told.pop("executable", None)
        facts |= told
        _vote(text, votes)
    return _concluded(facts, votes)


def _told(text: str) -> dict[str, str]:
    """The facts in one line; of several expressions for one fact the first counts."""
    told: dict[str, str] = {}
    for name, pattern in marks("fact"):
        match = pattern.search(text) if name not in told else None
        if match and match["v"].strip():
            told[name] = match["v"].strip()
    return told


def _vote(text: str, votes: dict[str, int]) -> None:
    for system, pattern in marks("system"):
        if pattern.search(text):
            votes[system] = votes.get(system, 0) + 1
    for ui, pattern in marks("ui"):
        if pattern.search(text):
            votes[f"ui:{ui}"] = votes.get(f"ui:{ui}", 0) + 1
            break
    for vendor, pattern in marks("vendor"):
        if pattern.search(text):
            votes[f"vendor:{vendor}"] = votes.get(f"vendor:{vendor}", 0) + 1
    if _CONTAINER.search(text):
        votes["container"] = 1


def _concluded(facts: dict[str, str], votes: Mapping[str, int]) -> Mapping[str, str]:
    systems = {name: votes[name] for name in ("windows", "macos", "linux") if name in votes}
    if systems:
        facts["platform"] = max(systems, key=lambda name: systems[name])
    for prefix, name in (("ui:", "ui"), ("vendor:", "vendor")):
        kinds = {
            vote.removeprefix(prefix): count
            for vote, count in votes.items()
            if vote.startswith(prefix)
        }
        if kinds:
            facts[name] = max(kinds, key=lambda kind: kinds[kind])
    gpu = facts.get("gpu", "")
    named = next((vendor for vendor, pattern in marks("vendor") if pattern.search(gpu)), None)
    if named:
        facts["vendor"] = named
    if "container" in votes:
        facts["container"] = "yes"
    torch = facts.get("torch", "")
    if "+" in torch:
        label = torch.partition("+")[2]
        facts["torch_build"] = (
            "cuda"
            if label.startswith("cu")
            else "rocm"
            if "rocm" in label
            else "xpu"
            if "xpu" in label
            else "cpu"
            if "cpu" in label
            else label
        )
    executable = facts.get("executable", "").lower()
    if executable:
        facts["layout"] = (
            "portable"
            if "python_embeded" in executable
            else "venv"
            if "venv" in executable
            else "other"
        )
    return facts
