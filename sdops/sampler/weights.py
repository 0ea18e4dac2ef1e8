"""A model's modules, and their weights from a file, mapped and never unpickled."""

from __future__ import annotations

import copy
import mmap
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path

import torch
from torch import Tensor, nn

from sdops import checkpoint
from sdops.checkpoint.damage import refuse_broken
from sdops.checkpoint.identify import ema
from sdops.checkpoint.identify.identity import UNKNOWN, Identity, identify
from sdops.dialect.options import Prediction
from sdops.errors import UnreadableInputError
from sdops.sampler.clip import ClipText
from sdops.sampler.configuration import UNET, VAE, ModelConfig, infer
from sdops.sampler.open_clip import OpenClipText
from sdops.sampler.unet import UNet
from sdops.sampler.vae import Vae
from sdops.shells import line_here

IGNORED = re.compile(
    r"model_ema\.|betas$|alphas_cumprod|sqrt_|posterior_|log_one_minus|logvar$|denoiser\.sigmas$"
    r"|.*position_ids$|.*logit_scale$|v_pred$|ztsnr$|embedding_manager\.|loss\.|lora_te_text_model"
)
"""Tensors of checkpoints that inference does not need."""
NAMES_SHOWN = 3
PARTS = (
    ("VAE", (VAE,), "Add one with --vae FILE."),
    (
        "text encoder",
        ("cond_stage_model.", "conditioner."),
        "Get the whole checkpoint, of which this is the UNet and the VAE.",
    ),
)
"""Parts beside the UNet, what their tensors' names begin with, and how to come by them."""


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


def over_the_same_memory(parts: Parts) -> Parts:
    """The modules of `parts` anew; to cast or move them leaves `parts` and its memory alone."""
    tensors = [each for module in parts.by_prefix().values() for each in module.parameters()]
    memo: dict[int, object] = {
        id(each): nn.Parameter(each.detach(), requires_grad=False) for each in tensors
    }
    memo |= {id(each): each for module in parts.by_prefix().values() for each in module.buffers()}
    return copy.deepcopy(parts, memo)


def build(config: ModelConfig) -> Parts:
    """The modules of `config` without memory: their parameters are on the meta device."""
    with torch.device("meta"):
        text = tuple((OpenClipText if t.open_clip else ClipText)(t) for t in config.text)
        parts = Parts(config, UNet(config.unet), Vae(config.vae), text)
    for module in parts.by_prefix().values():
        module.requires_grad_(False).eval()
    return parts


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
    unwanted = () if which is Weights.EMA else (ema.EMA_PREFIX,)
    tensors = _mapped_tensors(path, index, unwanted)
    if f"{UNET}input_blocks.0.0.weight" not in tensors:
        raise _not_a_checkpoint(path, identify(index))
    noticed = tuple(problem.text for problem in index.problems)
    if which is Weights.EMA:
        averaged = {live: tensors[name] for live, name in ema.match(tensors).pairs.items()}
        tensors |= averaged
        noticed += () if averaged else ("it holds no EMA weights, the live ones are used",)
    if vae is not None:
        inside = {name for name in tensors if name.startswith(VAE)}
        tensors = {name: t for name, t in tensors.items() if name not in inside}
        tensors |= {VAE + name: t for name, t in open_vae(vae).items()}
    _refuse_partial(path, tensors)
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    parts = build(_heed_yaml(path, _heed_metadata(index.metadata, infer(shapes, path))))
    notes = assign(parts, tensors, str(path))
    return Parts(parts.config, parts.unet, parts.vae, parts.text, noticed + notes)


def _not_a_checkpoint(path: Path, identity: Identity) -> UnreadableInputError:
    """What a file without a UNet of Stable Diffusion is, and what to do with it."""
    hint = f"Give a whole checkpoint; `{_sdops('info', path)}` tells more about this file."
    if identity.kind == "ema":
        what = "holds nothing but averaged (EMA) weights"
        hint = f"`{_sdops('prune', path)}` makes a checkpoint of them."
    elif identity.kind == "vae":
        what, hint = "is a VAE alone", f"Give a checkpoint, and --vae {path}."
    elif identity.kind == UNKNOWN:
        what = "is of no kind that sdops knows"
    else:
        what = f"is of another kind: {identity.title}"
    return UnreadableInputError(f"{path} is no Stable Diffusion checkpoint: it {what}.", hint)


