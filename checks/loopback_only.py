"""The UI listens for this machine only, although it is used from another one.

A browser on another machine gets "connection refused": the address 127.0.0.1 always means the
machine that the browser runs on.

Fix: Reach the UI through an SSH tunnel, which needs no open port, or let it listen on all
addresses with a password.

Source: AUTOMATIC1111/stable-diffusion-webui wiki, Command Line Arguments and Settings (--listen);
docs.docker.com, Networking overview (published ports); ssh(1), option -L.
"""

from __future__ import annotations

from sdops.check import Action, Command, Facts, Finding, Iterator, Remedy, Severity, Skip
from sdops.knowledge.listening import Listening, is_contained, is_out_of_reach, of_facts


def check(facts: Facts) -> Iterator[Finding]:
    """A warning in an SSH session; in a container nobody may want to connect."""
    listening = of_facts(facts)
    if listening is None or facts.ui is None:
        raise Skip("There is no UI here whose listening address is known.")
    contained = is_contained(facts)
    if not facts.network.remote_session:
        raise Skip("The UI is used on this machine, or a container decides who reaches it.")
    if not is_out_of_reach(facts):
        return
    yield Finding(
        rule="loopback-only",
        severity=Severity.WARNING,
        title="Your browser on another machine cannot open this UI.",
        why=f"The UI listens on {listening.host}, port {listening.port}, which only programs "
        f"{'inside this container' if contained else 'on this machine'} can reach"
        + ("." if contained else ", and you are logged in from another machine."),
        evidence={"host": listening.host, "port": listening.port, "container": contained},
        remedies=(*(() if contained else (_tunnel(listening.port),)), _listen(listening)),
    )


def _tunnel(port: int) -> Remedy:
    return Remedy(
        f"On the machine with the browser, open a tunnel and then go to http://127.0.0.1:{port} "
        "there. Put your login and this machine's name in place of USER@SERVER.",
        commands=(Command(("ssh", "-L", f"{port}:127.0.0.1:{port}", "USER@SERVER")),),
    )


def _listen(listening: Listening) -> Remedy:
    rules = listening.rules
    if not rules.listen_example:
        return Remedy(
            f"Set {rules.host_setting} to {rules.wildcard} in the UI's configuration file.",
            Action.CHANGE_FLAG,
        )
    advice = (
        f" {rules.login_advice}"
        if rules.login_flags
        else " It has no password of its own, so do this in a network that you trust."
    )
    return Remedy(
        f"Let the UI listen for other machines, and restart it.{advice}",
        Action.CHANGE_FLAG,
        add_flags=rules.listen_example + rules.login_flags,
    )
