from __future__ import annotations

from dataclasses import replace

import pytest

from sdops.facts.types import Distribution
from sdops.finding import Severity


@pytest.mark.parametrize(
    ("name", "version", "severity"),
    [
        ("healthy-linux-rtx3060-a1111", "3.12.3", Severity.ERROR),
        ("gtx1060-windows-a1111", "3.12.3", Severity.ERROR),
        ("gtx1060-windows-a1111", "3.11.9", Severity.WARNING),
        ("healthy-linux-rtx5090-comfyui", "3.8.10", Severity.ERROR),
    ],
)
def test_fires(machine, judge, with_python, name, version, severity):
    (finding,) = judge("python-unsuitable", with_python(machine(name), version=version))
    assert finding.severity is severity
    assert version in finding.title


def test_how_to_make_it_anew(machine, judge, with_python):
    facts = with_python(machine("gtx1060-windows-a1111"), version="3.12.3")
    (finding,) = judge("python-unsuitable", facts)
    (remedy,) = finding.remedies
    assert remedy.commands[0].argv[:4] == ("py", "-3.10", "-m", "venv")
    assert remedy.move_away == (facts.python.root,)


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("healthy-linux-rtx3060-a1111", "3.11.9"),
        ("gtx1060-windows-a1111", "3.10.6"),
        ("healthy-linux-rtx5090-comfyui", "3.13.2"),
    ],
)
def test_quiet(machine, judge, with_python, name, version):
    assert not judge("python-unsuitable", with_python(machine(name), version=version))


def test_the_installed_release_knows_better(machine, judge, with_python):
    facts = machine("healthy-linux-rtx5090-comfyui")
    facts = replace(facts, ui=replace(facts.ui, kind="invokeai"))

    def installed(requires_python):
        dist = Distribution("invokeai", "9.0", "x", requires_python=requires_python)
        return with_python(facts, version="3.13.1", distributions=(dist,))

    assert not judge("python-unsuitable", installed(">=3.12,<3.14"))
    assert judge("python-unsuitable", installed(">=3.11,<3.13"))
    assert judge("python-unsuitable", with_python(facts, version="3.13.1"))


def test_quiet_without_a_ui(machine, judge, with_python):
    facts = replace(machine("healthy-linux-rtx3060-a1111"), ui=None)
    assert not judge("python-unsuitable", with_python(facts, version="3.12.3"))
