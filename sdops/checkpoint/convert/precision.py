"""Which element type each tensor gets: what the user asked for, except where it would break it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cache

from sdops import profile
from sdops.checkpoint.types import Tensor
from sdops.checkpoint.write.casting import FLOATS
from sdops.errors import UsageError

KEEP = "keep"
WORDS = {"fp16": "float16", "bf16": "bfloat16", "fp32": "float32", KEEP: KEEP}
COMPONENTS = {
    "unet": ("model.diffusion_model.", "model_ema."),
    "vae": ("first_stage_model.", "vae."),
    "text-encoder": ("cond_stage_model.", "conditioner.", "text_encoders."),
}
"""Name prefixes of the parts whose type can be chosen apart (profiles/components.toml)."""


@dataclass(frozen=True, slots=True)
class Precision:
    """The types asked for, as torch names them or `keep`."""

    default: str = KEEP
    components: Mapping[str, str] = field(default_factory=dict)
    """By a key of COMPONENTS; overrides the default for that part."""

    @classmethod
    def of(cls, default: str | None, components: Mapping[str, str | None]) -> Precision:
        """Reads the words of the command line (`fp16`, `bf16`, `fp32`, `keep`).

        Raises:
            UsageError: there is no such type.
        """
        chosen = {part: _word(word) for part, word in components.items() if word is not None}
        return cls(_word(default or KEEP), chosen)


def dtype_for(tensor: Tensor, precision: Precision) -> str:
    """The type that `tensor` is written in.

    Integers, booleans, 8-bit floats with their scales, and marker tensors (`v_pred`, `ztsnr`) keep
    theirs: their numbers are not weights, or already are as small as they may be.
    """
    wanted = precision.default
    for part, word in precision.components.items():
        if tensor.name.startswith(COMPONENTS[part]):
            wanted = word
    if wanted == KEEP or tensor.dtype not in FLOATS or _is_marker(tensor.name):
        return tensor.dtype
    return wanted


def idle_parts(names: Collection[str], precision: Precision) -> tuple[str, ...]:
    """A sentence about each part whose type was chosen though none of the tensors belongs to it."""
    return tuple(
        f"No tensor is named as part of a {part}, so that --{part}-dtype changes nothing; --dtype"
        " changes all."
        for part in precision.components
        if not any(name.startswith(COMPONENTS[part]) for name in names)
    )


def _is_marker(name: str) -> bool:
    markers = profile.load("uncast_tensors")
    return name in _exact() or name.endswith(tuple(row["suffix"] for row in markers["suffix"]))


@cache
def _exact() -> frozenset[str]:
    return frozenset(row["name"] for row in profile.load("uncast_tensors")["exact"])


def _word(word: str) -> str:
    try:
        return WORDS[word.casefold()]
    except KeyError:
        raise UsageError(
            f"There is no precision {word!r}.", f"Choose one of {', '.join(WORDS)}."
        ) from None
