"""Reads what training tools wrote into a file's header: the rows a person wants to see."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from sdops import profile

_TAGS_SHOWN = 20
_TEXT_LIMIT = 500
_PATH = re.compile(r"[A-Za-z]:\\|/(?:home|Users|root|mnt|media|workspace|content|kaggle)/")


@dataclass(frozen=True, slots=True)
class Entry:
    """One metadata value, ready to show."""

    key: str
    label: str
    text: str
    private: bool = False
    """It tells about the machine that made the file: a path, a session."""


def readable(metadata: Mapping[str, str]) -> tuple[Entry, ...]:
    """The entries of `metadata` that are known, in the order in which they are best read."""
    rows = profile.load("metadata")["key"]
    return tuple(
        _entry(row, metadata[row["name"]])
        for row in rows
        if metadata.get(row["name"]) not in (None, "", "None")
    )


def private_keys(metadata: Mapping[str, str]) -> tuple[str, ...]:
    """The keys whose values tell about the machine that made the file."""
    declared = {row["name"] for row in profile.load("metadata")["key"] if row.get("private")}
    return tuple(
        key
        for key, value in metadata.items()
        if _PATH.search(value) or (key in declared and ("/" in value or "\\" in value))
    )


def _entry(row: Mapping[str, Any], value: str) -> Entry:
    show = {"time": _time, "tags": _tags, "json": _json}.get(row.get("show", "text"), str)
    text = show(value)
    if len(text) > _TEXT_LIMIT:
        text = f"{text[:_TEXT_LIMIT]}… ({len(value)} characters)"
    return Entry(row["name"], row["label"], text, bool(private_keys({row["name"]: value})))


def _time(value: str) -> str:
    try:
        moment = datetime.fromtimestamp(float(value), timezone.utc)
    except (ValueError, OverflowError, OSError):
        return value
    return moment.strftime("%Y-%m-%d %H:%M UTC")


def _tags(value: str) -> str:
    counts: Counter[str] = Counter()
    for tags in _loaded(value).values():
        if isinstance(tags, dict):
            counts.update({tag: n for tag, n in tags.items() if isinstance(n, int)})
    if not counts:
        return value
    shown = ", ".join(f"{tag.strip()} {count}" for tag, count in counts.most_common(_TAGS_SHOWN))
    more = len(counts) - _TAGS_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown


def _json(value: str) -> str:
    loaded = _loaded(value)
    return ", ".join(f"{key}: {_item(item)}" for key, item in loaded.items()) if loaded else value


def _item(value: Any) -> str:
    if not isinstance(value, dict):
        return str(value)
    return " ".join(f"{key}={item}" for key, item in value.items())


def _loaded(value: str) -> dict[str, Any]:
    try:
        loaded = json.loads(value)
    except (ValueError, RecursionError):
        return {}
    return loaded if isinstance(loaded, dict) else {}
