"""nftables rules, and those of iptables where it writes to nftables (libnftables-json(5))."""

from __future__ import annotations

import json
from typing import Any

from sdops.facts.network.ports import collect
from sdops.facts.tree import Tree
from sdops.facts.types import Firewall
from sdops.programs.process import ProbeError, program, run

KIND = "nftables"
TIMEOUT_S = 4.0


def is_loaded(tree: Tree) -> bool:
    """Whether the kernel has nftables loaded; asking it otherwise would load it."""
    modules = tree.text("/proc/modules") or ""
    return any(line.startswith("nf_tables ") for line in modules.splitlines())


def look() -> Firewall:
    """The rules for what comes in.

    Raises:
        ProbeError: `nft` is missing, may not read the rules, or prints something unexpected.
    """
    output = run([program("nft"), "-j", "list", "ruleset"], timeout_s=TIMEOUT_S)
    if output.returncode != 0:
        raise ProbeError(f"nft: {(output.stderr.strip().splitlines() or ['failed'])[0]}")
    return interpret(output.stdout)


def interpret(text: str) -> Firewall:
    """What the JSON of `nft -j list ruleset` lets in; chains that rules jump to are not followed.

    Raises:
        ProbeError: it is not that JSON.
    """
    try:
        return _interpret(json.loads(text)["nftables"])
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ProbeError("nft printed something unexpected") from None


def _interpret(items: list[dict[str, Any]]) -> Firewall:
    chains = [item["chain"] for item in items if item.get("chain", {}).get("hook") == "input"]
    keys = {_key(chain, "name") for chain in chains}
    denies = any(chain.get("policy") == "drop" for chain in chains)
    pairs: list[tuple[int, int]] = []
    rules = 0
    for item in items:
        rule = item.get("rule")
        if not isinstance(rule, dict) or _key(rule, "chain") not in keys:
            continue
        rules += 1
        matches = [part["match"] for part in rule.get("expr", ()) if "match" in part]
        verdicts = {name for part in rule.get("expr", ()) for name in part}
        if verdicts & {"drop", "reject"} and not matches:
            denies = True
        if "accept" in verdicts:
            pairs += _opened(matches)
    ports = collect(pairs)
    default = "deny" if denies else "allow"
    return Firewall(KIND, bool(denies or rules), default, ports.single, None, ports.ranges)


def _key(item: dict[str, Any], name: str) -> tuple[Any, Any, Any]:
    return item.get("family"), item.get("table"), item.get(name)


def _opened(matches: list[dict[str, Any]]) -> list[tuple[int, int]]:
    """The TCP ports that a rule opens, if it asks for nothing but the port."""
    pairs: list[tuple[int, int]] = []
    for match in matches:
        payload = match.get("left", {}).get("payload", {})
        if payload.get("protocol") in ("tcp", "th") and payload.get("field") == "dport":
            pairs += _numbers(match.get("right"))
        elif not _is_harmless(match):
            return []
    return pairs


def _is_harmless(match: dict[str, Any]) -> bool:
    """Whether a condition keeps nobody's first packet out: its protocol, or that it is new."""
    meta = match.get("left", {}).get("meta", {}).get("key")
    state = match.get("left", {}).get("ct", {}).get("key") == "state"
    return meta in ("l4proto", "nfproto", "protocol") or (
        state and "new" in str(match.get("right"))
    )


def _numbers(right: Any) -> list[tuple[int, int]]:
    if isinstance(right, bool):
        return []
    if isinstance(right, int):
        return [(right, right)]
    if isinstance(right, dict) and "range" in right:
        first, last = right["range"]
        return [(int(first), int(last))]
    if isinstance(right, dict) and "set" in right:
        return [pair for item in right["set"] for pair in _numbers(item)]
    return []  # a named set, whose members stand elsewhere
