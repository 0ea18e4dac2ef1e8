"""ufw, from its own files (ufw(8), ufw-framework(8))."""

from __future__ import annotations

import re

from sdops.facts.network.ports import LAST_PORT, collect, parse
from sdops.facts.tree import Tree
from sdops.facts.types import Firewall

KIND = "ufw"
_ANYWHERE = ("0.0.0.0/0", "::/0")


def look(tree: Tree) -> Firewall | None:
    """The state of ufw and the ports that it opens, or None where it is not installed.

    Raises:
        PermissionError: it is on, and its rules may not be read.
    """
    settings = tree.text("/etc/ufw/ufw.conf")
    if settings is None:
        return None
    if not re.search(r"(?mi)^\s*ENABLED\s*=\s*\"?yes", settings):
        return Firewall(KIND, active=False)
    defaults = tree.text("/etc/default/ufw") or ""
    accepts = re.search(r"(?mi)^\s*DEFAULT_INPUT_POLICY\s*=\s*\"?ACCEPT", defaults)
    return interpret(tree.read("/etc/ufw/user.rules"), "allow" if accepts else "deny")


def interpret(rules: str, inbound_default: str) -> Firewall:
    """An active ufw with the `### tuple ###` comments of its user.rules, the first match winning.

    Each is: action, protocol, destination port, destination, source port, source, direction.
    """
    allowed: list[tuple[int, int]] = []
    denied: set[tuple[int, int]] = set()
    for line in rules.splitlines():
        match = re.match(r"### tuple ### (\S+) (\S+) (\S+) (\S+) (\S+) (\S+) (.*)", line)
        if match is None or match[2] not in ("tcp", "any") or match[1].startswith("route:"):
            continue
        action, _, port, to, _, source, rest = match.groups()
        inward = re.search(r"(?:^|\s)in(?:_(?!lo\b)\S+)?(?:\s|$)", rest)
        if to not in _ANYWHERE or source not in _ANYWHERE or not inward:
            continue
        pairs = [(1, LAST_PORT)] if port == "any" else parse(port)
        if action.split("_")[0] in ("allow", "limit"):
            allowed += [pair for pair in pairs if pair not in denied]
        else:
            denied.update(pairs)
    ports = collect(allowed)
    return Firewall(KIND, True, inbound_default, ports.single, None, ports.ranges)
