"""ComfyUI: from the saved picture back along the links to sampler, prompts, model and size."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from sdops.dialect.metadata.made import Made, UsedModel, UsedNetwork
from sdops.dialect.metadata.programs import a1111
from sdops.dialect.metadata.programs.comfy_graph import (
    Graph,
    Input,
    Link,
    Node,
    of_api,
    of_workflow,
)
from sdops.dialect.metadata.programs.values import (
    is_table,
    model,
    networks_in,
    settings,
    size,
    stem,
    text,
)
from sdops.dialect.metadata.texts import Texts, as_json

PROGRAM = "ComfyUI"
DEEPEST = 200
IMAGES = ("images", "image", "samples", "latent_image", "latent", "pixels", "image1", "images_a")
"""Inputs along which a picture comes, in the order they are tried."""
CONDITIONS = ("positive", "conditioning", "conditioning_1", "conditioning_2", "conditioning_to",
              "conditioning_from", "base_positive", "cond1", "cond2")  # fmt: skip
WORDS = ("populated_text", "text", "string", "prompt", "value", "positive", "text_g", "t5xxl",
         "wildcard_text", "string_a", "string_b", "text_a", "text_b", "text_c", "text_d", "text1",
         "text2", "text_0", "clip_l", "any", "anything", "source")  # fmt: skip
NUMBERS = ("value", "seed", "int", "number", "noise_seed", "float", "Number", "a", "any", "source")
CHECKPOINTS = ("ckpt_name", "unet_name", "base_ckpt_name", "gguf_name", "model_name", "model_path")
FOLLOWED_TO_NOTHING = ("ConditioningZeroOut",)


@dataclass(slots=True)
class Walk:
    """A graph, and what could not be followed in it."""

    graph: Graph
    lost: dict[str, None] = field(default_factory=dict)
    said: dict[tuple[str, Link], str] = field(default_factory=dict)
    """What a link was found to say; nothing while it is being followed, so that circles end."""

    def once(self, what: str, link: Link, find: Callable[[], str]) -> str:
        """What `find` finds for a `link`, asked once however many nodes it feeds."""
        if (what, link) not in self.said:
            self.said[what, link] = ""
            self.said[what, link] = find()
        return self.said[what, link]

    def node(self, link: Input) -> Node | None:
        """The node that feeds an input, past those that only hand on."""
        for _ in range(DEEPEST):
            if not isinstance(link, Link):
                return None
            node = self.graph.get(link.node)
            if node is None:
                return None
            onward = next((each for _, each in node.links()), None)
            if node.kind.partition(" ")[0] != "Reroute" or onward is None:
                return node
            link = onward
        return None


def read(texts: Texts) -> Made | None:
    """What a picture of ComfyUI says."""
    for graph in _graphs(texts):
        made = follow(graph)
        if made is not None:
            extra = a1111.read(texts) if "parameters" in texts.named else None
            return _with_hashes(made, extra)
    return None


def _graphs(texts: Texts) -> Iterator[Graph]:
    for read_graph, names in (
        (of_api, ("prompt", "Prompt")),
        (of_workflow, ("workflow", "Workflow")),
    ):
        found = [texts.json(name) for name in names]
        # In WebP, JPEG and AVIF the two stand behind their names in EXIF's Make, Model and others.
        marks = [as_json(value.partition(":")[2]) for value in texts.named.values()
                 if re.match(rf"{names[0]}\s*:\s*\{{", value, re.IGNORECASE)]  # fmt: skip
        whole = [texts.json(name) for name in ("UserComment", "ImageDescription", "comment", "text",
                                               "parameters")]  # fmt: skip
        inner = [each.get(names[0]) for each in whole if is_table(each)]
        for table in (*found, *marks, *inner, *whole):
            graph = read_graph(as_json(table) if isinstance(table, str) else table)
            if graph:
                yield graph


def _with_hashes(made: Made, extra: Made | None) -> Made:
    """`made` with what a node that writes infotext knew besides; it has hashes."""
    if extra is None or not extra.settings:
        return made
    said = {**made.settings, **{n: v for n, v in extra.settings.items() if n not in made.settings}}
    return Made(
        PROGRAM,
        made.prompt or extra.prompt,
        made.negative or extra.negative,
        said,
        extra.networks or made.networks,
        extra.models or made.models,
        made.family or extra.family,
        made.not_understood,
    )


def follow(graph: Graph) -> Made | None:
    """How the picture that `graph` saves is made; None if nothing in it samples."""
    walk = Walk(graph)
    chain = next(filter(None, (_samplers(walk, start) for start in _outputs(graph))), None)
    if not chain:
        chain = [node for node in graph.values() if _is_sampler(node)][:1]
    if not chain:
        return None
    first, last = chain[-1], chain[0]
    values = _sampling(walk, first)
    if last is not first:
        second = _sampling(walk, last)
        values |= {"Denoising strength": second.get("Denoising strength"),
                   "Hires steps": second.get("Steps")}  # fmt: skip
        values |= {f"Hires {name}": second[old] for name, old in (("sampler", "Sampler"),)
                   if second.get(old) != values.get(old)}  # fmt: skip
    sides = _conditions(walk, first)
    prompt, negative = (_prompt(walk, link) for link in sides)
    networks, models, more = _model_chain(walk, first)
    values |= more
    values |= _clip_skip(walk, sides[0])
    models += _vae(walk)
    values["Model"] = next((stem(each.name) for each in models if each.kind == "checkpoint"), None)
    values["VAE"] = next((each.name for each in models if each.kind == "vae"), None)
    said = settings(values)
    seen = {each.name for each in networks}
    tagged = (each for each in networks_in(prompt, negative) if each.name not in seen)
    return Made(PROGRAM, prompt, negative, said, (*networks, *tagged), models,
                a1111.family(said), tuple(walk.lost))  # fmt: skip


def _outputs(graph: Graph) -> list[Link]:
    """What is saved or shown, saved pictures first."""
    fed = {link.node for node in graph.values() for _, link in node.links()}
    ends = [
        (not re.search(r"save", node.kind, re.I), link)
        for name, node in graph.items()
        for key, link in node.links()
        if key in IMAGES and (name not in fed or re.search(r"save|preview", node.kind, re.I))
    ]
    return [link for _, link in sorted(ends, key=lambda end: end[0])]


def _is_sampler(node: Node) -> bool:
    names = node.inputs.keys()
    has_seed = bool(names & {"seed", "noise_seed", "noise"})
    is_plain = has_seed and bool(names & {"sampler_name", "sampler"}) and "image" not in names
    return is_plain or (node.kind.startswith("SamplerCustom") and has_seed)


def _samplers(walk: Walk, start: Link) -> list[Node]:
    """The samplers on the way from a saved picture back to its noise, the last first."""
    found: list[Node] = []
    link: Input = start
    for _ in range(DEEPEST):
        node = walk.node(link)
        if node is None:
            break
        if _is_sampler(node):
            found.append(node)
        elif "sampler_name" in node.inputs:
            walk.lost[f"{node.kind} changed the picture afterwards"] = None
        links = dict(node.links())
        onward = next((links[name] for name in IMAGES if name in links), None)
        if onward is None and not _is_sampler(node):
            onward = next((each for each in links.values()), None)
        if onward is None:
            break
        link = onward
    return found


def _sampling(walk: Walk, node: Node) -> dict[str, object]:
    """Steps, sampler, schedule, scale, seed, strength and size of a sampler."""
    parts = [node, *(part for name in ("noise", "guider", "sampler", "sigmas")
                     if (part := walk.node(node.inputs.get(name))) is not None)]  # fmt: skip
    if "sigmas" in node.inputs:
        parts += _before(walk, walk.node(node.inputs["sigmas"]), "sigmas")

    def first(*names: str) -> object:
        for part in parts:
            for name in names:
                if name in part.inputs:
                    return number(walk, part.inputs[name])
        return None

    strength = first("denoise")
    values = {
        "Steps": first("steps"),
        "Sampler": first("sampler_name"),
        "Schedule type": first("scheduler"),
        "CFG scale": first("cfg", "cfg_scale"),
        "Seed": first("noise_seed", "seed"),
        "Denoising strength": None if strength in (1, 1.0) else strength,
        "Size": _size(walk, node),
        "Distilled CFG Scale": _guidance(walk, node),
    }
    if values["Sampler"] is None and "sampler" in node.inputs:
        chosen = walk.node(node.inputs["sampler"])
        if chosen is not None:
            values["Sampler"] = re.sub(r"^Sampler(?=[A-Z])", "", chosen.kind)
    return values


def _before(walk: Walk, node: Node | None, name: str) -> list[Node]:
    found: list[Node] = []
    for _ in range(DEEPEST):
        node = walk.node(node.inputs.get(name)) if node else None
        if node is None:
            return found
        found.append(node)
    return found


def number(walk: Walk, value: Input, depth: int = 0) -> object:
    """A value, or what the nodes that feed it have for one."""
    if not isinstance(value, Link):
        return value
    node = walk.node(value)
    if node is None or depth > DEEPEST:
        return None
    for name in NUMBERS:
        if name in node.inputs:
            return number(walk, node.inputs[name], depth + 1)
    plain = [each for each in node.inputs.values() if isinstance(each, int | float | str)]
    if len(plain) == 1:
        return plain[0]
    walk.lost[f"a value that {node.kind} computed"] = None
    return None


def _size(walk: Walk, node: Node) -> str | None:
    link: Input = node.inputs.get("latent_image", node.inputs.get("latent"))
    for _ in range(DEEPEST):
        source = walk.node(link)
        if source is None:
            return None
        for across, down in (("width", "height"), ("empty_latent_width", "empty_latent_height")):
            if across in source.inputs and down in source.inputs:
                return size(number(walk, source.inputs[across]), number(walk, source.inputs[down]))
        dimensions = re.search(
            r"(\d{2,5})\s*x\s*(\d{2,5})",
            str(source.inputs.get("dimensions", "") or source.inputs.get("resolution", "")),
        )
        if dimensions:
            return size(*dimensions.groups())
        links = dict(source.links())
        link = next((links[name] for name in IMAGES if name in links), None)
    return None


def _guidance(walk: Walk, node: Node) -> object:
    """What FluxGuidance, or the encoder for Flux, was given."""
    link = _conditions(walk, node)[0]
    for _ in range(DEEPEST):
        source = walk.node(link)
        if source is None:
            return None
        if "guidance" in source.inputs:
            return number(walk, source.inputs["guidance"])
        links = dict(source.links())
        link = next((links[name] for name in CONDITIONS if name in links), None)
    return None


def _conditions(walk: Walk, node: Node) -> tuple[Input, Input]:
    """What feeds the positive and the negative side of a sampler."""
    guider = walk.node(node.inputs.get("guider"))
    for part in filter(None, (node, guider)):
        if "positive" in part.inputs:
            return part.inputs["positive"], part.inputs.get("negative")
        if "conditioning" in part.inputs:
            return part.inputs["conditioning"], None
    loader = walk.node(node.inputs.get("model"))
    if loader is not None and "positive" in loader.inputs:
        return loader.inputs["positive"], loader.inputs.get("negative")
    return None, None


def _prompt(walk: Walk, link: Input, depth: int = 0) -> str:
    """The words that a conditioning was made of."""
    if isinstance(link, Link):
        return walk.once("prompt", link, lambda: _prompt_behind(walk, link, depth))
    return link.strip() if isinstance(link, str) else ""


def _prompt_behind(walk: Walk, link: Link, depth: int) -> str:
    node = walk.node(link)
    if node is None or depth > DEEPEST or node.kind in FOLLOWED_TO_NOTHING:
        return ""
    if {"positive", "negative"} <= node.inputs.keys():
        sides = (node.inputs["positive"], node.inputs["negative"])
        if isinstance(sides[0], str):  # a loader with its prompts inside
            return str(sides[0 if link.slot <= 1 else 1]).strip()
        return _prompt(walk, sides[min(link.slot, 1)], depth + 1)
    if {"text_g", "text_l"} <= node.inputs.keys() or {"clip_l", "t5xxl"} <= node.inputs.keys():
        names = ("text_g", "text_l") if "text_g" in node.inputs else ("t5xxl", "clip_l")
        return "\n".join(dict.fromkeys(filter(None, (words(walk, node.inputs[n]) for n in names))))
    links = dict(node.links())
    conditions = [links[name] for name in CONDITIONS if name in links]
    if conditions:
        joint = " BREAK " if "Concat" in node.kind else " AND "
        parts = dict.fromkeys(filter(None, (_prompt(walk, each, depth + 1) for each in conditions)))
        return joint.join(parts)
    if any(name in node.inputs for name in WORDS):
        return words(walk, link)
    walk.lost[f"the prompt behind {node.kind}"] = None
    return ""


def words(walk: Walk, value: Input, depth: int = 0) -> str:
    """A text, or what the nodes that feed it come to."""
    if not isinstance(value, Link):
        return text(value) or ""
    return walk.once("words", value, lambda: _words_behind(walk, value, depth))


def _words_behind(walk: Walk, value: Link, depth: int) -> str:
    node = walk.node(value)
    if node is None or depth > DEEPEST:
        return ""
    if isinstance(node.inputs.get("populated_text"), str):
        return str(node.inputs["populated_text"]).strip()
    parts = [words(walk, node.inputs[name], depth + 1) for name in WORDS if name in node.inputs]
    if not parts:
        walk.lost[f"the text that {node.kind} made"] = None
    delimiter = node.inputs.get("delimiter", node.inputs.get("separator"))
    joint = delimiter if isinstance(delimiter, str) else ", "
    return joint.join(dict.fromkeys(filter(None, parts)))


def _model_chain(
    walk: Walk, sampler: Node
) -> tuple[tuple[UsedNetwork, ...], tuple[UsedModel, ...], dict[str, object]]:
    """The networks and the model between a sampler and the file, and settings on the way."""
    networks: list[UsedNetwork] = []
    models: tuple[UsedModel, ...] = ()
    more: dict[str, object] = {}
    guider = walk.node(sampler.inputs.get("guider"))
    node: Node | None = sampler
    link = sampler.inputs.get("model", guider.inputs.get("model") if guider else None)
    for _ in range(DEEPEST):
        node = walk.node(link)
        if node is None:
            break
        networks += _networks_of(walk, node)
        if "shift" in node.inputs:
            more["Shift"] = number(walk, node.inputs["shift"])
        named = next((number(walk, node.inputs[name]) for name in CHECKPOINTS
                      if name in node.inputs), None)  # fmt: skip
        if named is not None:
            models = model("checkpoint", named)
            if text(node.inputs.get("vae_name")) not in (None, "Baked VAE"):
                models += model("vae", node.inputs["vae_name"])
            break
        links = dict(node.links())
        link = links.get("model", links.get("model1"))
        if link is None:
            walk.lost[f"the model behind {node.kind}"] = None
    return tuple(reversed(networks)), models, more


def _networks_of(walk: Walk, node: Node) -> Iterator[UsedNetwork]:
    inputs = node.inputs
    for name, value in inputs.items():
        row = re.fullmatch(r"lora_name(_?\d*)|lora_(\d+)_?(?:name)?|lora_wt", name)
        if is_table(value) and "lora" in value:  # rgthree's Power Lora Loader
            if value.get("on", True) and text(value.get("lora")) not in (None, "None"):
                yield UsedNetwork("lora", stem(value["lora"]) or "", text(value.get("strength")))
            continue
        if row is None:
            continue
        known = stem(number(walk, value))
        number_ = row[1] or (f"_{row[2]}" if row[2] else "")
        if not known or known == "None" or text(inputs.get(f"switch{number_}")) == "Off":
            continue
        weight = next(
            (inputs[key] for key in (f"strength_model{number_}", f"model_weight{number_}",
                                     f"lora_model_strength{number_}", f"lora_wt{number_}",
                                     f"model_str{number_}", f"strength{number_}",
                                     "lora_model_strength") if key in inputs), None)  # fmt: skip
        if known and weight not in (0, 0.0):
            yield UsedNetwork("lora", known, text(number(walk, weight)))
    stack = walk.node(inputs.get("lora_stack", inputs.get("optional_lora_stack")))
    if stack is not None:
        yield from _networks_of(walk, stack)


def _clip_skip(walk: Walk, link: Input) -> dict[str, object]:
    for _ in range(DEEPEST):
        node = walk.node(link)
        if node is None:
            return {}
        if "stop_at_clip_layer" in node.inputs or "clip_skip" in node.inputs:
            value = number(
                walk, node.inputs.get("stop_at_clip_layer", node.inputs.get("clip_skip"))
            )
            skip = abs(value) if isinstance(value, int) else 1
            return {"Clip skip": skip} if skip > 1 else {}
        links = dict(node.links())
        link = next((links[name] for name in (*CONDITIONS, "clip") if name in links), None)
    return {}


def _vae(walk: Walk) -> tuple[UsedModel, ...]:
    """The VAE that decodes, where it is a file of its own."""
    for node in walk.graph.values():
        if "vae" in node.inputs and re.search(r"VAEDecode", node.kind):
            loader = walk.node(node.inputs["vae"])
            if (
                loader is not None
                and "vae_name" in loader.inputs
                and "ckpt_name" not in loader.inputs
            ):
                return model("vae", number(walk, loader.inputs["vae_name"]))
    return ()
