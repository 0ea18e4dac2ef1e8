"""The proxy also catches what the UI sends to itself.

UIs made with gradio ask their own address whether they run. With a proxy set and no exception for
this machine, they stop with "When localhost is not accessible, a shareable link must be created"
or show "Expecting value: line 1 column 1".

Fix: Except this machine from the proxy with NO_PROXY.

Source: AUTOMATIC1111/stable-diffusion-webui issue 10038; lllyasviel/stable-diffusion-webui-forge
issue 1479.
"""

from __future__ import annotations

from sdops.check import Action, Facts, Finding, Iterator, Remedy, Severity, Skip
from sdops.knowledge.proxies import skips_localhost
from sdops.knowledge.variables import variable
from sdops.remedies.commands import command
from sdops.uis import trait

CATCHING = ("HTTP_PROXY", "ALL_PROXY")
"""The variables that concern plain HTTP, which the UI talks to itself."""


def check(facts: Facts) -> Iterator[Finding]:
    """Fires for gradio UIs when a proxy for HTTP is set without an exception for localhost."""
    if facts.ui is None or not trait(facts.ui.kind, "gradio"):
        raise Skip("There is no UI here that is made with gradio.")
    found = next((item for item in (variable(facts, name) for name in CATCHING) if item), None)
    if found is None or skips_localhost(facts):
        return
    verb = "set" if facts.host.os == "windows" else "export"
    where = facts.ui.launch_files[0] if facts.ui.launch_files else "the launch file"
    yield Finding(
        rule="proxy-catches-localhost",
        severity=Severity.WARNING,
        title="The UI may stop at its start, because a proxy catches what it sends to itself.",
        why=f"{found.name} is set, and NO_PROXY does not name localhost and 127.0.0.1.",
        evidence={"variable": found.name, "value": found.value},
        location=found.location,
        remedies=(
            Remedy(
                f"Put this line into {where}, above the last one, and start the UI again.",
                Action.RESTART_UI,
                commands=(command(facts.host, verb, "NO_PROXY=localhost,127.0.0.1,::1"),),
            ),
        ),
    )
