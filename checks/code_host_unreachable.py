"""The site that the UI and its extensions are fetched from cannot be reached.

Updates and extensions fail with "Failed to connect to github.com" or "Couldn't clone"; what is
installed goes on working.

Fix: Repair the connection, or let git go through a proxy that works.

Source: git-config(1), http.proxy.
"""

from __future__ import annotations

from sdops.check import Facts, Finding, Iterator, Remedy, Severity, Skip
from sdops.remedies.commands import command


def check(facts: Facts) -> Iterator[Finding]:
    """Judges the attempts of `--net`; a proxy that does not answer explains the rest."""
    tried = [item for item in facts.network.reach if item.name == "code-host"]
    if not tried:
        raise Skip("The code host is tried with --net only.")
    if any(item.name == "proxy" and not item.ok for item in facts.network.reach):
        raise Skip("The proxy does not answer, so nothing behind it could be tried.")
    for item in tried:
        if item.ok:
            continue
        yield Finding(
            rule="code-host-unreachable",
            severity=Severity.WARNING,
            title="The UI and its extensions cannot be installed or updated from here.",
            why=f"{item.target}: {item.detail or 'no answer'}.",
            evidence={"target": item.target, "detail": item.detail},
            remedies=(
                Remedy(
                    "Open the address in the browser. If it works there, give git the same proxy, "
                    "in place of ADDRESS:PORT.",
                    commands=(
                        command(
                            facts.host,
                            *("git", "config", "--global", "http.proxy", "http://ADDRESS:PORT"),
                        ),
                    ),
                ),
            ),
        )
