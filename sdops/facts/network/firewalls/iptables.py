"""The rules of the old iptables (those of today's iptables are nftables rules) (iptables(8))."""

from __future__ import annotations

import shlex

from sdops.facts.network.ports import collect, parse
from sdops.facts.tree import Tree
from sdops.facts.types import Firewall
from sdops.programs.process import ProbeError, program, run

KIND = "iptables"
TIMEOUT_S = 4.0
_HARMLESS = {"-m", "-p", "-j", "--dport", "--dports", "--comment", "--state", "--ctstate",
             "--reject-with"}  # fmt: skip


def is_loaded(tree: Tree) -> bool:
    """Whether the kernel has filter tables of the old kind; asking otherwise would make them."""
    if "filter" in (tree.text("/proc/net/ip_tables_names") or "").split():
        return True
    modules = tree.text("/proc/modules") or ""
    return any(line.startswith("iptable_filter ") for line in modules.splitlines())


def look() -> Firewall:
    """The rules for what comes in.

    Raises:
        ProbeError: iptables is missing or may not read the rules.
    """
    try:
        path = program("iptables-legacy")
    except ProbeError:
        path = program("iptables")
    output = run([path, "-S", "INPUT"], timeout_s=TIMEOUT_S)
    if output.returncode != 0:
        raise ProbeError(f"iptables: {(output.stderr.strip().splitlines() or ['failed'])[0]}")
    return interpret(output.stdout)


def interpret(text: str) -> Firewall:
    """What the output of `iptables -S INPUT` lets in; chains jumped to are not followed.

    Raises:
        ProbeError: it is not that output.
    """
    denies = "-P INPUT DROP" in text
    pairs: list[tuple[int, int]] = []
    rules = 0
    for line in text.splitlines():
        if not line.startswith("-A INPUT "):
            continue
        rules += 1
        try:
            words = shlex.split(line)
        except ValueError:
            raise ProbeError("iptables printed something unexpected") from None
        options = dict(zip(words[2::2], words[3::2], strict=False))
        if options.get("-j") in ("DROP", "REJECT") and set(options) <= {"-j", "--reject-with"}:
            denies = True
        if options.get("-j") == "ACCEPT" and set(options) <= _HARMLESS:
            state = options.get("--state", options.get("--ctstate", "NEW"))
            if options.get("-p") == "tcp" and "NEW" in state:
                pairs += parse(options.get("--dport") or options.get("--dports") or "")
    ports = collect(pairs)
    default = "deny" if denies else "allow"
    return Firewall(KIND, bool(denies or rules), default, ports.single, None, ports.ranges)
