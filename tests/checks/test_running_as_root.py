from __future__ import annotations

from dataclasses import replace

from sdops.facts.types import Setting
from sdops.finding import Severity


def test_the_start_script_refuses_root(machine, judge, with_host):
    facts = with_host(machine("healthy-linux-rtx3060-a1111"), is_admin=True)
    (finding,) = judge("running-as-root", facts)
    assert finding.severity is Severity.WARNING
    assert "refuse" in finding.title


def test_in_a_container_it_is_a_note_with_the_option(machine, judge):
    (finding,) = judge("running-as-root", machine("rtx4090-rented-pod-root"))
    assert finding.severity is Severity.INFO
    assert finding.remedies[0].commands[0].line.endswith("webui.sh -f")


def test_it_can_be_allowed(machine, judge):
    facts = machine("rtx4090-rented-pod-root")
    setting = Setting("can_run_as_root", "1", "webui-user.sh", 3)
    facts = replace(facts, ui=replace(facts.ui, settings=(setting,)))
    assert "refuse" not in judge("running-as-root", facts)[0].title


def test_quiet(machine, judge, with_host):
    facts = machine("healthy-linux-rtx3060-a1111")
    assert not judge("running-as-root", facts)
    assert not judge("running-as-root", with_host(facts, is_admin=None))
    windows = with_host(machine("healthy-windows-rtx4070-forge"), is_admin=True)
    assert not judge("running-as-root", windows)
    assert not judge("running-as-root", replace(with_host(facts, is_admin=True), ui=None))
