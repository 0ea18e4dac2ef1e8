"""What a model is built like, read off the names and shapes of its tensors."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any

from sdops.dialect.names import look_up
from sdops.dialect.options import Prediction
from sdops.errors import UnreadableInputError

Shapes = Mapping[str, tuple[int, ...]]
"""Tensor name to shape."""

CLIP_HEAD_DIM = 64
OPEN_CLIP_H_WIDTH, OPEN_CLIP_H_LAYERS = 1024, 24
SIZE_EMBEDDING = 256
"""Width of each of SDXL's size embeddings (Podell et al. 2023)."""
VOCABULARY, POSITIONS = 49408, 77
INPAINTING_CHANNELS, PIX2PIX_CHANNELS = 9, 8
"""What such UNets take; plain ones take as many channels as they give."""


class Family(Enum):
    """Models that are prompted and sampled alike."""

    SD1 = "Stable Diffusion 1"
    SD2 = "Stable Diffusion 2"
    SDXL = "Stable Diffusion XL"
    SDXL_REFINER = "Stable Diffusion XL refiner"


SIZES_TOLD = {Family.SDXL: 6, Family.SDXL_REFINER: 5}
"""How many numbers such models are told of a picture, most of them its sizes (Podell et al.)."""


@dataclass(frozen=True, slots=True)
class UNetConfig:
    """The shape of a UNet."""

    in_channels: int
    """4; 9 for inpainting (mask and masked latent beside), 8 for instruct-pix2pix."""
    out_channels: int
    model_channels: int
    channel_mult: tuple[int, ...]
    """Width of each level, in model_channels."""
    num_res_blocks: int
    transformer_depth: tuple[int, ...]
    """Transformer blocks at each level."""
    middle_depth: int
    context_dim: int
    num_heads: int = 0
    """Heads at every level; 0 if instead every head is `head_dim` wide."""
    head_dim: int = 64
    linear_projection: bool = True
    """Whether transformers are entered by a linear layer, or by a 1 × 1 convolution."""
    vector_dim: int = 0
    """Width of the pooled prompt and sizes; 0 if the UNet takes none."""

    @property
    def levels(self) -> int:
        """The number of resolutions."""
        return len(self.channel_mult)

    def heads(self, channels: int) -> int:
        """The number of attention heads at a width of `channels`."""
        return self.num_heads or max(1, channels // self.head_dim)


@dataclass(frozen=True, slots=True)
class VaeConfig:
    """The shape of a VAE."""

    channels: int
    channel_mult: tuple[int, ...]
    num_res_blocks: int
    latent_channels: int
    scale_factor: float
    """What a latent of the encoder is multiplied by to have unit variance."""

    @property
    def downscale(self) -> int:
        """Pixels of the picture for one of the latent, along one axis."""
        return 2 ** (len(self.channel_mult) - 1)


@dataclass(frozen=True, slots=True)
class TextConfig:
    """The shape of a text encoder."""

    prefix: str
    """What its tensors' names begin with in a checkpoint."""
    width: int
    layers: int
    hidden: int
    vocabulary: int = VOCABULARY
    positions: int = POSITIONS
    projection: int = 0
    """Width of the pooled vector; 0 if there is none."""
    ends_penultimate: bool = False
    """Whether the file leaves out the last layer, which Stable Diffusion 2 does not use."""

    @property
    def open_clip(self) -> bool:
        """Whether it is OpenCLIP's, rather than OpenAI's in Hugging Face's naming."""
        return self.prefix.endswith(".model.")

    @property
    def heads(self) -> int:
        """Attention heads: 64 wide in every CLIP."""
        return max(1, self.width // CLIP_HEAD_DIM)


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """A whole model: what the picture is made with."""

    family: Family
    unet: UNetConfig
    vae: VaeConfig
    text: tuple[TextConfig, ...]
    prediction: Prediction | None = None
    """None if the names do not say: then the model is asked (`guidance.probe_prediction`)."""
    zero_terminal_snr: bool = False

    def report(self) -> dict[str, Any]:
        """Everything inferred, JSON-able."""
        plain = asdict(self)
        plain["family"] = self.family.value
        plain["prediction"] = self.prediction.value if self.prediction else "not in the file"
        return plain


UNET, VAE = "model.diffusion_model.", "first_stage_model."
CLIP_PREFIXES = ("cond_stage_model.transformer.text_model.", "cond_stage_model.transformer.")
SDXL_CLIP = "conditioner.embedders.0.transformer.text_model."
SD2_CLIP = "cond_stage_model.model."
SDXL_OPEN_CLIP = "conditioner.embedders.1.model."
REFINER_OPEN_CLIP = "conditioner.embedders.0.model."
SD_SCALE, SDXL_SCALE = 0.18215, 0.13025


def infer(shapes: Shapes, path: Path | str = "The model") -> ModelConfig:
    """The configuration of a whole checkpoint.

    Args:
        shapes: of its tensors.
        path: what to call it where it is refused.

    Raises:
        UnreadableInputError: it is no Stable Diffusion 1, 2 or XL checkpoint; says which part is
            missing or strange.
    """
    try:
        return _infer(shapes)
    except (KeyError, IndexError, ValueError, ZeroDivisionError) as error:
        raise UnreadableInputError(
            f"{path} is incomplete or of an unknown kind: {_reason(error)}.",
            "Use a full Stable Diffusion 1, 2 or XL checkpoint, with UNet, VAE and text encoder.",
        ) from None


def _infer(shapes: Shapes) -> ModelConfig:
    prefixes: tuple[str, ...]
    if f"{SDXL_OPEN_CLIP}ln_final.weight" in shapes:
        family, prefixes = Family.SDXL, (SDXL_CLIP, SDXL_OPEN_CLIP)
    elif f"{REFINER_OPEN_CLIP}ln_final.weight" in shapes:
        family, prefixes = Family.SDXL_REFINER, (REFINER_OPEN_CLIP,)
    elif f"{SD2_CLIP}ln_final.weight" in shapes:
        family, prefixes = Family.SD2, (SD2_CLIP,)
    else:
        embedding = "embeddings.token_embedding.weight"
        found = [p for p in CLIP_PREFIXES if p + embedding in shapes]
        family, prefixes = Family.SD1, tuple(found[:1]) or CLIP_PREFIXES[:1]
    is_xl = family in (Family.SDXL, Family.SDXL_REFINER)
    prediction = None if family is Family.SD2 else Prediction.EPSILON
    if "v_pred" in shapes:
        prediction = Prediction.V
    config = ModelConfig(
        family=family,
        unet=_infer_unet(_Part(shapes, UNET)),
        vae=_infer_vae(_Part(shapes, VAE), SDXL_SCALE if is_xl else SD_SCALE),
        text=tuple(_infer_text(shapes, prefix) for prefix in prefixes),
        prediction=prediction,
        zero_terminal_snr="ztsnr" in shapes,
    )
    _check(config)
    return config


def _infer_unet(shapes: Shapes) -> UNetConfig:
    """The UNet whose tensors (without prefix) have these `shapes`."""
    model_channels, in_channels = shapes["input_blocks.0.0.weight"][:2]
    levels: list[list[tuple[int, int]]] = [[]]
    for number in itertools.count(1):
        block = f"input_blocks.{number}."
        if f"{block}0.op.weight" in shapes:
            levels.append([])
        elif f"{block}0.out_layers.3.weight" in shapes:
            width = shapes[f"{block}0.out_layers.3.weight"][0]
            levels[-1].append((width, _count(shapes, f"{block}1.transformer_blocks.")))
        else:
            break
    middle = "middle_block.1."
    linear = len(shapes[f"{middle}proj_in.weight"]) == 2
    return UNetConfig(
        in_channels=in_channels,
        out_channels=shapes["out.2.weight"][0],
        model_channels=model_channels,
        channel_mult=tuple(level[0][0] // model_channels for level in levels),
        num_res_blocks=len(levels[0]),
        transformer_depth=tuple(level[0][1] for level in levels),
        middle_depth=_count(shapes, f"{middle}transformer_blocks."),
        context_dim=shapes[f"{middle}transformer_blocks.0.attn2.to_k.weight"][1],
        num_heads=0 if linear else 8,
        linear_projection=linear,
        vector_dim=shapes.get("label_emb.0.0.weight", (0, 0))[1],
    )


def _infer_vae(shapes: Shapes, scale_factor: float) -> VaeConfig:
    """The VAE whose tensors (without prefix) have these `shapes`."""
    channels = shapes["encoder.conv_in.weight"][0]
    levels = _count(shapes, "encoder.down.")
    last_convolutions = (
        shapes[f"encoder.down.{level}.block.0.conv2.weight"] for level in range(levels)
    )
    return VaeConfig(
        channels=channels,
        channel_mult=tuple(shape[0] // channels for shape in last_convolutions),
        num_res_blocks=_count(shapes, "encoder.down.0.block."),
        latent_channels=shapes["decoder.conv_in.weight"][1],
        scale_factor=scale_factor,
    )


def _infer_text(shapes: Shapes, prefix: str) -> TextConfig:
    inside = _Part(shapes, prefix)
    if prefix.endswith(".model."):
        vocabulary, width = inside["token_embedding.weight"]
        layers = _count(inside, "transformer.resblocks.")
        return TextConfig(
            prefix=prefix,
            width=width,
            layers=layers,
            hidden=inside["transformer.resblocks.0.mlp.c_fc.weight"][0],
            vocabulary=vocabulary,
            positions=inside["positional_embedding"][0],
            projection=inside.get("text_projection", (0, 0))[1],
            ends_penultimate=(width, layers) == (OPEN_CLIP_H_WIDTH, OPEN_CLIP_H_LAYERS - 1),
        )
    vocabulary, width = inside["embeddings.token_embedding.weight"]
    return TextConfig(
        prefix=prefix,
        width=width,
        layers=_count(inside, "encoder.layers."),
        hidden=inside["encoder.layers.0.mlp.fc1.weight"][0],
        vocabulary=vocabulary,
        positions=inside["embeddings.position_embedding.weight"][0],
    )


class _Part(dict[str, tuple[int, ...]]):
    """The shapes of tensors under `prefix`, without it; what is missing is named in full."""

    def __init__(self, shapes: Shapes, prefix: str) -> None:
        super().__init__(
            (name[len(prefix) :], s) for name, s in shapes.items() if name.startswith(prefix)
        )
        self.prefix = prefix

    def __missing__(self, name: str) -> tuple[int, ...]:
        raise KeyError(self.prefix + name)


def _count(names: Iterable[str], prefix: str) -> int:
    numbers = re.compile(re.escape(prefix) + r"(\d+)\.")
    return len({match[1] for name in names if (match := numbers.match(name))})


def _check(config: ModelConfig) -> None:
    """Refuse what cannot run, with a reason, before any memory is asked for."""
    widths = [config.unet.model_channels * m for m in config.unet.channel_mult]
    if not all(w and w % 32 == 0 for w in (*widths, config.vae.channels)):
        raise ValueError("a layer's width is not a multiple of 32")
    if any(text.vocabulary < VOCABULARY for text in config.text):
        raise ValueError(f"its text encoder knows fewer than {VOCABULARY} tokens")
    if any(text.positions != POSITIONS for text in config.text):
        raise ValueError(f"its text encoder does not read {POSITIONS} tokens at once")
    _check_widths(config)


def _check_widths(config: ModelConfig) -> None:
    """Refuse parts that do not fit together."""
    unet = config.unet
    if unet.in_channels not in (unet.out_channels, INPAINTING_CHANNELS, PIX2PIX_CHANNELS):
        raise ValueError(
            f"its UNet takes {unet.in_channels} channels, as models do that also see the depth"
            " of a picture or a smaller one"
        )
    if unet.out_channels != config.vae.latent_channels:
        raise ValueError(
            f"its UNet makes latents of {unet.out_channels} channels, and its VAE takes"
            f" {config.vae.latent_channels}"
        )
    context = sum(text.width for text in config.text)
    if unet.context_dim != context:
        raise ValueError(
            f"its UNet takes a prompt {unet.context_dim} wide, and its text encoder gives {context}"
        )
    sizes = SIZES_TOLD.get(config.family, 0) * SIZE_EMBEDDING
    if unet.vector_dim and not sizes:
        raise ValueError("its UNet takes a vector beside the prompt (unCLIP)")
    if unet.vector_dim not in (0, config.text[-1].projection + sizes):
        raise ValueError(
            f"its UNet takes {unet.vector_dim} numbers beside the prompt, and its text encoder and"
            f" the picture's sizes give {config.text[-1].projection + sizes}"
        )


def _reason(error: Exception) -> str:
    return f"there is no tensor {error.args[0]}" if isinstance(error, KeyError) else str(error)


_SD_VAE = VaeConfig(128, (1, 2, 4, 4), 2, 4, SD_SCALE)
_TINY_VAE = VaeConfig(32, (1, 1, 2, 2), 1, 4, SD_SCALE)
_SD15 = ModelConfig(
    Family.SD1,
    UNetConfig(4, 4, 320, (1, 2, 4, 4), 2, (1, 1, 1, 0), 1, 768, 8, linear_projection=False),
    _SD_VAE,
    (TextConfig(CLIP_PREFIXES[0], 768, 12, 3072),),
    Prediction.EPSILON,
)
_SD21 = ModelConfig(
    Family.SD2,
    UNetConfig(4, 4, 320, (1, 2, 4, 4), 2, (1, 1, 1, 0), 1, 1024),
    _SD_VAE,
    (TextConfig(SD2_CLIP, 1024, 24, 4096, projection=1024),),
    Prediction.V,
)
_SDXL = ModelConfig(
    Family.SDXL,
    UNetConfig(4, 4, 320, (1, 2, 4), 2, (0, 2, 10), 10, 2048, vector_dim=2816),
    replace(_SD_VAE, scale_factor=SDXL_SCALE),
    (
        TextConfig(SDXL_CLIP, 768, 12, 3072),
        TextConfig(SDXL_OPEN_CLIP, 1280, 32, 5120, projection=1280),
    ),
    Prediction.EPSILON,
)
_TINY_CLIP = TextConfig(CLIP_PREFIXES[0], 64, 3, 128)
_TINY_OPEN_CLIP = TextConfig(SD2_CLIP, 64, 3, 128, projection=64)

ARCHITECTURES: dict[str, ModelConfig] = {
    "sd15": _SD15,
    "sd21": _SD21,
    "sdxl": _SDXL,
    "tiny-sd15": replace(
        _SD15,
        unet=UNetConfig(
            4, 4, 32, (1, 2, 2), 1, (1, 1, 0), 1, 64, num_heads=8, linear_projection=False
        ),
        vae=_TINY_VAE,
        text=(_TINY_CLIP,),
    ),
    "tiny-sd21": replace(
        _SD21,
        unet=UNetConfig(4, 4, 64, (1, 2, 2), 1, (1, 1, 0), 1, 64),
        vae=_TINY_VAE,
        text=(_TINY_OPEN_CLIP,),
    ),
    "tiny-sdxl": replace(
        _SDXL,
        unet=UNetConfig(4, 4, 64, (1, 2, 2), 1, (0, 1, 2), 2, 128, vector_dim=64 + 6 * 256),
        vae=replace(_TINY_VAE, scale_factor=SDXL_SCALE),
        text=(
            replace(_TINY_CLIP, prefix=SDXL_CLIP),
            replace(_TINY_OPEN_CLIP, prefix=SDXL_OPEN_CLIP),
        ),
    ),
}
"""The architectures that are available without a checkpoint, by the name `--architecture` takes."""


def architecture(name: str) -> ModelConfig:
    """The architecture called `name`.

    Raises:
        UsageError: there is none; suggests the nearest.
    """
    return look_up("architecture", name, ARCHITECTURES)
