"""Where a model's weights come from: a file, mapped and never unpickled, or random numbers."""

from __future__ import annotations

import math
import mmap
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path

import torch
from torch import Tensor, nn

from sdops import checkpoint
from sdops.checkpoint.identify.identity import identify
from sdops.errors import UnreadableInputError
from sdops.sampler.clip import ClipText
from sdops.sampler.configuration import (
    UNET,
    VAE,
    ModelConfig,
    Prediction,
    TextConfig,
    infer,
)
from sdops.sampler.open_clip import OpenClipText
from sdops.sampler.unet import UNet
from sdops.sampler.vae import Vae

IGNORED = re.compile(
    r"model_ema\.|betas$|alphas_cumprod|sqrt_|posterior_|log_one_minus|logvar$|denoiser\.sigmas$"
    r"|.*position_ids$|.*logit_scale$|v_pred$|ztsnr$|embedding_manager\.|loss\.|lora_te_text_model"
)
"""Tensors of checkpoints that inference does not need."""
NAMES_SHOWN = 3


class Weights(Enum):
    """Which of a training checkpoint's two sets of UNet weights to use."""

    LIVE = "live"
    EMA = "ema"
    """The exponential moving average, if the file holds one; else the live weights."""


@dataclass(frozen=True, slots=True)
class Parts:
    """A model's modules."""

    config: ModelConfig
    unet: UNet
    vae: Vae
    text: tuple[ClipText | OpenClipText, ...]
    notes: tuple[str, ...] = ()
    """What was noticed on the way, such as tensors that no part knows."""

    def by_prefix(self) -> dict[str, nn.Module]:
        """The modules by what their tensors' names begin with in a checkpoint."""
        encoders = zip(self.config.text, self.text, strict=True)
        return {UNET: self.unet, VAE: self.vae} | {c.prefix: m for c, m in encoders}


