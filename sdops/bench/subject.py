"""What is tried: a checkpoint, or an architecture with random weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor

from sdops.bench.device import Device
from sdops.bench.memory_limit import is_out_of_memory
from sdops.checkpoint.files.cache import ResultCache
from sdops.checkpoint.hash.hashes import CACHE_VERSION, FileHashes, hash_file
from sdops.dialect.request import Files
from sdops.sampler.configuration import Family, ModelConfig, architecture
from sdops.sampler.memory import Memory
from sdops.sampler.pipeline import Options, Pipeline
from sdops.sampler.random_weights import randomize
from sdops.sampler.weights import Parts, Weights, assign, build, load, over_the_same_memory

Answer = TypeVar("Answer")
LADDER = (Memory.ALL, Memory.PARTS, Memory.LAYERS)
"""Memory policies, the fastest first."""
FULL_WIDTH = 320
"""Channels of every published UNet of Stable Diffusion 1, 2 and XL; only test models have fewer."""
TINY_SIDE = 64
PLAIN = Options()


@dataclass(frozen=True, slots=True)
class Subject:
    """A model that can be loaded any number of times, each time the same."""

    architecture: str = "tiny-sd15"
    """For random weights; not used with a checkpoint."""
    checkpoint: Path | None = None
    vae: Path | None = None
    """A VAE file in place of the checkpoint's."""
    weights: Weights = Weights.LIVE
    """Which of the checkpoint's."""
    seed: int = 0
    """The seed of the random weights."""
    model_hash: str | None = None
    """A1111's short hash of the checkpoint, where pictures are to name it."""
    vae_hash: str | None = None

    @property
    def title(self) -> str:
        """What to call it."""
        if self.checkpoint is not None:
            return str(self.checkpoint)
        return f"{self.architecture} with random weights"

    @property
    def trained(self) -> bool:
        """Whether pictures of it can be judged as pictures."""
        return self.checkpoint is not None

    @property
    def is_tiny(self) -> bool:
        """Whether it is one of the architectures made for tests."""
        return self.checkpoint is None and self.architecture.startswith("tiny-")

    def parts(self) -> Parts:
        """The model's modules, as they are in the file.

        Raises:
            UsageError: there is no such architecture.
            UnreadableInputError: the checkpoint is damaged or no such model.
        """
        return over_the_same_memory(_loaded(replace(self, model_hash=None, vae_hash=None)))

    def pipeline(self, options: Options = PLAIN) -> Pipeline:
        """The model, ready to make pictures; errors as in `parts`."""
        return Pipeline(self.parts(), options, self.files)

    @property
    def files(self) -> Files:
        """What infotext says of its files, in A1111's way."""
        if self.checkpoint is None:
            return Files(self.title)
        vae = None if self.vae is None else self.vae.name
        return Files(self.checkpoint.stem, self.model_hash, vae, self.vae_hash)

    def hashed(self) -> Subject:
        """The same with the hashes of its files, for infotext; errors as in `hashes_of`."""
        model, vae = (
            None if path is None else hashes_of(path).a1111_short
            for path in (self.checkpoint, self.vae)
        )
        return replace(self, model_hash=model, vae_hash=vae)

    def roomy(self, options: Options, work: Callable[[Pipeline], Answer]) -> Answer:
        """`work` on the model, under the first memory policy that fits.

        Raises:
            torch.OutOfMemoryError: none does.
        """
        for policy in LADDER:
            try:
                return work(self.pipeline(replace(options, memory=policy)))
            except RuntimeError as error:
                if policy is LADDER[-1] or not is_out_of_memory(error):
                    raise
        raise AssertionError


def hashes_of(path: Path) -> FileHashes:
    """The hashes of a file, remembered from earlier runs."""
    with ResultCache("hash", CACHE_VERSION) as cache:
        return hash_file(path, cache=cache)


@lru_cache(maxsize=1)
def _loaded(subject: Subject) -> Parts:
    """The model as it is in the file; read once, however many parts of it are tried."""
    if subject.checkpoint is not None:
        return load(subject.checkpoint, subject.weights, subject.vae)
    parts = build(architecture(subject.architecture))
    assign(parts, _random_weights(subject.architecture, subject.seed), subject.title)
    return parts


@cache
def _random_weights(name: str, seed: int) -> dict[str, Tensor]:
    """Random weights in fp16, as published files hold them; on the CPU, whatever uses them."""
    parts = randomize(build(architecture(name)), seed, torch.float16)
    return {
        prefix + name: tensor
        for prefix, module in parts.by_prefix().items()
        for name, tensor in module.state_dict().items()
    }


@contextmanager
def few_threads(wanted: bool) -> Iterator[None]:
    """One thread on the CPU inside if `wanted`: sharing out tiny work costs more than it gives."""
    before = torch.get_num_threads()
    if wanted:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def usual_precision(device: Device) -> str:
    """What UIs compute in on a device unless told otherwise; a name in `PRECISIONS`."""
    return "fp32" if device.kind == "cpu" else "fp16"


def usual_side(config: ModelConfig) -> int:
    """The side in pixels of the pictures that a model was trained on; small for tiny models."""
    if config.unet.model_channels < FULL_WIDTH:
        return TINY_SIDE
    return 1024 if config.family in (Family.SDXL, Family.SDXL_REFINER) else 512


def usual_tile(config: ModelConfig) -> int:
    """The side in latent pixels of the VAE's tiles: half that of a usual picture."""
    return usual_side(config) // config.vae.downscale // 2
