"""Fooocus, SwarmUI, Easy Diffusion and Draw Things: one table of values each."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sdops.dialect.infotext import parse
from sdops.dialect.metadata.made import Made, UsedModel, UsedNetwork
from sdops.dialect.metadata.programs import a1111
from sdops.dialect.metadata.programs.values import (
    Table,
    is_table,
    items,
    model,
    networks_in,
    pick,
    settings,
    size,
    stem,
    text,
)
from sdops.dialect.metadata.texts import Texts, as_json

FOOOCUS = {"steps": "Steps", "guidance_scale": "CFG scale", "seed": "Seed", "sampler": "Sampler",
           "scheduler": "Schedule type", "base_model_hash": "Model hash", "clip_skip": "Clip skip",
           "vae": "VAE", "Performance": "Performance", "performance": "Performance",
           "sharpness": "Sharpness", "adaptive_cfg": "Adaptive CFG", "version": "Version",
           "Steps": "Steps", "Guidance Scale": "CFG scale", "Seed": "Seed", "Sampler": "Sampler",
           "Scheduler": "Schedule type", "refiner_switch": "Refiner switch at"}  # fmt: skip
SWARM = {"steps": "Steps", "cfgscale": "CFG scale", "seed": "Seed", "sampler": "Sampler",
         "comfyuisampler": "Sampler", "comfyuischeduler": "Schedule type",
         "scheduler": "Schedule type", "clipstopatlayer": "Clip skip", "vae": "VAE",
         "initimagecreativity": "Denoising strength", "fluxguidancescale": "Distilled CFG Scale",
         "sigmashift": "Shift", "variationseed": "Variation seed",
         "variationseedstrength": "Variation seed strength", "refinermethod": "Refiner method",
         "swarm_version": "Version", "automaticvae": "Automatic VAE"}  # fmt: skip
EASY = {"num_inference_steps": "Steps", "guidance_scale": "CFG scale", "seed": "Seed",
        "sampler_name": "Sampler", "scheduler_name": "Schedule type", "clip_skip": "Clip skip",
        "prompt_strength": "Denoising strength", "use_vae_model": "VAE",
        "distilled_guidance_scale": "Distilled CFG Scale"}  # fmt: skip
EASY_WORDS = {"prompt": "prompt", "negative prompt": "negative_prompt", "seed": "seed",
              "stable diffusion model": "use_stable_diffusion_model", "clip skip": "clip_skip",
              "vae model": "use_vae_model", "sampler": "sampler_name", "width": "width",
              "height": "height", "steps": "num_inference_steps",
              "guidance scale": "guidance_scale", "prompt strength": "prompt_strength",
              "lora model": "use_lora_model", "lora strength": "lora_alpha",
              "hypernetwork model": "use_hypernetwork_model"}  # fmt: skip
"""Easy Diffusion's names in words, as its PNGs and .txt files have them, by those of its API."""
DRAW = {"steps": "Steps", "scale": "CFG scale", "seed": "Seed", "sampler": "Sampler",
        "strength": "Denoising strength", "size": "Size", "shift": "Shift",
        "mask_blur": "Mask blur", "sharpness": "Sharpness"}  # fmt: skip


