"""Finds passwords and tokens: by the name that they stand under, and by what they look like."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from urllib.parse import quote, unquote

HIDDEN = "[redacted]"

_WORDS = (
    "access[_-]?key|api[_-]?keys?|apikeys?|auth|authentication|authorization|authtoken|bearer"
    "|cookies?|credentials?|creds|jwt|keys?|login|logins|pass|passphrase|passwd|passwords?"
    "|private[_-]?key|pwd|secrets?|session[_-]?id|sig|signature|tokens?|webhooks?"
)
"""Words in a name (`SD_AUTH`, `hf-token`, `remote_api_tokens`) under which a secret stands."""

_COUNTED = re.compile(
    r"(?i)(?:^|[^a-z])(?:max|min|num|number|count|limit|length|size|tokens|keys|per)(?![a-z])"
)
_NAMES_A_PLACE = re.compile(
    r"(?i)(?:^|[^a-z])(?:file|path|paths|dir|folder|sock|socket|provider|type|helper)$"
)
"""`--gradio-auth-path FILE` names where a secret lies; it is none itself."""
_HARMLESS = re.compile(
    r"(?i)|true|false|yes|no|on|off|none|null|~|0|1|\[redacted\]|\$\{?\w+\}?|%\w+%"
)
_SECRET_NAME = re.compile(rf"(?i)(?<![a-z])(?:{_WORDS})(?![a-z])")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

SECRET_OPTIONS = frozenset(
    {"--ngrok", "--username", "--user-pass", "--proxy-user", "--proxy-auth"}
)  # fmt: skip
"""Options whose value is a secret, or half of one, though their names do not say so."""

_BY_WORD = "|".join(
    ("access[_-]?key", "api[_-]?keys?", "auth", "auth[_-]?(?:key|token)", "authtoken", "cookies?",
     "credentials?", r"(?<=[_-])keys?", "passphrase", "passwd", "passwords?", r"(?<=[_-])pass",
     "private[_-]?key", "pwd", "secrets?", "secret[_-]?key", "token",
     r"(?<=[_-])tokens(?![\"']?\s*[=:]\s*\d+\b)")
)  # fmt: skip
"""The same in running text, where a lone `key` or `tokens` means something else."""
_NAME = (
    rf"(?<![a-z])[\w.-]{{0,60}}?(?<![a-z])(?:{_BY_WORD})(?![a-z])"
    r"(?![\w-]*(?:file|path|dir)\b)[\w-]{0,20}"
)
_QUOTED = r""""(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'"""
_VALUE = rf"""(\[redacted\]|{_QUOTED}|\S+?(?=["'`,;)}}\]]*(?:\s|$)))"""
_OPTIONS = "|".join(sorted(map(re.escape, SECRET_OPTIONS), key=len, reverse=True))

_TOKEN_PREFIXES = "|".join(
    ("gh[pousr]_", "github_pat_", "hf_", "api_org_", "glpat-", "xox[abeprs]-", "sk-", "[sr]k_live_",
     "r8_", "pypi-", "npm_", "dop_v1_", r"ya29\.", "AIza", "wandb_v1_")
)  # fmt: skip
"""How the tokens of well-known services begin."""

