"""Reaching the UI from another machine, and only with a password."""

from __future__ import annotations

from collections.abc import Iterator

from sdops.facts.types import Argument, Facts, UiInstall
from sdops.knowledge.flags import arguments_of
from sdops.knowledge.launch_rules import LaunchRules
from sdops.launch import PlannedFlag, Standing

AUTH_FILE = "webui-logins.txt"
LOOPBACK = ("127.", "localhost", "::1")


def network_flags(facts: Facts, ui: UiInstall, rules: LaunchRules) -> Iterator[PlannedFlag]:
    """Listening for a user who is logged in from elsewhere, and a login wherever it is exposed.

    A UI without a login of its own is never told to listen: an SSH tunnel serves it better.
    """
    if rules.listen_flag is None or rules.auth_flag is None:
        return
    arguments = arguments_of(ui)
    flags = {argument.flag for argument in arguments}
    exposed = any(_exposes(argument, rules) for argument in arguments)
    if not exposed and not facts.network.remote_session:
        return
    if not exposed:
        yield PlannedFlag(
            rules.listen_flag,
            None,
            "You are logged in from another computer; without it only this one can open the UI.",
            Standing.ADVISED,
        )
    if not exposed and "--port" not in flags:
        yield PlannedFlag(
            "--port",
            str(rules.port),
            "Keeps the address the same at every start, as a firewall rule for it must be.",
            Standing.ADVISED,
        )
    if not flags & set(rules.auth_flags):
        yield PlannedFlag(
            rules.auth_flag,
            AUTH_FILE,
            "Asks visitors for a login; first write one line NAME:PASSWORD of your own into this"
            " file in the UI's folder, or the UI will not start.",
            Standing.KNOWN,
        )


def _exposes(argument: Argument, rules: LaunchRules) -> bool:
    loopback = (argument.value or "").startswith(LOOPBACK)
    return argument.flag in rules.exposing_flags and not loopback
