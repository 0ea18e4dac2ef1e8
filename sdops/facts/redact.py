"""Takes the person out of text and facts: user and host names, home folders, secrets, addresses.

A home folder's name keeps its length, its spaces and whether it is ASCII, because paths that are
too long, have spaces or non-ASCII letters are faults that must show the same from redacted facts.
"""

from __future__ import annotations

import dataclasses
import getpass
import ipaddress
import itertools
import os
import re
import socket
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

from sdops.facts.credentials import (
    HIDDEN,
    LEAST_LENGTH,
    SECRET_OPTIONS,
    hide_credentials,
    hide_value,
    means_secret,
    secrets_in,
)
from sdops.facts.files import home
from sdops.facts.types import Argument, Facts, Listener, Setting

T = TypeVar("T")

HOST = "[host]"
EMAIL = "[email]"
ADDRESS = "[address]"

_SHARED_ACCOUNTS = frozenset(
    {"root", "user", "users", "admin", "administrator", "public", "default", "all users", "shared",
     "ubuntu", "debian", "fedora", "ec2-user", "runner", "runneradmin", "nobody", "guest", "home",
     "default user", "python", "linux", "nvidia", "torch", "docker", "git", "dev", "test",
     "linuxbrew", "workspace", "jovyan", "vscode", "app", "comfyui", "webui"}
)  # fmt: skip
"""Account names that say nothing about a person."""

_SHARED_HOSTS = frozenset({"localhost", "localhost.localdomain", "ip6-localhost", "host", "(none)"})

_NAME = r"[^\\/:*?\"<>|\s,;()'`\[\]]+"
_UNIX_HOME = re.compile(
    rf"(?P<base>/(?:var/|export/|usr/)?home/|/Users/|/(?:run/)?media/|/(?:mnt/)?[a-z]/Users/)"
    rf"(?P<name>{_NAME})"
)
_WINDOWS_HOME = re.compile(
    r"(?i)(?P<base>\b[a-z]:[\\/]+(?:Users|Documents and Settings)[\\/]+)"
    rf"(?P<name>{_NAME}(?:[ ]{_NAME}){{0,3}}?(?=[\\/]|[\"'<>|]|$)|{_NAME})",
    re.MULTILINE,
)
_EMAIL = re.compile(r"(?<![\w.+/-])(?!git@)[\w.+-]{1,64}@(?:[\w-]{1,63}\.){1,8}[A-Za-z]{2,}\b")
_PROMPT = re.compile(r"(?<![\w.+/:-])(?!git@)[a-z_][\w.-]{0,31}@[\w-]{1,63}(?=:[~/])")
_OPTION = re.compile(r"(--?[A-Za-z][\w-]{0,60})[ =]+([^\s\"']+|\"[^\"]*\"|'[^']*')")
_IPV4 = r"(?:\d{1,3}\.){3}\d{1,3}"
_IP = re.compile(rf"{_IPV4}|\[[0-9a-fA-F:]+\]")
_IP_IN_CONTEXT = re.compile(
    rf"(?P<before>://|@|\b(?:from|to|host|address|addr|ip|server|client|peer|at|on)[ =:]+"
    rf"|--(?:listen|server-name|host)[ =])(?P<ip>{_IPV4}|\[[0-9a-fA-F:]+\])|"
    rf"(?<![\w.+=-])(?P<ip_with_port>{_IPV4})(?=:\d+\b)",
    re.IGNORECASE,
)


@dataclasses.dataclass(frozen=True, slots=True)
class Identity:
    """The names that give a person or a machine away."""

    users: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    homes: tuple[str, ...] = ()
    """Home folders in unusual places (those under /home, /Users, C:\\Users show themselves)."""


