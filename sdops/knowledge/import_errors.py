"""What the text of a failed import means."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sdops.profile import load


@dataclass(frozen=True, slots=True)
class ImportFault:
    """One cause of failed imports."""

    pattern: str
    why: str
    remedy: str
    source: str
    reinstall: bool = False
    """Whether the torch family must be installed again."""


def recognize(message: str) -> ImportFault | None:
    """The cause that `message` (an exception's text) tells of, or None."""
    for row in load("import_errors")["error"]:
        if re.search(row["pattern"], message, re.IGNORECASE):
            return ImportFault(**row)
    return None
