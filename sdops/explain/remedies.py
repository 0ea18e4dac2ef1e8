"""Fills the table's remedies in: this log's values, this installation's Python, its platform."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping

from packaging.specifiers import SpecifierSet

from sdops.explain.match import Match
from sdops.finding import Action, Command, Platform, Remedy
from sdops.knowledge.signatures import Fix, Reason, fill

ALWAYS = frozenset({"pip", "python", "owner", "folder"})
"""Placeholders that stand for the installation, not for what a phrase captured."""

_NAME = re.compile(r"\{(\w+)\}")
_SAFE = re.compile(r"^[\w.+=@/\\:~<>\[\], ()-]{1,300}$")
_OWN_PYTHON = re.compile(
    r"(?P<path>(?:python_embeded|\.?venv|env)[\\/](?:(?:Scripts|bin)[\\/])?python(?:3(?:\.\d+)?)?(?:\.exe)?)$",
    re.IGNORECASE,
)


def reason_of(match: Match, facts: Mapping[str, str]) -> Reason | None:
    """What lies behind `match` on this machine, where the facts say so."""
    for reason in match.signature.reasons:
        if all(facts.get(name) == wanted for name, wanted in reason.when.items()):
            return reason
    return None


def remedies(match: Match, facts: Mapping[str, str]) -> tuple[Remedy, ...]:
    """What to do about `match`, and what not to do."""
    values = _values(match, facts)
    reason = reason_of(match, facts)
    text = reason.remedy if reason else match.signature.remedy
    rows = (reason.commands if reason else ()) or match.signature.commands
    action = Action(match.signature.action)
    result = [Remedy(fill(text, values), action, tuple(commands(rows, values, facts)))]
    if match.signature.avoid:
        result.append(Remedy(f"Do not: {fill(match.signature.avoid, values)}"))
    return tuple(result)


def _values(match: Match, facts: Mapping[str, str]) -> dict[str, str]:
    python = " ".join(python_argv(facts))
    values = {"python": python, "pip": f"{python} -m pip"}
    values["owner"] = match.owner.name or "the package"
    values["folder"] = match.owner.folder or match.owner.name or "its folder"
    return values | dict(match.captured)


def python_argv(facts: Mapping[str, str]) -> tuple[str, ...]:
    """How to call the Python that the log is about, from the UI's folder if that is enough."""
    path = facts.get("executable", "")
    windows = facts.get("platform") == "windows"
    own = _OWN_PYTHON.search(path)
    if own is not None:
        short = own["path"].replace("/", "\\") if windows or "\\" in path else own["path"]
        if "python_embeded" in short.lower():
            return (f".\\{short}", "-s")
        return (short,)
    if path:
        return (path,)
    if facts.get("layout") == "venv" or facts.get("ui") in (
        "a1111",
        "forge",
        "forge-neo",
        "sdnext",
    ):
        return ("venv\\Scripts\\python.exe",) if windows else ("venv/bin/python",)
    return ("python",)


def commands(
    rows: Iterable[Fix], values: Mapping[str, str], facts: Mapping[str, str]
) -> Iterable[Command]:
    """The commands of `rows` that are right for this platform and this Python."""
    system = facts.get("platform", "")
    platform = {item.value: item for item in Platform}.get(system, Platform.ANY)
    for row in rows:
        if row.platform not in ("any", system) and system:
            continue
        if row.python and not _suits(row.python, facts.get("python", "")):
            continue
        argv = tuple(_argv(row.run, values, facts))
        if argv:
            own = {item.value: item for item in Platform}[row.platform]
            yield Command(argv, own if own is not Platform.ANY else platform)


def _suits(specifier: str, version: str) -> bool:
    return not version or SpecifierSet(specifier).contains(version, prereleases=True)


def _argv(run: str, values: Mapping[str, str], facts: Mapping[str, str]) -> Iterable[str]:
    words: list[str] = []
    for word in shlex.split(run):
        if word in ("{pip}", "{python}"):
            words += python_argv(facts)
            words += ("-m", "pip") if word == "{pip}" else ()
            continue
        if any(not _SAFE.match(values.get(name, "")) for name in _NAME.findall(word)):
            return ()
        words.append(fill(word, values))
    return words
