"""Looks at each firewall that this system may have."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from sdops.facts.network.firewalls import firewalld, iptables, nftables, ufw, windows
from sdops.facts.probe import Probed, attempt
from sdops.facts.tree import Tree
from sdops.facts.types import Firewall, Gap


def look(tree: Tree) -> Probed[tuple[Firewall, ...]]:
    """Every firewall found; one whose rules may not be read has `active` None, and a gap."""
    gaps: list[Gap] = []
    nothing: tuple[Firewall, ...] = ()
    if sys.platform == "win32":
        return Probed(attempt(gaps, "network.firewall", windows.look, nothing), tuple(gaps))
    if sys.platform != "linux":
        return Probed(())
    managers = [_manager(gaps, ufw.KIND, ufw.look, tree)]
    managers.append(_manager(gaps, firewalld.KIND, firewalld.look, tree))
    found = [firewall for firewall in managers if firewall is not None]
    if not any(firewall.active for firewall in found):
        found += _rules(gaps, tree)  # with a manager at work, the rules below are its own
    return Probed(tuple(found), tuple(gaps))


def _manager(
    gaps: list[Gap], kind: str, read: Callable[[Tree], Firewall | None], tree: Tree
) -> Firewall | None:
    unreadable: tuple[Firewall | None, ...] = (Firewall(kind, active=None),)
    return attempt(gaps, f"network.firewall.{kind}", lambda: (read(tree),), unreadable)[0]


def _rules(gaps: list[Gap], tree: Tree) -> list[Firewall]:
    """The kernel's own rules, which only root may read."""
    found = []
    for module in (nftables, iptables):
        if not module.is_loaded(tree):
            continue
        if os.geteuid() == 0:
            unreadable = Firewall(module.KIND, active=None)
            firewall = attempt(gaps, f"network.firewall.{module.KIND}", module.look, unreadable)
            found.append(firewall)
        else:
            gaps.append(Gap(f"network.firewall.{module.KIND}", "only root may read its rules"))
            found.append(Firewall(module.KIND, active=None))
    return found
