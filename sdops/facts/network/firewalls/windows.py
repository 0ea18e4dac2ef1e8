"""Windows Defender Firewall, from the registry, which every user may read.

Source: [MS-FASP] Firewall and Advanced Security Protocol, "Global Policy" and "Firewall Rule".
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator

from sdops.facts.host.windows import registry_value
from sdops.facts.network.ports import collect, parse
from sdops.facts.types import Firewall
from sdops.programs.process import ProbeError, program, run

KIND = "windows"
TIMEOUT_S = 6.0
_POLICY = r"SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy"
PROFILES = {"domain": "DomainProfile", "private": "StandardProfile", "public": "PublicProfile"}
_TCP = "6"
_SCRIPT = "(Get-NetConnectionProfile).NetworkCategory"


def look() -> tuple[Firewall, ...]:
    """The firewall's profile for the networks that are connected now; all three if unknown."""
    rules = tuple(_registry_rules())
    current = _connected()
    return tuple(_profile(name, rules) for name in PROFILES if not current or name in current)


def _profile(name: str, rules: tuple[str, ...]) -> Firewall:
    key = rf"{_POLICY}\{PROFILES[name]}"
    active = registry_value(key, "EnableFirewall") != 0
    accepts = registry_value(key, "DefaultInboundAction") == 0
    return interpret(rules, name, active, "allow" if accepts else "deny")


def interpret(rules: Iterable[str], profile: str, active: bool, inbound_default: str) -> Firewall:
    """One profile with the ports that `rules` open to everyone.

    Args:
        rules: `v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=7860|Name=…|` values.
        profile: `domain`, `private` or `public`.
        active: whether the firewall is on in this profile.
        inbound_default: `allow` or `deny`.
    """
    pairs: list[tuple[int, int]] = []
    for rule in rules:
        fields: dict[str, list[str]] = {}
        for part in rule.split("|"):
            name, mark, value = part.partition("=")
            if mark:
                fields.setdefault(name, []).append(value)
        if _opens(fields, profile):
            pairs += [pair for port in fields.get("LPort", ()) for pair in parse(port)]
            pairs += [pair for port in fields.get("LPort2_10", ()) for pair in parse(port)]
    ports = collect(pairs)
    return Firewall(KIND, active, inbound_default, ports.single, profile, ports.ranges)


def _opens(fields: dict[str, list[str]], profile: str) -> bool:
    profiles = [name.lower() for name in fields.get("Profile", ())]
    restricted = any(name.startswith(("RA4", "RA6", "App", "Svc", "LA4")) for name in fields)
    return (
        fields.get("Action") == ["Allow"]
        and fields.get("Active") == ["TRUE"]
        and fields.get("Dir") == ["In"]
        and fields.get("Protocol", [_TCP]) == [_TCP]
        and (not profiles or profile in profiles)
        and not restricted
    )


def _registry_rules() -> Iterator[str]:
    if sys.platform == "win32":
        import winreg

        name = rf"{_POLICY}\FirewallRules"
        try:
            with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, name) as key:
                for index in range(winreg.QueryInfoKey(key)[1]):
                    yield str(winreg.EnumValue(key, index)[1])
        except OSError as error:
            raise ProbeError(
                rf"the registry key HKLM\{name} cannot be read: {error.strerror}"
            ) from None
    yield from ()


def _connected() -> frozenset[str]:
    """The profiles of the networks connected now, or none where Windows does not tell."""
    try:
        argv = [program("powershell.exe"), "-NoProfile", "-NonInteractive", "-Command", _SCRIPT]
        words = run(argv, timeout_s=TIMEOUT_S).stdout.lower().split()
    except ProbeError:
        return frozenset()
    return frozenset("domain" if word.startswith("domain") else word for word in words) & set(
        PROFILES
    )
