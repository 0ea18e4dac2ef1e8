from __future__ import annotations

from dataclasses import replace

from sdops.facts.types import ModelFile
from sdops.finding import Severity


def test_all_are_one_note_with_commands(machine, judge):
    files = tuple(ModelFile(f"/m/{name}.ckpt", 10**9, "torch-zip") for name in "abcde")
    facts = replace(machine("healthy-linux-rtx3060-a1111"), model_files=files)
    (finding,) = judge("pickled-models", facts)
    assert finding.severity is Severity.INFO
    assert finding.evidence["count"] == 5
    lines = [command.line for remedy in finding.remedies for command in remedy.commands]
    assert lines[0] == "sdops scan /m/a.ckpt"
    assert lines[3] == "sdops convert /m/a.ckpt"
    assert len(lines) == 6


def test_a_safetensors_twin_and_other_forms_are_quiet(machine, judge):
    files = (
        ModelFile("/m/a.ckpt", 10**9, "torch-zip"),
        ModelFile("/m/a.safetensors", 10**9, "safetensors"),
        ModelFile("/m/b.gguf", 10**9, "gguf"),
    )
    facts = machine("healthy-linux-rtx3060-a1111")
    assert not judge("pickled-models", replace(facts, model_files=files))
    assert not judge("pickled-models", facts)
