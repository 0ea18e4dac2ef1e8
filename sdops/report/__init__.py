"""Decides how things look: every output format is a rendering of one Report."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from sdops.errors import UsageError
from sdops.finding import Report

if TYPE_CHECKING:
    from sdops.report.blocks import Block

_MODULES = {
    "rich": "rich_text",
    "json": "json_format",
    "markdown": "markdown",
    "sarif": "sarif",
    "junit": "junit",
    "github": "github",
}
FORMATS = tuple(_MODULES)


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
    if format_name not in _MODULES:
        raise UsageError(
            f"There is no output format {format_name!r}.", f"Choose one of {', '.join(FORMATS)}."
        )
    module = importlib.import_module(f"sdops.report.{_MODULES[format_name]}")
    renderer = cast(Callable[..., str], module.render)
    return renderer(report, color=color, width=width) if format_name == "rich" else renderer(report)


def view(report: Report) -> tuple[Block, ...]:
    """The blocks that show the report's `data`, from `sdops.report.views.<command>` if any."""
    name = report.command.replace("-", "_").replace(" ", "_")
    try:
        module = importlib.import_module(f"sdops.report.views.{name}")
    except ModuleNotFoundError:
        return ()
    return tuple(cast("Callable[[Report], tuple[Block, ...]]", module.blocks)(report))
