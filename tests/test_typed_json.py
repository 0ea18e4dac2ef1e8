"""Types to JSON and back, and their schema: made-up types with every kind of field."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import PurePosixPath
from typing import Any, Literal, NamedTuple

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdops.errors import UnreadableInputError
from sdops.typed_json import from_json, json_schema, to_json


class Color(Enum):
    RED = "red"
    BLUE = "blue"


class Point(NamedTuple):
    """A place."""

    x: int
    class_: str = "near"
    """How far, in words."""


@dataclass(frozen=True, slots=True)
class Picture:
    """Everything at once."""

    title: str
    points: tuple[Point, ...]
    size: tuple[int, float]
    color: Color
    notes: Mapping[str, tuple[str, ...]]
    best: Point | None = None
    """The best of them."""
    shape: Literal["wide", "high"] = "wide"


POINTS = st.builds(Point, st.integers(), st.text())
PICTURES = st.builds(
    Picture,
    st.text(),
    st.lists(POINTS, max_size=3).map(tuple),
    st.tuples(st.integers(), st.floats(-1e9, 1e9)),
    st.sampled_from(Color),
    st.dictionaries(st.text(), st.lists(st.text(), max_size=2).map(tuple), max_size=2),
    st.none() | POINTS,
)
WHOLE = Picture("t", (Point(1),), (2, 0.5), Color.RED, {"a": ("b",)})


@settings(max_examples=30)
@given(PICTURES)
def test_values_survive_json_and_fit_their_schema(picture: Picture) -> None:
    document = json.loads(json.dumps(to_json(picture)))
    jsonschema.validate(document, json_schema(Picture))
    assert from_json(document, Picture) == picture


def test_a_trailing_underscore_is_not_part_of_the_name() -> None:
    assert to_json(Point(1, "far")) == {"x": 1, "class": "far"}


def test_what_json_has_no_place_for_is_its_text() -> None:
    assert to_json({"at": PurePosixPath("a/b")}) == {"at": "a/b"}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"points": [{"x": 1}, {"x": "2"}]}, "Expected integer, not string, at $.points[1].x."),
        ({"points": [{}]}, "x is missing at $.points[0]."),
        ({"color": "green"}, "Expected one of red, blue at $.color."),
        ({"shape": ["wide"]}, "Expected one of wide, high at $.shape."),
        ({"size": [1]}, "Expected 2 values, not 1, at $.size."),
        ({"notes": {"a": "b"}}, "Expected array, not string, at $.notes.a."),
        ({"best": 3}, "Expected object, not integer, at $.best."),
        ({"title": True}, "Expected string, not boolean, at $.title."),
    ],
)
def test_what_is_wrong_is_named_by_its_path(change: dict[str, Any], says: str) -> None:
    document = {**to_json(WHOLE), **change}
    with pytest.raises(UnreadableInputError) as error:
        from_json(document, Picture)
    assert error.value.message.endswith(says.removeprefix("Expected object, "))
    assert not jsonschema.Draft202012Validator(json_schema(Picture)).is_valid(document)


def test_the_schema_describes_fields_by_their_docstrings() -> None:
    definitions = json_schema(Picture)["$defs"]
    (point,) = [item for name, item in definitions.items() if name.endswith(".Point")]
    assert point["description"] == "A place."
    assert point["properties"]["class"] == {"type": "string", "description": "How far, in words."}
    assert point["additionalProperties"] is False


def test_a_literal_is_a_list_of_words() -> None:
    assert json_schema(Literal["a", "b"]) == {"enum": ["a", "b"]}