_RULES = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        # scheme://user:password@host; a password may hold '@', and, badly written, '/'
        (r"(?i)\b([a-z][a-z0-9+.-]{0,20}://)[^\s/?#]*@", rf"\1{HIDDEN}@"),
        (r"(?i)\b([a-z][a-z0-9+.-]{0,20}://)(?![^\s/@:]+:\d+(?:/|\s|$))[^\s/@:]+:[^\s@]+@",
         rf"\1{HIDDEN}@"),
        (rf"(?i)([?&](?:[\w-]{{0,40}}(?:{_BY_WORD})|[\w-]{{0,40}}sig(?:nature)?|x-amz-[\w-]{{1,40}}|key)=)[^&\s\"'#]+",
         rf"\1{HIDDEN}"),
        (r"(?i)(\b(?:proxy-)?authorization[\"']?\s*[:=]\s*[\"']?)(?!\s|\[redacted)[^\r\n\"']+",
         rf"\1{HIDDEN}"),
        (r"(?i)(\b(?:set-)?cookie[\"']?\s*:\s*[\"']?)(?!\s|\[redacted)[^\r\n\"']+", rf"\1{HIDDEN}"),
        (rf"(?i)({_NAME}[\"']?\s*=\s*)(?!=){_VALUE}", rf"\1{HIDDEN}"),
        (rf"(?i)([\"']{_NAME}[\"']\s*:\s*){_VALUE}", rf"\1{HIDDEN}"),
        (rf"(?im)^([ \t]*(?:- )?{_NAME}[ \t]*:[ \t]+)(?![\[{{|>])(?!\[redacted)\S[^\n]*$",
         rf"\1{HIDDEN}"),
        (rf"(?i)(\b(?:passw(?:or)?d|passphrase|secret|x-api-key|api[_ -]?key)\s*:\s*){_VALUE}",
         rf"\1{HIDDEN}"),
        (r"(?i)(\b(?:bearer|basic)\s+)[\w.~+/=-]{8,}", rf"\1{HIDDEN}"),
        (rf"\b(?:{_TOKEN_PREFIXES})[\w-]*?[A-Za-z0-9]{{16,}}[\w.-]*", HIDDEN),
        (r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b", HIDDEN),
        (r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]+", HIDDEN),
        (r"(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)",
         HIDDEN),
        # last: an option may take what stands before a password for its value
        (rf"(?i)(?<![\w-])((?:{_OPTIONS})(?:\s*=\s*|\s+)){_VALUE}", rf"\1{HIDDEN}"),
        (rf"(?i)(?<![\w-])(--?{_NAME}(?:\s*=\s*|\s+))(?!-){_VALUE}", rf"\1{HIDDEN}"),
    )
)  # fmt: skip

_SUSPECT = re.compile(
    rf"(?i)://|auth|bearer|basic|sig|key|x-amz-|akia|asia|eyj|token|secret|pass|pwd|cred|cookie"
    rf"|--user|{_OPTIONS}|{_TOKEN_PREFIXES}"
)
"""What every rule needs to find somewhere: most text has none of it, and is done with quickly."""

_USER_INFO = re.compile(r"(?i)\b[a-z][a-z0-9+.-]{0,20}://([^\s/?#@:]*):?([^\s@]*)@")

_NO_SECRETS = frozenset({"PWD", "OLDPWD"})
"""Variables in which every shell keeps a folder."""

LEAST_LENGTH = 5
"""Characters that a secret has at least to be looked for in other text as well."""


@cache
def means_secret(name: str) -> bool:
    """Whether the variable, key, option or header `name` is one that holds a secret.

    `a.b.c` is a key inside others: one of them is enough.
    """
    if name in SECRET_OPTIONS or name in _NO_SECRETS:
        return name in SECRET_OPTIONS
    spaced = _CAMEL.sub("_", name)
    return _SECRET_NAME.search(spaced) is not None and not _NAMES_A_PLACE.search(spaced)


def is_secret(name: str, value: str) -> bool:
    """Whether `value`, which stands under `name`, is to be hidden whole."""
    if _HARMLESS.fullmatch(value.strip()) or not means_secret(name):
        return False
    # max_tokens = 75
    return not (value.strip().isdigit() and _COUNTED.search(_CAMEL.sub("_", name)))


def hide_credentials(text: str) -> str:
    """`text` with each password, token and credential in a URL replaced by `[redacted]`."""
    if _SUSPECT.search(text) is None:
        return text
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text


def hide_value(name: str, value: str) -> str:
    """The value of the variable, key or option `name`: all of it hidden where it is a secret."""
    return HIDDEN if is_secret(name, value) else hide_credentials(value)


def secrets_in(name: str, value: str) -> Iterator[str]:
    """What must not be seen elsewhere either: the secret that `value` is, or those within it.

    `user:password`, lists of them, and several lines are taken apart; each piece comes as it
    stands and as it stands in a URL.
    """
    found: list[str] = []
    if is_secret(name, value):
        for line in value.splitlines():
            pieces = [line, *re.split(r"[,;]", line)]
            found += pieces + [piece.partition(":")[2] for piece in pieces]
    for match in _USER_INFO.finditer(value):
        found += [match[2] or match[1]]
    for piece in found:
        piece = piece.strip().strip("\"'")
        yield from {piece, quote(piece, safe=""), unquote(piece)}
