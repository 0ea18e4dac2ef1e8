"""Recognizes networks that are added to a model: LoRA and its kin, and embeddings.

Every trainer names a module in its own way (`lora_unet_blocks_0_ffn_0`,
`diffusion_model.blocks.0.ffn.0`). Without the prefix and with every dot an underscore they are one
name, and that name with the widths of its matrices says what the network was made for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

from sdops import profile
from sdops.checkpoint.identify.rules import Match, Shapes

_LEAST_SHARE = 0.2
"""The share of a network's tensors that end as a network's do; the rest are alphas and norms."""
_MOST_IN_EMBEDDING = 64
_HINTS = (
    "lora",
    "hada_",
    "lokr_",
    "oft_",
    "lycoris",
    ".on_input",
    ".diff",
    ".w_norm",
    "set_weight",
)
"""Every network has one of these in its names: looking for them is quick."""
_PREFIX = re.compile(
    r"^(?:base_model\.model\.|model\.diffusion_model\.|diffusion_model\.|unet\.|transformer\."
    r"|lora_unet__?|lora_transformer_|lora_prior_unet_|lora_prior_|lycoris_|lora_)+"
)
_END = re.compile(
    r"(?P<dot>[._])(?P<end>lora_(?:down|up|mid|A|B)|lora[12]?\.(?:down|up)"
    r"|lora_linear_layer\.(?:down|up)|hada_[wt][12](?:_[ab])?|lokr_[wt][12](?:_[ab])?"
    r"|b?oft_(?:blocks|diag|R)|[ab][12]|diff(?:_b)?|w_norm|b_norm|set_weight|on_input)"
    r"(?:\.default(?:_\d+)?)?(?:\.weight)?$"
)


class _Module(NamedTuple):
    """A module that the network changes."""

    name: str
    """Without prefix, every dot an underscore."""
    stem: str
    """As the file says it."""
    parts: dict[str, tuple[int, ...]]
    """Shapes by what each tensor is: `lora_down`, `hada_w1_a`, …"""


def match_network(shapes: Shapes) -> tuple[Match, str] | None:
    """What network `shapes` are, and its kind (`lora`, `loha`, …); None if they are none."""
    names = "\n".join(shapes)
    if not any(hint in names for hint in _HINTS):
        return None
    table = profile.load("models/networks")
    rows = [row for row in table["network"] if _compiled(row["ends"]).search(names)]
    if not rows:
        return None
    modules = tuple(_modules(shapes))
    if sum(len(module.parts) for module in modules) < _LEAST_SHARE * len(shapes):
        return None
    kind = _kind(rows, modules)
    base = next((row for row in table["base"] if _fits(row, modules)), None)
    if base is None:
        base = {"id": "unknown", "name": "unknown model", "source": ""}
    naming = next((r["name"] for r in table["naming"] if _compiled(r["stem"]).search(names)), "")
    title = f"{kind['name']} for {base['name']}" + (f" ({naming})" if naming else "")
    row = {**base, "name": title}
    return Match(row, "", _evidence(base, kind, modules)), str(kind["id"])


def match_embedding(shapes: Shapes) -> Match | None:
    """What textual inversion `shapes` are, by names that programs give and by widths."""
    if not 0 < len(shapes) <= _MOST_IN_EMBEDDING:
        return None
    rows = profile.load("models/networks")["embedding"]
    for name, shape in sorted(shapes.items(), key=lambda item: item[0] != "clip_g"):
        for row in rows:
            if shape and shape[-1] == row["width"] and _compiled(row["names"]).search(name):
                title = f"embedding (textual inversion) for {row['name']}"
                return Match({**row, "name": title}, "", (f"{name} is {shape[-1]} wide",))
    return None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.MULTILINE)


def _modules(shapes: Shapes) -> Iterator[_Module]:
    found: dict[str, _Module] = {}
    for name, shape in shapes.items():
        end = _END.search(name)
        if end is None:
            continue
        stem = name[: end.start()]
        module = found.get(stem)
        if module is None:
            plain = _PREFIX.sub("", stem).replace(".", "_")
            module = found[stem] = _Module(plain, name, {})
        module.parts[
            end["end"].replace("lora_linear_layer.", "lora_").replace("lora.", "lora_")
        ] = shape
    yield from found.values()


def _kind(rows: list[Mapping[str, Any]], modules: tuple[_Module, ...]) -> Mapping[str, Any]:
    kind = rows[0]
    if kind["id"] == "lora" and any(
        len(shape) == 4 and max(shape[2:]) > 1
        for module in modules
        for part, shape in module.parts.items()
        if part in ("lora_down", "lora_A")
    ):
        return {**kind, "id": "locon", "name": "LoCon"}
    return kind


def _fits(row: Mapping[str, Any], modules: tuple[_Module, ...]) -> bool:
    fitting = modules
    if "target" in row:
        search = _compiled(row["target"]).search
        fitting = tuple(module for module in fitting if search(module.name))
    if "stem" in row:
        search = _compiled(row["stem"]).search
        fitting = tuple(module for module in fitting if search(module.stem))
    if "inputs" in row:
        fitting = tuple(module for module in fitting if _inputs(module.parts) in row["inputs"])
    if "outputs" in row:
        fitting = tuple(module for module in fitting if _outputs(module.parts) in row["outputs"])
    if "ndim" in row:
        fitting = tuple(
            module
            for module in fitting
            if any(len(shape) == row["ndim"] for shape in module.parts.values())
        )
    if not fitting:
        return False
    if "none" in row and any(_compiled(row["none"]).search(module.name) for module in modules):
        return False
    return not (
        "none_stem" in row
        and any(_compiled(row["none_stem"]).search(module.stem) for module in modules)
    )


def _inputs(parts: Mapping[str, tuple[int, ...]]) -> int | None:
    """How wide the input of a module is, or None where its matrices do not say."""
    for part in ("lora_down", "lora_A", "lora1.down", "lora2.down", "hada_w1_b", "diff", "b1"):
        if len(parts.get(part, ())) > 1:
            return parts[part][1]
    first, second = _size(parts, "lokr_w1", 1), _size(parts, "lokr_w2", 1)
    return first * second if first and second else None


def _outputs(parts: Mapping[str, tuple[int, ...]]) -> int | None:
    for part in ("lora_up", "lora_B", "lora1.up", "lora2.up", "hada_w1_a", "diff"):
        if parts.get(part):
            return parts[part][0]
    first, second = _size(parts, "lokr_w1", 0), _size(parts, "lokr_w2", 0)
    return first * second if first and second else None


def _size(parts: Mapping[str, tuple[int, ...]], part: str, dimension: int) -> int | None:
    """A side of one factor of a Kronecker product, which may be two matrices itself."""
    for name in (part, f"{part}_{'ab'[dimension]}"):
        if len(parts.get(name, ())) > dimension:
            return parts[name][dimension]
    return None


def _evidence(
    base: Mapping[str, Any], kind: Mapping[str, Any], modules: tuple[_Module, ...]
) -> tuple[str, ...]:
    fitting = [module for module in modules if base["id"] != "unknown" and _fits(base, (module,))]
    shown = (fitting or list(modules))[0]
    width = _inputs(shown.parts)
    return (
        f"names end as those of a {kind['name']} do",
        f"changes {shown.name}" + (f", {width} wide" if width else ""),
    )
