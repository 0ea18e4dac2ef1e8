from __future__ import annotations

import pytest

from sdops.finding import Severity

FLAG = "--enable-insecure-extension-access"


@pytest.mark.parametrize(
    ("arguments", "severity"),
    [
        (("--listen", FLAG), Severity.CRITICAL),
        (("--share", FLAG), Severity.CRITICAL),
        (("--listen", FLAG, "--gradio-auth a:b"), Severity.WARNING),
    ],
)
def test_fires(machine, judge, launched, arguments, severity):
    facts = launched(machine("healthy-linux-rtx3060-a1111"), *arguments)
    (finding,) = judge("insecure-extension-access", facts)
    assert finding.severity is severity
    assert finding.remedies[0].remove_flags == (FLAG,)
    assert finding.location.line == 13


@pytest.mark.parametrize("arguments", [(), (FLAG,), ("--listen",), ("--listen", "--insecure")])
def test_quiet(machine, judge, launched, arguments):
    facts = launched(machine("healthy-linux-rtx3060-a1111"), *arguments)
    assert not judge("insecure-extension-access", facts)
