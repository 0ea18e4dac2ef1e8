"""NovelAI, in PNG's texts or hidden in the alpha channel."""

from __future__ import annotations

import re

from sdops.dialect.metadata.made import Made
from sdops.dialect.metadata.programs.values import (
    Table,
    is_table,
    items,
    model,
    pick,
    settings,
    size,
    text,
)
from sdops.dialect.metadata.texts import Texts, as_json

PROGRAM = "NovelAI"
NAMES = {"steps": "Steps", "scale": "CFG scale", "seed": "Seed", "sampler": "Sampler",
         "noise_schedule": "Schedule type", "strength": "Denoising strength",
         "noise": "Extra noise",
         "cfg_rescale": "CFG Rescale", "extra_noise_seed": "Variation seed"}  # fmt: skip
NOT_FOLLOWED = {"sm": "SMEA", "sm_dyn": "SMEA DYN", "dynamic_thresholding": "dynamic thresholding",
                "uncond_scale": "undesired content strength"}  # fmt: skip


def read(texts: Texts) -> Made | None:
    """What a picture of NovelAI says."""
    comment = texts.json("Comment")
    is_own = texts.named.get("Software") == PROGRAM or (
        is_table(comment) and "uc" in comment and "scale" in comment
    )
    if not is_own:
        return None
    prompt = texts.named.get("Description", "")
    return _made(comment if is_table(comment) else {}, prompt, texts.named.get("Source"), texts)


def of_hidden(hidden: str, texts: Texts) -> Made | None:
    """What the text in its alpha channel says; None if it is not NovelAI's."""
    table = as_json(hidden)
    if not is_table(table):
        return None
    comment = as_json(text(table.get("Comment"))) if not is_table(table.get("Comment")) else None
    inner = comment if is_table(comment) else table.get("Comment")
    if not is_table(inner) or "uc" not in inner:
        return None
    return _made(inner, text(table.get("Description")) or "", text(table.get("Source")), texts)


def _made(table: Table, description: str, source: str | None, texts: Texts) -> Made:
    values = pick(table, NAMES)
    across, down = table.get("width"), table.get("height")
    if across is None and texts.size:
        across, down = texts.size
    values["Size"] = size(across, down)
    if table.get("strength") is None or not table.get("extra_noise_seed"):
        values.pop("Variation seed", None)
    if values.get("CFG Rescale") in (0, 0.0):
        del values["CFG Rescale"]
    if source:
        name, _, digest = source.rpartition(" ")
        is_hash = bool(re.fullmatch(r"[0-9A-Fa-f]{6,16}", digest))
        values["Model"] = name if is_hash else source
        values["Model hash"] = digest if is_hash else None
    prompt, negative = _prompts(table, description)
    said = settings(values)
    used = tuple(label for name, label in NOT_FOLLOWED.items() if table.get(name) not in
                 (None, False, 0, 0.0, 1, 1.0) or table.get(name) is True)  # fmt: skip
    models = model("checkpoint", said.get("Model"), said.get("Model hash"))
    return Made(PROGRAM, prompt, negative, said, (), models, None, used)


def _prompts(table: Table, description: str) -> tuple[str, str]:
    """Prompt and negative prompt; since version 4 characters have captions of their own."""
    prompt, negative = text(table.get("prompt")) or description, text(table.get("uc")) or ""
    for name, said in (("v4_prompt", prompt), ("v4_negative_prompt", negative)):
        outer = table.get(name)
        caption = outer.get("caption") if is_table(outer) else None
        if not is_table(caption):
            continue
        parts = [text(caption.get("base_caption")) or said]
        rows = caption.get("char_captions")
        parts += [text(row.get("char_caption")) or "" for row in items(rows) if is_table(row)]
        joined = " | ".join(filter(None, parts))
        prompt, negative = (joined, negative) if name == "v4_prompt" else (prompt, joined)
    return prompt, negative
