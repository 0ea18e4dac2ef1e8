"""Files that are no model: Git LFS pointers, web pages, JSON, text, pictures, nothing at all."""

from __future__ import annotations

from sdops.checkpoint.files.source import Source
from sdops.checkpoint.formats.contents import Contents
from sdops.checkpoint.types import Container

_IMAGES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8", b"RIFF")
_LFS = b"version https://git-lfs.github.com/spec/"
_TEXT = frozenset(range(32, 127)) | frozenset(b"\n\r\t") | frozenset(range(128, 256))


def recognize(head: bytes, source: Source) -> Container | None:
    """By the first characters; JSON and text only if all of the head is text."""
    if source.size == 0:
        return Container.EMPTY
    if head.startswith(_LFS):
        return Container.LFS_POINTER
    if head.startswith(_IMAGES):
        return Container.IMAGE
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:64].lower()
    if start.startswith((b"<!doctype", b"<html", b"<head", b"<?xml", b"<error", b"<body")):
        return Container.HTML
    # Neither bracket nor brace, nor any white space, is a pickle opcode.
    return Container.JSON if start[:1] in (b"{", b"[") and is_text(head) else None


def is_text(head: bytes) -> bool:
    """Whether `head` holds only characters that texts hold."""
    return set(head) <= _TEXT


def read(source: Source, container: Container) -> Contents:
    """Nothing is in them; what they are instead is a problem of its own."""
    contents = Contents(container)
    if container is Container.LFS_POINTER:
        size = lfs_size(source)
        real = f"of {size} bytes " if size else ""
        contents.problem(
            "lfs-pointer",
            f"This is a Git LFS pointer; the model {real}was never downloaded.",
            unjudged=True,
        )
    elif container is Container.EMPTY:
        contents.problem("empty-file", "The file is empty.", unjudged=True)
    elif container is Container.HTML:
        contents.problem("web-page", "This is a web page that was saved in place of a model.",
                         unjudged=True)  # fmt: skip
    return contents


def lfs_size(source: Source) -> int | None:
    """The size of the real file that a Git LFS pointer stands for."""
    for line in source.read(0, 1024).splitlines():
        if line.startswith(b"size ") and line[5:].isdigit() and len(line) < 24:
            return int(line[5:])
    return None
