"""`sdops doctor`: what is wrong with this Stable Diffusion, why, and what to type."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sdops.cli import options
from sdops.cli.answer import Answer, Private, note, write_stdout
from sdops.cli.progress import working
from sdops.cli.reporting import reporting
from sdops.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sdops.doctor.session import Patient
    from sdops.facts.gather import Depth
    from sdops.facts.types import Facts
    from sdops.finding import Report
    from sdops.registry import Check

Deep = Annotated[
    bool,
    typer.Option("--deep", help="Also import torch in the UI's own Python and run small kernels."),
]
Net = Annotated[
    bool, typer.Option("--net", help="Also try whether package index and code host answer.")
]
Prove = Annotated[
    bool, typer.Option("--prove", help="Also make pictures here, to measure the launch flags.")
]
Fix = Annotated[bool, typer.Option("--fix", help="Show what sdops can repair, ask, and repair it.")]
Yes = Annotated[bool, typer.Option("--yes", help="With --fix: do not ask.")]
FactsFile = Annotated[
    Path | None, typer.Option("--facts", help="Judge facts saved on another machine.")
]
SaveFacts = Annotated[
    Path | None, typer.Option("--save-facts", help="Save the facts to this new file, redacted.")
]
For = Annotated[
    str | None,
    typer.Option(
        "--for",
        metavar="WISH",
        help="Plan the launch flags for a wish: remote, speed, low-memory or quality.",
    ),
]
ListChecks = Annotated[bool, typer.Option("--list-checks", help="List the checks and exit.")]
Explain = Annotated[
    str | None, typer.Option("--explain", metavar="ID", help="Explain one check and exit.")
]


@reporting
def doctor(
    answer: Answer,
    place: options.Patient,
    deep: Deep = False,
    net: Net = False,
    prove: Prove = False,
    fix: Fix = False,
    yes: Yes = False,
    wish: For = None,
    facts_file: FactsFile = None,
    save_facts: SaveFacts = None,
    list_checks: ListChecks = False,
    explain: Explain = None,
) -> Private | None:
    """Say what is wrong with a Stable Diffusion installation, why, and what to type."""
    from sdops.doctor import session
    from sdops.doctor.diagnose import diagnose
    from sdops.doctor.examine import choose, known
    from sdops.doctor.recent_log import failures
    from sdops.facts.gather import Depth
    from sdops.facts.redact import redact_facts
    from sdops.report.rules import in_a_list, in_full
    from sdops.rules import find

    if list_checks or explain is not None:
        write_stdout(in_full(find(explain)) if explain else in_a_list(known()))
        return None
    begin = time.monotonic()
    chosen = choose(answer.only)
    patient, depth = session.Patient(*place, facts_file), Depth(deep=deep, net=net)
    _refuse_nonsense(patient, fix=fix, yes=yes, prove=prove)
    _known_wish(wish)
    facts = _look(patient, depth, quiet=answer.quiet)
    if save_facts is not None:
        session.save(facts, save_facts)
        _tell(f"The facts are in {save_facts}, without names, tokens and home paths.", answer.quiet)
    if fix and _mend(facts, chosen, yes=yes):
        facts = _look(patient, depth, quiet=answer.quiet)
    logged = () if facts_file is not None or answer.only else failures(facts)
    if not prove:
        return Private(
            lambda: diagnose(facts, chosen, begin, wish=wish, logged=logged),
            lambda: diagnose(redact_facts(facts), chosen, begin, wish=wish, logged=logged),
        )
    from sdops.cli.proof import proof_for, with_proof

    proof = proof_for(facts, quiet=answer.quiet)

    def proven(seen: Facts) -> Report:
        return with_proof(diagnose(seen, chosen, begin, proof.flags, wish, logged), proof)

    return Private(lambda: proven(facts), lambda: proven(redact_facts(facts)))


def _known_wish(wish: str | None) -> None:
    from sdops.doctor.advise import WISHES

    if wish is not None and wish not in WISHES:
        raise UsageError(
            f"There is no {wish!r} to plan for.", f"Choose one of {', '.join(WISHES)}."
        )


def _look(patient: Patient, depth: Depth, *, quiet: bool) -> Facts:
    from sdops.doctor.session import facts_of

    with working("Looking at the machine and the installation …", quiet=quiet):
        return facts_of(patient, depth)


def _mend(facts: Facts, chosen: Sequence[Check], *, yes: bool) -> bool:
    from sdops.cli.fix import fix
    from sdops.doctor.diagnose import diagnose

    return fix(diagnose(facts, chosen, time.monotonic()), facts, yes=yes)


def _refuse_nonsense(patient: Patient, *, fix: bool, yes: bool, prove: bool) -> None:
    if prove and patient.facts_file is not None:
        raise UsageError("--prove measures this machine, not the one a facts file is about.")
    if yes and not fix:
        raise UsageError("--yes answers the question that --fix asks.", "Give --fix too.")
    if fix and patient.facts_file is not None:
        raise UsageError("--fix repairs this machine, not the one a facts file is about.")


def _tell(text: str, quiet: bool) -> None:
    if not quiet:
        note(text)
