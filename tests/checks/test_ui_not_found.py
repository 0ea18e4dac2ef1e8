from __future__ import annotations

from dataclasses import replace

from sdops.facts.target import resolve
from sdops.finding import Severity


def test_a_folder_without_a_ui_is_said(machine, judge, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    facts = replace(machine("healthy-linux-rtx3060-a1111"), ui=None)
    (finding,) = judge("ui-not-found", replace(facts, target=resolve(None).description))
    assert finding.severity is Severity.INFO


def test_quiet_where_the_user_named_it(machine, judge):
    facts = machine("healthy-linux-rtx3060-a1111")
    assert not judge("ui-not-found", facts)
    assert not judge("ui-not-found", replace(facts, ui=None, target="/usr/bin/python3"))
