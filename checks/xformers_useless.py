"""xformers is installed on a machine that cannot use it.

Its kernels are for NVIDIA cards (and, in builds of its own, for AMD). Elsewhere it only takes room
and prints warnings.

Fix: Uninstall it, if the warnings disturb.

Source: facebookresearch/xformers README, Installing.
"""

from __future__ import annotations

from sdops.check import Facts, Finding, Iterator, Severity, Skip
from sdops.knowledge.patient import cards_of, kind_of, torch_of
from sdops.knowledge.xformers_fit import build_of
from sdops.remedies.torch import install_xformers


def check(facts: Facts) -> Iterator[Finding]:
    """Where torch is of another kind than xformers, `xformers-mismatch` has the word."""
    torch = torch_of(facts)
    build = build_of(facts)
    if build.cuda and kind_of(torch) != "cuda":
        raise Skip("torch and xformers are of different kinds: see xformers-mismatch.")
    if cards_of(facts, "nvidia") or (build.hip and cards_of(facts, "amd")):
        return
    if facts.host.container or any(not card.visible for card in facts.gpus):
        raise Skip("The GPU may only be hidden.")
    yield Finding(
        rule="xformers-useless",
        severity=Severity.INFO,
        title="xformers is installed, but this machine has no card that it could use.",
        evidence={"xformers": build.version, "gpus": [card.name for card in facts.gpus]},
        remedies=install_xformers(facts)[-1:],
    )
