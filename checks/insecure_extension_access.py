"""Visitors can install extensions, and with them run any program on this machine.

An exposed UI switches its extension page off for this reason; the flag switches it on again. An
extension is code: whoever reaches the page owns the machine and everything on it.

Fix: Take the flag away. Install extensions from a browser on this machine.

Source: AUTOMATIC1111/stable-diffusion-webui wiki, Extensions (--enable-insecure-extension-access).
"""

from __future__ import annotations

from sdops.check import Action, Facts, Finding, Iterator, Location, Remedy, Severity, Skip
from sdops.knowledge.listening import of_facts


def check(facts: Facts) -> Iterator[Finding]:
    """Critical without a login; with one, everyone who has it can still run code."""
    listening = of_facts(facts)
    if listening is None or facts.ui is None:
        raise Skip("There is no UI here whose listening address is known.")
    used = [facts.ui.argument(flag) for flag in listening.rules.extension_access]
    argument = next((item for item in used if item), None)
    if argument is None or not (listening.wanted_remote or listening.share):
        return
    who = "Everyone who knows the password" if listening.authenticated else "Any visitor"
    yield Finding(
        rule="insecure-extension-access",
        severity=Severity.WARNING if listening.authenticated else Severity.CRITICAL,
        title=f"{who} can run programs of their choice on this machine through the UI.",
        why=f"{argument.flag} leaves the installation of extensions on while the UI is open to "
        f"{'the internet' if listening.share else 'the network'}.",
        evidence={
            "flag": argument.flag,
            "host": listening.host,
            "share": listening.share,
            "authenticated": listening.authenticated,
        },
        location=Location(argument.file, line=argument.line),
        remedies=(
            Remedy(
                "Take the flag away and restart the UI. If strangers could reach it, treat this "
                "machine as taken over: look at its extensions folder for what you did not "
                "install.",
                Action.CHANGE_FLAG,
                remove_flags=(argument.flag,),
                automatic=True,
            ),
        ),
    )
