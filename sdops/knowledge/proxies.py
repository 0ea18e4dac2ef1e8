"""The proxies that programs here are told to use, and who skips them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from sdops.facts.types import Facts
from sdops.finding import Location
from sdops.knowledge.variables import variable

VARIABLES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "PIP_PROXY")
SETTINGS = (".proxy",)
"""Endings of pip's and git's settings that name a proxy (`pip:global.proxy`, `git:http.proxy`)."""
LOCAL = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class ProxySetting:
    """One place that names a proxy."""

    name: str
    """A variable's name, or a setting as in `Host.settings`."""
    url: str
    location: Location | None = None

    @property
    def endpoint(self) -> tuple[str, int] | None:
        """Host name and port, or None where the address has none."""
        text = self.url if "://" in self.url else f"http://{self.url}"
        try:
            parts = urlsplit(text)
            port = parts.port or {"https": 443, "socks5": 1080}.get(parts.scheme, 80)
        except ValueError:
            return None
        return (parts.hostname, port) if parts.hostname else None


def proxy_settings(facts: Facts) -> Iterator[ProxySetting]:
    """Every place in `facts` that names a proxy."""
    for name in VARIABLES:
        found = variable(facts, name)
        if found:
            yield ProxySetting(found.name, found.value, found.location)
    for name, value in facts.host.settings.items():
        if name.endswith(SETTINGS) and value:
            yield ProxySetting(name, value)


def skips_localhost(facts: Facts) -> bool:
    """Whether NO_PROXY keeps this machine's own addresses from going through the proxy."""
    found = variable(facts, "NO_PROXY")
    entries = {entry.strip().lstrip(".") for entry in found.value.split(",")} if found else set()
    return "*" in entries or {"localhost", "127.0.0.1"} <= {
        entry.split("/")[0] for entry in entries
    }
