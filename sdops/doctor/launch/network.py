"""Reaching the UI from another machine, and only with a password."""

from __future__ import annotations

from collections.abc import Iterator

from sdops.doctor.launch.case import LaunchCase
from sdops.knowledge.listening import LOGIN_FILE, is_out_of_reach, of_facts
from sdops.launch import PlannedFlag, Standing


def network_flags(case: LaunchCase) -> Iterator[PlannedFlag]:
    """Listening for a user whose browser is elsewhere, and a login wherever it is exposed.

    A UI that cannot read a login from a file is left as it is: one without a login is better
    served by an SSH tunnel, and an example password in a line to paste would be pasted.
    """
    facts = case.facts
    listening = of_facts(facts)
    rules = listening.rules if listening else None
    if listening is None or rules is None or rules.login_file is None:
        return
    exposed = listening.wanted_remote or listening.share
    wanted = is_out_of_reach(facts) or (case.wish == "remote" and not exposed)
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


def tunnel_note(case: LaunchCase) -> Iterator[str]:
    """What is better than opening a port: a tunnel, which needs neither login nor firewall."""
    listening = of_facts(case.facts)
    if listening is not None and not listening.wanted_remote:
        port = listening.port
        yield (
            "Try a tunnel first, which opens nothing to others: on the machine with the browser, "
            f"ssh -L {port}:127.0.0.1:{port} USER@SERVER, then http://127.0.0.1:{port} there."
        )
        if listening.rules.login_file is None and not listening.rules.login_example:
            yield "This UI has no login of its own: do not let it listen for everybody."
