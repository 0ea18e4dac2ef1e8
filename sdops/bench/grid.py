"""Contact sheets over two axes, as users know them from A1111's X/Y plot."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from sdops.dialect.kinds import Choice, Number, Seed, Text, write
from sdops.dialect.names import look_up
from sdops.dialect.parameters import BY_NAME, PARAMETERS, Parameter
from sdops.dialect.request import Request
from sdops.errors import UsageError

if TYPE_CHECKING:
    from PIL import Image

NUMBER = r"(-?\d+(?:\.\d+)?)"
STEPPED = re.compile(rf"{NUMBER}\s*-\s*{NUMBER}(?:\s*\(\s*([+-]\d+(?:\.\d+)?)\s*\))?")
COUNTED = re.compile(rf"{NUMBER}\s*-\s*{NUMBER}\s*\[\s*(\d+)\s*\]")
MOST_VALUES = 100
DIGITS = 6
"""To which the numbers between the ends of a range are rounded."""
MARGIN, LABEL_HEIGHT = 8, 24


SHORT = {
    "sampler": "Sampler",
    "scheduler": "Schedule type",
    "steps": "Steps",
    "cfg": "CFG scale",
    "seed": "Seed",
}
"""Shorter names for `--grid` than infotext's."""
USUAL = {
    "Sampler": "Euler a, DPM++ 2M, DDIM",
    "Schedule type": "Karras, Exponential",
    "Steps": "10-30 (+10)",
    "CFG scale": "3-11 [3]",
    "Seed": "1-3",
}
"""What to take if the user names no values; all there are where a setting is a choice."""
ALONE = "Batch size"
"""No axis: a sheet has one picture at each place."""
NAMES = {p.name: p for p in PARAMETERS if not isinstance(p.kind, Text) and p.name != ALONE}
ON_AXES = {short: BY_NAME[name] for short, name in SHORT.items()} | NAMES
"""What may change along an axis, by the names that `--grid` takes."""


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis of a sheet."""

    name: str
    parameter: Parameter
    values: tuple[str, ...]

    def at(self, request: Request, value: str) -> Request:
        """`request` with `value` on this axis."""
        return self.parameter.applied(request, value)


def words(text: str) -> list[str]:
    """`Euler a, DPM++ 2M` as its names."""
    return [word.strip() for word in text.split(",") if word.strip()]


def floats(text: str) -> list[str]:
    """`1-10 [5]` as five numbers from 1 to 10, `10-30 (+10)` as 10, 20, 30, `5,7` as themselves.

    Raises:
        UsageError: one is no number or range.
    """
    return [f"{number:f}" for number in _numbers(text)]


def integers(text: str) -> list[str]:
    """As `floats`, rounded down (A1111)."""
    return [str(int(number)) for number in _numbers(text)]


def _numbers(text: str) -> list[Decimal]:
    """Exact, for a seed has up to 20 digits."""
    found: list[Decimal] = []
    for word in words(text):
        counted, stepped = COUNTED.fullmatch(word), STEPPED.fullmatch(word)
        if counted:
            found += _counted(Decimal(counted[1]), Decimal(counted[2]), int(counted[3]))
        elif stepped:
            found += _stepped(Decimal(stepped[1]), Decimal(stepped[2]), stepped[3])
        elif re.fullmatch(NUMBER, word):
            found.append(Decimal(word))
        else:
            raise UsageError(
                f"{word!r} is neither a number nor a range.", "Write 20, 1-10 [5] or 10-30 (+10)."
            )
    return found


def _counted(first: Decimal, last: Decimal, count: int) -> list[Decimal]:
    if not 1 <= count <= MOST_VALUES:
        raise UsageError(f"An axis cannot have {count} values.", f"Use 1 to {MOST_VALUES}.")
    stride = (last - first) / (count - 1) if count > 1 else Decimal(0)
    places = (first + stride * number for number in range(count))
    return [round(place, DIGITS).normalize() for place in places]


def _stepped(first: Decimal, last: Decimal, stride_text: str | None) -> list[Decimal]:
    stride = Decimal(stride_text or (1 if last >= first else -1))
    if not stride or (last - first) / stride < 0:
        raise UsageError(f"A range from {first:f} to {last:f} cannot go in steps of {stride:f}.")
    strides = int((last - first) / stride)
    return _counted(first, first + stride * strides, strides + 1)


def axes(names: str, x: str | None, y: str | None) -> tuple[Axis, Axis]:
    """The axes that `--grid sampler,steps` asks for, with the values of `--x` and `--y`.

    Raises:
        UsageError: there are not two, or they or their values make no sense.
    """
    chosen = words(names)
    if len(chosen) != 2:
        raise UsageError(f"A grid has two axes, not {len(chosen)}.", "Write --grid sampler,steps.")
    return _axis(chosen[0], x), _axis(chosen[1], y)


def _axis(name: str, text: str | None) -> Axis:
    parameter = look_up("axis", name, ON_AXES)
    kind = parameter.kind
    given = USUAL.get(parameter.name) if text is None else text
    if given is None and isinstance(kind, Choice):
        given = ", ".join(kind.things)
    if given is None:
        raise UsageError(f"The axis {name} needs values.", f"Give --x or --y {kind.meaning}.")
    values = words(given)
    if isinstance(kind, Number | Seed):
        values = integers(given) if isinstance(kind, Seed) or kind.type is int else floats(given)
    if not 1 <= len(values) <= MOST_VALUES:
        raise UsageError(
            f"The axis {name} has {len(values)} values.", f"Give it 1 to {MOST_VALUES}."
        )
    known = (kind.write(parameter.read(value)) for value in values)
    return Axis(name.strip().casefold(), parameter, tuple(map(write, known)))


def cells(request: Request, x: Axis, y: Axis) -> Iterator[Request]:
    """The request for each place of a sheet, row by row."""
    for down in y.values:
        for across in x.values:
            yield y.at(x.at(request, across), down)


def contact_sheet(images: Sequence[Image.Image], x: Axis, y: Axis) -> Image.Image:
    """`images` of `cells`, x to the right and y down, with the values written beside them."""
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.load_default()
    above, beside = ([f"{axis.name} {value}" for value in axis.values] for axis in (x, y))
    wide = max(*(image.width for image in images), *(int(font.getlength(t)) for t in above))
    high = max(image.height for image in images)
    left = max(int(font.getlength(text)) for text in beside) + 2 * MARGIN
    top = LABEL_HEIGHT + MARGIN
    size = left + len(above) * (wide + MARGIN), top + len(beside) * (high + MARGIN)
    sheet = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(sheet)
    for column, text in enumerate(above):
        pen.text((left + column * (wide + MARGIN), MARGIN), text, "black", font)
    for line, text in enumerate(beside):
        pen.text((MARGIN, top + line * (high + MARGIN) + high // 2), text, "black", font)
    for number, image in enumerate(images):
        line, column = divmod(number, len(above))
        sheet.paste(image, (left + column * (wide + MARGIN), top + line * (high + MARGIN)))
    return sheet