@cache
def local_identity() -> Identity:
    """The current user's and this machine's."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError, ImportError):  # no entry in the user database
        user = ""
    try:
        host = socket.gethostname()
    except OSError:
        host = ""
    return Identity((user,), (host, host.split(".")[0]), (str(home()),))


class Redactor:
    """Redacts many texts of one machine, giving one person the same placeholder in all of them."""

    def __init__(self, identity: Identity, vocabulary: frozenset[str] = frozenset()) -> None:
        """Makes a redactor.

        Args:
            identity: the names to hide wherever they stand as a word.
            vocabulary: words that are not hidden though they are someone's name (lower case): the
                packages of an environment keep their names even if a user is called `torch`.
        """
        self._placeholders: dict[str, str] = {}
        self._numbers = itertools.count(2)
        users = [name for name in identity.users if _is_telling(name, _SHARED_ACCOUNTS, vocabulary)]
        hosts = [name for name in identity.hosts if _is_telling(name, _SHARED_HOSTS, vocabulary)]
        self._users = _words(users)
        self._hosts = _words(hosts)
        self._homes = [_home_pattern(home) for home in identity.homes if _is_unusual_home(home)]
        for name in users:
            self._placeholders[name.lower()] = _shaped(name, "user")

    def text(self, text: str) -> str:
        """`text` without secrets, names, home folders, e-mail and public network addresses."""
        text = hide_credentials(text)
        if "@" in text:
            text = _PROMPT.sub(f"user@{HOST}", _EMAIL.sub(EMAIL, text))
        for pattern in self._homes:
            text = pattern.sub(self._home, text)
        if "/" in text or "\\" in text:
            text = _UNIX_HOME.sub(self._home, _WINDOWS_HOME.sub(self._home, text))
        if self._hosts is not None:
            text = self._hosts.sub(HOST, text)
        if self._users is not None:
            text = self._users.sub(lambda match: self._placeholder(match.group()), text)
        return _IP_IN_CONTEXT.sub(_hide_public, text) if _IP.search(text) else text

    def _home(self, match: re.Match[str]) -> str:
        return match["base"] + self._placeholder(match["name"])

    def _placeholder(self, name: str) -> str:
        if name.lower() in _SHARED_ACCOUNTS or _is_placeholder(name):
            return name
        known = self._placeholders.get(name.lower())
        if known is None:
            first = not self._placeholders
            known = _shaped(name, "user" if first else f"{next(self._numbers)}user")
            self._placeholders[name.lower()] = known
        return known


def redact(text: str) -> str:
    """`text` as it may leave this machine."""
    return Redactor(local_identity()).text(text)


def redact_facts(facts: Facts) -> Facts:
    """`facts` as they may leave this machine; their structure and all findings stay the same."""
    vocabulary = _vocabulary(facts)
    redactor = Redactor(local_identity(), vocabulary)
    # Most strings of an environment repeat.
    return _walk(hide_secrets(facts), cache(redactor.text))


def hide_secrets(facts: Facts, environment: Mapping[str, str] = os.environ) -> Facts:
    """`facts` without passwords and tokens: where they stand, and wherever else they appear.

    Args:
        facts: as they were gathered; names, paths and addresses stay as they are.
        environment: variables of this process, whose secrets may stand in the facts as well.
    """
    found: set[str] = set()
    for name, value in environment.items():
        found.update(secrets_in(name, value))
    _collect(facts, found)
    words = _vocabulary(facts)
    known = {each for each in found if _is_worth_seeking(each, words)}
    pattern = re.compile("|".join(map(re.escape, sorted(known, key=len, reverse=True))))

    def clean(text: str) -> str:
        return hide_credentials(pattern.sub(HIDDEN, text) if known else text)

    return _walk(facts, cache(clean))


def _vocabulary(facts: Facts) -> frozenset[str]:
    """Words that stay though they are someone's name or password."""
    words: set[str] = set()
    if facts.python is not None:
        words.update(dist.name.lower() for dist in facts.python.distributions)
    if facts.ui is not None:
        words.add(facts.ui.kind)
        words.update(Path(facts.ui.root).parts)
    return frozenset(words)


