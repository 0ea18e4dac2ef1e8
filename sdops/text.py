"""Reads text whichever program wrote it: those of Windows have three encodings, and mark two.

PowerShell 5's `>` and Notepad's "Unicode" write UTF-16; Notepad, and PowerShell's `Out-File` when
asked for utf8, write UTF-8 with a mark; everything older writes the machine's ANSI code page.
"""

from __future__ import annotations

import codecs
import sys

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # begins with the mark of UTF-16
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
MARKS = tuple(mark for mark, _ in _MARKS)
"""What a file may begin with that says how it is written."""
_ANSI = "mbcs" if sys.platform == "win32" else "cp1252"
_SAMPLE_BYTES = 4096


def decode(raw: bytes) -> str:
    """`raw` as text, without its mark; bytes that mean nothing become U+FFFD.

    Without a mark it is UTF-8 where it can be, also where it was cut off in a character; UTF-16 if
    every other byte of most is zero; else this machine's ANSI code page, and Western Europe's where
    there is none.
    """
    for mark, encoding in _MARKS:
        if raw.startswith(mark):
            return raw[len(mark) :].decode(encoding, "replace")
    if wide := _unmarked_utf16(raw[:_SAMPLE_BYTES]):
        return raw.decode(wide, "replace")
    text = codecs.getincrementaldecoder("utf-8")()
    try:
        return text.decode(raw)
    except UnicodeDecodeError:
        return raw.decode(_ANSI, "replace")


def is_text(raw: bytes) -> bool:
    """Whether `raw` decodes to something that people write: without NULs and control characters."""
    text = decode(raw)
    return not any(ord(character) < 32 and character not in "\t\n\r\f\x1a" for character in text)


def _unmarked_utf16(sample: bytes) -> str | None:
    """Text of Western signs in UTF-16 has a zero in every other byte."""
    pairs = len(sample) // 2
    if pairs < 2:
        return None
    odd, even = sample[1::2].count(0), sample[: 2 * pairs : 2].count(0)
    if odd * 10 >= pairs * 7 and even == 0:
        return "utf-16-le"
    return "utf-16-be" if even * 10 >= pairs * 7 and odd == 0 else None
