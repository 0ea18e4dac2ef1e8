"""What a remedy may never ask for, on any machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from sdops.errors import Skip
from sdops.finding import Finding, Platform
from sdops.registry import Check, checks
from sdops.remedies.commands import platform_of
from tests.checks.machines import FILES, facts_of

HARMFUL = {"rm", "rmdir", "del", "erase", "rd", "format", "mkfs", "dd", "kill", "killall", "pkill",
           "taskkill", "chmod -R", "curl", "wget"}  # fmt: skip
SWITCHED_OFF = ("ufw disable", "stop firewalld", "disable firewalld", "iptables -F",
                "flush ruleset", "allprofiles state off", "trusted-host", "sslVerify")  # fmt: skip


def _found(check: Check, file: Path) -> tuple[Finding, ...]:
    try:
        return tuple(check.judge(facts_of(file)))
    except Skip:
        return ()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_remedies_harm_nothing_and_suit_the_system(file: Path) -> None:
    host = facts_of(file).host
    outside = {Platform.ANY, Platform.WINDOWS if host.wsl else platform_of(host)}
    for finding in (finding for check in checks() for finding in _found(check, file)):
        for remedy in finding.remedies:
            assert remedy.text
            assert "delete" not in remedy.text.lower() or "variables" in remedy.text
            for command in remedy.commands:
                program = next(word for word in command.argv if word != "sudo")
                assert program not in HARMFUL, command.line
                assert not any(text in command.line for text in SWITCHED_OFF), command.line
                assert command.platform in {*outside, platform_of(host)}, command.line
