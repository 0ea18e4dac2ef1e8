"""Finds the lines of `.pth` files that Python executes at every start.

`site.addpackage` in CPython's `Lib/site.py` runs each line that starts with `import` and a space
or a tab; every other line is a path.
"""

from __future__ import annotations

from sdops.facts.files import text_or_empty
from sdops.facts.types import PthFile

_LIMIT_BYTES = 256 * 1024
_LINES = 20
_LINE_LENGTH = 500


def executable(path: str) -> PthFile | None:
    """The executed lines of the file at `path`, cut to a readable size, or None if there are none.

    A file that begins with a dot is not executed by any Python that has the rule of CPython
    gh-113659 (2024), and is reported all the same: older ones do execute it.
    """
    lines = [
        line[:_LINE_LENGTH]
        for line in text_or_empty(path, _LIMIT_BYTES).splitlines()
        if line.startswith(("import ", "import\t"))
    ]
    return PthFile(path, tuple(lines[:_LINES])) if lines else None
