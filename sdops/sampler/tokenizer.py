"""Text to CLIP's tokens: byte-pair encoding over the vocabulary of Radford et al. 2021."""

from __future__ import annotations

import gzip
import html
from functools import cache, lru_cache
from importlib import resources
from itertools import pairwise

import ftfy
import regex

START, END = 49406, 49407
COMMA = 267
PIECES = r"'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+"
WORD_END = "</w>"


class Tokenizer:
    """Tokens as Hugging Face's tokenizer of CLIP-L gives them."""

    specials = ("<|startoftext|>", "<|endoftext|>")
    """What a user may write for the start and end token."""

    def __init__(self) -> None:
        self._pieces = regex.compile(
            "|".join(map(regex.escape, self.specials)) + "|" + PIECES, regex.IGNORECASE
        )

    def clean(self, text: str) -> str:
        """`text` with broken encoding repaired, spaces collapsed, in lower case."""
        return " ".join(ftfy.fix_text(text).split()).lower()

    def encode(self, text: str) -> list[int]:
        """The tokens of `text`, without start and end."""
        tokens: list[int] = []
        for piece in self._pieces.findall(self.clean(text)):
            if piece in self.specials:
                tokens.append((START, END)[self.specials.index(piece)])
            else:
                tokens.extend(_encode_piece(piece))
        return tokens


class OpenClipTokenizer(Tokenizer):
    """Tokens as OpenCLIP gives them: HTML entities are read first."""

    specials = ("<start_of_text>", "<end_of_text>")

    def clean(self, text: str) -> str:
        """As CLIP-L's, with HTML entities resolved twice."""
        text = html.unescape(html.unescape(ftfy.fix_text(text)))
        return " ".join(text.split()).lower()


@cache
def _byte_symbols() -> tuple[str, ...]:
    """For each byte the letter that stands for it: itself if printable, else one past Latin-1."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    symbols = {byte: chr(byte) for byte in printable}
    symbols |= {byte: chr(256 + number) for number, byte in enumerate(others)}
    return tuple(symbols[byte] for byte in range(256))


@cache
def _vocabulary() -> tuple[dict[str, int], dict[tuple[str, str], int]]:
    """The number of each token, and the rank of each merge."""
    packed = resources.files("sdops.sampler").joinpath("clip_merges.txt.gz").read_bytes()
    lines = gzip.decompress(packed).decode("utf-8").splitlines()[2:]  # two lines of origin
    merges = [(first, second) for first, second in map(str.split, lines)]
    letters = sorted(_byte_symbols())
    tokens = [*letters, *(letter + WORD_END for letter in letters), *map("".join, merges)]
    return (
        {token: number for number, token in enumerate(tokens)},
        {merge: rank for rank, merge in enumerate(merges)},
    )


@lru_cache(maxsize=65536)
def _encode_piece(piece: str) -> tuple[int, ...]:
    """The tokens of one word: its two most often neighbored parts are merged, again and again."""
    numbers, ranks = _vocabulary()
    parts = [_byte_symbols()[byte] for byte in piece.encode("utf-8")]
    parts[-1] += WORD_END
    while len(parts) > 1:
        best = min(pairwise(parts), key=lambda p: ranks.get(p, len(ranks)))
        if best not in ranks:
            break
        merged, i = [], 0
        while i < len(parts):
            step = 2 if tuple(parts[i : i + 2]) == best else 1
            merged.append("".join(parts[i : i + step]))
            i += step
        parts = merged
    return tuple(numbers[part] for part in parts)
