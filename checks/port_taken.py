"""Another program already uses the UI's port.

The UI stops with "address already in use" (error 98, 48 or 10048), or silently moves to the next
port, and the browser shows the other program.

Fix: Close the other program, often an earlier start of the same UI, or choose another port.

Source: gradio networking (next free port without --port); Comfy-Org/ComfyUI and A1111 issues
"address already in use".
"""

from __future__ import annotations

from sdops.check import (
    Action,
    Command,
    Facts,
    Finding,
    Host,
    Iterator,
    Listener,
    Remedy,
    Severity,
    Skip,
)
from sdops.knowledge.listening import Listening, is_loopback, of_facts, own_listeners
from sdops.remedies.commands import command

WILDCARDS = ("0.0.0.0", "::", "*")  # noqa: S104  (compared with, not bound)


def check(facts: Facts) -> Iterator[Finding]:
    """Fires when the port's owner is not the UI itself."""
    listening = of_facts(facts)
    if listening is None or facts.ui is None:
        raise Skip("There is no UI here whose port is known.")
    if facts.gap("network.listeners"):
        raise Skip("It could not be seen which ports are listened on.")
    own = own_listeners(facts)
    if facts.ui.running_pid is not None and not own:
        raise Skip("The UI is running, and the owners of the listening ports are not readable.")
    if facts.ui.running_pid is not None and listening.explicit_port:
        return  # it runs, and listens: whoever has that port did not keep it from starting
    for listener in facts.network.listeners:
        if listener.port == listening.port and listener not in own and _clash(listening, listener):
            yield _taken(facts.host, listening, listener)
            return


def _clash(listening: Listening, listener: Listener) -> bool:
    if listening.host in WILDCARDS or listener.address in WILDCARDS:
        return True
    return is_loopback(listening.host) == is_loopback(listener.address)


def _taken(host: Host, listening: Listening, listener: Listener) -> Finding:
    port, flag = listening.port, listening.rules.port_flag
    owner = listener.process or "a program of another user"
    stops = listening.explicit_port
    other = Remedy(
        f"Or give the UI another port, such as {port + 1}.",
        Action.CHANGE_FLAG,
        add_flags=(f"{flag} {port + 1}",) if flag else (),
    )
    return Finding(
        rule="port-taken",
        severity=Severity.ERROR if stops else Severity.INFO,
        title=f"Another program uses port {port}, so the UI "
        + ("cannot start." if stops else "will take the next free port."),
        why=f"{owner}"
        + (f" (process {listener.pid})" if listener.pid else "")
        + f" already listens on {listener.address}, port {port}.",
        evidence={
            "port": port,
            "address": listener.address,
            "pid": listener.pid,
            "process": listener.process,
            "command": listener.command,
        },
        remedies=(
            Remedy(
                "Close that program in its own window if you do not need it; it is often an "
                "earlier start of a UI.",
                commands=_look(host, listener),
            ),
            other,
        ),
    )


def _look(host: Host, listener: Listener) -> tuple[Command, ...]:
    if listener.pid is None:
        return ()
    if host.os == "windows":
        return (command(host, "tasklist", "/FI", f"PID eq {listener.pid}"),)
    return (command(host, "ps", "-fp", str(listener.pid)),)
