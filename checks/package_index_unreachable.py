"""pip cannot reach the place that it installs packages from.

Installing and repairing fails with "No matching distribution found", "Read timed out" or a
certificate error; the UI's first start stops at "Couldn't install torch".

Fix: Repair the connection, or name a mirror that can be reached from here.

Source: pip documentation, Configuration (index-url, cert, proxy).
"""

from __future__ import annotations

from sdops.check import Facts, Finding, Iterator, Reach, Remedy, Severity, Skip
from sdops.remedies.commands import command

RULE = "package-index-unreachable"


def check(facts: Facts) -> Iterator[Finding]:
    """Judges the attempts of `--net`; a proxy that does not answer explains the rest."""
    tried = [item for item in facts.network.reach if item.name == "package-index"]
    if not tried:
        raise Skip("The package index is tried with --net only.")
    if any(item.name == "proxy" and not item.ok for item in facts.network.reach):
        raise Skip("The proxy does not answer, so nothing behind it could be tried.")
    for item in tried:
        if not item.ok:
            yield _finding(facts, item)


def _finding(facts: Facts, item: Reach) -> Finding:
    causes = [f"{other.name}: {other.detail}" for other in _causes(facts, item)]
    return Finding(
        rule=RULE,
        severity=Severity.ERROR,
        title="No Python packages can be installed: their source cannot be reached.",
        why=f"{item.target}: {'; '.join([item.detail or 'no answer', *causes])}.",
        evidence={"target": item.target, "detail": item.detail, "causes": causes},
        remedies=(*_certificates(item, causes), _mirror(facts)),
    )


def _causes(facts: Facts, item: Reach) -> list[Reach]:
    host = item.target.split("://")[-1].split("/")[0]
    return [
        other
        for other in facts.network.reach
        if other.name in ("dns", "tls") and not other.ok and other.target.startswith(host)
    ]


def _certificates(item: Reach, causes: list[str]) -> tuple[Remedy, ...]:
    if "certificate" not in " ".join([item.detail, *causes]).lower():
        return ()
    return (
        Remedy(
            "A certificate is not accepted: set the computer's clock right first. If an antivirus "
            "program or a company's proxy looks into connections, give pip its certificate with "
            "the option --cert; do not switch the check off."
        ),
    )


def _mirror(facts: Facts) -> Remedy:
    python = facts.python.executable if facts.python else "python"
    argv = (python, "-m", "pip", "config", "set", "global.index-url", "MIRROR_ADDRESS")
    return Remedy(
        "Check the connection in the browser. Where the source itself is blocked, name a mirror "
        "in place of MIRROR_ADDRESS.",
        commands=(command(facts.host, *argv),),
    )
