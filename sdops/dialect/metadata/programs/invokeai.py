"""InvokeAI of three ages: `invokeai_metadata` (3 and later), `sd-metadata` (2), `Dream` (1)."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from sdops.dialect.metadata.made import Made, UsedModel, UsedNetwork
from sdops.dialect.metadata.programs.values import (
    Table,
    file_name,
    is_table,
    items,
    model,
    pick,
    settings,
    size,
    text,
)
from sdops.dialect.metadata.texts import Texts

PROGRAM = "InvokeAI"
NAMES = {"steps": "Steps", "cfg_scale": "CFG scale", "seed": "Seed", "scheduler": "Sampler",
         "strength": "Denoising strength", "clip_skip": "Clip skip",
         "cfg_rescale_multiplier": "CFG Rescale", "guidance": "Distilled CFG Scale"}  # fmt: skip
OLD_NAMES = {"steps": "Steps", "cfg_scale": "CFG scale", "seed": "Seed", "sampler": "Sampler",
             "strength": "Denoising strength"}  # fmt: skip
DREAM_FLAGS = {"-s": "Steps", "-S": "Seed", "-C": "CFG scale", "-A": "Sampler",
               "-f": "Denoising strength"}  # fmt: skip
FLOW_BASES = {"flux": "Flux", "flux2": "Flux", "sd-3": "SD3", "cogview4": "CogView4",
              "qwen-image": "Qwen-Image", "z-image": "Z-Image"}  # fmt: skip


def read(texts: Texts) -> Made | None:
    """What a picture of InvokeAI says."""
    new = texts.json("invokeai_metadata")
    if is_table(new):
        return _new(new)
    old = texts.json("sd-metadata")
    if is_table(old):
        return _old(old)
    dream = texts.named.get("Dream")
    return None if dream is None else _dream(dream)


def _new(table: Table) -> Made:
    values = pick(table, NAMES)
    values["Size"] = size(table.get("width"), table.get("height"))
    if isinstance(values.get("Clip skip"), int):
        values["Clip skip"] = int(str(values["Clip skip"])) + 1  # it counts from 0
    if values.get("Clip skip") == 1:
        del values["Clip skip"]
    values["Sampler"] = _sampler(text(values.get("Sampler")))
    base = _nested(table.get("model"), "base", "base_model")
    models = (
        *_model("checkpoint", table.get("model")),
        *_model("vae", table.get("vae")),
        *_model("refiner", table.get("refiner_model")),
        *(each for row in items(table.get("controlnets")) if is_table(row)
          for each in _model("controlnet", row.get("control_model"))),
    )  # fmt: skip
    said = settings(values)
    for each in models:
        if each.kind == "checkpoint" and each.name:
            said["Model"] = each.name
    return Made(
        PROGRAM,
        text(table.get("positive_prompt")) or "",
        text(table.get("negative_prompt")) or "",
        said,
        tuple(_loras(table)),
        models,
        FLOW_BASES.get(str(base)),
    )


def _nested(value: object, *names: str) -> object:
    if not is_table(value):
        return None
    return next((value[name] for name in names if value.get(name) is not None), None)


def _model(kind: str, value: object) -> tuple[UsedModel, ...]:
    if not is_table(value):
        return model(kind, value)
    inner = value.get("model") if is_table(value.get("model")) else value
    return model(kind, _nested(inner, "name", "model_name", "key"), _nested(inner, "hash"))


def _loras(table: Table) -> Iterator[UsedNetwork]:
    for row in items(table.get("loras")):
        if not is_table(row):
            continue
        inner = next((row[name] for name in ("model", "lora") if is_table(row.get(name))), row)
        name = text(_nested(inner, "name", "model_name", "key"))
        if name:
            yield UsedNetwork("lora", name, text(row.get("weight")), text(_nested(inner, "hash")))


def _sampler(name: str | None) -> str | None:
    """InvokeAI's `dpmpp_2m_k` says Karras with its last letter."""
    return re.sub(r"_k$", "_karras", name) if name else None


def _old(table: Table) -> Made:
    image = table.get("image")
    if not is_table(image):
        image = {}
    values = pick(image, OLD_NAMES)
    values["Size"] = size(image.get("width"), image.get("height"))
    values["Model"], values["Model hash"] = table.get("model_weights"), table.get("model_hash")
    prompt, negative = _split(_prompt_of(image.get("prompt")))
    name = table.get("model_weights") or table.get("model")
    models = model("checkpoint", name, table.get("model_hash"))
    return Made(PROGRAM, prompt, negative, settings(values), (), models)


def _prompt_of(value: object) -> str:
    """Before 2.2 a prompt was a list of weighted parts."""
    if isinstance(value, list):
        return " ".join(str(row["prompt"]) for row in value if is_table(row) and "prompt" in row)
    return text(value) or ""


def _split(prompt: str) -> tuple[str, str]:
    """A prompt and the negative parts that stood in square brackets in it."""
    negative = re.findall(r"\[([^\[\]]*)\]", prompt)
    return re.sub(r"\s*\[[^\[\]]*\]", "", prompt).strip(), ", ".join(negative)


def _dream(line: str) -> Made:
    match = re.match(r'\s*(?:dream>)?\s*"((?:\\.|[^"\\])*)"(.*)', line, re.DOTALL)
    quoted, rest = (match[1], match[2]) if match else (line.partition(" -")[0], line)
    try:
        words = shlex.split(rest)
    except ValueError:
        words = rest.split()
    values: dict[str, object] = {}
    sides: dict[str, str] = {}
    for place, word in enumerate(words):
        flag = re.match(r"(-[A-Za-z])(.*)", word)
        if flag:
            value = flag[2] or (words[place + 1] if place + 1 < len(words) else "")
            sides[flag[1]] = value
            if flag[1] in DREAM_FLAGS:
                values[DREAM_FLAGS[flag[1]]] = value
    values["Size"] = size(sides.get("-W"), sides.get("-H"))
    prompt, negative = _split(quoted)
    return Made(PROGRAM, prompt, negative, settings(values), (), model("", file_name(None)))
