from __future__ import annotations

from sdops.finding import Severity


def test_a_ui_that_needs_it(machine, judge, with_python):
    facts = with_python(machine("healthy-linux-rtx3060-a1111"), has_pip=False)
    (finding,) = judge("pip-missing", facts)
    assert finding.severity is Severity.WARNING
    assert finding.remedies[0].commands[0].argv[1:] == ("-m", "ensurepip", "--upgrade")


def test_a_ui_that_does_not(machine, judge, with_python):
    facts = with_python(machine("healthy-linux-rtx5090-comfyui"), has_pip=False)
    (finding,) = judge("pip-missing", facts)
    assert finding.severity is Severity.INFO


def test_quiet(machine, judge, with_python):
    assert not judge("pip-missing", machine("healthy-linux-rtx3060-a1111"))
    unknown = with_python(machine("healthy-linux-rtx3060-a1111"), has_pip=None)
    assert not judge("pip-missing", unknown)
