from __future__ import annotations

from dataclasses import replace

from sdops.facts.types import Setting, Tcmalloc


def test_fires(machine, judge):
    facts = machine("rtx3060-linux-debug-variables")
    (finding,) = judge("stale-preload", facts)
    assert "libtcmalloc.so" in finding.why
    setting = Setting("LD_PRELOAD", "libtcmalloc.so", "webui-user.sh", 21)
    (finding,) = judge("stale-preload", replace(facts, ui=replace(facts.ui, settings=(setting,))))
    assert finding.location.line == 21


def test_quiet(machine, judge, with_host):
    facts = machine("healthy-linux-rtx3060-a1111")
    good = Tcmalloc(None, (), True, preload=("/lib/libtcmalloc.so.4",))
    assert not judge("stale-preload", facts)
    assert not judge("stale-preload", with_host(facts, tcmalloc=good))
    assert not judge("stale-preload", machine("healthy-mac-m1-a1111"))
