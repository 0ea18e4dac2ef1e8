from __future__ import annotations

import pytest

RULE = "flag-one-shot"


@pytest.mark.parametrize("flag", ["--reinstall-torch", "--reinstall-xformers", "--dump-sysinfo"])
def test_fires(machine, judge, launched, flag):
    (finding,) = judge(RULE, launched(machine("healthy-linux-rtx3060-a1111"), flag, "--xformers"))
    assert finding.remedies[0].remove_flags == (flag,)
    assert finding.location.path == "webui-user.sh"


def test_fires_for_comfyui(machine, judge, launched):
    facts = launched(machine("healthy-linux-rtx5090-comfyui"), "--quick-test-for-ci")
    assert len(judge(RULE, facts)) == 1


@pytest.mark.parametrize("flag", ["--xformers", "--skip-install", "--update-check"])
def test_quiet(machine, judge, launched, flag):
    assert not judge(RULE, launched(machine("healthy-linux-rtx3060-a1111"), flag))
