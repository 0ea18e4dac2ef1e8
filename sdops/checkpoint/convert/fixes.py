"""Repairs that are made only on request: drifted position_ids, names of old text encoders."""

from __future__ import annotations

import struct
from dataclasses import replace

from sdops.checkpoint.convert.plan import Item, Plan
from sdops.checkpoint.convert.stream import elements
from sdops.checkpoint.weights import Weights

POSITION_IDS_SUFFIX = "embeddings.position_ids"
_MOST_POSITIONS = 4096
"""CLIP has 77; more than this is no text encoder's, and would only take memory."""
_NEW_LAYOUT = "cond_stage_model.transformer.text_model."
_OLD_LAYOUT = "cond_stage_model.transformer."
_OLD_PARTS = ("embeddings.", "encoder.", "final_layer_norm.")
"""What stands below `transformer.` in files from before transformers had `text_model`
(AUTOMATIC1111/stable-diffusion-webui modules/sd_models.py checkpoint_dict_replacements)."""


def position_ids(plan: Plan) -> Plan:
    """Writes CLIP's position_ids as the integers 0, 1, 2, … that they must be.

    Merging turned them into floats, and rounding them then moves tokens by one place
    (arenasys/stable-diffusion-webui-model-toolkit README: 76 becomes 75.9975 becomes 75).
    """
    items, notes = [], []
    with Weights(plan.source) as weights:
        for item in plan.items:
            numbers = _positions(item)
            if numbers is not None and not _holds(weights, item, numbers):
                notes.append(
                    f"{item.name} ({item.source.dtype} in the source) was not as CLIP wants it; it"
                    " gets the numbers 0, 1, 2, … in int64."
                )
                item = replace(item, dtype="int64", literal=numbers)
            items.append(item)
    if not notes:
        notes.append("No position_ids had to be repaired.")
    return replace(plan, items=tuple(items), notes=(*plan.notes, *notes))


def _positions(item: Item) -> bytes | None:
    """What position_ids must hold, in int64; None for a tensor that is none."""
    count = item.source.elements
    if not item.name.endswith(POSITION_IDS_SUFFIX) or count > _MOST_POSITIONS:
        return None
    return struct.pack(f"<{count}q", *range(count))


def _holds(weights: Weights, item: Item, numbers: bytes) -> bool:
    return (
        item.dtype == "int64" and b"".join(data for data, _ in elements(weights, item)) == numbers
    )


def text_encoder_names(plan: Plan) -> Plan:
    """Gives the text encoder of old (NovelAI era) files the names that loaders look for now."""
    items = tuple(replace(item, name=_renamed(item)) for item in plan.items)
    count = sum(old.name != new.name for old, new in zip(plan.items, items, strict=True))
    told = f"{count} text encoder tensors get" if count else "No text encoder tensor had to get"
    return replace(plan, items=items, notes=(*plan.notes, f"{told} the names of today."))


def _renamed(item: Item) -> str:
    inner = item.name.removeprefix(_OLD_LAYOUT)
    if inner != item.name and inner.startswith(_OLD_PARTS):
        return _NEW_LAYOUT + inner
    return item.name


FIXES = {"position-ids": position_ids, "text-encoder-names": text_encoder_names}
"""By the word that `--fix` takes."""