def fooocus(texts: Texts) -> Made | None:
    """Fooocus' own scheme, or infotext where it was told to write that."""
    scheme = texts.named.get("fooocus_scheme") or texts.named.get("MakerNote", "")
    places = [texts.json(name) for name in ("parameters", "UserComment", "comment", "Comment")]
    table = next((each for each in places if is_table(each) and _is_fooocus(each)), None)
    if not is_table(table):
        if scheme == "a1111" and (found := a1111.read(texts)):
            return Made("Fooocus", found.prompt, found.negative, found.settings, found.networks,
                        found.models, found.family, found.not_understood)  # fmt: skip
        return None
    values = pick(table, FOOOCUS)
    sides = re.findall(r"\d+", text(table.get("resolution") or table.get("Resolution")) or "")
    values["Size"] = size(*sides[:2]) if len(sides) >= 2 else None
    base = table.get("base_model") or table.get("Base Model")
    values["Model"] = stem(base)
    models = (
        *model("checkpoint", stem(base), table.get("base_model_hash")),
        *model("refiner", stem(table.get("refiner_model")), table.get("refiner_model_hash")),
    )
    styles = table.get("styles") or table.get("Styles")
    said = settings(values) | ({"Styles": str(styles)} if styles else {})
    prompt = text(table.get("full_prompt")) or _first(table, "prompt", "Prompt")
    negative = text(table.get("full_negative_prompt")) or _first(
        table, "negative_prompt", "Negative Prompt"
    )
    return Made("Fooocus", prompt, negative, said, tuple(_fooocus_loras(table)), models)


def _is_fooocus(table: Table) -> bool:
    return (
        "base_model" in table
        or "Base Model" in table
        or "fooocus" in str(table.get("version", "")).casefold()
    )


def _first(table: Table, *names: str) -> str:
    found: list[str] = []
    for name in names:
        value = table.get(name)
        parts = value if isinstance(value, list) else [value]
        found += [str(part) for part in parts if isinstance(part, str)]
    return found[0] if found else ""


def _fooocus_loras(table: Table) -> Iterator[UsedNetwork]:
    for row in items(table.get("loras")):
        cells = list(items(row))
        if len(cells) >= 2 and (name := stem(cells[0])):
            yield UsedNetwork(
                "lora", name, text(cells[1]), text(cells[2]) if len(cells) > 2 else None
            )
    for name, value in table.items():
        match = re.fullmatch(r"lora_combined_\d+", name)
        if match and isinstance(value, str):
            model_name, _, weight = value.rpartition(" : ")
            yield UsedNetwork("lora", stem(model_name) or model_name, weight)
        match = re.fullmatch(r"LoRA (?:\[)?(.+?)(?:\])? weight", name)
        if match:
            yield UsedNetwork("lora", stem(match[1]) or match[1], text(value))


def swarmui(texts: Texts) -> Made | None:
    """SwarmUI's `sui_image_params`."""
    for name in ("parameters", "UserComment", "text", "comment"):
        outer = texts.json(name)
        table = outer.get("sui_image_params") if is_table(outer) else None
        if is_table(outer) and is_table(table):
            return _swarm(outer, table)
    return None


def _swarm(outer: Table, table: Table) -> Made:
    values = pick(table, SWARM)
    values["Size"] = size(table.get("width"), table.get("height"))
    values["Model"] = table.get("model")
    skip = text(values.get("Clip skip"))
    values["Clip skip"] = skip.lstrip("-") if skip else None
    hashes = {str(row.get("param")): row for row in items(outer.get("sui_models")) if is_table(row)}
    digest = text(hashes.get("model", {}).get("hash"))
    names = [text(each) or "" for each in _as_list(table.get("loras"))]
    weights = [text(each) for each in _as_list(table.get("loraweights"))]
    of_loras = [text(row.get("hash")) for row in items(outer.get("sui_models"))
                if is_table(row) and row.get("param") == "loras"]  # fmt: skip
    loras = tuple(
        UsedNetwork("lora", name, *(row[number] if number < len(row) else None
                                for row in (weights, of_loras)))
        for number, name in enumerate(names) if name
    )  # fmt: skip
    models = (
        *model("checkpoint", table.get("model"), digest),
        *model("vae", table.get("vae")),
        *model("refiner", table.get("refinermodel")),
    )
    prompt, negative = text(table.get("prompt")) or "", text(table.get("negativeprompt")) or ""
    said = settings(values)
    return Made("SwarmUI", prompt, negative, said, (*networks_in(prompt), *loras), models,
                a1111.family(said))  # fmt: skip


def _as_list(value: object) -> list[object]:
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return list(value) if isinstance(value, list) else []


