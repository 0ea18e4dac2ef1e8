"""Reaching the UI from another machine, and only with a password."""

from __future__ import annotations

from collections.abc import Iterator

from sdops.facts.types import Facts
from sdops.knowledge.listening import of_facts
from sdops.launch import PlannedFlag, Standing

LOGIN_FILE = "webui-logins.txt"


def network_flags(facts: Facts) -> Iterator[PlannedFlag]:
    """Listening for a user who is logged in from elsewhere, and a login wherever it is exposed.

    A UI that cannot read a login from a file is left as it is: one without a login is better
    served by an SSH tunnel, and an example password in a line to paste would be pasted.
    """
    listening = of_facts(facts)
    rules = listening.rules if listening else None
    if listening is None or rules is None or rules.login_file is None:
        return
    exposed = listening.wanted_remote or listening.share
    if not exposed and not facts.network.remote_session:
        return
    if not exposed and rules.listen_switch:
        yield PlannedFlag(
            rules.listen_switch,
            None,
            "You are logged in from another computer; without it only this one can open the UI.",
            Standing.ADVISED,
        )
    if not exposed and not listening.explicit_port and rules.port_flag:
        yield PlannedFlag(
            rules.port_flag,
            str(listening.port),
            "Keeps the address the same at every start, as a firewall rule for it must be.",
            Standing.ADVISED,
        )
    if not listening.authenticated:
        yield PlannedFlag(
            rules.login_file,
            LOGIN_FILE,
            "Asks visitors for a login; first write one line NAME:PASSWORD of your own into this"
            " file in the UI's folder, or the UI will not start.",
            Standing.KNOWN,
        )
