"""Which names a pickle may refer to and call: exact names from a table, never patterns.

The table is `profiles/pickle/allowed.json`; a user may add names, each with a reason.
"""

from __future__ import annotations

import sys
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from sdops.checkpoint.trace.gadgets import Gadget, gadget
from sdops.checkpoint.trace.values import Global, real_name
from sdops.errors import UsageError
from sdops.profile import own_json
from sdops.text import decode, is_text
from sdops.version import __version__

if TYPE_CHECKING:
    from pathlib import Path

# Raised when the machine or the rules judge differently: cached results are then not used.
RULES_VERSION = 8
_MAX_POLICY_BYTES = 1 << 20


class Entry(NamedTuple):
    """What may be done with one or several allowed names of a module."""

    module: str
    callable: bool
    reason: str
    rule: str | None = None
    """Which of `argument_rules` a call must keep."""
    build: bool = False
    fill: bool = False
    user: bool = False
    """Whether it comes from the user's own policy."""


class Policy(NamedTuple):
    """All allowed names."""

    entries: dict[tuple[str, str], Entry]
    texts: tuple[str, ...] = ()
    """The users' policy files."""

    @property
    def version(self) -> str:
        """Changes whenever a result could change."""
        import hashlib

        rules = repr((__version__, RULES_VERSION, sorted(self.entries), self.texts))
        return hashlib.sha256(rules.encode("utf-8", "surrogatepass")).hexdigest()[:16]

    def entry(self, reference: Global) -> Entry | None:
        """The entry for what `reference` would import, if it is allowed."""
        return self.entries.get(real_name(reference))


def load_policy(paths: tuple[Path, ...] = ()) -> Policy:
    """Our table and the users' policy files at `paths`.

    Raises:
        UsageError: a file is not a policy, or allows what is known to run code.
    """
    entries = _own_entries().copy()
    texts = tuple(_read(path) for path in paths)
    for text, path in zip(texts, paths, strict=True):
        for name, entry in _user_entries(text, path):
            entries.setdefault(name, entry)
    return Policy(entries, texts)


@cache
def _own_entries() -> dict[tuple[str, str], Entry]:
    found = {}
    for row in own_json("pickle/allowed")["allow"]:
        entry = Entry(
            module=row["module"],
            callable=row["class"] == "call",
            reason=row["reason"],
            rule=row.get("rule"),
            build=row.get("build", False),
            fill=row.get("fill", False),
        )
        found.update({(row["module"], name): entry for name in row["names"]})
    return found


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_POLICY_BYTES + 1)
        if len(data) > _MAX_POLICY_BYTES:
            raise UsageError(f"The policy file {path} is too large.")
        if not is_text(data):
            raise UsageError(f"The policy file {path} is not text.")
        return decode(data)
    except OSError as error:
        raise UsageError(f"The policy file {path} cannot be read: {error.strerror}.") from None


def _user_entries(text: str, path: Path) -> list[tuple[tuple[str, str], Entry]]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib

    try:
        document: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"The policy file {path} is not valid TOML: {error}.") from None
    scan = document.get("scan", {})
    rows = document.get("allow", scan.get("allow", []) if isinstance(scan, dict) else None)
    if not isinstance(rows, list):
        raise UsageError(f"In the policy file {path}, `allow` must be an array of tables.")
    return [_user_entry(row, path) for row in rows]


def _user_entry(row: Any, path: Path) -> tuple[tuple[str, str], Entry]:
    wanted = ("module", "name", "class", "reason")
    if not isinstance(row, dict) or any(not isinstance(row.get(key), str) for key in wanted):
        raise UsageError(
            f"In the policy file {path}, each [[allow]] needs module, name, class and reason.",
            'Write for example: module = "my.models", name = "Thing", class = "call", reason = "…"',
        )
    module, name, kind, reason = (row[key].strip() for key in wanted)
    if kind not in ("call", "reference") or not reason or not module or not name:
        raise UsageError(
            f"In the policy file {path}, {module}.{name} needs a reason and a class.",
            'The class is "call" or "reference".',
        )
    known = _hidden_gadget(module, name)
    if known is not None:
        raise UsageError(f"The policy file {path} allows {module}.{name}: it {known.does}.")
    if "." in name and kind == "call":
        raise UsageError(
            f"The policy file {path} allows {module} {name}: what a dotted name leads to is not"
            " known.",
            "Give the module in which it is defined, and its plain name.",
        )
    may_call = kind == "call"
    entry = Entry(module, may_call, reason, build=may_call, fill=may_call, user=True)
    return (module, name), entry


def _hidden_gadget(module: str, name: str) -> Gadget | None:
    """The gadget that a name leads to, by whatever way: `torch os.system` is `os.system`."""
    parts = f"{module}.{name}".split(".")
    for start in range(len(parts)):
        for middle in range(start + 1, len(parts) + 1):
            attribute = ".".join(parts[middle:]) or "*"
            known = gadget(".".join(parts[start:middle]), attribute)
            if known is not None and (start == 0 or is_module(parts[start])):
                return known
    return None


def is_module(name: str) -> bool:
    """Whether a part of a dotted name is a module of the standard library: a gadget's home."""
    return name in sys.stdlib_module_names
