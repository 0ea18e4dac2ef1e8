"""The NVIDIA driver's Xid codes: what each means and what it asks for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from sdops.finding import Action, Severity
from sdops.profile import load


@dataclass(frozen=True, slots=True)
class XidRow:
    """What is known of some Xid codes; a row of `profiles/xids`."""

    codes: tuple[int, ...]
    meaning: str
    """Completes the sentence "The NVIDIA driver logged that …"."""
    severity: Severity
    action: Action
    hint: str = ""


def xid_row(code: int) -> XidRow | None:
    """What is known of `code`; None for one that is not in the table."""
    return _rows().get(code)


@cache
def recent_seconds() -> float:
    """How old an error may be, in seconds, and still count as trouble."""
    return float(load("xids")["recent_hours"]) * 3600


@cache
def _rows() -> dict[int, XidRow]:
    rows = (
        XidRow(
            codes=tuple(row["codes"]),
            meaning=row["meaning"],
            severity=Severity.of(row["severity"]),
            action=Action(row["action"]),
            hint=row.get("hint", ""),
        )
        for row in load("xids")["xids"]
    )
    return {code: row for row in rows for code in row.codes}
