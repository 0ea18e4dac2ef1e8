"""firewalld, from its own files, or from `firewall-cmd` where they may not be read."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from sdops.facts.network.ports import LAST_PORT, collect, parse
from sdops.facts.tree import Tree
from sdops.facts.types import Firewall
from sdops.programs.process import ProbeError, program, run

KIND = "firewalld"
TIMEOUT_S = 4.0
_FOLDERS = ("/etc/firewalld", "/usr/lib/firewalld", "/usr/share/firewalld")
"""The administrator's files before the distribution's (firewalld(1), "Directories")."""


def look(tree: Tree) -> Firewall | None:
    """The default zone of firewalld, or None where it is not installed.

    Raises:
        ProbeError: it runs, and neither its files nor its own program tell what it lets through.
    """
    installed = [folder for folder in _FOLDERS if tree.exists(folder)]
    if not installed:
        return None
    if not _runs(tree):
        return Firewall(KIND, active=False)
    settings = tree.text("/etc/firewalld/firewalld.conf")
    if settings is None:
        return from_program(_ask())
    named = re.search(r"(?m)^\s*DefaultZone\s*=\s*(\S+)", settings)
    return _zone(named[1] if named else "public", tree)


def _runs(tree: Tree) -> bool:
    pids = (name for name in tree.names("/proc") if name.isdecimal())
    return any(tree.text(f"/proc/{pid}/comm") == KIND for pid in pids)


def _zone(name: str, tree: Tree) -> Firewall:
    zone = _xml(f"zones/{name}.xml", tree)
    pairs = _ports(zone)
    for service in zone.findall("service"):
        pairs += _ports(_xml(f"services/{service.get('name')}.xml", tree))
    return _firewall(name, zone.get("target", "default"), pairs)


def _xml(path: str, tree: Tree) -> ET.Element:
    for folder in _FOLDERS:
        text = tree.text(f"{folder}/{path}")
        if text is not None:
            try:
                return ET.fromstring(text)  # noqa: S314  (root's own files)
            except ET.ParseError as error:
                raise ProbeError(f"{folder}/{path} is not valid XML: {error}") from None
    return ET.Element("missing")


def _ports(element: ET.Element) -> list[tuple[int, int]]:
    pairs = []
    for port in element.findall("port"):
        if port.get("protocol") == "tcp":
            pairs += parse(port.get("port", "")) or [(1, LAST_PORT)]  # no number: all of them
    return pairs


def _ask() -> str:
    output = run([program("firewall-cmd"), "--list-all"], timeout_s=TIMEOUT_S)
    if output.returncode != 0:
        said = (output.stderr.strip() or output.stdout.strip()).splitlines()
        raise ProbeError(f"firewall-cmd: {said[-1] if said else 'failed'}")
    return output.stdout


def from_program(text: str) -> Firewall:
    """The zone that `firewall-cmd --list-all` describes (its services are not followed)."""
    zone = re.match(r"\s*(\S+)", text)
    fields = dict(re.findall(r"(?m)^\s+([\w-]+):[ \t]*(.*)$", text))
    pairs = []
    for entry in fields.get("ports", "").split():
        port, _, protocol = entry.partition("/")
        if protocol == "tcp":
            pairs += parse(port)
    return _firewall(zone[1] if zone else None, fields.get("target", "default"), pairs)


def _firewall(zone: str | None, target: str, pairs: list[tuple[int, int]]) -> Firewall:
    ports = collect(pairs)
    default = "allow" if target == "ACCEPT" else "deny"
    return Firewall(KIND, True, default, ports.single, zone, ports.ranges)
