"""The UI is told to listen for other machines, but does not.

Other machines get "connection refused". Most often the UI was started before the launch file was
changed, moved to the next port because its own was busy, or has not finished starting.

Fix: Restart the UI, then open the address that its console prints.

Source: AUTOMATIC1111/stable-diffusion-webui wiki, Command Line Arguments and Settings (--listen,
--port); Comfy-Org/ComfyUI comfy/cli_args.py (--listen).
"""

from __future__ import annotations

from sdops.check import Action, Facts, Finding, Iterator, Listener, Remedy, Severity, Skip
from sdops.knowledge.listening import Listening, is_loopback, of_facts, own_listeners

RULE = "nothing-listens"


def check(facts: Facts) -> Iterator[Finding]:
    """Compares where the UI is told to listen with what really listens."""
    wanted = of_facts(facts)
    if wanted is None or facts.ui is None:
        raise Skip("There is no UI here whose listening address is known.")
    if not wanted.wanted_remote:
        raise Skip("The UI is not told to listen for other machines.")
    if facts.gap("network.listeners"):
        raise Skip("It could not be seen which ports are listened on.")
    at_port = [item for item in facts.network.listeners if item.port == wanted.port]
    if any(not is_loopback(item.address) for item in at_port):
        return
    if at_port:
        yield _loopback(wanted, at_port[0])
        return
    elsewhere = [item for item in own_listeners(facts) if not is_loopback(item.address)]
    if elsewhere:
        yield _moved(wanted, elsewhere[0])
    else:
        yield _silent(wanted, running=facts.ui.running_pid)


def _loopback(wanted: Listening, listener: Listener) -> Finding:
    return Finding(
        rule=RULE,
        severity=Severity.ERROR,
        title="Other machines cannot reach the UI: it still listens for this machine only.",
        why=f"The launch arguments ask for {wanted.host}, but port {wanted.port} is listened on at "
        f"{listener.address} only. The program was most likely started before they were changed.",
        evidence={"wanted": wanted.host, "listening": listener.address, "port": wanted.port},
        remedies=(
            Remedy(
                "Stop the UI and start it again with its launch file, so that the new arguments "
                "take effect.",
                Action.RESTART_UI,
            ),
        ),
    )


def _moved(wanted: Listening, listener: Listener) -> Finding:
    return Finding(
        rule=RULE,
        severity=Severity.WARNING,
        title=f"The UI listens on port {listener.port}, not on {wanted.port} as expected.",
        why="The expected port was busy when the UI started, so it took the next free one.",
        evidence={"wanted": wanted.port, "listening": listener.port},
        remedies=(
            Remedy(
                f"Open port {listener.port} in the browser, or close the program that holds "
                f"{wanted.port} and start the UI again.",
                Action.RESTART_UI,
            ),
        ),
    )


def _silent(wanted: Listening, running: int | None) -> Finding:
    if running is None:
        return Finding(
            rule=RULE,
            severity=Severity.INFO,
            title="The UI is not running, so nothing answers at its address yet.",
            why=f"It will listen on {wanted.host}, port {wanted.port}, once it is started.",
            evidence={"wanted": wanted.host, "port": wanted.port},
        )
    return Finding(
        rule=RULE,
        severity=Severity.WARNING,
        title="The UI is running, but nothing listens on its port.",
        why=f"Process {running} is there, but port {wanted.port} is closed. The UI may still be "
        "loading its model; if this lasts, it has stopped with an error.",
        evidence={"wanted": wanted.host, "port": wanted.port, "pid": running},
        remedies=(
            Remedy(
                "Wait until its console prints an address. If it does not, give the console's "
                "text to: sdops explain",
            ),
        ),
    )
