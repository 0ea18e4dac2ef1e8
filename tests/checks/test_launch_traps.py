from __future__ import annotations

from dataclasses import replace

import pytest
from sdops.checks.launch_traps import SAID

from sdops.facts.types import Trap

NAME = "healthy-windows-rtx4070-forge"


@pytest.mark.parametrize("kind", SAID)
def test_each_trap_is_said(machine, judge, kind):
    facts = machine(NAME)
    trap = Trap(kind, "set COMMANDLINE_ARGS = x", r"C:\sd\webui-user.bat", 4)
    (finding,) = judge("launch-traps", replace(facts, ui=replace(facts.ui, traps=(trap,))))
    assert finding.severity is SAID[kind][0]
    assert finding.location.line == 4


def test_quiet_without_traps(machine, judge):
    assert not judge("launch-traps", machine(NAME))
    assert not judge("launch-traps", replace(machine(NAME), ui=None))
