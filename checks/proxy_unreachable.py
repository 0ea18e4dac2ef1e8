"""The proxy that programs here are told to use does not answer.

pip, git and the UI's downloads stop with "connection refused", "cannot connect to proxy" or a long
wait, although the internet works in the browser. Often a VPN program that has been closed left its
address behind.

Fix: Start the proxy program again, or take the setting away.

Source: pip documentation (--proxy, HTTPS_PROXY); git-config(1), http.proxy.
"""

from __future__ import annotations

from sdops.check import Facts, Finding, Iterator, Remedy, Severity, Skip
from sdops.knowledge.proxies import LOCAL, ProxySetting, proxy_settings
from sdops.knowledge.variables import Variable
from sdops.remedies.commands import command
from sdops.remedies.variables import unset

RULE = "proxy-unreachable"


def check(facts: Facts) -> Iterator[Finding]:
    """Judges the attempts of `--net`; a proxy on this machine shows in the listening ports too."""
    settings = tuple(proxy_settings(facts))
    tried = [item for item in facts.network.reach if item.name == "proxy"]
    if not settings and not tried:
        raise Skip("No proxy is set here.")
    failed = [item for item in tried if not item.ok]
    if failed:
        yield _finding(facts, settings, failed[0].target, failed[0].detail)
    elif not tried:
        dead = next((item for item in settings if _is_silent(facts, item)), None)
        if dead:
            yield _finding(facts, settings, dead.url, "nothing listens on that port")


def _is_silent(facts: Facts, setting: ProxySetting) -> bool:
    endpoint = setting.endpoint
    if endpoint is None or endpoint[0] not in LOCAL or facts.gap("network.listeners"):
        return False
    if facts.host.container or facts.host.wsl or not facts.network.listeners:
        return False
    return all(listener.port != endpoint[1] for listener in facts.network.listeners)


def _finding(facts: Facts, settings: tuple[ProxySetting, ...], target: str, detail: str) -> Finding:
    names = ", ".join(setting.name for setting in settings)
    return Finding(
        rule=RULE,
        severity=Severity.ERROR,
        title="Nothing can be downloaded: the proxy that is set here does not answer.",
        why=f"{target}: {detail or 'no answer'}." + (f" It is set in {names}." if names else ""),
        evidence={"target": target, "detail": detail, "set_in": [item.name for item in settings]},
        location=next((item.location for item in settings if item.location), None),
        remedies=(
            Remedy("If you use a VPN or proxy program, start it and try again."),
            *_take_away(facts, settings),
        ),
    )


def _take_away(facts: Facts, settings: tuple[ProxySetting, ...]) -> Iterator[Remedy]:
    variables = [item for item in settings if ":" not in item.name]
    places = dict.fromkeys(item.location.path if item.location else None for item in variables)
    for place in places:
        here = [
            Variable(item.name, item.url, item.location)
            for item in variables
            if (item.location.path if item.location else None) == place
        ]
        yield unset(facts, *here)
    for item in settings:
        program, mark, name = item.name.partition(":")
        if mark:
            yield _unset_setting(facts, program, name)


def _unset_setting(facts: Facts, program: str, name: str) -> Remedy:
    pip = (facts.python.executable, "-m", "pip") if facts.python else ("pip",)
    argv = (
        (*pip, "config", "unset", name)
        if program == "pip"
        else ("git", "config", "--global", "--unset-all", name)
    )
    return Remedy(
        f"Take the proxy out of {program}'s settings.", commands=(command(facts.host, *argv),)
    )
