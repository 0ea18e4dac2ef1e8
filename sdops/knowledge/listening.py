"""Where a UI listens and whom it lets in, as its launch arguments and settings say."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

from sdops import uis
from sdops.facts.types import Facts, Listener, UiInstall

LOOPBACK = "127.0.0.1"
LOGIN_FILE = "webui-logins.txt"
"""What sdops calls the file with the login, where a UI reads it from one."""
SEPARATE_NETWORK = ("docker", "podman", "kubernetes")
"""Containers with their own loopback: published ports never reach 127.0.0.1 inside."""
NOTHING_SET: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class ListeningRules:
    """How one UI is told where to listen; `[listening]` in its `ui.toml`."""

    fallback: bool
    """Whether the next free port is taken when none was asked for and the default one is busy."""
    wildcard: str
    """The address that the UI binds when it is told to listen without naming one."""
    listen_switch: str | None = None
    host_flag: str | None = None
    port_flag: str | None = None
    login: tuple[str, ...] = ()
    login_example: tuple[str, ...] = ()
    """What to add to the launch arguments for a login; empty where the UI has none."""
    login_file: str | None = None
    """The flag that reads the login from a file, so that it is not seen in the process list."""
    api: tuple[str, ...] = ()
    api_login: tuple[str, ...] = ()
    share: tuple[str, ...] = ()
    extension_access: tuple[str, ...] = ()
    login_settings: tuple[str, ...] = ()
    """Variables that ask for a password, as the flags in `login` do."""
    listen_setting: str | None = None
    """A variable that does what `listen_switch` does, whatever its value."""
    host_setting: str | None = None
    port_setting: str | None = None
    source: str = ""

    @property
    def listen_example(self) -> tuple[str, ...]:
        """What to add to the launch arguments so that other machines can connect."""
        if self.listen_switch:
            return (self.listen_switch,)
        return (f"{self.host_flag} {self.wildcard}",) if self.host_flag else ()

    @property
    def login_flags(self) -> tuple[str, ...]:
        """What to add for a login: from a file if it can be, so that no example is pasted."""
        return (f"{self.login_file} {LOGIN_FILE}",) if self.login_file else self.login_example

    @property
    def login_advice(self) -> str:
        """What must be done for `login_flags`."""
        if not self.login_file:
            return "Set a name and a password of your own."
        return (
            f"Write one line NAME:PASSWORD of your own into the file {LOGIN_FILE} in the UI's "
            "folder, and let the UI ask for it."
        )


@dataclass(frozen=True, slots=True)
class Listening:
    """Where one installed UI is meant to listen."""

    host: str
    port: int
    explicit_port: bool
    """Whether the port was asked for, so that a busy one stops the UI instead of moving it."""
    wanted_remote: bool
    """Whether other machines are meant to connect directly."""
    authenticated: bool
    api_open: bool
    """Whether the HTTP interface is on without a password of its own."""
    share: bool
    """Whether a tunnel opens the UI to the internet."""
    rules: ListeningRules


@cache
def rules_of(kind: str) -> ListeningRules | None:
    """The rules of a UI kind (as in `UiInstall.kind`), or None for one that is not known."""
    row = uis.trait(kind, "listening")
    return ListeningRules(**{key: _frozen(row[key]) for key in row}) if row else None


def effective(ui: UiInstall, environment: Mapping[str, str] = NOTHING_SET) -> Listening | None:
    """Where `ui` listens when it is started as its launch files say.

    Args:
        ui: the installed UI.
        environment: the user's environment variables; the launch files' settings win over them.

    Returns:
        None for a kind of UI whose ways are not known.
    """
    rules = rules_of(ui.kind)
    if rules is None:
        return None
    port = _port(ui, rules, environment)
    host = _host(ui, rules, environment)
    share = _any(ui, rules.share)
    return Listening(
        host=host,
        port=port or uis.trait(ui.kind, "default_port"),
        explicit_port=port is not None or not rules.fallback,
        wanted_remote=not is_loopback(host),
        authenticated=_any(ui, rules.login)
        or any(_setting(ui, name, environment) for name in rules.login_settings),
        api_open=_any(ui, rules.api) and not _any(ui, rules.api_login),
        share=share,
        rules=rules,
    )


def of_facts(facts: Facts) -> Listening | None:
    """As `effective`, for the UI in `facts`; None also where there is no UI."""
    return effective(facts.ui, facts.host.environment) if facts.ui else None


def own_listeners(facts: Facts) -> tuple[Listener, ...]:
    """The sockets that belong to the running UI in `facts`, by process or by its folder."""
    ui = facts.ui
    if ui is None:
        return ()
    return tuple(
        listener
        for listener in facts.network.listeners
        if (listener.pid is not None and listener.pid == ui.running_pid)
        or (listener.command is not None and ui.root in listener.command)
    )


def is_contained(facts: Facts) -> bool:
    """Whether the UI runs in a container whose published ports never reach its 127.0.0.1."""
    return facts.host.container in SEPARATE_NETWORK


def is_out_of_reach(facts: Facts) -> bool:
    """Whether the user's browser is elsewhere and the UI listens only on its own machine."""
    listening = of_facts(facts)
    if listening is None or not (facts.network.remote_session or is_contained(facts)):
        return False
    if listening.wanted_remote or listening.share:
        return False
    return all(is_loopback(item.address) for item in own_listeners(facts))


def is_loopback(address: str) -> bool:
    """Whether only this machine can reach `address` (an IP address or a host name)."""
    try:
        return all(ipaddress.ip_address(part).is_loopback for part in address.split(","))
    except ValueError:
        return address.lower() == "localhost"


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _any(ui: UiInstall, flags: tuple[str, ...]) -> bool:
    return any(ui.argument(flag) for flag in flags)


def _setting(ui: UiInstall, name: str | None, environment: Mapping[str, str]) -> str | None:
    if name is None:
        return None
    return ui.setting(name) or environment.get(name) or None


def _port(ui: UiInstall, rules: ListeningRules, environment: Mapping[str, str]) -> int | None:
    argument = ui.argument(rules.port_flag) if rules.port_flag else None
    text = argument.value if argument else _setting(ui, rules.port_setting, environment)
    number = int(text) if text and text.isascii() and text.isdigit() else 0
    return number if 0 < number < 65536 else None


def _host(ui: UiInstall, rules: ListeningRules, environment: Mapping[str, str]) -> str:
    argument = ui.argument(rules.host_flag) if rules.host_flag else None
    if argument:
        return argument.value or rules.wildcard
    if rules.listen_switch and ui.argument(rules.listen_switch):
        return rules.wildcard
    named = _setting(ui, rules.host_setting, environment)
    listens = _setting(ui, rules.listen_setting, environment)
    return named or (rules.wildcard if listens else LOOPBACK)
