from __future__ import annotations

import pytest

from sdops.finding import Severity

RULE = "flags-contradict"
A1111 = "healthy-linux-rtx3060-a1111"
COMFYUI = "healthy-linux-rtx5090-comfyui"
FORGE = "healthy-windows-rtx4070-forge"


@pytest.mark.parametrize(
    ("name", "arguments", "severity"),
    [
        (COMFYUI, ("--lowvram", "--cpu"), Severity.ERROR),
        (COMFYUI, ("--fp16-vae", "--fp32-vae"), Severity.ERROR),
        (FORGE, ("--always-gpu", "--always-low-vram"), Severity.ERROR),
        (A1111, ("--precision half", "--no-half"), Severity.ERROR),
        (A1111, ("--lowvram", "--medvram"), Severity.WARNING),
        (A1111, ("--xformers", "--opt-sdp-attention"), Severity.WARNING),
        (A1111, ("--no-half", "--upcast-sampling"), Severity.WARNING),
    ],
)
def test_fires(machine, judge, launched, name, arguments, severity):
    (finding,) = judge(RULE, launched(machine(name), *arguments))
    assert finding.severity is severity
    assert all(argument.split()[0] in finding.title for argument in arguments)


def test_a_flag_that_needs_another(machine, judge, launched):
    (finding,) = judge(RULE, launched(machine(A1111), "--tls-keyfile /k"))
    assert finding.evidence["missing"] == "--tls-certfile"


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        (A1111, ("--medvram", "--xformers", "--no-half-vae")),
        (A1111, ("--tls-keyfile /k", "--tls-certfile /c")),
        (A1111, ("--precision full", "--no-half")),
        (FORGE, ("--lowvram", "--medvram")),
        (COMFYUI, ("--lowvram", "--lowvram")),
    ],
)
def test_quiet(machine, judge, launched, name, arguments):
    assert not judge(RULE, launched(machine(name), *arguments))
