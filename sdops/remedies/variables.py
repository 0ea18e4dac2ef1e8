"""How to take environment variables away for good."""

from __future__ import annotations

from sdops.facts.types import Facts
from sdops.finding import Action, Remedy
from sdops.knowledge.variables import Variable
from sdops.remedies.commands import command


def unset(facts: Facts, *found: Variable) -> Remedy:
    """How to take variables away for good, on the system of these facts.

    All of `found` must come from the same place: one launch file, or the user's environment.
    """
    names = " and ".join(variable.name for variable in found)
    place = found[0].location
    if place:
        lines = " and ".join(str(item.location.line) for item in found if item.location)
        return Remedy(
            f"Take {names} out of {place.path} (line {lines}) and start the UI again.",
            Action.RESTART_UI,
        )
    if facts.host.os == "windows":
        return Remedy(
            f"Open the Start menu, type “environment variables”, open “Edit the system environment "
            f"variables”, delete {names} in both lists, and start the UI from a new window.",
            Action.RESTART_UI,
        )
    return Remedy(
        f"Find what sets {names} (mostly a line in ~/.bashrc, ~/.profile or ~/.zshrc), take it "
        "out, and start the UI from a new terminal. For this terminal:",
        Action.RESTART_UI,
        commands=(command(facts.host, "unset", *(variable.name for variable in found)),),
    )
