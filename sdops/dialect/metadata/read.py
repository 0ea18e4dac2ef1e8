"""One reader for the pictures of all programs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from sdops.dialect.metadata.made import Made
from sdops.dialect.metadata.programs import a1111, comfyui, invokeai, novelai, others
from sdops.dialect.metadata.programs.values import is_table
from sdops.dialect.metadata.stealth import hidden_text
from sdops.dialect.metadata.texts import Texts, read_texts

READERS: tuple[Callable[[Texts], Made | None], ...] = (
    others.swarmui,
    others.fooocus,
    invokeai.read,
    novelai.read,
    others.draw_things,
    others.easy_diffusion,
    comfyui.read,
    a1111.read,
)
"""In this order: what only one program writes comes first, infotext last."""
EXPECTED = ("Steps", "Sampler", "Seed", "Size", "Model")
"""What every program could say."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture file, and how it was made as far as it says."""

    path: Path
    made: Made | None
    """None where it says nothing that is understood."""
    texts: tuple[str, ...]
    """The names under which the file says anything."""
    faults: tuple[str, ...] = ()
    """What could not be read in it, in words."""

    @property
    def missing(self) -> tuple[str, ...]:
        """Which of the usual settings it does not say."""
        said = self.made.settings if self.made else {}
        named = [] if self.made is None else [each.kind for each in self.made.models]
        return tuple(
            name for name in EXPECTED
            if self.made and name not in said and not (name == "Model" and "checkpoint" in named)
        )  # fmt: skip


def read_picture(path: Path) -> Picture:
    """How the picture at `path` was made, whichever program wrote it.

    Raises:
        UnreadableInputError: there is no such file, or it is neither picture nor text.
    """
    texts = read_texts(path)
    made = read_made(texts)
    if made is None:
        made = _of_hidden(path, texts)
    return Picture(path, made, tuple(texts.named), tuple(texts.faults))


def read_made(texts: Texts) -> Made | None:
    """What these texts say; None if no program is known that writes so."""
    for reader in READERS:
        made = reader(texts)
        if made is not None:
            return made
    for name in ("text", "parameters", "UserComment"):
        table = texts.json(name)
        if is_table(table):
            inner = table.get("meta") if is_table(table.get("meta")) else table
            found = a1111.of_civitai_api(inner) if is_table(inner) else None
            if found is not None:
                return found
    return None


def _of_hidden(path: Path, texts: Texts) -> Made | None:
    hidden = hidden_text(path)
    if hidden is None:
        return None
    found = novelai.of_hidden(hidden, texts)
    if found is None:
        found = a1111.read(Texts({"parameters": hidden}, texts.size))
        found = None if found is None else replace(found, not_understood=found.not_understood)
    return found
