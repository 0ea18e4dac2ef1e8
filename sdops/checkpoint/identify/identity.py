"""Puts together what a model file is: architecture, kind, parts, weights, precision."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sdops.checkpoint.identify import ema
from sdops.checkpoint.identify.components import Component, components
from sdops.checkpoint.identify.rules import Match, Shapes, first_match, table
from sdops.checkpoint.types import Checkpoint, Tensor

UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Identity:
    """What a model file is."""

    architecture: str
    """The id of a row in `profiles/architectures.toml`, or `unknown`."""
    title: str
    kind: str
    """`checkpoint`, `unet`, `dit`, `vae`, `text-encoder`, `upscaler`, an adapter's id, …"""
    evidence: tuple[str, ...]
    """What was seen that says so."""
    components: tuple[Component, ...]
    ema: ema.Ema
    dtypes: Mapping[str, int]
    """Tensors of each element type."""
    parameters: int
    """Numbers in floating-point tensors of the state dict, EMA apart."""
    prediction: str | None = None
    """`epsilon` or `v`, where names or the architecture tell."""


def identify(checkpoint: Checkpoint) -> Identity:
    """What `checkpoint` is, by names and shapes alone; `unknown` rather than a guess."""
    shapes = {tensor.name: tensor.shape for tensor in checkpoint.tensors}
    match, kind = _match(shapes)
    architecture = _architecture(match, kind, shapes)
    parts = components(architecture, shapes) if kind in ("unet", "dit") else ()
    if kind in ("unet", "dit") and len(parts) > 1:
        kind = "checkpoint"
    weights = [
        tensor for tensor in checkpoint.tensors if not tensor.name.startswith(ema.EMA_PREFIX)
    ]
    return Identity(
        architecture=architecture,
        title=match.title if match else "unknown",
        kind=kind,
        evidence=match.evidence if match else (),
        components=parts,
        ema=ema.match(shapes),
        dtypes=dict(Counter(tensor.dtype for tensor in checkpoint.tensors).most_common()),
        parameters=_parameters(weights),
        prediction=_prediction(match, shapes),
    )


def _match(shapes: Shapes) -> tuple[Match | None, str]:
    """The row that fits, and the kind of file that makes it."""
    rows = table()
    prefixes = rows["prefixes"]
    control = [prefixes["control"], ""]
    early = [row for row in rows["adapter"] if row.get("before_models")]
    late = [row for row in rows["adapter"] if not row.get("before_models")]
    if match := first_match(early, shapes, control):
        return match, match.id
    if match := first_match(rows["model"], shapes, prefixes["model"]):
        return match, str(match.row["part"])
    if match := first_match(late, shapes, [""]):
        return match, match.id
    if any(name.startswith(prefixes["model"][0]) for name in shapes):
        return None, UNKNOWN  # a diffusion model of no known shape, whatever stands beside it
    only_averaged = ema.match(shapes).state == "only"
    if only_averaged and any(name.startswith(ema.DIFFUSION_EMA_PREFIX) for name in shapes):
        return None, "ema"  # whatever stands beside it
    for section, kind, places in (
        ("vae", "vae", prefixes["vae"]),
        ("text_encoder", "text-encoder", prefixes["text_encoder"]),
        ("upscaler", "upscaler", [""]),
    ):
        if match := first_match(rows[section], shapes, places):
            return match, kind
    return None, "ema" if only_averaged else UNKNOWN


def _architecture(match: Match | None, kind: str, shapes: Shapes) -> str:
    if match is None:
        return UNKNOWN
    if kind in ("unet", "dit", "motion", "vae", "text-encoder", "upscaler"):
        return match.id
    return _made_for(shapes)


def _made_for(shapes: Shapes) -> str:
    """The architecture that an adapter belongs to, by telling names, else by width."""
    rows = table()
    for row in rows["base_name"]:
        if any(map(re.compile(row["pattern"]).search, shapes)):
            return str(row["architecture"])
    widths = {row["width"]: str(row["architecture"]) for row in rows["base_width"]}
    for row in rows["width_source"]:
        search = re.compile(row["pattern"]).search
        named = filter(search, shapes)
        found = {widths.get(_size(shapes[name], row["dimension"])) for name in named} - {None}
        if len(found) == 1:
            return str(found.pop())
    return UNKNOWN


def _size(shape: tuple[int, ...], dimension: int) -> int | None:
    return shape[dimension] if -len(shape) <= dimension < len(shape) else None


def _prediction(match: Match | None, shapes: Shapes) -> str | None:
    if any(name in shapes for name in table()["names"]["v_prediction_markers"]):
        return "v"
    stated = str(match.row.get("prediction", "")) if match else ""
    return stated if stated in ("epsilon", "v") else None


def _parameters(tensors: Iterable[Tensor]) -> int:
    return sum(tensor.elements for tensor in tensors if "float" in tensor.dtype)
