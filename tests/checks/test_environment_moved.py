from __future__ import annotations

import pytest

from sdops.finding import Severity


def test_fires(machine, judge, with_python):
    facts = with_python(machine("healthy-linux-rtx3060-a1111"), recorded_root="/old/venv")
    (finding,) = judge("environment-moved", facts)
    assert finding.severity is Severity.ERROR
    rewrite, pip = finding.remedies[0].commands
    assert rewrite.argv[0] == f"{facts.python.base}/python3.10"
    assert rewrite.argv[1:] == ("-m", "venv", facts.python.root)
    assert pip.argv[0] == facts.python.executable


def test_fires_on_windows(machine, judge, with_python):
    facts = with_python(machine("gtx1060-windows-a1111"), recorded_root="D:\\old\\venv")
    (finding,) = judge("environment-moved", facts)
    assert finding.remedies[0].commands[0].argv[0].endswith("\\python.exe")


@pytest.mark.parametrize(
    ("root", "recorded"),
    [
        ("C:\\AI\\webui\\venv", "c:/ai/WebUI/venv"),
        ("/home/user/venv", "/home/user/venv/"),
        ("/home/user/venv", None),
    ],
)
def test_quiet(machine, judge, with_python, root, recorded):
    facts = with_python(machine("gtx1060-windows-a1111"), root=root, recorded_root=recorded)
    assert not judge("environment-moved", facts)