def easy_diffusion(texts: Texts) -> Made | None:
    """Easy Diffusion: a text for each value in PNG, JSON in EXIF, words in a .txt."""
    table = _easy_table(texts)
    if table is None:
        return None
    values = pick(table, EASY)
    values["Size"] = size(table.get("width"), table.get("height"))
    name = stem(table.get("use_stable_diffusion_model"))
    values["Model"], values["VAE"] = name, stem(table.get("use_vae_model"))
    if str(table.get("clip_skip")) == "True":
        values["Clip skip"] = 2
    elif str(table.get("clip_skip")) == "False":
        del values["Clip skip"]
    names, weights = _as_list(table.get("use_lora_model")), _as_list(table.get("lora_alpha"))
    weights = weights or [table.get("lora_alpha")]
    loras = tuple(
        UsedNetwork("lora", known, text(weights[number]) if number < len(weights) else None)
        for number, each in enumerate(names) if (known := stem(each))
    )  # fmt: skip
    models = (*model("checkpoint", name), *model("vae", values["VAE"]))
    said = settings(values)
    prompt, negative = text(table.get("prompt")) or "", text(table.get("negative_prompt")) or ""
    return Made("Easy Diffusion", prompt, negative, said, loras, models, a1111.family(said))


def _easy_table(texts: Texts) -> Table | None:
    candidates: list[Table] = [texts.named]
    for name in ("UserComment", "text", "comment"):
        found = texts.json(name)
        if is_table(found):
            candidates.append(found)
    lines = re.findall(r"^([A-Za-z ]{3,40}): ?(.*)$", texts.named.get("text", ""), re.M)
    candidates.append(dict(lines))
    for table in candidates:
        plain = {
            EASY_WORDS.get(str(key).casefold(), str(key)): value for key, value in table.items()
        }
        if "prompt" in plain and plain.keys() & {
            "num_inference_steps",
            "use_stable_diffusion_model",
        }:
            return plain
    return None


def draw_things(texts: Texts) -> Made | None:
    """Draw Things: JSON in XMP's or EXIF's user comment, and words in the description."""
    for name in ("XMP:UserComment", "UserComment", "comment"):
        table = texts.json(name)
        if is_table(table) and "c" in table and ("uc" in table or "sampler" in table):
            return _draw(table)
    described = texts.named.get("XMP:description") or texts.named.get("ImageDescription", "")
    if "Draw Things" in texts.named.get("XMP:CreatorTool", "") and "Steps:" in described:
        lines = re.sub(r"^-", "Negative prompt: ", described, flags=re.M)
        lines = lines.replace("Guidance Scale:", "CFG scale:").replace(
            "Strength:", "Denoising strength:"
        )
        found = a1111.made(parse(lines))
        return Made("Draw Things", found.prompt, found.negative, found.settings, found.networks,
                    found.models, found.family)  # fmt: skip
    return None


def _draw(table: Table) -> Made:
    values = pick(table, DRAW)
    values["Model"] = stem(table.get("model"))
    inner = as_json(text(table.get("v2"))) if isinstance(table.get("v2"), str) else table.get("v2")
    if is_table(inner) and inner.get("clipSkip") not in (None, 1):
        values["Clip skip"] = inner.get("clipSkip")
    if not text(values.get("Denoising strength")) or values["Denoising strength"] in (1, 1.0):
        values.pop("Denoising strength", None)
    loras = tuple(
        UsedNetwork("lora", name, text(row.get("weight")))
        for row in items(table.get("lora"))
        if is_table(row) and (name := stem(row.get("model")))
    )
    models: tuple[UsedModel, ...] = model("checkpoint", stem(table.get("model")))
    models += model("refiner", stem(table.get("refiner")))
    said = settings(values)
    prompt, negative = text(table.get("c")) or "", text(table.get("uc")) or ""
    return Made("Draw Things", prompt, negative, said, loras, models, a1111.family(said))
