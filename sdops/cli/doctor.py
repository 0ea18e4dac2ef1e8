"""`sdops doctor`: what is wrong with this Stable Diffusion, why, and what to type."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sdops.cli import options
from sdops.cli.answer import CI_FORMATS, Answer, note, write_stdout
from sdops.cli.progress import working
from sdops.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sdops.doctor.session import Patient
    from sdops.facts.gather import Depth
    from sdops.facts.types import Facts
    from sdops.registry import Check

Target = Annotated[
    str | None,
    typer.Argument(
        help="A UI's folder, a venv or a Python. Default: the UI around the current folder,"
        " else this Python."
    ),
]
Ui = Annotated[
    str | None, typer.Option("--ui", help="Which UI it is, where the folder does not tell.")
]
Python = Annotated[str | None, typer.Option("--python", help="The Python that the UI runs with.")]
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
Fix = Annotated[bool, typer.Option("--fix", help="Show what sdops can mend, ask, and mend it.")]
Yes = Annotated[bool, typer.Option("--yes", help="With --fix: do not ask.")]
Only = Annotated[
    list[str] | None, typer.Option("--only", metavar="ID", help="Only this check; repeatable.")
]
FactsFile = Annotated[
    Path | None, typer.Option("--facts", help="Judge facts saved on another machine.")
]
SaveFacts = Annotated[
    Path | None, typer.Option("--save-facts", help="Save the facts to this new file, redacted.")
]
ListChecks = Annotated[bool, typer.Option("--list-checks", help="List the checks and exit.")]
Explain = Annotated[
    str | None, typer.Option("--explain", metavar="ID", help="Explain one check and exit.")
]


def doctor(
    target: Target = None,
    ui: Ui = None,
    python: Python = None,
    deep: Deep = False,
    net: Net = False,
    prove: Prove = False,
    fix: Fix = False,
    yes: Yes = False,
    only: Only = None,
    facts_file: FactsFile = None,
    save_facts: SaveFacts = None,
    list_checks: ListChecks = False,
    explain: Explain = None,
    format_name: options.Format = None,
    json: options.Json = False,
    output: options.Output = None,
    fail_on: options.FailOn = "error",
    quiet: options.Quiet = False,
) -> None:
    """Say what is wrong with a Stable Diffusion installation, why, and what to type."""
    from sdops.doctor import session
    from sdops.doctor.diagnose import diagnose
    from sdops.doctor.examine import choose
    from sdops.facts.gather import Depth
    from sdops.facts.redact import redact_facts

    if list_checks or explain is not None:
        asked = choose([explain]) if explain else ()
        write_stdout(session.explanation(asked[0]) if asked else session.check_list())
        return
    begin = time.monotonic()
    answer = Answer.of(format_name, json, output, fail_on, quiet, formats=CI_FORMATS)
    chosen = choose(only or [])
    patient, depth = session.Patient(target, ui, python, facts_file), Depth(deep=deep, net=net)
    _refuse_nonsense(patient, fix=fix, yes=yes, prove=prove)
    facts = _look(patient, depth, quiet=quiet)
    if save_facts is not None:
        session.save(facts, save_facts)
        _tell(f"The facts are in {save_facts}, without names, tokens and home paths.", quiet)
    if fix and _mend(facts, chosen, yes=yes):
        facts = _look(patient, depth, quiet=quiet)
    # The terminal is the user's own: there the commands keep their real paths, ready to paste.
    private = answer.format_name == "rich" and answer.output is None
    seen = facts if private else redact_facts(facts)
    if not prove:
        answer.give(diagnose(seen, chosen, begin))
    from sdops.cli.proof import proof_for, with_proof

    proof = proof_for(facts, quiet=quiet)
    answer.give(with_proof(diagnose(seen, chosen, begin, proof.flags), proof))


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
        raise UsageError("--fix mends this machine, not the one a facts file is about.")


def _tell(text: str, quiet: bool) -> None:
    if not quiet:
        note(text)
