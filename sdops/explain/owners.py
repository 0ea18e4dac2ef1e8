"""Who failed: the custom node, extension, program or package whose code stands in the frames."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import NamedTuple

from sdops.explain.structure import Frame, Unit
from sdops.knowledge.log_marks import marks


class Owner(NamedTuple):
    """Whose code it is."""

    name: str = ""
    kind: str = ""
    """`pack` (a custom node or an extension), `core` (the UI or trainer), `package`, or empty."""
    folder: str = ""
    """Where a pack lies, as the log says."""


NOBODY = Owner()
BACKSLASH = "\\"

_PACK = re.compile(
    r"^(?P<folder>.{0,300}?[\\/]?(?:custom_nodes|extensions(?:-builtin|-disabled)?)[\\/]+(?P<name>[^\\/\n\"]{1,120}))"
)
_CANNOT_IMPORT = re.compile(
    r"Cannot import (?P<path>.{1,300}?) module for custom nodes:"
    r"|Error loading script: (?P<script>\S{1,120})"
    r"|\(IMPORT FAILED(?:: .{0,200})?\): ?(?P<failed>.{1,300})"
)
_PACKAGE = re.compile(r"(?:site|dist)-packages[\\/]+(?P<name>[\w.-]{1,80})")
_STANDARD = re.compile(
    r"[\\/]lib(?:64)?[\\/]python3|[\\/]Lib[\\/](?!site-packages)|^<|python3\d{1,2}\.zip"
    r"|[\\/]importlib[\\/]"
)
_NODES = re.compile(r"[\\/]nodes\.py$|[\\/]comfy_extras[\\/]nodes_|comfy_api_nodes")
_GENERIC = {"torch", "gradio", "starlette", "uvicorn", "fastapi", "anyio", "aiohttp", "importlib",
            "pydantic", "pydantic_core", "lightning_fabric", "accelerate", "tqdm", "httpx",
            "httpcore", "numpy", "typer", "click", "_pytest", "h11", "websockets"}  # fmt: skip
"""Packages in whose frames errors of others surface."""

_BUILDS = re.compile(
    r"(?:Failed (?:building wheel for|to build)|Couldn't install|Could not build wheels for"
    r"|Building wheel for) '?\"?(?P<name>[\w.-]{1,80})"
)


def owner_of(unit: Unit, units: Sequence[Unit] = (), position: int = -1) -> Owner:
    """Whose failure `unit` is.

    Args:
        unit: an exception or a record.
        units: the log around it: a line that says what could not be imported stands after.
        position: of `unit` in `units`.
    """
    owner = _by_frames(unit.frames)
    if owner.kind == "pack":
        return owner
    named = _named(units, position, unit) if unit.kind == "exception" else _in_text(unit.text)
    return named or owner


def _by_frames(frames: tuple[Frame, ...]) -> Owner:
    pack = NOBODY
    core = package = ""
    for frame in frames:
        found = _PACK.match(frame.file)
        inner = _PACKAGE.search(frame.file)
        if found and not inner:
            name = found["name"]
            pack = Owner(name, "pack", found["folder"])
        elif inner:
            name = inner["name"].removesuffix(".py")
            package = name if name not in _GENERIC or not package else package
            if name == "invokeai":
                core = "InvokeAI"
        elif not _STANDARD.search(frame.file):
            core = next(
                (name for name, pattern in marks("core") if pattern.search(frame.file)), core
            )
            if pack.name and _NODES.search(frame.file):
                pack = NOBODY  # a pack's hook had only called the core's own node
    if pack.name:
        return pack
    if core:
        return Owner(core, "core")
    return Owner(package, "package") if package else NOBODY


def _named(units: Sequence[Unit], position: int, unit: Unit) -> Owner | None:
    """The pack that the lines around a traceback name."""
    around = [
        *units[position + 1 : position + 5],
        *reversed(units[max(position - 3, 0) : position]),
    ]
    for other in around:
        if other.run == unit.run and other.kind == "record" and "Import times" not in other.text:
            owner = _in_text(other.text, only_first=True)
            if owner is not None:
                return owner
        elif other.block != unit.block and other.kind == "exception" and other.frames:
            break
    return None


def _in_text(text: str, *, only_first: bool = False) -> Owner | None:
    match = _CANNOT_IMPORT.search(text)
    if match is not None:
        path = match["path"] or match["script"] or match["failed"] or ""
        found = _PACK.match(path)
        if found:
            return Owner(found["name"], "pack", found["folder"])
        return Owner(path.strip(), "pack", "")
    if only_first:
        return None
    built = _BUILDS.search(text)
    return Owner(built["name"], "package") if built else None


def fingerprint(unit: Unit, owner: Owner) -> str:
    """Twelve hexadecimal digits that are the same wherever the same failure happens.

    Made of the exception's type, the owner and the owner's last three frames (their files' names
    and functions), so that line numbers, paths and versions do not change it.
    """
    own = [
        f"{frame.file.replace(BACKSLASH, '/').rpartition('/')[2]}:{frame.function}"
        for frame in unit.frames
        if not _PACKAGE.search(frame.file) and not _STANDARD.search(frame.file)
        and (owner.kind != "pack" or owner.name in frame.file)
    ]  # fmt: skip
    kind = unit.exception or re.sub(r"\d+|['\"].*?['\"]|\S*[\\/]\S*", "", unit.text)[:80]
    parts = [kind.rpartition(".")[2], owner.name.lower(), *own[-3:]]
    return hashlib.sha256("\n".join(parts).encode("utf-8", "replace")).hexdigest()[:12]
