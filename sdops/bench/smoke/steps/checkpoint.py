"""Is the checkpoint what it says? Its name and metadata against what its tensors are."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path

from sdops.bench.limits import limit
from sdops.bench.smoke.step import Fault, Step, judged
from sdops.bench.smoke.steps.parts import Sample
from sdops.bench.subject import Subject
from sdops.checkpoint import open_checkpoint
from sdops.checkpoint.types import Checkpoint
from sdops.dialect.options import Prediction
from sdops.finding import Severity
from sdops.sampler.configuration import Family, ModelConfig

CLAIM_KEYS = ("modelspec.architecture", "ss_base_model_version")
"""Metadata that names the architecture (Stability's ModelSpec; kohya-ss)."""
CLAIMS = (
    (re.compile(r"sd[-_ ]?xl|stable-diffusion-xl|pony|illustrious"), Family.SDXL),
    (re.compile(r"sd[-_ ]?v?2|stable-diffusion-v2|v2-1|768-v"), Family.SD2),
    (re.compile(r"sd[-_ ]?v?1|stable-diffusion-v1|v1-5"), Family.SD1),
)
"""What a name or metadata must hold to claim a family."""
OTHER_SIGNS = re.compile(r"lora|flux|sd3")


def try_claims(subject: Subject, config: ModelConfig, notes: tuple[str, ...], s: Sample) -> Step:
    """The step "checkpoint".

    Args:
        subject: what is tried.
        config: what its tensors' names and shapes say.
        notes: what was noticed while loading.
        s: what the UNet made of noise.
    """
    name = "checkpoint"
    asked = "" if config.prediction else " (asked of the model, for the file does not say)"
    said = f"{config.family.value}, prediction {s.prediction.value}{asked}"
    if config.zero_terminal_snr:
        said += ", noise up to zero terminal SNR"
    if subject.checkpoint is None:
        return Step(name, None, f"none: {said}, with random weights")
    checkpoint = open_checkpoint(subject.checkpoint)
    faults = (*_wrong_family(checkpoint, config), *_wrong_prediction(config, s))
    detail = "; ".join((said, *notes))
    measured = {
        "config": config.report(),
        "prediction": s.prediction.value,
        "noise_likeness": s.cosine,
        "notes": list(notes),
    }
    return judged(name, detail, faults, measured)


def _wrong_family(checkpoint: Checkpoint, config: ModelConfig) -> Iterator[Fault]:
    metadata = checkpoint.metadata
    claims = [(key, metadata[key]) for key in CLAIM_KEYS if key in metadata]
    claims.append(("its file name", Path(checkpoint.path).stem))
    for where, text in claims:
        claimed = claimed_family(text)
        own = Family.SDXL if config.family is Family.SDXL_REFINER else config.family
        if claimed is not None and claimed is not own:
            yield Fault(
                "smoke-checkpoint-mislabeled",
                f"This file is {config.family.value}, although {where} says otherwise",
                f"{where} says {text!r}; its tensors are those of {config.family.value}.",
                advice="Use it with settings, LoRAs and a VAE for what it is, or get the right"
                " file.",
                severity=Severity.WARNING,
            )
            return


def claimed_family(text: str) -> Family | None:
    """The family that a name claims; None if it claims none that is known here."""
    folded = text.casefold()
    if OTHER_SIGNS.search(folded):
        return None
    return next((family for pattern, family in CLAIMS if pattern.search(folded)), None)


def _wrong_prediction(config: ModelConfig, sample: Sample) -> Iterator[Fault]:
    if config.prediction is not Prediction.EPSILON or limit("noise-likeness").holds(sample.cosine):
        return
    if math.isnan(sample.cosine):
        return  # the UNet is broken, and says so in a step of its own
    if config.unet.in_channels != config.unet.out_channels:
        return  # a model that sees more than noise need not give it back
    yield Fault(
        "smoke-checkpoint-prediction",
        "This model predicts v, and nothing in the file says so: pictures come out as noise",
        f"Given noise, the UNet gives back something unlike it (cosine {sample.cosine:.2f}).",
        advice="Put a .yaml file with `parameterization: v` beside it, or ask its author for a"
        " file with the tensor `v_pred`.",
    )
