"""The exact commands for one machine: with sudo where it is needed, for its own system."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from sdops.facts.types import Host
from sdops.finding import Command, Platform
from sdops.profile import load


@dataclass(frozen=True, slots=True)
class FirewallCommands:
    """What to type for one kind of firewall; a row of `profiles/firewalls`."""

    kind: str
    name: str
    """Begins a sentence."""
    open: tuple[tuple[str, ...], ...]
    """Argument lists that open a port; `{port}` stands for it."""
    show: tuple[str, ...]
    manager: bool = False
    """Whether it writes the rules of lower firewalls, which need not be judged then."""
    note: str = ""
    source: str = ""


def platform_of(host: Host) -> Platform:
    """The platform whose shell a command for `host` is written for."""
    known = {platform.value: platform for platform in Platform}
    return known.get(host.os, Platform.ANY)


def command(host: Host, *argv: str) -> Command:
    """A command for the user's own account on `host`."""
    return Command(argv, platform_of(host))


def admin_command(host: Host, *argv: str) -> Command:
    """A command that needs administrator's rights: with sudo, except for root and on Windows."""
    sudo = () if host.os == "windows" or host.is_admin else ("sudo",)
    return command(host, *sudo, *argv)


def install_package(host: Host, package: str) -> Command | None:
    """How to install the system package known here as `package`; None if that is not known."""
    table = load("system_packages")
    families = table["families"].items()
    family = next((name for name, ids in families if host.distribution in ids), None)
    row = next(row for row in table["packages"] if row["name"] == package)
    if host.os != "linux" or family not in row:
        return None
    return admin_command(host, *table["install"][family], row[family])


@cache
def firewall_commands(kind: str) -> FirewallCommands | None:
    """What to type for a firewall of `kind` (as in `Firewall.kind`), or None."""
    for row in load("firewalls")["firewalls"]:
        if row["kind"] == kind:
            opening = tuple(tuple(argv) for argv in row["open"])
            return FirewallCommands(**{**row, "open": opening, "show": tuple(row["show"])})
    return None
