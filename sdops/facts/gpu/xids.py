"""Errors (Xid) that NVIDIA's kernel driver wrote to the kernel log.

Source of the format: NVIDIA GPU deployment documentation, "XID Errors"; of /dev/kmsg: Linux
Documentation/ABI/testing/dev-kmsg.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable

from sdops.facts.tree import Tree
from sdops.facts.types import Xid
from sdops.programs.process import ProbeError, program, run

TIMEOUT_S = 4.0
MAX_LOG_BYTES = 64 * 1024 * 1024
_KMSG = "/dev/kmsg"
_XID = re.compile(r"NVRM: Xid \((?:PCI:)?([0-9a-fA-F:.]+)\): (\d+)[,:]?\s*(.*)")


def look(tree: Tree) -> tuple[Xid, ...]:
    """The Xid errors since boot, oldest first.

    Raises:
        ProbeError: this user may read neither the kernel log nor the journal.
    """
    try:
        return from_kmsg(_read_kmsg(tree), _since_boot())
    except OSError:
        return _from_journal()


def from_kmsg(text: str, now_s: float) -> tuple[Xid, ...]:
    """The Xid errors in records of /dev/kmsg.

    Args:
        text: `priority,sequence,microseconds since boot,flags;message` lines.
        now_s: seconds since boot.
    """
    found = []
    for line in text.splitlines():
        head, _, message = line.partition(";")
        fields = head.split(",")
        age = now_s - int(fields[2]) / 1e6 if len(fields) > 2 and fields[2].isdecimal() else None
        found.append(_xid(message, age))
    return tuple(xid for xid in found if xid is not None)


def from_journal(text: str, now_s: float) -> tuple[Xid, ...]:
    """The Xid errors in the output of `journalctl -o short-unix`.

    Args:
        text: lines that begin with the seconds since 1970.
        now_s: the same clock now.
    """
    found = []
    for line in text.splitlines():
        stamp = re.match(r"(\d+\.\d+)\s", line)
        found.append(_xid(line, now_s - float(stamp[1]) if stamp else None))
    return tuple(xid for xid in found if xid is not None)


def _xid(message: str, age_s: float | None) -> Xid | None:
    match = _XID.search(message)
    if match is None:
        return None
    bus = match[1].lower()
    full = bus if "." in bus else f"{bus}.0"
    age = None if age_s is None else round(max(age_s, 0.0), 1)
    return Xid(int(match[2]), match[3].strip(), full, age)


def _read_kmsg(tree: Tree) -> str:
    chunks: list[bytes] = []
    descriptor = os.open(tree.path(_KMSG), os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    try:
        chunks.extend(_records(descriptor))
    finally:
        os.close(descriptor)
    return b"".join(chunks).decode("utf-8", "replace")


def _records(descriptor: int) -> Iterable[bytes]:
    """One read gives one record; the end of the log is EAGAIN, an overwritten record EPIPE."""
    size = 0
    while size < MAX_LOG_BYTES:
        try:
            chunk = os.read(descriptor, 64 * 1024)
        except BlockingIOError:
            return
        except BrokenPipeError:
            continue
        if not chunk:
            return
        size += len(chunk)
        yield chunk


def _since_boot() -> float:
    return time.clock_gettime(time.CLOCK_MONOTONIC)  # the kernel log's clock stops in sleep too


def _from_journal() -> tuple[Xid, ...]:
    try:
        journalctl = program("journalctl")
    except ProbeError:
        raise ProbeError("the kernel log may not be read by this user") from None
    argv = [journalctl, "-k", "-b", "-q", "--no-pager", "-o", "short-unix"]
    output = run(argv, timeout_s=TIMEOUT_S)
    if not output.stdout.strip():
        raise ProbeError("neither the kernel log nor the journal may be read by this user")
    return from_journal(output.stdout, time.time())
