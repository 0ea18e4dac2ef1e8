from __future__ import annotations

from dataclasses import replace

import pytest


@pytest.mark.parametrize(("length", "count"), [(114, 0), (115, 1), (200, 1)])
def test_the_deepest_module_decides(machine, judge, length, count):
    facts = machine("healthy-windows-rtx4070-forge")
    root = "C:\\" + "x" * (length - 3)
    findings = judge("path-too-long", replace(facts, python=replace(facts.python, root=root)))
    assert len(findings) == count


def test_quiet_with_long_paths_and_elsewhere(machine, judge, with_host):
    facts = machine("healthy-windows-rtx4070-forge")
    deep = replace(facts, python=replace(facts.python, root="C:\\" + "x" * 200))
    assert judge("path-too-long", deep)
    assert not judge("path-too-long", with_host(deep, long_paths=True))
    assert not judge("path-too-long", with_host(deep, long_paths=None))
    assert not judge("path-too-long", with_host(deep, os="linux"))
    assert not judge("path-too-long", replace(facts, python=None))
