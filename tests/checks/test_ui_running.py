from __future__ import annotations

from sdops.finding import Severity


def test_only_a_running_ui_is_noted(machine, judge):
    (finding,) = judge("ui-running", machine("rtx3090-remote-port-open"))
    assert finding.severity is Severity.INFO
    assert "4242" in finding.why
    assert not judge("ui-running", machine("healthy-linux-rtx3060-a1111"))
