"""From prompts to what the UNet is conditioned on: chunks of tokens, encoded and emphasized."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from sdops.dialect.names import look_up
from sdops.dialect.options import READ_AS_USUAL, PromptOptions
from sdops.dialect.prompt import BREAK, EMPHASES, Steps, Weighted, schedule, split_and
from sdops.sampler.clip import ClipText
from sdops.sampler.configuration import SIZE_EMBEDDING, Family, ModelConfig
from sdops.sampler.open_clip import OpenClipText
from sdops.sampler.tokenizer import COMMA, END, START, OpenClipTokenizer, Tokenizer
from sdops.sampler.unet import sinusoidal

CHUNK = 75
COMMA_BACKTRACK = 20
"""How many tokens back a comma may be for what follows it to move to the next chunk (A1111)."""
AESTHETIC_SCORES = {"positive": 6.0, "negative": 2.5}
"""What the SDXL refiner is told of pictures to make and to avoid (A1111's defaults)."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """77 tokens with their weights."""

    ids: tuple[int, ...]
    weights: tuple[float, ...]


def chunks(pieces: Sequence[Weighted], tokenizer: Tokenizer) -> list[Chunk]:
    """`pieces` as chunks of 75 tokens between a start and an end; full ones break at a comma."""
    finished: list[Chunk] = []
    tokens: list[tuple[int, float]] = []
    comma: int | None = None

    def finish(kept: int) -> None:
        nonlocal tokens, comma
        inside = tokens[:kept] + [(END, 1.0)] * (CHUNK - kept)
        ids, weights = zip((START, 1.0), *inside, (END, 1.0), strict=True)
        finished.append(Chunk(ids, weights))
        tokens, comma = tokens[kept:], None

    for text, weight in pieces:
        if (text, weight) == BREAK:
            finish(len(tokens))
            continue
        for token in tokenizer.encode(text):
            if token == COMMA:
                comma = len(tokens)
            elif len(tokens) == CHUNK and comma is not None and CHUNK - comma <= COMMA_BACKTRACK:
                finish(comma + 1)
            if len(tokens) == CHUNK:
                finish(CHUNK)
            tokens.append((token, weight))
    if tokens or not finished:
        finish(len(tokens))
    return finished


def emphasize_original(z: Tensor, weights: Tensor) -> Tensor:
    """Scale each token, then all, so that the mean stays."""
    weighted = z * weights
    return weighted * (z.mean() / weighted.mean())


def emphasize_plainly(z: Tensor, weights: Tensor) -> Tensor:
    """Scale each token."""
    return z * weights


def emphasize_nothing(z: Tensor, weights: Tensor) -> Tensor:  # noqa: ARG001
    """Leave the tokens as they are."""
    return z


APPLY = {
    "Original": emphasize_original,
    "No norm": emphasize_plainly,
    "Ignore": emphasize_nothing,
    "None": emphasize_nothing,
}
"""How weights are applied, by the names of `prompt.EMPHASES`."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """An encoded text."""

    context: Tensor
    """(77 n, context_dim)."""
    vector: Tensor | None
    """(vector_dim,): SDXL's pooled text and sizes."""

    def padded(self, length: int, empty: Tensor) -> Encoded:
        """The same with a context of `length` tokens, by chunks of the `empty` prompt's."""
        missing = (length - len(self.context)) // len(empty)
        return Encoded(torch.cat((self.context, *[empty] * missing)), self.vector)


Scheduled = tuple[tuple[int, Encoded], ...]
"""(last step, what the UNet is conditioned on up to it), rising."""


@dataclass(frozen=True, slots=True)
class Conditioning:
    """What one picture is conditioned on."""

    parts: tuple[tuple[float, Scheduled], ...]
    """The prompt's parts between ANDs, with their weights."""
    negative: Scheduled

    def padded(self, empty: Tensor) -> Conditioning:
        """The same with every context as long as the longest, by `empty` (77, context_dim)."""
        sides = (self.negative, *(scheduled for _, scheduled in self.parts))
        longest = max(len(encoded.context) for side in sides for _, encoded in side)

        def pad(side: Scheduled) -> Scheduled:
            return tuple((end, encoded.padded(longest, empty)) for end, encoded in side)

        parts = tuple((weight, pad(scheduled)) for weight, scheduled in self.parts)
        return Conditioning(parts, pad(self.negative))


class TextEncoders:
    """The text encoders of a model, with their tokenizers.

    Args:
        config: the model.
        encoders: one for each of `config.text`, in order.
    """

    def __init__(self, config: ModelConfig, encoders: Sequence[ClipText | OpenClipText]) -> None:
        self.config = config
        self.encoders = tuple(encoders)
        self.tokenizers = tuple(
            OpenClipTokenizer() if isinstance(encoder, OpenClipText) else Tokenizer()
            for encoder in encoders
        )

    def condition(
        self,
        prompt: str,
        negative: str,
        size: tuple[int, int],
        steps: Steps,
        options: PromptOptions = READ_AS_USUAL,
    ) -> Conditioning:
        """Encode all that `prompt` and `negative` read over the steps.

        Args:
            prompt: may hold ANDs and schedules.
            negative: may hold schedules.
            size: height and width of the picture in pixels; SDXL is told.
            steps: what schedules are for.
            options: how to read them.
        """
        parts = tuple(
            (weight, self._scheduled(text, size, steps, options, "positive"))
            for text, weight in split_and(prompt)
        )
        avoid = self._scheduled(negative, size, steps, options, "negative")
        found = Conditioning(parts, avoid)
        return found.padded(self.encode([""])[0][0]) if options.same_length else found

    def _scheduled(
        self, text: str, size: tuple[int, int], steps: Steps, options: PromptOptions, side: str
    ) -> Scheduled:
        ends, texts = zip(*schedule(text, steps), strict=True)
        context, pooled = self.encode(texts, options)
        is_xl = self.config.family in (Family.SDXL, Family.SDXL_REFINER)
        if is_xl and side == "negative" and not any(texts):
            context = torch.zeros_like(context)
            pooled = torch.zeros_like(pooled) if pooled is not None else None
        encoded = {  # once for each text, however often it comes back: the UNet's cache is by text
            text: Encoded(row, None if pooled is None else self._vector(pooled[i], size, side))
            for i, (text, row) in enumerate(zip(texts, context, strict=True))
        }
        return tuple((end, encoded[text]) for end, text in zip(ends, texts, strict=True))

    def _vector(self, pooled: Tensor, size: tuple[int, int], side: str) -> Tensor:
        """SDXL's vector: the pooled text, then sizes as waves (Podell et al. 2023, section 2.2)."""
        numbers: tuple[float, ...]
        if self.config.family is Family.SDXL:
            numbers = (*size, 0, 0, *size)  # of the original, crop, of the target
        else:
            numbers = (*size, 0, 0, AESTHETIC_SCORES[side])
        waves = sinusoidal(torch.tensor(numbers, device=pooled.device), SIZE_EMBEDDING)
        return torch.cat((pooled, waves.flatten().to(pooled)))  # (vector_dim,)

    def encode(
        self, texts: Sequence[str], options: PromptOptions = READ_AS_USUAL
    ) -> tuple[Tensor, Tensor | None]:
        """The contexts (B, 77 n, context_dim) and, for SDXL, pooled vectors (B, projection)."""
        parse = look_up("emphasis mode", options.emphasis, EMPHASES)
        apply = look_up("emphasis mode", options.emphasis, APPLY)
        pieces = [parse(text) for text in texts]
        rows = [[chunks(piece, t) for piece in pieces] for t in self.tokenizers]
        longest = max(len(row) for encoder_rows in rows for row in encoder_rows)
        contexts, pooled = [], None
        for encoder, tokenizer, encoder_rows in zip(
            self.encoders, self.tokenizers, rows, strict=True
        ):
            empty = chunks([("", 1.0)], tokenizer) * longest
            padded = [(row + empty)[:longest] for row in encoder_rows]
            outputs = [
                self._encode_chunk(encoder, column, apply, options)
                for column in zip(*padded, strict=True)
            ]
            contexts.append(torch.cat([z for z, _ in outputs], 1))  # (B, 77 n, width)
            pooled = outputs[0][1]
        return torch.cat(contexts, 2), pooled

    def _encode_chunk(
        self,
        encoder: ClipText | OpenClipText,
        column: Sequence[Chunk],
        apply: Callable[[Tensor, Tensor], Tensor],
        options: PromptOptions,
    ) -> tuple[Tensor, Tensor | None]:
        device = next(encoder.parameters()).device
        different = list(dict.fromkeys(chunk.ids for chunk in column))
        rows = [different.index(chunk.ids) for chunk in column]
        ids = torch.tensor(different, device=device)  # (D, 77), D ≤ B
        if isinstance(encoder, OpenClipText):
            ids = zero_after_end(ids)
        states = encoder(ids)
        z = self._chosen_state(encoder, states, options).float()[rows]  # (B, 77, width)
        if any(weight != 1 for chunk in column for weight in chunk.weights):
            weights = torch.tensor([chunk.weights for chunk in column], device=device)
            z = apply(z, weights[:, :, None])
        pooled = None
        if self.config.unet.vector_dim and isinstance(encoder, OpenClipText):
            pooled = encoder.pooled(ids, states[-1]).float()[rows]  # (B, projection)
        return z, pooled

    def _chosen_state(
        self,
        encoder: ClipText | OpenClipText,
        states: tuple[Tensor, ...],
        options: PromptOptions,
    ) -> Tensor:
        family = self.config.family
        if isinstance(encoder, OpenClipText):
            penultimate = states[-1 if encoder.config.ends_penultimate else -2]
            return encoder.ln_final(penultimate) if family is Family.SD2 else penultimate
        if family is Family.SD1:
            return encoder.final_layer_norm(states[-_skip(states, options)])
        return states[-_skip(states, options) if options.sdxl_clip_l_skip else -2]


def _skip(states: tuple[Tensor, ...], options: PromptOptions) -> int:
    """`clip_skip`, at most the number of layers."""
    return min(max(options.clip_skip, 1), len(states) - 1)


def zero_after_end(ids: Tensor) -> Tensor:
    """`ids` (B, 77) with zeros after the first end token, as OpenCLIP was trained."""
    is_end = ids == END
    return ids.masked_fill((is_end.cumsum(1) - is_end.long()) > 0, 0)
