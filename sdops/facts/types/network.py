"""What listens, what is in between, and what can be reached."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Listener:
    """A listening TCP socket."""

    address: str
    """`127.0.0.1`, `0.0.0.0`, `::` …"""
    port: int
    pid: int | None = None
    process: str | None = None
    command: str | None = None
    """The process's command line, redacted, where it may be read."""


@dataclass(frozen=True, slots=True)
class Firewall:
    """A firewall, as far as it can be read without changing it."""

    kind: str
    """`ufw`, `firewalld`, `nftables`, `iptables` or `windows`."""
    active: bool | None
    """None when it is installed but its state cannot be read."""
    inbound_default: str | None = None
    """`allow` or `deny`."""
    allowed_ports: tuple[int, ...] = ()
    """TCP ports that a rule opens to everyone."""
    profile: str | None = None
    """Windows: `domain`, `private` or `public`; firewalld: the zone."""
    allowed_ranges: tuple[tuple[int, int], ...] = ()
    """First and last of each range of TCP ports that a rule opens to everyone."""

    def allows(self, port: int) -> bool:
        """Whether a rule opens the TCP port to everyone."""
        in_range = any(first <= port <= last for first, last in self.allowed_ranges)
        return in_range or port in self.allowed_ports


@dataclass(frozen=True, slots=True)
class Reach:
    """One attempt to reach something outside (`--net` only)."""

    name: str
    """`dns`, `tls`, `package-index`, `code-host` or `proxy`."""
    target: str
    ok: bool
    detail: str = ""
    through_proxy: str | None = None


@dataclass(frozen=True, slots=True)
class Network:
    """The network as the patient's user sees it."""

    listeners: tuple[Listener, ...] = ()
    firewalls: tuple[Firewall, ...] = ()
    reach: tuple[Reach, ...] = ()
    """Empty unless `--net` was asked for."""
    remote_session: bool = False
    """The user is logged in over SSH: the browser is on another machine."""