@dataclass(frozen=True, slots=True)
class Source:
    """The tensors of a file, by name, still in the file."""

    path: str
    tensors: Mapping[str, Tensor]
    """Views of the mapped file: reading them reads the file."""
    notes: tuple[str, ...] = field(default=())

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of each tensor."""
        return {name: tuple(tensor.shape) for name, tensor in self.tensors.items()}


def build(config: ModelConfig) -> Parts:
    """The modules of `config` without memory: their parameters are on the meta device."""
    with torch.device("meta"):
        text = tuple(_text_encoder(text) for text in config.text)
        parts = Parts(config, UNet(config.unet), Vae(config.vae), text)
    for module in parts.by_prefix().values():
        module.requires_grad_(False).eval()
    return parts


def _text_encoder(config: TextConfig) -> ClipText | OpenClipText:
    return OpenClipText(config) if config.open_clip else ClipText(config)


def load(path: Path, which: Weights = Weights.LIVE, vae: Path | None = None) -> Parts:
    """The model in a checkpoint; its parameters are the mapped file, no copy of it.

    Args:
        path: a `.safetensors` or `.ckpt` file.
        which: the live weights or their moving average.
        vae: a file whose VAE to use in place of the checkpoint's.

    Raises:
        UnreadableInputError: the file is damaged, or no such model; says what it is.
    """
    index = checkpoint.open_checkpoint(path)
    source = _mapped_source(path, index)
    tensors = dict(source.tensors)
    if f"{UNET}input_blocks.0.0.weight" not in tensors:
        identity = identify(index)
        raise UnreadableInputError(
            f"{path} is no Stable Diffusion 1, 2 or XL checkpoint, but of the kind "
            f"{identity.kind} ({identity.architecture}).",
            f"Give a whole checkpoint; `sdops info {path}` tells more about this file.",
        )
    noticed = source.notes
    if which is Weights.EMA:
        averaged = _averaged(tensors)
        tensors |= averaged
        noticed += () if averaged else ("it holds no EMA weights, the live ones are used",)
    if vae is not None:
        inside = {name for name in tensors if name.startswith(VAE)}
        tensors = {name: t for name, t in tensors.items() if name not in inside}
        tensors |= {VAE + name: t for name, t in open_vae(vae).items()}
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    parts = build(_heed_yaml(path, _heed_metadata(index.metadata, infer(shapes))))
    notes = assign(parts, tensors, str(path))
    return Parts(parts.config, parts.unet, parts.vae, parts.text, noticed + notes)


def _heed_metadata(metadata: Mapping[str, str], config: ModelConfig) -> ModelConfig:
    """`config`, but for what metadata say of the prediction and of zero terminal SNR.

    The keys are those of Stability's ModelSpec and of kohya-ss's trainers. A marker tensor counts
    even if the metadata do not mention it.
    """
    named = metadata.get("modelspec.prediction_type", "").casefold()
    trained_on_v = metadata.get("ss_v_parameterization", "").casefold() == "true"
    if named in ("v", "v_prediction") or trained_on_v:
        config = replace(config, prediction=Prediction.V)
    elif named == "epsilon" and config.prediction is None:
        config = replace(config, prediction=Prediction.EPSILON)
    if metadata.get("ss_zero_terminal_snr", "").casefold() == "true":
        config = replace(config, zero_terminal_snr=True)
    return config


def _heed_yaml(path: Path, config: ModelConfig) -> ModelConfig:
    """`config`, but for what a .yaml beside the file says of the prediction (A1111)."""
    beside = path.with_suffix(".yaml")
    try:
        text = beside.read_text("utf-8", "replace") if beside.is_file() else ""
    except OSError as error:
        raise UnreadableInputError(f"{beside} cannot be read: {error.strerror}.") from None
    found = re.search(r"^\s*parameterization:\s*[\"']?(v|eps)\b", text, re.MULTILINE)
    if not found:
        return config
    return replace(config, prediction=Prediction.V if found[1] == "v" else Prediction.EPSILON)


def open_source(path: Path) -> Source:
    """Map the file at `path`; nothing is read but its index.

    Raises:
        UnreadableInputError: it is no whole model file.
    """
    return _mapped_source(path, checkpoint.open_checkpoint(path))


def _mapped_source(path: Path, index: checkpoint.Checkpoint) -> Source:
    for problem in index.problems:
        if problem.blocking or problem.hostile:
            raise UnreadableInputError(
                f"{path} cannot be loaded: {problem.text}", "Download it again, or `sdops scan` it."
            )
    if not index.tensors:
        raise UnreadableInputError(
            f"{path} holds no weights ({index.container}).",
            f"`sdops info {path}` tells what it is.",
        )
    maps: dict[str, torch.Tensor] = {}
    tensors = {}
    for entry in index.tensors:
        where = entry.storage.path or str(path)
        if where not in maps:
            maps[where] = _mapped(Path(where))
        tensors[entry.name] = _view(maps[where], entry, path)
    return Source(str(path), tensors, tuple(problem.text for problem in index.problems))


def _mapped(path: Path) -> Tensor:
    """The bytes of a file, (size,), uint8; private, so that writing does not change the file."""
    with path.open("rb") as file:
        pages = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    return torch.frombuffer(pages, dtype=torch.uint8)


def _view(pages: Tensor, entry: checkpoint.Tensor, path: Path) -> Tensor:
    dtype = getattr(torch, entry.dtype, None)
    start = entry.storage.offset
    if not isinstance(dtype, torch.dtype) or start is None or entry.storage.big_endian:
        raise UnreadableInputError(
            f"{path}: the tensor {entry.name} is packed in a way that cannot be used in place.",
            f"`sdops convert {path}` makes a file that can.",
        )
    if start + entry.storage.size_bytes > len(pages):
        raise UnreadableInputError(
            f"{path} is truncated: {entry.name} lies beyond its end.", "Download it again."
        )
    stored = pages[start : start + entry.storage.size_bytes]
    if start % dtype.itemsize:
        stored = stored.clone()  # a tensor must be aligned to its numbers
    whole = stored.view(dtype)
    first = int(whole.storage_offset()) + entry.storage_offset
    return whole.as_strided(entry.shape, entry.stride, first)


def open_vae(path: Path) -> dict[str, Tensor]:
    """The tensors of the VAE in a file of its own or in a checkpoint, named without prefix.

    Raises:
        UnreadableInputError: there is no VAE in the file.
    """
    tensors = open_source(path).tensors
    prefix = VAE if any(name.startswith(VAE) for name in tensors) else ""
    inside = {name[len(prefix) :]: t for name, t in tensors.items() if name.startswith(prefix)}
    if "decoder.conv_in.weight" not in inside:
        raise UnreadableInputError(f"{path} holds no VAE.", "Choose a Stable Diffusion VAE.")
    return {
        n: t for n, t in inside.items() if n.startswith(("encoder.", "decoder.", "quant", "post"))
    }


def _averaged(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The moving average of each live UNet tensor that has one, under the live one's name."""
    found = {}
    for name in tensors:
        if name.startswith(UNET):
            average = "model_ema." + name.removeprefix("model.").replace(".", "")
            if average in tensors:
                found[name] = tensors[average]
    return found


def assign(parts: Parts, tensors: Mapping[str, Tensor], path: str) -> tuple[str, ...]:
    """Make `tensors` the parameters of `parts`, without copying; returns notes on leftovers.

    Raises:
        UnreadableInputError: one is missing or of another shape; lists them and says what it means.
    """
    modules = parts.by_prefix()
    wanted = {
        prefix + name: tuple(parameter.shape)
        for prefix, module in modules.items()
        for name, parameter in module.state_dict().items()
    }
    missing = [name for name in wanted if name not in tensors]
    misshapen = [
        f"{name} {list(tensors[name].shape)} instead of {list(shape)}"
        for name, shape in wanted.items()
        if name in tensors and tuple(tensors[name].shape) != shape
    ]
    if missing or misshapen:
        raise UnreadableInputError(
            f"{path} is not a complete {parts.config.family.value} checkpoint: "
            + "; ".join(_listed("missing", missing) + _listed("of another shape", misshapen)),
            "It is a partial, pruned or unusual model; get the full checkpoint, or add --vae.",
        )
    for prefix, module in modules.items():
        names = module.state_dict()
        module.load_state_dict({name: tensors[prefix + name] for name in names}, assign=True)
        module.requires_grad_(False)
    unexpected = [name for name in tensors if name not in wanted and not IGNORED.match(name)]
    return tuple(_listed("not used", unexpected))


