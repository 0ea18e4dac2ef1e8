"""A launch file says something that its shell understands otherwise.

A dash that a text editor has made long, a space before the `=`, a backslash outside quotes, a line
below the one that starts the UI: the file looks right, and the option never arrives, or the start
ends with a message that names something else.

Fix: Write the line as shown.

Source: Microsoft, Windows Commands: set, call; Python documentation, shlex; POSIX shell grammar;
AUTOMATIC1111/stable-diffusion-webui webui.sh (it needs bash).
"""

from __future__ import annotations

from sdops.check import Facts, Finding, Iterator, Location, Remedy, Severity, Skip, Trap

SAID = {
    "dash": (
        Severity.ERROR,
        "A launch option begins with a typographic dash, which is no option for the UI.",
        "Text editors and web pages turn two hyphens into one long dash.",
        "Type the hyphens anew: two plain ones, as in --medvram.",
    ),
    "curly-quote": (
        Severity.ERROR,
        "A launch file has typographic quotes, which no shell knows.",
        "They become part of the option instead of enclosing it.",
        'Type them anew: plain ones, ".',
    ),
    "spaced-set": (
        Severity.ERROR,
        "A line of the launch file sets a variable that nobody reads.",
        "With a space before the =, Windows sets a variable whose name ends in a space.",
        "Take the spaces around the = away.",
    ),
    "spaced-assignment": (
        Severity.ERROR,
        "A line of the launch file sets nothing: the shell takes it for a command.",
        "A shell takes no spaces around the = of a variable.",
        "Take the spaces around the = away.",
    ),
    "backslash": (
        Severity.ERROR,
        "A path among the launch options loses its backslashes.",
        "Outside quotes a backslash only protects the next character when the UI splits its line.",
        'Put the path into plain quotes ("D:\\models"), or write it with slashes (D:/models).',
    ),
    "set-after-call": (
        Severity.WARNING,
        "A line of the launch file comes too late: the UI is started above it.",
        "What is set below the call of the UI's start script is set when the UI has ended.",
        "Move the line above the one that calls the start script.",
    ),
    "sh-webui": (
        Severity.ERROR,
        "The start script is run by sh, and it needs bash.",
        "Where sh is another shell, it stops with a syntax error at what only bash knows.",
        "Write bash webui.sh, or ./webui.sh.",
    ),
}
"""By kind of trap: how bad, what it means, why, what to do."""


def check(facts: Facts) -> Iterator[Finding]:
    """One finding for each place."""
    if facts.ui is None:
        raise Skip("There is no UI here.")
    for trap in facts.ui.traps:
        if trap.kind in SAID:
            yield _finding(trap)


def _finding(trap: Trap) -> Finding:
    severity, title, why, remedy = SAID[trap.kind]
    return Finding(
        rule="launch-traps",
        severity=severity,
        title=title,
        why=why,
        evidence={"kind": trap.kind, "line": trap.text},
        location=Location(trap.file, line=trap.line),
        remedies=(Remedy(remedy),),
    )
