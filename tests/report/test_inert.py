"""Text from outside changes nothing but the words, in every format and wherever it stands."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from sdops.bench.smoke.answer import SmokeAnswer
from sdops.finding import Command, Finding, Location, Remedy, Report, Severity
from sdops.launch import LaunchPlan, PlannedFlag, Standing
from sdops.report import FORMATS, render
from sdops.tried import TriedDevice, TriedStep

PIECES = st.sampled_from(
    ["`", "```", "~~~", "[a](http://x)", "![i](y)", "[", "](", "]", "<b>", "</p>", "<!--", "-->",
     "<script>alert(1)</script>", "&lt;", "&", "\"", "'", "@octocat", "#12", ":bug:", "$x$", "**",
     "_", "|", "\\", "::error::x", "::stop-commands::y", "##[group]", "\n", "\r\n", "\t",
     "\x1b[31m",
     "\x1b]0;t\x07", "\x9b2J", "\x00", "\u202e", "\u2028", "\ud800", "%0A", "%", ",", "]]>", "- ",
     "1. ", "# ", "> ", "=", "---", "[bold]", "[/bold]", "word", " ", "é", "漢字", "x" * 50]
)  # fmt: skip
HOSTILE = (st.lists(PIECES, min_size=1, max_size=6).map("".join) | st.text(max_size=30)).filter(
    lambda text: text.split()
)
CALM = "word"


def a_report(text: str) -> Report:
    """A report in which `text` stands in every place that can hold text from outside."""
    finding = Finding(
        "pickle-call", Severity.ERROR, f"A {text}", text, {"key": text},
        Location(text, f"D {text}", 5),
        (Remedy(text, commands=(Command(("run", text)),), add_flags=(text,),
                remove_flags=(text,), move_away=(text,)),),
    )  # fmt: skip
    flag = PlannedFlag("--flag", text, f"F {text}", Standing.KNOWN)
    data = SmokeAnswer(
        TriedDevice("cpu", text, None, "fp32"),
        (TriedStep(f"G {text}", True, text, {}),),
        LaunchPlan("a1111", (flag,), (), text, f"I {text}", True),
        infotext=text,
        images=(f"J {text}",),
    )
    return Report(
        "smoke", text, "2026-11-20T12:00:00+00:00", findings=(finding,),
        skipped={"gpu-hot": text}, crashed={"gpu-lost": f"M {text}"},
        faults=(text,), cases=(text,), data=data,
    )  # fmt: skip


def markdown_shape(text: str) -> list[str]:
    """The kinds of everything that a Markdown reader makes of `text`, in order."""
    reader = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    kinds = []
    for token in reader.parse(text):
        kinds.append(token.type)
        inner = [child.type for child in token.children or ()]
        # Words that are escaped one by one are words all the same.
        kinds += [kind for kind in inner if kind not in ("text", "text_special", "softbreak")]
    return kinds


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.shape: list[Any] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.shape.append((tag, attrs))

    def handle_endtag(self, tag: str) -> None:
        self.shape.append(f"/{tag}")

    def handle_comment(self, data: str) -> None:
        self.shape.append("comment")


def html_shape(text: str) -> list[Any]:
    parser = _Tags()
    parser.feed(text)
    parser.close()
    return parser.shape


def xml_shape(text: str) -> list[str]:
    return [element.tag for element in ET.fromstring(text.encode("utf-8")).iter()]


def sarif_shape(text: str) -> int:
    (run,) = json.loads(text)["runs"]
    messages = [result["message"]["text"] for result in run["results"]]
    assert not any("](" in message for message in messages)
    return len(messages)


def json_shape(text: str) -> list[str]:
    def keys(value: Any) -> list[str]:
        if isinstance(value, dict):
            return [name for key, item in value.items() for name in (key, *keys(item))]
        return [name for item in value for name in keys(item)] if isinstance(value, list) else []

    return keys(json.loads(text))


def github_shape(text: str) -> list[str]:
    pattern = r"::(?:error|warning|notice) (?:(?:file|line|title)=[^,:\r\n]*,?)+::"
    return [match[0].split(" ")[0] for match in re.finditer(f"(?m)^{pattern}", text)]


SHAPES: dict[str, Callable[[str], Any]] = {
    "json": json_shape,
    "markdown": markdown_shape,
    "sarif": sarif_shape,
    "junit": xml_shape,
    "html": html_shape,
    "github": github_shape,
}


def test_every_format_is_tried() -> None:
    assert {*SHAPES, "rich"} == set(FORMATS)


@pytest.mark.parametrize("name", SHAPES)
@settings(max_examples=20)
@given(text=HOSTILE)
def test_the_shape_is_that_of_harmless_words(name: str, text: str) -> None:
    assert SHAPES[name](render(a_report(text), name)) == shape_of_calm(name)


@functools.cache
def shape_of_calm(name: str) -> Any:
    return SHAPES[name](render(a_report(CALM), name))


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=20)
@given(text=HOSTILE)
def test_nothing_is_obeyed_by_a_terminal_or_a_runner(name: str, text: str) -> None:
    shown = render(a_report(text), name)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", shown)
    commands = [line for line in shown.split("\n") if line.lstrip().startswith(("::", "##["))]
    assert len(commands) == (len(github_shape(shown)) if name == "github" else 0)


@settings(max_examples=20)
@given(text=HOSTILE)
def test_markdown_mentions_and_refers_to_nobody(text: str) -> None:
    reader = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    words = [
        child.content
        for token in reader.parse(render(a_report(text), "markdown"))
        for child in token.children or ()
        if child.type in ("text", "text_special")
    ]
    assert not re.search(r"@[A-Za-z0-9]|#\d|:[a-z]+:", "\n".join(words))