def _listed(what: str, names: list[str]) -> list[str]:
    if not names:
        return []
    more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    return [f"{len(names)} tensors {what} ({', '.join(names[:NAMES_SHOWN])}{more})"]


PASS_THROUGH = 1.3
"""How much of its input an untrained UNet of the epsilon kind is made to give back."""
OWN_IDEAS = 0.1
"""How much it adds of its own, of unit variance."""
RESIDUAL_GAIN = 0.5
"""How large a residual branch is made, beside the stream it is added to."""
LOG_VARIANCE = -12.0
"""Of the untrained VAE's latents."""
TEXT_MEAN = 0.1
"""Of encoded prompts; emphasis divides by it."""
PICTURE_DEVIATION = 0.35
"""Of the pixels, in -1…1, that the untrained VAE is made to decode to."""


def randomize(parts: Parts, seed: int = 0, device: torch.device | str = "cpu") -> Parts:
    """Give `parts` random weights of the range that trained ones have; returns them.

    Layers keep the variance (He et al. 2015), residual branches add half as much again, and an
    epsilon UNet leans towards giving back its input, which is the best guess for noise without
    training; so that latents end near unit variance and nothing overflows fp16.
    """
    generator = torch.Generator(device).manual_seed(seed)
    for module in parts.by_prefix().values():
        module.to_empty(device=device)
        for name, parameter in module.named_parameters():
            _fill(name, parameter, generator)
    _lean(parts)
    return parts


def _fill(name: str, parameter: nn.Parameter, generator: torch.Generator) -> None:
    is_norm = re.search(r"norm|ln_|in_layers\.0|out_layers\.0|^out\.0", name)
    with torch.no_grad():
        if parameter.ndim == 1:
            is_last = re.match(r"final_layer_norm|ln_final", name)
            bias = TEXT_MEAN if is_last else 0.0
            parameter.fill_(1.0 if is_norm and name.endswith("weight") else bias)
            return
        if "embedding" in name:
            deviation = 0.5
        else:
            fan_in = parameter.shape[0] if name == "text_projection" else parameter[0].numel()
            deviation = fan_in**-0.5
        if re.search(r"out_layers\.3|proj_out|to_out|ff\.net\.2|conv2|out_proj|fc2|c_proj", name):
            deviation *= RESIDUAL_GAIN
        limit = deviation * math.sqrt(3)
        parameter.uniform_(-limit, limit, generator=generator)
        if "embedding" in name:
            parameter.add_(TEXT_MEAN)


def _lean(parts: Parts) -> None:
    """Weigh the last layers, so that outputs come out as large as trained ones."""
    with torch.no_grad():
        parts.vae.get_parameter("decoder.conv_out.weight").mul_(PICTURE_DEVIATION)
        _encode_to_unit_variance(parts.vae)
        parts.unet.get_parameter("out.2.weight").mul_(OWN_IDEAS)
        if parts.config.prediction is not Prediction.V:
            _pass_through(parts.unet)


def _encode_to_unit_variance(vae: Vae) -> None:
    """Let encoded pictures be as large as trained latents, with hardly any noise of their own."""
    channels = vae.config.latent_channels
    weight = vae.get_parameter("quant_conv.weight").zero_()  # (2 z, 2 z, 1, 1)
    for channel in range(channels):
        weight[channel, channel] = 1 / vae.config.scale_factor
    vae.get_parameter("quant_conv.bias")[channels:] = LOG_VARIANCE


def _pass_through(unet: UNet) -> None:
    """Lead the input along the outermost skip as pairs of +x and -x, and take their difference.

    SiLU(x) - SiLU(-x) = x, so what goes in comes out, beside what the layers between add.
    """
    first = unet.get_parameter("input_blocks.0.0.weight")  # (C, in_channels, 3, 3)
    outermost = f"output_blocks.{len(unet.output_blocks) - 1}.0.skip_connection.weight"
    skip = unet.get_parameter(outermost)  # (C, incoming + C, 1, 1)
    last = unet.get_parameter("out.2.weight")  # (out_channels, C, 3, 3)
    width, outputs = len(first), len(last)
    first.zero_()
    skip.mul_(RESIDUAL_GAIN)
    for channel in range(width):
        latent, sign = channel // 2 % outputs, 1 - channel % 2 * 2
        first[channel, latent, 1, 1] = sign
        skip[channel, skip.shape[1] - width + channel] = 1
        last[latent, channel, 1, 1] += sign * PASS_THROUGH * 2 * outputs / width
