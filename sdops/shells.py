"""Quotes a command so that the shell it is pasted into gives the program the same words back.

Sources: POSIX.1-2017, Shell Command Language, 2.2; Microsoft, "Parsing C++ command-line arguments"
and "cmd"; PowerShell's about_Quoting_Rules and about_Parsing.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence

_PLAIN_IN_CMD = re.compile(r"[\w@+=:./\\~#$\[\]{}*?-]+")
_PLAIN_IN_POWERSHELL = re.compile(r"-[A-Za-z0-9_-]*|[A-Za-z0-9_./\\][A-Za-z0-9_@:./\\+=-]*")
"""It splits an unquoted `-x.y` in two, and its newer versions fill in `~` and `*`."""
_MEANING_IN_CMD = re.compile(r'([()%!^"<>&|])')
_QUOTES_OF_POWERSHELL = re.compile("(['\u2018\u2019\u201a\u201b])")


def sh_line(argv: Sequence[str]) -> str:
    """`argv` for sh, bash and zsh."""
    import shlex

    return shlex.join(argv)


def cmd_line(argv: Sequence[str]) -> str:
    """`argv` for Windows' Command Prompt, as it is typed there (a batch file wants `%%`)."""
    return " ".join(map(_cmd_word, argv))


def batch_line(argv: Sequence[str]) -> str:
    """`argv` for a line of a batch file, where a doubled percent sign is one."""
    return " ".join(_batch_word(word) for word in argv)


def powershell_line(argv: Sequence[str]) -> str:
    """`argv` for PowerShell, 5.1 and 7; a program whose path needs quotes is called with `&`."""
    line = " ".join(map(_powershell_word, argv))
    return f"& {line}" if line.startswith("'") else line


def line_here(argv: Sequence[str]) -> str:
    """`argv` for the usual shell of the system that sdops itself runs on."""
    return cmd_line(argv) if sys.platform == "win32" else sh_line(argv)


def windows_argument(word: str) -> str:
    """`word` in double quotes, as Microsoft's C runtime reads it back."""
    escaped = re.sub(r'(\\*)"', r'\1\1\\"', word)
    return '"' + re.sub(r"(\\+)$", r"\1\1", escaped) + '"'


def _cmd_word(word: str) -> str:
    if _PLAIN_IN_CMD.fullmatch(word):
        return word
    if '"' in word:
        # The Command Prompt does not know an escaped quote: to it, what follows one is outside.
        return _MEANING_IN_CMD.sub(r"^\1", windows_argument(word))
    # Quotes do not keep it from expanding %NAME%; a caret does, but only outside of them.
    parts = (windows_argument(part) if part else "" for part in word.split("%"))
    return "^%".join(parts) or '""'


def _batch_word(word: str) -> str:
    """Where `%` may be doubled it needs no caret."""
    plain = _PLAIN_IN_CMD.fullmatch(word.replace("%", ""))
    quoted = word if plain else windows_argument(word)
    if '"' in word:
        quoted = _MEANING_IN_CMD.sub(r"^\1", quoted).replace("^%", "%")
    return quoted.replace("%", "%%")


def _powershell_word(word: str) -> str:
    if _PLAIN_IN_POWERSHELL.fullmatch(word):
        return word
    return "'" + _QUOTES_OF_POWERSHELL.sub(r"\1\1", word) + "'"
