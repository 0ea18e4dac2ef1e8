"""What a file says of itself, and what its numbers are: checked beside its hash."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sdops.checkpoint.hash.hashes import FileHashes
from sdops.checkpoint.open import open_checkpoint
from sdops.checkpoint.types import Checkpoint, Tensor
from sdops.checkpoint.weights import Weights
from sdops.checkpoint.write.casting import FLOATS, Caster
from sdops.errors import SdopsError
from sdops.finding import Finding, Location, Remedy, Severity

SAMPLED_TENSORS = 48
"""Looked at without `--weights`, spread over the file, the first block of each."""
LARGEST_USUAL = 1000.0
"""No trained network has most of its weights beyond this; scales and buffers are few numbers."""
_FEWEST = 64
"""Tensors of fewer numbers are scales, markers and biases."""
_DOWN = ("lora_down.weight", "lora_A.weight", "lora_A.default.weight")
_AGAIN = Remedy("Get the file again from where you trust it; if it is your own, train it again.")


def findings(path: Path, hashes: FileHashes, *, every_weight: bool) -> tuple[Finding, ...]:
    """What is wrong with the file's own statements and numbers; nothing where it has none.

    Args:
        path: the file, which was hashed.
        hashes: its hashes.
        every_weight: read all weights, not a sample of them.
    """
    try:
        checkpoint = open_checkpoint(path)
        if any(problem.blocking for problem in checkpoint.problems) or not checkpoint.tensors:
            return ()
        return (*_claims(checkpoint, hashes), *_numbers(checkpoint, every=every_weight))
    except SdopsError:
        return ()  # its hashes were taken, and say more than an index that cannot be read


def _claims(checkpoint: Checkpoint, hashes: FileHashes) -> Iterator[Finding]:
    metadata, found = checkpoint.metadata, hashes.tensors_sha256
    for key in ("sshs_model_hash", "modelspec.hash_sha256"):
        said = metadata.get(key, "").strip().lower().removeprefix("0x")
        if len(said) == 64 and found is not None and said != found:
            yield _wrong_claim(
                checkpoint,
                "The weights in this file are not those that its header was written for",
                f"{key} says {said[:12]}…, the weights have {found[:12]}…: they were changed,"
                " merged or damaged after it was written.",
            )
    rank = metadata.get("ss_network_dim", "")
    ranks = {
        tensor.shape[0]
        for tensor in checkpoint.tensors
        if tensor.shape and tensor.name.endswith(_DOWN)
    }
    if rank.isdigit() and ranks and int(rank) not in ranks:
        held = ", ".join(map(str, sorted(ranks)[:5]))
        yield _wrong_claim(
            checkpoint,
            "This LoRA does not have the rank that its header states",
            f"ss_network_dim says {rank}, its tensors have {held}: it was resized or merged.",
        )


def _wrong_claim(checkpoint: Checkpoint, title: str, why: str) -> Finding:
    return Finding(
        "verify-header-claim",
        Severity.WARNING,
        title,
        why,
        {},
        Location(checkpoint.path),
        (Remedy("Ask whoever gave you the file; a maker's own hash of it decides."),),
    )


@dataclass(slots=True)
class _Seen:
    """What was met in the numbers, by the tensors it was met in."""

    broken: list[str]
    huge: list[str]
    zero: int = 0
    looked_at: int = 0


def _numbers(checkpoint: Checkpoint, *, every: bool) -> Iterator[Finding]:
    floats = [t for t in checkpoint.tensors if t.dtype in FLOATS and t.elements >= _FEWEST]
    step = 1 if every else max(1, -(-len(floats) // SAMPLED_TENSORS))
    seen = _Seen([], [])
    with Weights(checkpoint) as weights:
        for tensor in floats[::step]:
            _look(weights, tensor, seen, every=every)
    location = Location(checkpoint.path)
    how_many = f"{seen.looked_at} tensors were looked at{'' if every else ', a sample of them'}"
    for names, title in (
        (seen.broken, "Weights in this file are not numbers (NaN) or infinite"),
        (seen.huge, "Weights in this file are far beyond any that training gives"),
    ):
        if names:
            why = f"In {_some(names)}; {how_many}. Pictures made with it are black or noise."
            yield Finding("verify-weights", Severity.ERROR, title, why,
                          {"tensors": names[:50]}, location, (_AGAIN,))  # fmt: skip
    if every and seen.looked_at and seen.zero == seen.looked_at:
        yield Finding(
            "verify-weights", Severity.WARNING, "All weights in this file are zero",
            f"{how_many}. It changes nothing, or was never trained.", {}, location, (_AGAIN,),
        )  # fmt: skip


def _look(weights: Weights, tensor: Tensor, seen: _Seen, *, every: bool) -> None:
    import numpy as np

    caster = Caster(tensor.dtype, "float32") if tensor.dtype != "float32" else None
    broken = huge = False
    zero = True
    for block in weights.blocks(tensor):
        data = caster.cast(block.data).data if caster else block.data
        numbers = np.frombuffer(data, np.float32)
        finite = np.isfinite(numbers)
        broken |= not finite.all()
        sizes = np.abs(numbers[finite])
        zero &= not sizes.any()
        huge |= bool(sizes.size) and float(np.median(sizes)) > LARGEST_USUAL
        if not every:
            break
    seen.looked_at += 1
    seen.zero += zero and not broken
    if broken:
        seen.broken.append(tensor.name)
    elif huge:
        seen.huge.append(tensor.name)


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return json.dumps(names[:3], ensure_ascii=False)[1:-1] + more
