"""Finds passwords and tokens in text, by where they stand and by what they look like."""

from __future__ import annotations

import re

HIDDEN = "[redacted]"

_SENSITIVE_WORDS = (
    r"(?:token(?!s)|secret|passw(?:or)?d|passphrase|pwd|api[_-]?key|access[_-]?key|auth[_-]?key"
    r"|private[_-]?key|credentials?)"
)

SECRET_VARIABLE = re.compile(rf"(?i){_SENSITIVE_WORDS}")
"""Matches the name of a variable, key or option whose value is a secret."""

SECRET_OPTIONS = frozenset(
    {"--gradio-auth", "--api-auth", "--auth", "--ngrok", "--password", "--pass", "--username",
     "--user-pass", "--proxy-user", "--token", "--hf-token", "--ngrok-authtoken"}
)  # fmt: skip
"""Launch options whose value is a secret (SD UIs, their tunnels, curl)."""

_VALUE = r"""(\[redacted\]|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|\S+?(?=["'`,;)}\]]*(?:\s|$)))"""
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
        (rf"(?i)([?&](?:[\w-]{{0,40}}{_SENSITIVE_WORDS}|sig|signature|x-amz-[\w-]{{1,40}}|auth|key)=)[^&\s\"'#]+",
         rf"\1{HIDDEN}"),
        (rf"(?i)(\b[\w.-]{{0,40}}{_SENSITIVE_WORDS}\w*[\"']?\s*=\s*){_VALUE}", rf"\1{HIDDEN}"),
        (rf"(?i)([\"'][\w.-]{{0,40}}{_SENSITIVE_WORDS}\w*[\"']\s*:\s*){_VALUE}", rf"\1{HIDDEN}"),
        (rf"(?i)(\b(?:passw(?:or)?d|passphrase|secret|api[_ -]?key)\s*:\s*){_VALUE}",
         rf"\1{HIDDEN}"),
        (r"(?i)(\b(?:proxy-)?authorization[\"']?\s*:\s*[\"']?)(?!\s|\[redacted)[^\r\n\"']+",
         rf"\1{HIDDEN}"),
        (r"(?i)(\b(?:bearer|basic)\s+)[\w.~+/=-]{8,}", rf"\1{HIDDEN}"),
        (rf"\b(?:{_TOKEN_PREFIXES})[\w-]*?[A-Za-z0-9]{{16,}}[\w.-]*", HIDDEN),
        (r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b", HIDDEN),
        (r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]+", HIDDEN),
        (r"(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)",
         HIDDEN),
        # last: an option may take what stands before a password for its value
        (rf"(?i)(?<![\w-])((?:{_OPTIONS})(?:\s*=\s*|\s+)){_VALUE}", rf"\1{HIDDEN}"),
        (rf"(?i)(?<![\w-])(--?[\w-]{{0,40}}{_SENSITIVE_WORDS}[\w-]*(?:\s*=\s*|\s+))(?!-){_VALUE}",
         rf"\1{HIDDEN}"),
    )
)  # fmt: skip


_SUSPECT = re.compile(
    rf"(?i)://|auth|bearer|basic|sig=|key|x-amz-|akia|asia|eyj|{_SENSITIVE_WORDS}|{_OPTIONS}"
    rf"|{_TOKEN_PREFIXES}"
)
"""What every rule needs to find somewhere: most text has none of it, and is done with quickly."""


def hide_credentials(text: str) -> str:
    """`text` with each password, token and credential in a URL replaced by `[redacted]`."""
    if _SUSPECT.search(text) is None:
        return text
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text


def hide_value(name: str, value: str) -> str:
    """The value of the variable, key or option `name`: all of it hidden where it is a secret."""
    if value and (name in SECRET_OPTIONS or SECRET_VARIABLE.search(name)):
        return HIDDEN
    return hide_credentials(value)
