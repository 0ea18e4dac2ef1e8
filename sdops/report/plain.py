"""Makes text from outside safe to show: no control characters, no escapes, no workflow commands."""

from __future__ import annotations

import re

_UNSAFE = {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}
_MAX_LENGTH = 4000


def neutralize(text: str, limit: int = _MAX_LENGTH) -> str:
    r"""`text` with control, format and surrogate characters shown as `\x1b`-style escapes.

    Newlines and tabs are kept. Text longer than `limit` characters is cut, and says so.
    """
    if len(text) > limit:
        text = f"{text[:limit]}… ({len(text) - limit} more characters)"
    if text.isascii() and text.isprintable():
        return text
    return "".join(_visible(character) for character in text)


def one_line(text: str, limit: int = _MAX_LENGTH) -> str:
    """As `neutralize`, with every run of white space made one space."""
    return neutralize(" ".join(text.split()), limit)


def guard_commands(text: str) -> str:
    """Keeps a line of `text` from being obeyed by a GitHub runner, which looks for a leading `::`.

    Source: GitHub docs, workflow-commands.md; the older `##[` form is obeyed too.
    """
    return re.sub(r"(?m)^(\s*)(::|##\[)", "\\1\N{WORD JOINER}\\2", text)


def _visible(character: str) -> str:
    import unicodedata  # rarely needed, and slow to load

    if character in "\n\t" or unicodedata.category(character) not in _UNSAFE:
        return character
    code = ord(character)
    return (
        f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"
    )
