"""Repairs that are made only on request: drifted position_ids, names of old text encoders."""

from __future__ import annotations

import struct
from dataclasses import replace

from sdops.checkpoint.convert.plan import Item, Plan

POSITION_IDS_SUFFIX = "embeddings.position_ids"
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
    items, repaired = [], []
    for item in plan.items:
        if item.name.endswith(POSITION_IDS_SUFFIX):
            count = item.source.elements
            literal = struct.pack(f"<{count}q", *range(count))
            item = replace(item, dtype="int64", literal=literal)
            repaired.append(item.name)
        items.append(item)
    notes = tuple(f"{name} was written as 0, 1, 2, … in int64." for name in repaired)
    return replace(plan, items=tuple(items), notes=plan.notes + notes)


def text_encoder_names(plan: Plan) -> Plan:
    """Gives the text encoder of old (NovelAI era) files the names that loaders look for now."""
    items = tuple(replace(item, name=_renamed(item)) for item in plan.items)
    count = sum(old.name != new.name for old, new in zip(plan.items, items, strict=True))
    notes = (f"{count} text encoder tensors got their new names.",) if count else ()
    return replace(plan, items=items, notes=plan.notes + notes)


def _renamed(item: Item) -> str:
    inner = item.name.removeprefix(_OLD_LAYOUT)
    if inner != item.name and inner.startswith(_OLD_PARTS):
        return _NEW_LAYOUT + inner
    return item.name


FIXES = {"position-ids": position_ids, "text-encoder-names": text_encoder_names}
"""By the word that `--fix` takes."""
