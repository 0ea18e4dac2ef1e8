"""Which element type each tensor gets: what the user asked for, except where it would break it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
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


_PACKED = frozenset({"uint8", "int8", "int16", "uint16", "int32", "uint32", "float8_e4m3fn",
                     "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu", "f4",
                     "f6_e2m3", "f6_e3m2"})  # fmt: skip
_FLOAT8 = frozenset({"float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz"})


class Packed:
    """The modules of a model whose weights are packed: whose floats mean something else there.

    Scales, zero points, code books and low-rank parts of quantized weights lie beside them
    (GPTQ, AWQ, SVDQuant, scaled fp8, MXFP) or below them (bitsandbytes, quanto). Cast to fewer
    bits they are other numbers, and loaders expect them in the type that they have.
    """

    def __init__(self, tensors: Iterable[tuple[str, str]]) -> None:
        """Looks through the names and types of all tensors of a model."""
        self._modules: set[str] = set()
        self._weights: set[str] = set()
        self._plain_bias: set[str] = set()
        for name, dtype in tensors:
            if dtype not in _PACKED:
                continue
            module, _, last = name.rpartition(".")
            self._weights.add(name)
            if not module:
                continue  # side by side without a module: they need not belong together
            self._modules.add(module)
            if module.endswith(("weight", "_data")):  # quanto: X.weight._data
                self._modules.add(module.rpartition(".")[0])
            if dtype in _FLOAT8 and last == "weight":
                self._plain_bias.add(module)

    def holds(self, name: str) -> bool:
        """Whether the float `name` belongs to a packed weight."""
        module, _, last = name.rpartition(".")
        if last == "bias" and module in self._plain_bias:
            return False  # 8-bit floats are weights like others, and the bias is no part of them
        if module in self._modules:
            return True
        while module:
            if module in self._weights:
                return True
            module = module.rpartition(".")[0]
        return False


NOTHING_PACKED = Packed(())


def dtype_for(tensor: Tensor, precision: Precision, packed: Packed = NOTHING_PACKED) -> str:
    """The type that `tensor` is written in.

    Integers, booleans, 8-bit floats, what belongs to packed weights, and marker tensors (`v_pred`,
    `ztsnr`) keep theirs: their numbers are not weights, or already are as small as they may be.
    """
    wanted = precision.default
    for part, word in precision.components.items():
        if tensor.name.startswith(COMPONENTS[part]):
            wanted = word
    if wanted == KEEP or tensor.dtype not in FLOATS or _is_marker(tensor.name):
        return tensor.dtype
    return tensor.dtype if packed.holds(tensor.name) else wanted


def kept_companions(
    tensors: Iterable[Tensor], precision: Precision, packed: Packed
) -> tuple[str, ...]:
    """A sentence about the floats that keep their type because they belong to packed weights."""
    kept = [
        tensor.name
        for tensor in tensors
        if dtype_for(tensor, precision) != dtype_for(tensor, precision, packed)
    ]
    if not kept:
        return ()
    more = f" and {len(kept) - 3} more" if len(kept) > 3 else ""
    names = ", ".join(kept[:3]) + more
    return (f"{len(kept)} tensors keep their type, as they belong to packed weights: {names}.",)


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
