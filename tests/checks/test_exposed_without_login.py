from __future__ import annotations

from dataclasses import replace

import pytest

from sdops.facts.types import Setting
from sdops.finding import Severity


@pytest.mark.parametrize(
    ("arguments", "severity"),
    [
        (("--listen",), Severity.WARNING),
        (("--server-name 0.0.0.0",), Severity.WARNING),
        (("--share",), Severity.ERROR),
        (("--listen", "--share"), Severity.ERROR),
        (("--listen", "--gradio-auth a:b", "--api"), Severity.WARNING),
    ],
)
def test_fires(machine, judge, launched, arguments, severity):
    facts = launched(machine("healthy-linux-rtx3060-a1111"), *arguments)
    (finding,) = judge("exposed-without-login", facts)
    assert finding.severity is severity


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--server-name 127.0.0.1",),
        ("--api",),
        ("--listen", "--gradio-auth a:b"),
        ("--share", "--gradio-auth-path logins"),
        ("--listen", "--gradio-auth a:b", "--api", "--api-auth a:b"),
    ],
)
def test_quiet(machine, judge, launched, arguments):
    facts = launched(machine("healthy-linux-rtx3060-a1111"), *arguments)
    assert not judge("exposed-without-login", facts)


def test_a_password_is_offered_only_where_the_ui_has_one(machine, judge, launched):
    a1111 = launched(machine("healthy-linux-rtx3060-a1111"), "--listen")
    (finding,) = judge("exposed-without-login", a1111)
    assert finding.remedies[0].add_flags == ("--gradio-auth-path webui-logins.txt",)
    comfyui = launched(machine("healthy-linux-rtx5090-comfyui"), "--listen")
    (finding,) = judge("exposed-without-login", comfyui)
    assert finding.remedies[0].remove_flags == ("--listen",)
    assert "8188:127.0.0.1:8188" in finding.remedies[0].commands[0].line


def test_a_setting_that_opens_the_ui_is_named_with_its_place(machine, judge):
    facts = machine("healthy-linux-rtx4090-invokeai")
    opened = Setting("host", "0.0.0.0", "/home/user/invokeai/invokeai.yaml", 5)
    (finding,) = judge(
        "exposed-without-login", replace(facts, ui=replace(facts.ui, settings=(opened,)))
    )
    (tunnel,) = finding.remedies
    assert "Set host to 127.0.0.1 in /home/user/invokeai/invokeai.yaml, line 5" in tunnel.text
