"""Other machines do not reach a UI that listens inside Linux under Windows (WSL 2).

WSL 2 has a network of its own behind Windows. This computer's browser gets through; others need
Windows to pass the port on, unless WSL is set to share Windows's network ("mirrored").

Fix: Let Windows pass the port on to Linux.

Source: learn.microsoft.com, Accessing network applications with WSL.
"""

from __future__ import annotations

from sdops.check import Command, Facts, Finding, Iterator, Platform, Remedy, Severity, Skip
from sdops.knowledge.listening import of_facts


def check(facts: Facts) -> Iterator[Finding]:
    """A note, because how WSL's network is set cannot be seen from inside."""
    if facts.host.wsl != 2:
        raise Skip("This is not WSL 2.")
    listening = of_facts(facts)
    if listening is None or not listening.wanted_remote:
        return
    port = str(listening.port)
    forward = (
        "netsh", "interface", "portproxy", "add", "v4tov4", f"listenport={port}",
        "listenaddress=0.0.0.0", f"connectport={port}", "connectaddress=WSL_ADDRESS",
    )  # fmt: skip
    yield Finding(
        rule="wsl-port-forwarding",
        severity=Severity.INFO,
        title="Other machines may not reach this UI, because it runs inside WSL.",
        why=f"Port {port} is open inside Linux; Windows passes it on to other machines only when "
        "told to.",
        evidence={"port": listening.port},
        remedies=(
            Remedy(
                "In Windows, look up Linux's address with the first command, and put it in place "
                "of WSL_ADDRESS in the second, typed as administrator.",
                commands=(
                    Command(("wsl", "hostname", "-I"), Platform.WINDOWS),
                    Command(forward, Platform.WINDOWS),
                ),
            ),
        ),
    )
