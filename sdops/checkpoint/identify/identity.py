"""Puts together what a model file is: architecture, kind, parts, weights, precision."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sdops.checkpoint.identify import ema
from sdops.checkpoint.identify.components import Component, components
from sdops.checkpoint.identify.contents import Contents, contents
from sdops.checkpoint.identify.networks import match_embedding, match_network
from sdops.checkpoint.identify.rules import Match, Shapes, first_match, table
from sdops.checkpoint.types import Checkpoint, Tensor

UNKNOWN = "unknown"
_PARTS = (
    ("vae", "vae", "vae"),
    ("vision", "clip-vision", "vision"),
    ("text_encoder", "text-encoder", "text_encoder"),
    ("upscaler", "upscaler", "upscaler"),
)
"""Sections of rows, what a file that fits one is, and the prefixes under which it is looked for."""
_ANYWHERE = ("", "params_ema.", "params.", "module.")


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
    contents: Contents
    """What stands beside the diffusion model, and what is missing."""
    prediction: str | None = None
    """`epsilon` or `v`, where names or the architecture tell."""


def identify(checkpoint: Checkpoint) -> Identity:
    """What `checkpoint` is, by names and shapes alone; `unknown` rather than a guess."""
    shapes = {tensor.name: tensor.shape for tensor in checkpoint.tensors}
    match, kind = recognize(shapes)
    architecture = match.id if match else UNKNOWN
    parts = components(architecture, shapes) if kind in ("unet", "dit") else ()
    inside = contents(architecture, shapes) if kind in ("unet", "dit") else Contents((), ())
    if kind in ("unet", "dit") and (len(parts) > 1 or inside.holds):
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
        contents=inside,
        prediction=_prediction(match, shapes),
    )


def recognize(shapes: Shapes) -> tuple[Match | None, str]:
    """The row that fits, and the kind of file that makes it."""
    rows = table()
    prefixes = rows["prefixes"]
    if match := first_match(rows["control"], shapes, prefixes["control"]):
        return match, str(match.row["kind"])
    if network := match_network(shapes):
        return network
    if match := first_match(rows["model"], shapes, prefixes["model"]):
        return match, str(match.row["part"])
    if match := match_embedding(shapes):
        return match, "textual-inversion"
    if any(name.startswith(prefixes["model"][0]) for name in shapes):
        return None, UNKNOWN  # a diffusion model of no known shape, whatever stands beside it
    only_averaged = ema.match(shapes).state == "only"
    if only_averaged and any(name.startswith(ema.DIFFUSION_EMA_PREFIX) for name in shapes):
        return None, "ema"  # whatever stands beside it
    for section, kind, places in _PARTS:
        if match := first_match(rows[section], shapes, prefixes.get(places, _ANYWHERE)):
            return match, kind
    return None, "ema" if only_averaged else UNKNOWN


def _prediction(match: Match | None, shapes: Shapes) -> str | None:
    if any(name in shapes for name in table()["names"]["v_prediction_markers"]):
        return "v"
    stated = str(match.row.get("prediction", "")) if match else ""
    return stated if stated in ("epsilon", "v") else None


def _parameters(tensors: Iterable[Tensor]) -> int:
    return sum(tensor.elements for tensor in tensors if "float" in tensor.dtype)
