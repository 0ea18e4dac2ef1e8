"""Anyone who can reach the UI can use it, because it asks for no password.

Whoever finds the address can make images on your GPU, see yours, fill the disk, and on most UIs
run code through extensions or custom nodes. Automatic scanners find such addresses within hours.

Fix: Ask for a password, or listen on this machine only and reach the UI through an SSH tunnel.

Source: AUTOMATIC1111/stable-diffusion-webui modules/cmd_args.py (--gradio-auth, --api-auth,
--share); Comfy-Org/ComfyUI comfy/cli_args.py (no login exists).
"""

from __future__ import annotations

from sdops.check import Action, Command, Facts, Finding, Iterator, Remedy, Severity, Skip, UiInstall
from sdops.knowledge.listening import LOOPBACK, Listening, of_facts

RULE = "exposed-without-login"


def check(facts: Facts) -> Iterator[Finding]:
    """Judges the launch arguments, whether the UI runs or not."""
    listening = of_facts(facts)
    if listening is None or facts.ui is None:
        raise Skip("There is no UI here whose listening address is known.")
    if not listening.wanted_remote and not listening.share:
        return
    if not listening.authenticated:
        yield _open_page(facts.ui, listening)
    elif listening.api_open:
        yield _open_api(listening)


def _open_page(ui: UiInstall, listening: Listening) -> Finding:
    who = "Anyone on the internet" if listening.share else "Anyone in your network"
    return Finding(
        rule=RULE,
        severity=Severity.ERROR if listening.share else Severity.WARNING,
        title=f"{who} can use this UI without a password.",
        why=_reason(listening),
        evidence={
            "host": listening.host,
            "port": listening.port,
            "share": listening.share,
        },
        remedies=_remedies(ui, listening),
    )


def _reason(listening: Listening) -> str:
    opened = []
    if listening.wanted_remote:
        opened.append(f"it listens on {listening.host}, port {listening.port}")
    if listening.share:
        opened.append("a tunnel gives it a public address")
    return f"Its settings ask for it: {' and '.join(opened)}, and no login is set."


def _remedies(ui: UiInstall, listening: Listening) -> tuple[Remedy, ...]:
    rules, port = listening.rules, listening.port
    opening = (*rules.share, rules.listen_switch, rules.host_flag)
    tunnel = Remedy(
        f"{_closing(ui, listening)}, and reach it through an SSH tunnel instead: type this on the "
        "machine with the browser.",
        Action.CHANGE_FLAG,
        commands=(Command(("ssh", "-L", f"{port}:127.0.0.1:{port}", "USER@SERVER")),),
        remove_flags=tuple(flag for flag in opening if flag and ui.argument(flag)),
    )
    if not rules.login_example:
        return (tunnel,)
    login = Remedy(rules.login_advice, Action.CHANGE_FLAG, add_flags=rules.login_flags)
    return (login, tunnel)


def _closing(ui: UiInstall, listening: Listening) -> str:
    """How to undo what opened the UI, where a setting did and no argument."""
    names = (listening.rules.host_setting, listening.rules.listen_setting)
    setting = next((one for one in reversed(ui.settings) if one.name in names), None)
    if setting is None:
        return "Take away the arguments that open it"
    value = f"Set {setting.name} to {LOOPBACK}"
    if setting.name == listening.rules.listen_setting:
        value = f"Take {setting.name} away"
    return f"{value} in {setting.file}, line {setting.line}"


def _open_api(listening: Listening) -> Finding:
    return Finding(
        rule=RULE,
        severity=Severity.WARNING,
        title="The page asks for a password, but the UI's programming interface does not.",
        why="The login of the page does not cover the interface that --api switches on; programs "
        f"can use it at port {listening.port} without any password.",
        evidence={"host": listening.host, "port": listening.port, "api": True},
        remedies=(
            Remedy(
                "Set a name and a password for the interface too.",
                Action.CHANGE_FLAG,
                add_flags=tuple(f"{flag} NAME:PASSWORD" for flag in listening.rules.api_login),
            ),
        ),
    )
