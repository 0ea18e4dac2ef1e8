from __future__ import annotations

import pytest

from sdops.finding import Severity

RULE = "flag-debug"


@pytest.mark.parametrize(
    ("name", "flag"),
    [
        ("healthy-linux-rtx3060-a1111", "--disable-all-extensions"),
        ("healthy-linux-rtx3060-a1111", "--ui-debug-mode"),
        ("healthy-linux-rtx5090-comfyui", "--disable-all-custom-nodes"),
    ],
)
def test_notes(machine, judge, launched, name, flag):
    (finding,) = judge(RULE, launched(machine(name), flag))
    assert finding.severity is Severity.INFO
    assert flag in finding.title


@pytest.mark.parametrize("flag", ["--xformers", "--theme dark", "--reinstall-torch"])
def test_quiet(machine, judge, launched, flag):
    assert not judge(RULE, launched(machine("healthy-linux-rtx3060-a1111"), flag))
