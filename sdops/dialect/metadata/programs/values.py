"""Values of other programs as A1111 would write them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TypeGuard

from sdops.dialect.infotext import says_nothing, with_names
from sdops.dialect.metadata.made import UsedModel, UsedNetwork

Table = Mapping[str, object]
MOST_DIGITS = 15
NETWORK = re.compile(r"<(\w{1,40}):([^>]{1,400})>")
"""A LoRA, LyCORIS or hypernetwork in a prompt (A1111's modules/extra_networks.py)."""


def is_table(value: object) -> TypeGuard[Table]:
    """Whether `value` is a JSON object."""
    return isinstance(value, dict)


def items(value: object) -> Sequence[object]:
    """The elements of a JSON array; none of anything else."""
    return value if isinstance(value, list) else ()


def text(value: object) -> str | None:
    """A JSON value as infotext has it, whole numbers without a point; None for no value."""
    if value is None or isinstance(value, dict | list):
        return None
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, float):
        is_whole = value == value and abs(value) < 1e15 and value == int(value)
        return str(int(value)) if is_whole else f"{value:.{MOST_DIGITS}g}"
    return str(value).strip()


def settings(pairs: Mapping[str, object]) -> dict[str, str]:
    """`pairs` by A1111's names as texts, without those that have no value."""
    found = {name: text(value) for name, value in pairs.items()}
    said = {name: value for name, value in found.items() if value is not None}
    return with_names({n: value for n, value in said.items() if not says_nothing(n, value)})


def pick(table: Table, names: Mapping[str, str]) -> dict[str, object]:
    """The values of `table` under A1111's names: `names` maps its own to those."""
    return {names[name]: value for name, value in table.items() if name in names}


def size(width: object, height: object) -> str | None:
    """`512x768`, if both are numbers."""
    across, down = text(width), text(height)
    if across and down and across.isdigit() and down.isdigit():
        return f"{across}x{down}"
    return None


def file_name(path: object) -> str | None:
    """The last part of a path of any system."""
    name = text(path)
    return re.split(r"[/\\]", name)[-1] if name else None


def stem(path: object) -> str | None:
    """`file_name` without the ending of model files."""
    name = file_name(path)
    return (
        re.sub(r"\.(safetensors|ckpt|pt|pth|bin|sft|gguf)$", "", name, flags=re.I) if name else None
    )


def model(kind: str, name: object, digest: object = None) -> tuple[UsedModel, ...]:
    """One model file, or none where no name is said."""
    known, hashed = text(name), text(digest)
    if (not known or says_nothing(kind, known)) and not hashed:
        return ()
    return (UsedModel(kind, known, hashed),)


def networks_in(*prompts: str) -> tuple[UsedNetwork, ...]:
    """What the tags `<lora:name:weight>` in `prompts` name, each once."""
    found: dict[tuple[str, str], UsedNetwork] = {}
    for prompt in prompts:
        for match in NETWORK.finditer(prompt):
            name, *weights = match[2].split(":")
            found.setdefault(
                (match[1], name), UsedNetwork(match[1], name, ":".join(weights) or None)
            )
    return tuple(found.values())
