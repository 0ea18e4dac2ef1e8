"""Launch flags contradict one another.

Some UIs stop at start, others follow one flag and silently drop the other.

Fix: Keep the flag that you mean and take the others away.

Source: The argument groups in the UIs' own argument files (profiles/uis); A1111's
modules/sd_hijack.py and modules/lowvram.py for those it settles by itself.
"""

from __future__ import annotations

from sdops.check import Action, Argument, Facts, Finding, Iterator, Location, Remedy, Severity, Skip
from sdops.knowledge.flags import arguments_of, flags_of, row_of, takes_flag


def check(facts: Facts) -> Iterator[Finding]:
    """Exclusive groups, flags without the flag they need, and half precision beside full."""
    ui = facts.ui
    table = flags_of(ui.kind) if ui else None
    if ui is None or table is None:
        raise Skip("There is no UI here whose flags are known.")
    uses = {use.flag: use for use in arguments_of(ui) if takes_flag(ui, use.flag)}
    for group in table.exclusive:
        found = [flag for flag in uses if flag in group.flags]
        if len(found) > 1:
            yield _finding(uses, found, group.effect, group.fatal)
    precision = uses.get("--precision")
    if precision and precision.value == "half" and "--no-half" in uses:
        yield _finding(uses, ["--precision", "--no-half"], f"{table.title} stops at start", True)
    for flag, use in uses.items():
        row = row_of(ui, flag)
        if row and row.needs and row.needs not in uses:
            yield Finding(
                rule="flags-contradict",
                severity=Severity.WARNING,
                title=f"{flag} does nothing without {row.needs}.",
                why=f"{flag} is set and {row.needs} is not.",
                evidence={"flags": [flag], "missing": row.needs},
                location=Location(use.file, line=use.line),
                remedies=(
                    Remedy(
                        f"Set {row.needs} as well, or take {flag} away.",
                        Action.CHANGE_FLAG,
                        remove_flags=(flag,),
                    ),
                ),
            )


def _finding(uses: dict[str, Argument], flags: list[str], effect: str, fatal: bool) -> Finding:
    listed = " and ".join((", ".join(flags[:-1]), flags[-1]))
    last = uses[flags[-1]]
    return Finding(
        rule="flags-contradict",
        severity=Severity.ERROR if fatal else Severity.WARNING,
        title=f"{listed} contradict one another.",
        why=f"They are set together: {effect}.",
        evidence={"flags": flags, "fatal": fatal},
        location=Location(last.file, line=last.line),
        remedies=(
            Remedy(
                "Keep the one that you mean and take the others away.",
                Action.CHANGE_FLAG,
                remove_flags=tuple(flags[:-1]),
            ),
        ),
    )
