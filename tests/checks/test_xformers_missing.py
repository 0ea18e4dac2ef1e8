from __future__ import annotations

from sdops.finding import Severity


def test_fires(machine, judge, with_python, with_packages):
    facts = with_packages(machine("healthy-linux-rtx3060-a1111"), xformers=None)
    (finding,) = judge("xformers-missing", with_python(facts, xformers=None))
    assert finding.severity is Severity.WARNING
    install, instead = finding.remedies
    assert "xformers==0.0.23.post1" in install.commands[0].argv
    assert instead.remove_flags == ("--xformers",)
    assert instead.add_flags == ("--opt-sdp-attention",)


def test_quiet_where_it_is_installed(machine, judge):
    assert not judge("xformers-missing", machine("healthy-linux-rtx3060-a1111"))


def test_quiet_where_it_is_not_asked_for(machine, judge, with_python, launched):
    facts = with_python(machine("healthy-linux-rtx3060-a1111"), xformers=None)
    assert not judge("xformers-missing", launched(facts))


def test_quiet_without_a_card_for_it(machine, judge, launched):
    assert not judge("xformers-missing", launched(machine("healthy-mac-m1-a1111"), "--xformers"))
