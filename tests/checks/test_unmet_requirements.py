from __future__ import annotations

from dataclasses import replace

import pytest

from sdops.facts.types import Requirement
from sdops.finding import Severity


@pytest.fixture
def asking(machine):
    def make(name, *lines):
        facts = machine(name)
        numbered = enumerate(lines, 1)
        asked = tuple(Requirement(text, "requirements.txt", number) for number, text in numbered)
        return replace(facts, ui=replace(facts.ui, requirements=asked))

    return make


def test_missing(asking, judge):
    facts = asking("healthy-linux-rtx5090-comfyui", "torchsde", "no-such-package>=1.2")
    findings = judge("unmet-requirements", facts)
    finding = next(item for item in findings if "missing" in item.evidence)
    assert finding.severity is Severity.ERROR
    assert "no-such-package>=1.2" in finding.remedies[0].commands[0].argv
    assert finding.location.path == "requirements.txt"


def test_another_version(asking, judge):
    (finding,) = judge(
        "unmet-requirements", asking("healthy-linux-rtx5090-comfyui", "numpy==1.0.0")
    )
    assert finding.severity is Severity.WARNING
    assert "numpy==1.0.0" in finding.remedies[0].commands[0].argv


def test_a1111_does_it_itself(asking, judge, launched):
    facts = asking("healthy-linux-rtx3060-a1111", "no-such-package==1.2")
    (finding,) = judge("unmet-requirements", facts)
    assert finding.severity is Severity.INFO
    (told_not_to,) = judge("unmet-requirements", launched(facts, "--skip-install"))
    assert told_not_to.severity is Severity.ERROR


@pytest.mark.parametrize(
    "line",
    [
        "numpy",
        "torch==0.1",
        "no-such-package==1.2; python_version < '3.0'",
        "no-such-package==1.2; sys_platform == 'win32'",
        "no-such-package @ https://example.org/x.zip",
        "./local/folder",
        "not a [requirement",
        "no-such-package; what_is_this == '1'",
    ],
)
def test_quiet(asking, judge, line):
    assert not judge("unmet-requirements", asking("healthy-linux-rtx5090-comfyui", line))


def test_markers_are_those_of_the_patient(asking, judge):
    line = "no-such-package; sys_platform == 'win32' and platform_machine == 'AMD64'"
    assert judge("unmet-requirements", asking("healthy-windows-rtx4090-comfyui-portable", line))


def test_quiet_before_anything_is_installed(asking, judge, with_python):
    facts = asking("healthy-linux-rtx5090-comfyui", "no-such-package")
    assert not judge("unmet-requirements", with_python(facts, torch=None))
