"""What can be said of a failure that no signature knows: whose it is, and what to do next."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from sdops.explain.graph import Unknown
from sdops.explain.remedies import python_argv
from sdops.finding import Command, Platform, Remedy

_MODULE = re.compile(r"No module named ['\"]?(?P<name>[\w.]{1,80})")
_STAGES = {
    "install": "while installing",
    "launch": "while starting",
    "load": "while loading a model",
    "generate": "while making a picture",
    "save": "while saving",
    "train": "while training",
}


class Advice(NamedTuple):
    """Words for one unknown failure."""

    title: str
    why: str
    remedies: tuple[Remedy, ...]


def about(item: Unknown, facts: Mapping[str, str]) -> Advice:
    """What to say of `item`."""
    exception = item.unit.exception.rpartition(".")[2] or "An error"
    owner = item.owner.name
    where = f" in {owner}" if owner else ""
    stage = f" {_STAGES[item.unit.stage]}" if item.unit.stage in _STAGES else ""
    why = [_place(item)]
    seen = [
        f"{name} {facts[name]}"
        for name in ("ui", "ui_version", "python", "torch", "gpu")
        if name in facts
    ]
    if seen:
        why.append(f"Versions seen: {', '.join(seen)}.")
    why.append(f"Fingerprint {item.fingerprint}.")
    return Advice(
        f"{exception}{where}{stage}: a failure that sdops does not know.",
        " ".join(part for part in why if part),
        tuple(_remedies(item, facts)),
    )


def _place(item: Unknown) -> str:
    if not item.unit.frames:
        return ""
    own = [frame for frame in item.unit.frames if item.owner.name and item.owner.name in frame.file]
    frame = (own or item.unit.frames)[-1]
    return f"It was raised in {frame.file}, line {frame.line}."


def _remedies(item: Unknown, facts: Mapping[str, str]) -> list[Remedy]:
    told: list[Remedy] = []
    module = _MODULE.search(item.unit.text)
    if module is not None and item.owner.kind == "pack" and item.owner.folder:
        told.append(_requirements(item, module["name"], facts))
    elif module is not None:
        told.append(
            Remedy(
                f"The Python that ran this has no module {module['name']}: install what provides"
                f" it ({' '.join(python_argv(facts))} -m pip install …), or the program's"
                " requirements."
            )
        )
    if item.owner.kind == "pack":
        told.append(
            Remedy(
                f"Update {item.owner.name}, or disable it (move its folder"
                f" {item.owner.folder} out of the way) to see whether the rest works."
            )
        )
    whose = f"the issues of {item.owner.name}" if item.owner.name else "the program's issues"
    told.append(
        Remedy(
            f"Search {whose} for the line above. When asking, attach the whole log from the start"
            " of the program, and what sdops doctor says."
        )
    )
    return told


def _requirements(item: Unknown, module: str, facts: Mapping[str, str]) -> Remedy:
    windows = facts.get("platform") == "windows"
    separator = "\\" if windows else "/"
    path = separator.join(("ComfyUI", "custom_nodes", item.owner.name, "requirements.txt"))
    if "extensions" in item.owner.folder:
        path = separator.join(("extensions", item.owner.name, "requirements.txt"))
    platform = Platform.WINDOWS if windows else Platform.ANY
    argv = (*python_argv(facts), "-m", "pip", "install", "-r", path)
    return Remedy(
        f"{item.owner.name} needs the module {module}: install its requirements with the Python"
        " that runs the UI.",
        commands=(Command(argv, platform),),
    )