def _refuse_partial(path: Path, names: Collection[str]) -> None:
    """Refuse a checkpoint that lacks a whole part, by saying which."""
    for part, prefixes, hint in PARTS:
        if not any(name.startswith(prefixes) for name in names):
            raise UnreadableInputError(f"{path} holds no {part}.", hint)


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


def _mapped_tensors(
    path: Path, index: checkpoint.Checkpoint, unwanted: tuple[str, ...] = ()
) -> dict[str, Tensor]:
    """The tensors of a file, still in it where they can be: reading them reads the file.

    Args:
        path: the file.
        index: what is in it.
        unwanted: what the names of tensors begin with that are left out.
    """
    refuse_broken(index)
    for problem in index.problems:
        if problem.blocking or problem.hostile:
            raise UnreadableInputError(
                f"{path} cannot be loaded: {problem.text}", "Download it again, or `sdops scan` it."
            )
    if not index.tensors:
        raise UnreadableInputError(
            f"{path} holds no weights ({index.container}).",
            f"`{_sdops('info', path)}` tells what it is.",
        )
    maps: dict[str, torch.Tensor] = {}
    tensors = {}
    for entry in index.tensors:
        if entry.name.startswith(unwanted):
            continue
        where = entry.storage.path or str(path)
        if where not in maps:
            maps[where] = _mapped(Path(where))
        tensors[entry.name] = _view(maps[where], entry, path)
    return tensors


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
            f"`{_sdops('convert', path)}` makes a file that can.",
        )
    if start + entry.storage.size_bytes > len(pages):
        raise UnreadableInputError(
            f"{path} is truncated: {entry.name} lies beyond its end.", "Download it again."
        )
    if start % dtype.itemsize:  # a tensor must be aligned to its numbers, as a mapping is to pages
        stored = _read(Path(entry.storage.path or path), start, entry.storage.size_bytes)
    else:
        stored = pages[start : start + entry.storage.size_bytes]
    whole = stored.view(dtype)
    first = int(whole.storage_offset()) + entry.storage_offset
    return whole.as_strided(entry.shape, entry.stride, first)


def _read(path: Path, start: int, size: int) -> Tensor:
    """A part of a file, (size,), uint8; read, not mapped, so that it takes memory once."""
    stored = torch.empty(size, dtype=torch.uint8)
    with path.open("rb") as file:
        file.seek(start)
        file.readinto(stored.numpy().data)
    return stored


def open_vae(path: Path) -> dict[str, Tensor]:
    """The tensors of the VAE in a file of its own or in a checkpoint, named without prefix.

    Raises:
        UnreadableInputError: there is no VAE in the file.
    """
    tensors = _mapped_tensors(path, checkpoint.open_checkpoint(path))
    prefix = VAE if any(name.startswith(VAE) for name in tensors) else ""
    inside = {name[len(prefix) :]: t for name, t in tensors.items() if name.startswith(prefix)}
    if "decoder.conv_in.weight" not in inside:
        raise UnreadableInputError(f"{path} holds no VAE.", "Choose a Stable Diffusion VAE.")
    return {
        n: t for n, t in inside.items() if n.startswith(("encoder.", "decoder.", "quant", "post"))
    }


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
            + "; ".join(_listed("missing", missing) + _listed("of another shape", misshapen))
            + ".",
            "It is a partial, pruned or unusual model; get the full checkpoint.",
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
    tensors = "1 tensor" if len(names) == 1 else f"{len(names)} tensors"
    return [f"{tensors} {what} ({', '.join(names[:NAMES_SHOWN])}{more})"]


def _sdops(command: str, path: Path) -> str:
    """A command on the file, ready to paste."""
    return line_here(["sdops", command, str(path)])
