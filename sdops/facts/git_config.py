"""Reads git's configuration files (git-config(1), "Syntax")."""

from __future__ import annotations

import re
from collections.abc import Iterator


def parse(text: str) -> Iterator[tuple[str, str]]:
    """The settings of a git configuration file: (`section.subsection.name`, value).

    Section and setting names come out in lower case (git-config(1), "Syntax").
    """
    section = ""
    for line in text.replace("\\\n", "").splitlines():
        line = line.strip()
        header = re.match(r'\[\s*([\w.-]+)(?:\s+"((?:[^"\\]|\\.)*)")?\s*\](.*)', line)
        if header:
            section = header[1].lower() + (f".{header[2]}" if header[2] is not None else "")
            line = header[3].strip()
        if not line or line[0] in "#;":
            continue
        name, mark, value = line.partition("=")
        yield f"{section}.{name.strip().lower()}", _git_value(value) if mark else "true"


def _git_value(raw: str) -> str:
    parts = re.findall(r'"((?:[^"\\]|\\.)*)"|([^"#;]+)|([#;].*)', raw.strip())
    text = "".join(quoted or plain for quoted, plain, _ in parts)
    return re.sub(r"\\(.)", r"\1", text).strip()
