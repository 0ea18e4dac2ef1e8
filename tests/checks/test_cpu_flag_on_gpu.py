from __future__ import annotations

import pytest

RULE = "cpu-flag-on-gpu"


@pytest.mark.parametrize(
    ("name", "argument"),
    [
        ("healthy-linux-rtx3060-a1111", "--use-cpu all"),
        ("healthy-linux-rtx3060-a1111", "--skip-torch-cuda-test"),
        ("healthy-windows-rtx4070-forge", "--always-cpu"),
        ("healthy-linux-rtx5090-comfyui", "--cpu"),
    ],
)
def test_fires(machine, judge, launched, name, argument):
    (finding,) = judge(RULE, launched(machine(name), argument))
    assert finding.remedies[0].remove_flags == (argument.split()[0],)


@pytest.mark.parametrize(
    ("name", "argument"),
    [
        ("healthy-linux-rtx3060-a1111", "--use-cpu interrogate"),
        ("healthy-linux-rtx3060-a1111", "--no-half"),
        ("healthy-mac-m1-a1111", "--skip-torch-cuda-test"),
        ("cpu-only-server-a1111", "--use-cpu all"),
        ("docker-without-gpus-a1111", "--use-cpu all"),
        ("rx6800-windows-a1111-upstream", "--use-cpu all"),
        ("healthy-windows-rtx4070-forge", "--use-cpu all"),
    ],
)
def test_quiet(machine, judge, launched, name, argument):
    assert not judge(RULE, launched(machine(name), argument))
