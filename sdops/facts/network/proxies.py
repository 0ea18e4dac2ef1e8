"""The proxies that the patient's programs are told to use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

_DEFAULT_PORTS = {"http": 80, "https": 443, "socks4": 1080, "socks5": 1080, "socks5h": 1080}


@dataclass(frozen=True, slots=True)
class Proxy:
    """One proxy, its address with any credentials."""

    url: str

    @property
    def host(self) -> str:
        """Its host name, empty where the address is not a URL."""
        try:
            return urlsplit(self.url).hostname or ""
        except ValueError:
            return ""

    @property
    def port(self) -> int:
        """Its port; 0 where the address has none that could be one."""
        try:
            parts = urlsplit(self.url)
            return parts.port or _DEFAULT_PORTS.get(parts.scheme, 0)
        except ValueError:
            return 0


def for_url(url: str, environment: Mapping[str, str]) -> Proxy | None:
    """The proxy that `environment` names for `url`, or None for a direct way.

    Lower-case variables win, as in curl and requests; NO_PROXY lists suffixes of host names.
    """
    parts = urlsplit(url)
    if _is_exempt(parts.hostname or "", _variable("no_proxy", environment)):
        return None
    address = _variable(f"{parts.scheme}_proxy", environment)
    address = address or _variable("all_proxy", environment)
    return named(address) if address else None


def named(address: str) -> Proxy:
    """The proxy at `address`, which may lack its scheme."""
    return Proxy(address if "://" in address else f"http://{address}")


def _variable(name: str, environment: Mapping[str, str]) -> str:
    return environment.get(name) or environment.get(name.upper()) or ""


def _is_exempt(host: str, exempt: str) -> bool:
    for entry in exempt.replace(" ", ",").split(","):
        name = entry.strip().lstrip(".").lower().split(":")[0]
        if name == "*" or (name and (host == name or host.endswith(f".{name}"))):
            return True
    return False
