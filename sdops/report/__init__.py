"""Decides how things look: every output format is a rendering of one Report."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, cast

from sdops.errors import UsageError
from sdops.finding import Report

if TYPE_CHECKING:
    from pathlib import Path

    from sdops.report.blocks import Block


class Format(NamedTuple):
    """One way to write a report."""

    module: str
    """The module of this package whose `render` writes it."""
    suffix: str = ""
    """The suffix of a file in this format; empty where it makes sense on standard output only."""


FORMATS = {
    "rich": Format("rich_text", ".txt"),
    "json": Format("json_format", ".json"),
    "markdown": Format("markdown", ".md"),
    "sarif": Format("sarif", ".sarif"),
    "junit": Format("junit", ".xml"),
    "html": Format("html_page", ".html"),
    "github": Format("github"),
}
"""Every output format by its name: the one place that lists them."""


def render(report: Report, format_name: str, *, color: bool = False, width: int = 100) -> str:
    """The report as text in `format_name` (one of FORMATS).

    Args:
        report: what to render.
        format_name: one of FORMATS.
        color: whether `rich` may use terminal styles; other formats have none.
        width: columns of the terminal, for `rich`.

    Raises:
        UsageError: the format does not exist.
    """
    require_format(format_name)
    module = importlib.import_module(f"sdops.report.{FORMATS[format_name].module}")
    renderer = cast(Callable[..., str], module.render)
    return renderer(report, color=color, width=width) if format_name == "rich" else renderer(report)


def require_format(name: str) -> None:
    """Raises UsageError where there is no output format `name`."""
    if name not in FORMATS:
        raise UsageError(
            f"There is no output format {name!r}.", f"Choose one of {', '.join(FORMATS)}."
        )


def suffix_format(path: Path) -> str:
    """The format in which a report is written to `path`, by its suffix.

    Raises:
        UsageError: no format has it.
    """
    suffixes = {kind.suffix: name for name, kind in FORMATS.items() if kind.suffix}
    name = suffixes.get(path.suffix.lower())
    if name is None:
        raise UsageError(
            f"The suffix of {path} does not say which format to write.",
            f"Use one of {', '.join(suffixes)}.",
        )
    return name


def view(report: Report) -> tuple[Block, ...]:
    """The blocks that show the report's `data`, from `sdops.report.views.<command>` if any."""
    name = report.command.replace("-", "_").replace(" ", "_")
    try:
        module = importlib.import_module(f"sdops.report.views.{name}")
    except ModuleNotFoundError:
        return ()
    return tuple(cast("Callable[[Report], tuple[Block, ...]]", module.blocks)(report))
