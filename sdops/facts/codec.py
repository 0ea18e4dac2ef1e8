"""Facts to JSON and back, so that one machine's facts can be judged on another."""

from __future__ import annotations

import json
import re
from typing import Any

from sdops.errors import UnreadableInputError
from sdops.facts.types import SCHEMA, Facts
from sdops.typed_json import from_json, to_json

__all__ = ["facts_from_json", "facts_from_text", "to_json"]

_EMBEDDED = re.compile(r"^(`{3,})[^\n]*\n(.*?)\n\1$", re.MULTILINE | re.DOTALL)
"""A fenced block of Markdown; the facts stand in one."""


def facts_from_text(text: str) -> Facts:
    """Facts from what was saved or sent: a facts file, `doctor --json`, or a Markdown report.

    Raises:
        UnreadableInputError: there are no facts in it, or a value has the wrong type.
    """
    if text.lstrip().startswith(("{", "[")):
        try:
            return facts_from_json(json.loads(text))
        except (ValueError, RecursionError) as error:
            raise UnreadableInputError(f"It is not JSON: {error}.") from None
    for match in _EMBEDDED.finditer(text):
        document = _json_or_none(match[2])
        if isinstance(document, dict) and document.get("schema") == SCHEMA:
            return facts_from_json(document)
    raise UnreadableInputError("There are no facts in it.", _HOW)


def facts_from_json(document: Any) -> Facts:
    """Facts from the JSON that `sdops doctor` wrote with --save-facts, or printed with --json.

    Fields that this version does not know are ignored, and missing ones take their defaults.

    Raises:
        UnreadableInputError: the document is not facts, or a value has the wrong type.
    """
    facts = document
    if isinstance(document, dict) and isinstance(document.get("data"), dict):
        facts = document["data"].get("facts")
    if not isinstance(facts, dict) or facts.get("schema") != SCHEMA:
        raise UnreadableInputError(f"These are not facts: `schema` is not {SCHEMA!r}.", _HOW)
    return from_json(facts, Facts)


def _json_or_none(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


_HOW = "Make them with: sdops doctor --save-facts FILE"
