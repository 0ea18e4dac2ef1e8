"""Reaching the UI from another machine, and only with a password."""

from __future__ import annotations

from collections.abc import Iterator

from sdops.facts.types import Facts
from sdops.knowledge.listening import LOGIN_FILE, is_out_of_reach, of_facts
from sdops.launch import PlannedFlag, Standing


def network_flags(facts: Facts) -> Iterator[PlannedFlag]:
    """Listening for a user whose browser is elsewhere, and a login wherever it is exposed.

    A UI that cannot read a login from a file is left as it is: one without a login is better
    served by an SSH tunnel, and an example password in a line to paste would be pasted.
    """
    listening = of_facts(facts)
    rules = listening.rules if listening else None
    if listening is None or rules is None or rules.login_file is None:
        return
    exposed = listening.wanted_remote or listening.share
    wanted = is_out_of_reach(facts)
    if not exposed and not wanted:
        return
    if wanted and rules.listen_switch:
        yield PlannedFlag(
            rules.listen_switch,
            None,
            "Without this, only programs on this machine (or in this container) reach the UI.",
            Standing.ADVISED,
        )
    if wanted and not listening.explicit_port and rules.port_flag:
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
