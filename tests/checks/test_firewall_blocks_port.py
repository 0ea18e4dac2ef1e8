from __future__ import annotations

from dataclasses import replace

import pytest

from sdops.facts.types import Firewall, Network
from sdops.finding import Severity

FORBIDDEN = ("disable", "stop", "off", "flush", "-F", "allprofiles")


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        ("ufw", "sudo ufw allow 7860/tcp"),
        ("firewalld", "sudo firewall-cmd --permanent --add-port=7860/tcp"),
        ("nftables", "sudo nft insert rule inet filter input tcp dport 7860 accept"),
        ("iptables", "sudo iptables -I INPUT -p tcp --dport 7860 -j ACCEPT"),
    ],
)
def test_the_exact_command_opens_the_port_and_nothing_else(machine, judge, kind, line):
    facts = machine("rtx3090-remote-behind-ufw")
    network = replace(facts.network, firewalls=(Firewall(kind, True, "deny", (22,)),))
    (finding,) = judge("firewall-blocks-port", replace(facts, network=network))
    assert finding.severity is Severity.WARNING
    lines = [command.line for command in finding.remedies[0].commands]
    assert lines[0] == line
    assert not [word for text in lines for word in text.split() if word in FORBIDDEN]


def test_windows_public_profile_warns_and_private_informs(machine, judge, launched):
    facts = launched(machine("rtx3060-windows-exposed"), "--listen")
    for profile, severity in (("public", Severity.WARNING), ("private", Severity.INFO)):
        network = Network(firewalls=(Firewall("windows", True, "deny", (), profile),))
        (finding,) = judge("firewall-blocks-port", replace(facts, network=network))
        assert finding.severity is severity
        assert "localport=7860" in finding.remedies[0].commands[0].line


def test_the_manager_decides_over_the_rules_it_wrote(machine, judge):
    facts = machine("rtx3090-remote-port-open")
    firewalls = (Firewall("nftables", True, "deny"), *facts.network.firewalls)
    network = replace(facts.network, firewalls=firewalls)
    assert not judge("firewall-blocks-port", replace(facts, network=network))


def test_unreadable_rules_are_only_information(machine, judge):
    facts = machine("rtx3090-remote-behind-ufw")
    network = replace(facts.network, firewalls=(Firewall("ufw", None),))
    (finding,) = judge("firewall-blocks-port", replace(facts, network=network))
    assert finding.severity is Severity.INFO
    assert finding.remedies[0].commands[0].line == "sudo ufw status"


def test_quiet_without_a_firewall_in_between(machine, judge):
    facts = machine("rtx3090-remote-behind-ufw")
    for firewall in (Firewall("ufw", False), Firewall("ufw", True, "allow")):
        network = replace(facts.network, firewalls=(firewall,))
        assert not judge("firewall-blocks-port", replace(facts, network=network))
    assert not judge("firewall-blocks-port", machine("rtx3090-remote-port-open"))
    assert not judge("firewall-blocks-port", machine("healthy-windows-rtx4070-forge"))
