from __future__ import annotations

from dataclasses import replace

import pytest

from sdops.facts.types import Libc, Tcmalloc

NOT_FOUND = Tcmalloc(None, ("libtcmalloc",), True)


@pytest.fixture
def without(machine, with_host):
    def change(**changes):
        facts = machine("healthy-linux-rtx3060-a1111")
        return with_host(facts, **{"tcmalloc": NOT_FOUND, **changes})

    return change


@pytest.mark.parametrize(
    ("distribution", "line"),
    [
        ("ubuntu", "sudo apt-get install libtcmalloc-minimal4"),
        ("fedora", "sudo dnf install gperftools-libs"),
        ("arch", "sudo pacman -S gperftools"),
    ],
)
def test_fires_with_this_distributions_command(without, judge, distribution, line):
    (finding,) = judge("tcmalloc-missing", without(distribution=distribution))
    assert finding.remedies[0].commands[0].line == line


def test_an_unknown_distribution_gets_the_names(without, judge):
    (finding,) = judge("tcmalloc-missing", without(distribution="slackware"))
    assert finding.remedies[0].commands == ()
    assert "gperftools" in finding.remedies[0].text


def test_a_library_that_cannot_be_loaded_counts_as_missing(without, judge):
    unusable = Tcmalloc("/lib/libtcmalloc.so.4", ("libtcmalloc",), False, links_pthread=False)
    (finding,) = judge("tcmalloc-missing", without(tcmalloc=unusable))
    assert "libpthread" in finding.why


def test_quiet(without, machine, judge):
    usable = Tcmalloc("/lib/libtcmalloc.so.4", ("libtcmalloc",), False, links_pthread=True)
    preloaded = replace(NOT_FOUND, preload=("/opt/libjemalloc.so.2",))
    assert not judge("tcmalloc-missing", without(tcmalloc=usable))
    assert not judge("tcmalloc-missing", without(tcmalloc=preloaded))
    assert not judge("tcmalloc-missing", without(tcmalloc=None))
    assert not judge("tcmalloc-missing", without(environment={"NO_TCMALLOC": "1"}))
    assert not judge("tcmalloc-missing", without(libc=Libc("musl", "1.2.5")))
    facts = without()
    assert not judge("tcmalloc-missing", replace(facts, ui=replace(facts.ui, kind="comfyui")))
    assert not judge("tcmalloc-missing", replace(facts, ui=None))


def test_a_stale_preload_does_not_count(without, judge):
    stale = replace(NOT_FOUND, preload=("libtcmalloc.so",), preload_missing=("libtcmalloc.so",))
    assert judge("tcmalloc-missing", without(tcmalloc=stale))
