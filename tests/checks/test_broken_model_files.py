from __future__ import annotations

from dataclasses import replace

import pytest

from sdops.facts.types import ModelFile
from sdops.finding import Severity


def test_each_broken_file_is_named(machine, judge):
    findings = judge("broken-model-files", machine("rtx3060-linux-broken-models"))
    assert [finding.evidence["container"] for finding in findings] == [
        "lfs-pointer",
        "html",
        "truncated",
        "empty",
    ]
    assert all(finding.severity is Severity.ERROR for finding in findings)
    pointer, _, cut, _ = findings
    assert "6.5 GiB" in pointer.why
    assert pointer.remedies[0].commands[1].line.endswith("models/Stable-diffusion lfs pull")
    assert "176 MiB are missing" in cut.why


def test_windows_paths_keep_their_folder(machine, judge):
    facts = machine("healthy-windows-rtx4070-forge")
    file = ModelFile("C:\\AI\\models\\x.safetensors", 134, "lfs-pointer")
    (finding,) = judge("broken-model-files", replace(facts, model_files=(file,)))
    assert "x.safetensors is only" in finding.title
    assert finding.remedies[0].commands[1].line == "git -C C:\\AI\\models lfs pull"


def test_no_remedy_asks_to_delete(machine, judge):
    for finding in judge("broken-model-files", machine("rtx3060-linux-broken-models")):
        for remedy in finding.remedies:
            words = remedy.text + " ".join(command.line for command in remedy.commands)
            assert "delete" not in words.lower()
            assert " rm " not in words


@pytest.mark.parametrize(
    "file",
    [
        ModelFile("/m/good.safetensors", 2 * 10**9, "safetensors"),
        ModelFile("/m/old.ckpt", 4 * 10**9, "torch-zip"),
        ModelFile("/m/put_checkpoints_here", 0, "empty"),
        ModelFile("/m/notes.html", 10, "html"),
        ModelFile("/m/odd.bin", 10**6, "unknown"),
    ],
)
def test_quiet(machine, judge, file):
    facts = replace(machine("healthy-linux-rtx3060-a1111"), model_files=(file,))
    assert not judge("broken-model-files", facts)
