"""The UI is run as root, the account that may do everything.

A1111's start script refuses to run as root. Elsewhere it works, but whatever an extension or a
model file does, it does with full rights, and files end up unreadable for your own account.

Fix: Run it from an ordinary account; in a container, tell the start script that root is meant.

Source: AUTOMATIC1111/stable-diffusion-webui webui.sh (can_run_as_root, option -f).
"""

from __future__ import annotations

from sdops.check import Facts, Finding, Iterator, Remedy, Severity, Skip, UiInstall
from sdops.knowledge.variables import variable
from sdops.remedies.commands import command
from sdops.uis import trait


def check(facts: Facts) -> Iterator[Finding]:
    """A warning on a machine of one's own, a note inside a container."""
    ui, host = facts.ui, facts.host
    if ui is None or host.os == "windows":
        raise Skip("There is no UI here, or this is Windows.")
    if not host.is_admin:
        return
    allowed = variable(facts, "can_run_as_root")
    if host.container and not trait(ui.kind, "webui_sh"):
        raise Skip("In a container it is usual to be root.")
    refuses = bool(trait(ui.kind, "webui_sh")) and not (allowed and allowed.value == "1")
    yield Finding(
        rule="running-as-root",
        severity=Severity.INFO if host.container else Severity.WARNING,
        title="The UI's start script will refuse to run, because you are root."
        if refuses
        else "The UI runs as root, so its extensions and models may do everything here.",
        why="webui.sh ends when the user is root, unless it is told otherwise."
        if refuses
        else "Programs run by root are not held back by any permission.",
        evidence={"container": host.container, "kind": ui.kind},
        remedies=(*_allow(facts, ui), *(() if host.container else (_ordinary(ui),))),
    )


def _ordinary(ui: UiInstall) -> Remedy:
    return Remedy(
        f"Log in as an ordinary user who owns {ui.root}, and start the UI (and sdops) without sudo."
    )


def _allow(facts: Facts, ui: UiInstall) -> tuple[Remedy, ...]:
    if not facts.host.container or not trait(ui.kind, "webui_sh"):
        return ()
    return (
        Remedy(
            "Inside a container root is usual: start the UI like this.",
            commands=(command(facts.host, "bash", f"{ui.root}/webui.sh", "-f"),),
        ),
    )
