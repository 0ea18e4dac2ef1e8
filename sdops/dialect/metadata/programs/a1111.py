"""A1111, Forge and its forks, SD.Next, Civitai's rewrites: infotext and what they add to it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from sdops.dialect.infotext import Infotext, parse, says_nothing
from sdops.dialect.metadata.made import Made, UsedModel, UsedNetwork
from sdops.dialect.metadata.programs.values import (
    is_table,
    items,
    model,
    networks_in,
    settings,
    stem,
    text,
)
from sdops.dialect.metadata.texts import Texts

PLACES = ("parameters", "UserComment", "text", "ImageDescription", "XPComment", "comment",
          "XMP:parameters", "XMP:UserComment", "XMP:description", "Description")  # fmt: skip
FLOW_SETTINGS = ("Distilled CFG Scale", "Shift")
HASH_LISTS = {"Lora hashes": "lora", "Lyco hashes": "lyco", "TI hashes": "embedding"}
EMBEDDING_KINDS = {"embed": "embedding", "textualinversion": "embedding", "locon": "lora",
                   "lycoris": "lora", "dora": "lora", "hypernetwork": "hypernet"}  # fmt: skip


def read(texts: Texts) -> Made | None:
    """What infotext in any of its places says."""
    for place in PLACES:
        written = texts.named.get(place)
        if written is None or texts.json(place) is not None:
            continue
        found = parse(written)
        if found.parameters or place == "parameters":
            return made(found)
    return None


def made(found: Infotext) -> Made:
    """What an infotext says, with its networks and models taken out of its parameters."""
    parameters = {name: str(value) for name, value in found.parameters.items()}
    said = {name: value for name, value in parameters.items() if not says_nothing(name, value)}
    networks = _networks(found, said)
    return Made(
        program=program(said),
        prompt=found.prompt,
        negative=found.negative,
        settings=said,
        networks=networks,
        models=tuple(_models(said)),
        family=family(said),
        not_understood=found.unread,
    )


def program(parameters: Mapping[str, str]) -> str:
    """Who wrote these parameters, by the marks that each program leaves."""
    app, version = parameters.get("App", ""), parameters.get("Version", "")
    if app:
        return app
    if "Civitai resources" in parameters or "Civitai metadata" in parameters:
        return "Civitai"
    for pattern, name in (
        (r"ComfyUI", "ComfyUI"), (r"sdops", "sdops"), (r"Fooocus", "Fooocus"),
        (r"neo\b", "Forge Neo"), (r"classic\b", "Forge Classic"),
        (r"f\d+\.\d+\.\d+v2", "reForge"), (r"f\d", "Forge"),
        (r"v?\d+\.\d+\.\d+", "A1111"),
    ):  # fmt: skip
        if re.match(pattern, version, re.IGNORECASE):
            return name
    if parameters.keys() & {"Backend", "Pipeline", "Parser", "Operations"}:
        return "SD.Next"
    if any(re.match(r"Module \d", name) for name in parameters):
        return "Forge"
    return "A1111"


def family(parameters: Mapping[str, str]) -> str | None:
    """The kind of model that these settings can only belong to."""
    sampler = f"{parameters.get('Sampler', '')} {parameters.get('Schedule type', '')}".casefold()
    modules = " ".join(value for name, value in parameters.items() if name.startswith("Module"))
    if "t5" in modules.casefold() or any(name in parameters for name in FLOW_SETTINGS):
        return "a flow model such as Flux or SD3"
    if "flow" in sampler or "flux" in sampler:
        return "a flow model such as Flux or SD3"
    named = parameters.get("Model", "").casefold()
    return next(
        (label for word, label in (("flux", "Flux"), ("sd3", "SD3"), ("stable-diffusion-3", "SD3"),
                                   ("pixart", "PixArt"), ("hunyuan", "Hunyuan"),
                                   ("qwen", "Qwen-Image"), ("chroma", "Chroma"))
         if re.search(rf"(?<![a-z]){word}", named)), None,
    )  # fmt: skip


def _networks(found: Infotext, parameters: Mapping[str, str]) -> tuple[UsedNetwork, ...]:
    prompts = (found.prompt, found.negative, parameters.get("Hires prompt", ""))
    hashes = {name: digest for _, name, digest in _hashes(parameters)}
    tagged = [
        UsedNetwork(each.kind, each.name, each.weight, hashes.get(each.name))
        for each in networks_in(*prompts)
    ]
    names = {each.name for each in tagged}
    listed = [
        UsedNetwork(kind, name, None, digest)
        for kind, name, digest in _hashes(parameters)
        if kind not in ("model", "vae") and name not in names
    ]
    extra = [
        each for each in (*_of_civitai(parameters), *_of_addnet(parameters))
        if each.name not in names | {row.name for row in listed}
    ]  # fmt: skip
    return (*tagged, *listed, *extra)


def _hashes(parameters: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """(kind, name, hash) of every list of hashes; each name once."""
    seen = set()
    for name, kind in HASH_LISTS.items():
        for pair in filter(None, map(str.strip, parameters.get(name, "").split(","))):
            key, _, digest = pair.rpartition(":")
            if key and key.strip() not in seen:
                seen.add(key.strip())
                yield kind, key.strip(), digest.strip()
    table = _json(parameters.get("Hashes"))
    for key, value in table.items() if is_table(table) else ():
        kind, _, name = key.partition(":")
        hashed = text(value)
        if hashed and (name or kind) not in seen:
            seen.add(name or kind)
            yield EMBEDDING_KINDS.get(kind.casefold(), kind.casefold()), name or kind, hashed


def _of_civitai(parameters: Mapping[str, str]) -> Iterator[UsedNetwork]:
    for row in items(_json(parameters.get("Civitai resources"))):
        if not is_table(row):
            continue
        kind = str(row.get("type", "")).casefold()
        name = text(row.get("modelName")) or text(row.get("modelVersionId"))
        if name and kind not in ("checkpoint", "model", "upscaler", "vae"):
            yield UsedNetwork(EMBEDDING_KINDS.get(kind, kind), name, text(row.get("weight")))


def _of_addnet(parameters: Mapping[str, str]) -> Iterator[UsedNetwork]:
    """Those of the extension Additional Networks: `AddNet Model 1: name(hash)`."""
    for number in range(1, 6):
        written = parameters.get(f"AddNet Model {number}")
        if written:
            match = re.fullmatch(r"(.*?)(?:\(([0-9a-f]+)\))?", written)
            name, digest = (match[1], match[2]) if match else (written, None)
            weight = parameters.get(f"AddNet Weight {number}")
            weight = weight or parameters.get(f"AddNet Weight A {number}")
            yield UsedNetwork("lora", name, weight, digest)


def _models(parameters: Mapping[str, str]) -> Iterator[UsedModel]:
    hashes = {
        name: digest for kind, name, digest in _hashes(parameters) if kind in ("model", "vae")
    }
    digest = parameters.get("Model hash") or hashes.get("model")
    yield from model("checkpoint", parameters.get("Model"), digest)
    yield from model("vae", parameters.get("VAE"), parameters.get("VAE hash") or hashes.get("vae"))
    for name, kind in (("Refiner", "refiner"), ("Hires checkpoint", "checkpoint of the hires pass"),
                       ("Hires upscaler", "upscaler")):  # fmt: skip
        value = parameters.get(name)
        if value and not (kind == "upscaler" and re.match(r"Latent|None|Lanczos|Nearest", value)):
            match = re.fullmatch(r"(.*?)(?: \[([0-9a-f]+)\])?", value)
            yield UsedModel(kind, match[1] if match else value, match[2] if match else None)
    for name, value in parameters.items():
        if re.fullmatch(r"(Hires )?Module \d+", name) and value != "Built-in":
            yield UsedModel("vae or text encoder", value)
    for row in items(_json(parameters.get("Civitai resources"))):
        if is_table(row) and str(row.get("type", "")).casefold() in ("checkpoint", "model"):
            title = text(row.get("modelName"))
            if title and title != parameters.get("Model"):
                yield UsedModel("checkpoint", title, None)


def _json(written: str | None) -> object:
    try:
        found: object = json.loads(written or "null")
    except (ValueError, RecursionError):
        return None
    return found


def of_civitai_api(table: Mapping[str, object]) -> Made | None:
    """What civitai.com's API calls the `meta` of a picture."""
    if not (isinstance(table.get("prompt"), str) and {"cfgScale", "steps"} & table.keys()):
        return None
    known = {"steps": "Steps", "sampler": "Sampler", "cfgScale": "CFG scale", "seed": "Seed",
             "clipSkip": "Clip skip"}  # fmt: skip
    skipped = {
        "prompt",
        "negativePrompt",
        "resources",
        "hashes",
        "civitaiResources",
        "Civitai resources",
    }
    named = {known.get(name, name): value for name, value in table.items() if name not in skipped}
    hashes = table.get("hashes")
    prompt, negative = str(table["prompt"]), text(table.get("negativePrompt")) or ""
    said = settings(named)
    if is_table(hashes):
        said["Hashes"] = json.dumps(hashes)
    for name in ("resources", "civitaiResources"):
        if items(table.get(name)):
            rows = [{"modelName": stem(row.get("name") or row.get("modelVersionId")), **row}
                    for row in items(table[name]) if is_table(row)]  # fmt: skip
            said["Civitai resources"] = json.dumps(rows)
    found = made(Infotext(prompt, negative, said))
    return Made("Civitai", prompt, negative, said, found.networks, found.models, found.family)
