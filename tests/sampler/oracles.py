"""Independent implementations, with our random weights carried over by their own converters."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import types
from functools import cache
from pathlib import Path

import pytest
import torch
from torch import Tensor

from sdops.dialect.request import Files
from sdops.sampler.configuration import UNetConfig, VaeConfig, architecture
from sdops.sampler.pipeline import Options, Pipeline
from sdops.sampler.random_weights import randomize
from sdops.sampler.weights import Parts, build

os.environ["HF_HUB_OFFLINE"] = "1"  # nothing here is to be fetched


def relative_error(ours: Tensor, theirs: Tensor) -> float:
    assert ours.shape == theirs.shape
    return ((ours.double() - theirs.double()).norm() / theirs.double().norm()).item()


PLAIN = Options()


def random_pipeline(name: str, options: Options = PLAIN) -> Pipeline:
    """A pipeline with random weights of a real architecture."""
    return Pipeline(randomize(build(architecture(name))), options, Files(f"{name} (random)"))


def checkpoint_of(parts: Parts) -> dict[str, Tensor]:
    """The parts as one checkpoint in the single-file layout."""
    return {
        prefix + name: tensor
        for prefix, module in parts.by_prefix().items()
        for name, tensor in module.state_dict().items()
    }


def strengthen(parts: Parts, seed: int = 7) -> Parts:
    """Weights with biases and norms that are not trivial, so that every term of a sum shows."""
    generator = torch.Generator().manual_seed(seed)
    for module in parts.by_prefix().values():
        for parameter in module.parameters():
            if parameter.ndim == 1:
                parameter.data += 0.3 * torch.randn(parameter.shape, generator=generator)
    last = parts.unet.get_parameter("out.2.weight")
    last.data.normal_(0, 0.1, generator=generator)
    return parts


def diffusers_unet(parts: Parts) -> torch.nn.Module:
    diffusers = pytest.importorskip("diffusers")
    from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint

    config = unet_settings(parts.config.unet)
    with torch.device("meta"):
        unet = diffusers.UNet2DConditionModel(**config)
    state = convert_ldm_unet_checkpoint(checkpoint_of(parts), config)
    unet.load_state_dict(state, strict=True, assign=True)
    return unet.eval()


def unet_settings(config: UNetConfig) -> dict:
    widths = [config.model_channels * multiplier for multiplier in config.channel_mult]
    has = [depth > 0 for depth in config.transformer_depth]
    heads = [max(1, width // 64) if config.linear_projection else 8 for width in widths]
    depths = [max(depth, 1) for depth in config.transformer_depth]
    depths[-1] = config.middle_depth  # diffusers takes the middle's depth from the last level
    settings = {
        "sample_size": 8,
        "in_channels": config.in_channels,
        "out_channels": config.out_channels,
        "block_out_channels": tuple(widths),
        "layers_per_block": config.num_res_blocks,
        "down_block_types": tuple("CrossAttnDownBlock2D" if h else "DownBlock2D" for h in has),
        "up_block_types": tuple("CrossAttnUpBlock2D" if h else "UpBlock2D" for h in has[::-1]),
        "transformer_layers_per_block": tuple(depths),
        "cross_attention_dim": config.context_dim,
        "attention_head_dim": tuple(heads),
        "use_linear_projection": config.linear_projection,
    }
    if config.vector_dim:
        settings |= {
            "addition_embed_type": "text_time",
            "addition_time_embed_dim": 256,
            "class_embed_type": None,
            "projection_class_embeddings_input_dim": config.vector_dim,
        }
    return settings


def diffusers_vae(parts: Parts) -> torch.nn.Module:
    diffusers = pytest.importorskip("diffusers")
    from diffusers.loaders.single_file_utils import convert_ldm_vae_checkpoint

    config = vae_settings(parts.config.vae)
    with torch.device("meta"):
        vae = diffusers.AutoencoderKL(**config)
    state = convert_ldm_vae_checkpoint(checkpoint_of(parts), config)
    vae.load_state_dict(state, strict=True, assign=True)
    return vae.eval()


def vae_settings(config: VaeConfig) -> dict:
    levels = len(config.channel_mult)
    return {
        "block_out_channels": tuple(config.channels * m for m in config.channel_mult),
        "down_block_types": ("DownEncoderBlock2D",) * levels,
        "up_block_types": ("UpDecoderBlock2D",) * levels,
        "latent_channels": config.latent_channels,
        "layers_per_block": config.num_res_blocks,
        "scaling_factor": config.scale_factor,
    }


def transformers_text(parts: Parts, number: int) -> torch.nn.Module:
    """The text encoder `number` as transformers has it."""
    transformers = pytest.importorskip("transformers")
    text = parts.config.text[number]
    settings = transformers.CLIPTextConfig(
        hidden_size=text.width,
        intermediate_size=text.hidden,
        num_hidden_layers=text.layers,
        num_attention_heads=text.heads,
        hidden_act="gelu" if text.open_clip else "quick_gelu",
        projection_dim=text.projection or text.width,
        vocab_size=text.vocabulary,
        eos_token_id=49407,
    )
    if text.open_clip:
        from diffusers.loaders.single_file_utils import convert_open_clip_checkpoint

        model = transformers.CLIPTextModelWithProjection(settings)
        state = convert_open_clip_checkpoint(model, checkpoint_of(parts), text.prefix)
        state.setdefault("text_projection.weight", parts.text[number].text_projection.T)
    else:
        model = transformers.CLIPTextModel(settings)
        state = {f"text_model.{name}": t for name, t in parts.text[number].state_dict().items()}
    own = model.state_dict()
    if not any(name.startswith("text_model.") for name in own):  # transformers 5
        state = {name.removeprefix("text_model."): tensor for name, tensor in state.items()}
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert not [name for name in (*missing, *unexpected) if "position_ids" not in name]
    return model.eval()


def k_diffusion(module: str) -> types.ModuleType:
    """`k_diffusion.sampling` or `.external`, without what the package imports beside them."""
    if "k_diffusion" not in sys.modules:
        found = importlib.util.find_spec("k_diffusion")
        if found is None or found.submodule_search_locations is None:
            pytest.skip("k-diffusion is not installed")
        package = types.ModuleType("k_diffusion")
        package.__path__ = list(found.submodule_search_locations)
        package.utils = types.ModuleType("k_diffusion.utils")
        package.utils.append_dims = lambda x, dims: x[(...,) + (None,) * (dims - x.ndim)]
        sys.modules |= {"k_diffusion": package, "k_diffusion.utils": package.utils}
    for needed in ("torchsde", "torchdiffeq", "scipy"):
        pytest.importorskip(needed)
    return importlib.import_module(f"k_diffusion.{module}")


@cache
def open_clip_tokenizer():
    """open_clip's own tokenizer, from its file: the package itself wants torchvision."""
    found = importlib.util.find_spec("open_clip")
    if found is None or found.origin is None:
        pytest.skip("open_clip is not installed")
    path = Path(found.origin).parent / "tokenizer.py"
    spec = importlib.util.spec_from_file_location("open_clip_tokenizer", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.SimpleTokenizer()
