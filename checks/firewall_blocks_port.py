"""A firewall stands between the UI and the machines that should reach it.

The UI runs and listens, but a browser on another machine waits until it times out.

Fix: Let the UI's port through. The firewall stays on.

Source: ufw(8), firewall-cmd(1), nft(8), iptables(8), learn.microsoft.com netsh advfirewall.
"""

from __future__ import annotations

from sdops.check import Facts, Finding, Firewall, Host, Iterator, Remedy, Severity, Skip
from sdops.knowledge.listening import of_facts
from sdops.remedies.commands import FirewallCommands, admin_command, firewall_commands

RULE = "firewall-blocks-port"


def check(facts: Facts) -> Iterator[Finding]:
    """Looks for the UI's port in the active firewall's rules."""
    listening = of_facts(facts)
    if listening is None or not listening.wanted_remote:
        raise Skip("No UI here is told to listen for other machines.")
    firewall = _in_charge(facts.network.firewalls)
    if firewall is None:
        raise Skip("No firewall that could stand in between was found.")
    commands = firewall_commands(firewall.kind)
    if commands is None or firewall.allows(listening.port):
        return
    if firewall.active is None:
        yield _unreadable(facts.host, firewall, commands, listening.port)
    elif firewall.inbound_default == "deny":
        yield _closed(facts.host, firewall, commands, listening.port)


def _in_charge(firewalls: tuple[Firewall, ...]) -> Firewall | None:
    """The firewall whose rules decide: a manager such as ufw before the rules that it writes."""
    candidates = [firewall for firewall in firewalls if firewall.active is not False]

    def rank(firewall: Firewall) -> tuple[bool, bool]:
        commands = firewall_commands(firewall.kind)
        return (firewall.active is None, not (commands and commands.manager))

    return min(candidates, key=rank, default=None)


def _closed(host: Host, firewall: Firewall, commands: FirewallCommands, port: int) -> Finding:
    windows = firewall.kind == "windows"
    private = windows and firewall.profile != "public"
    return Finding(
        rule=RULE,
        # Windows may hold a rule for the program instead of the port, made when it first asked.
        severity=Severity.INFO if private else Severity.WARNING,
        title=f"{commands.name} {'may keep' if windows else 'keeps'} other machines from the UI.",
        why=f"It is on, turns away what no rule allows, and no rule opens port {port} to everyone.",
        evidence={
            "firewall": firewall.kind,
            "port": port,
            "allowed_ports": list(firewall.allowed_ports),
            "allowed_ranges": [list(pair) for pair in firewall.allowed_ranges],
            "profile": firewall.profile,
        },
        remedies=(
            Remedy(
                f"Let port {port} through. {commands.note}".strip(),
                commands=tuple(
                    admin_command(host, *(part.format(port=port) for part in argv))
                    for argv in commands.open
                ),
            ),
            *_rented(host),
        ),
    )


def _unreadable(host: Host, firewall: Firewall, commands: FirewallCommands, port: int) -> Finding:
    return Finding(
        rule=RULE,
        severity=Severity.INFO,
        title=f"{commands.name} may stand between the UI and other machines.",
        why=f"Its rules can be read by the administrator only, so whether it lets port {port} "
        "through is not known.",
        evidence={"firewall": firewall.kind, "port": port},
        remedies=(
            Remedy(
                "If other machines cannot connect, look at its rules first.",
                commands=(admin_command(host, *commands.show),),
            ),
        ),
    )


def _rented(host: Host) -> tuple[Remedy, ...]:
    if host.os == "windows":
        return ()
    return (
        Remedy(
            "On a rented server, the provider's own firewall (security group) must let the port "
            "through as well; that is set on the provider's website.",
        ),
    )