def _collect(value: Any, found: set[str]) -> None:
    """Adds the secrets in `value` (facts, or a part of them) to `found`."""
    if isinstance(value, tuple):
        for item in value:
            _collect(item, found)
    elif isinstance(value, Mapping):
        for name, item in value.items():
            found.update(secrets_in(str(name), item))
    elif isinstance(value, Argument):
        found.update(secrets_in(value.flag, value.value or ""))
    elif isinstance(value, Setting):
        found.update(secrets_in(value.name, value.value))
        _collect_options(value.value, found)
    elif isinstance(value, Listener):
        _collect_options(value.command or "", found)
    elif isinstance(value, str) and "://" in value:
        found.update(secrets_in("", value))
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            _collect(getattr(value, field.name), found)


def _collect_options(command_line: str, found: set[str]) -> None:
    for match in _OPTION.finditer(command_line):
        found.update(secrets_in(match[1], match[2]))


def _is_worth_seeking(secret: str, words: frozenset[str]) -> bool:
    """Whether `secret`, found in some other text, is there for being that secret.

    A password such as `admin` or `comfyui` says nothing elsewhere, and a text without it nothing.
    """
    common = secret.lower() in words | _SHARED_ACCOUNTS | _SHARED_HOSTS or means_secret(secret)
    return len(secret) >= LEAST_LENGTH and not common and HIDDEN not in secret


def _walk(value: T, clean: Callable[[str], str]) -> T:
    """`value` with each string in it cleaned, and secrets hidden by the field they stand in."""
    result: Any = value
    if isinstance(value, str):
        result = clean(value)
    elif isinstance(value, tuple):
        result = tuple(_walk(item, clean) for item in value)
    elif isinstance(value, Mapping):
        result = {
            clean(str(name)): clean(hide_value(str(name), item)) for name, item in value.items()
        }
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {
            field.name: _walk(getattr(value, field.name), clean)
            for field in dataclasses.fields(value)
        }
        result = _hide_by_field(dataclasses.replace(cast(Any, value), **fields))
    return cast(T, result)


def _hide_by_field(value: Any) -> Any:
    if isinstance(value, Argument) and value.value is not None:
        return dataclasses.replace(value, value=hide_value(value.flag, value.value))
    if isinstance(value, Setting):
        return dataclasses.replace(value, value=hide_value(value.name, value.value))
    if isinstance(value, Listener) and _is_public(value.address):
        return dataclasses.replace(value, address=ADDRESS)
    return value


def _hide_public(match: re.Match[str]) -> str:
    address = match["ip"] or match["ip_with_port"]
    return f"{match['before'] or ''}{ADDRESS if _is_public(address.strip('[]')) else address}"


def _is_public(address: str) -> bool:
    try:
        return ipaddress.ip_address(address.split("%")[0]).is_global
    except ValueError:
        return False


def _is_telling(name: str, shared: frozenset[str], vocabulary: frozenset[str]) -> bool:
    return len(name) > 2 and name.lower() not in shared | vocabulary and not _is_placeholder(name)


def _is_unusual_home(home: str) -> bool:
    ordinary = _UNIX_HOME.match(home) or _WINDOWS_HOME.match(home)
    return len(home.strip("/\\")) > 2 and home != "/root" and not ordinary


def _home_pattern(home: str) -> re.Pattern[str]:
    at = max(home.rfind("/"), home.rfind("\\")) + 1
    return re.compile(
        rf"(?P<base>{re.escape(home[:at])})(?P<name>{re.escape(home[at:])})(?![\w.-])"
    )


def _words(names: list[str]) -> re.Pattern[str] | None:
    if not names:
        return None
    options = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    return re.compile(rf"(?<![^\W_])(?:{options})(?![^\W_])", re.IGNORECASE)


def _is_placeholder(name: str) -> bool:
    number = re.match(r"\d*", name)
    return name == _shaped(name, f"{number.group() if number else ''}user")


def _shaped(name: str, word: str) -> str:
    """`word`, repeated to the length of `name`, with a space or `ü` wherever `name` has one."""
    letters = itertools.cycle(word)
    return "".join(
        " " if character == " " else next(letters) if character.isascii() else "ü"
        for character in name
    )


__all__ = ["HIDDEN", "SECRET_OPTIONS", "Identity", "Redactor", "local_identity", "redact",
           "redact_facts"]  # fmt: skip
