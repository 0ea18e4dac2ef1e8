from __future__ import annotations

from dataclasses import replace

import pytest

from sdops.finding import Action, Severity


@pytest.mark.parametrize(
    ("changes", "severity", "action"),
    [
        ({"remap_failed": True}, Severity.CRITICAL, Action.REPLACE_HARDWARE),
        ({"uncorrected_since_boot": 1}, Severity.ERROR, Action.RESET_GPU),
        ({"remap_pending": True}, Severity.WARNING, Action.RESET_GPU),
        ({"retired_pages_pending": True}, Severity.WARNING, Action.RESET_GPU),
        ({"inforom_valid": False}, Severity.WARNING, Action.REPLACE_HARDWARE),
    ],
)
def test_fires(machine, judge, with_gpu, changes, severity, action):
    facts = machine("healthy-h100-server-comfyui")
    errors = replace(facts.gpus[0].memory_errors, **changes)
    (finding,) = judge("gpu-memory-errors", with_gpu(facts, memory_errors=errors))
    assert finding.severity is severity
    assert finding.remedies[0].action is action


def test_what_is_dealt_with_is_information(machine, judge, with_gpu):
    facts = machine("healthy-h100-server-comfyui")
    for changes in ({"uncorrected_lifetime": 4}, {"remapped_rows_uncorrectable": 1}):
        errors = replace(facts.gpus[0].memory_errors, **changes)
        (finding,) = judge("gpu-memory-errors", with_gpu(facts, memory_errors=errors))
        assert finding.severity is Severity.INFO


def test_corrected_errors_and_cards_without_counters_are_quiet(machine, judge, with_gpu):
    facts = machine("healthy-h100-server-comfyui")
    errors = replace(facts.gpus[0].memory_errors, corrected_lifetime=900)
    assert not judge("gpu-memory-errors", with_gpu(facts, memory_errors=errors))
    assert not judge("gpu-memory-errors", machine("healthy-linux-rtx3060-a1111"))


def test_a_hidden_card_is_judged_too(machine, judge, with_gpu):
    facts = machine("a100-linux-ecc-remap-pending")
    assert len(judge("gpu-memory-errors", with_gpu(facts, visible=False))) == 2
