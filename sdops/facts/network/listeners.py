"""The listening TCP sockets of this machine, with the processes that own them."""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
from collections.abc import Iterator
from typing import Any

from sdops.facts.probe import Probed, attempt, reason
from sdops.facts.tree import Tree
from sdops.facts.types import Gap, Listener
from sdops.shells import line_here

_LISTEN = "0A"
"""TCP_LISTEN in Linux's include/net/tcp_states.h."""


def look(tree: Tree) -> Probed[tuple[Listener, ...]]:
    """All listening TCP sockets, those of others without their owner where it may not be read."""
    gaps: list[Gap] = []
    try:
        found = set(_from_psutil())
    except Exception as error:  # psutil raises what the system raises, and AccessDenied on a Mac
        gaps.append(Gap("network.owners", f"owners of some ports are unknown: {reason(error)}"))
        nothing: set[Listener] = set()
        fallback = _from_own_processes if sys.platform != "linux" else lambda: _from_proc(tree)
        found = attempt(gaps, "network.listeners", lambda: set(fallback()), nothing)
    ordered = sorted(found, key=lambda item: (item.port, item.address, item.pid or 0))
    return Probed(tuple(ordered), tuple(gaps))


def _from_psutil() -> Iterator[Listener]:
    import psutil

    for connection in psutil.net_connections(kind="tcp"):
        if connection.status == psutil.CONN_LISTEN:
            yield _listener(connection.laddr, connection.pid)


def _from_own_processes() -> Iterator[Listener]:
    """What an ordinary user may see on macOS: the sockets of the user's own processes."""
    import psutil

    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):  # those of other users
            ask = getattr(process, "net_connections", None) or process.connections
            for connection in ask(kind="tcp"):
                if connection.status == psutil.CONN_LISTEN:
                    yield _listener(connection.laddr, process.pid)


def _from_proc(tree: Tree) -> Iterator[Listener]:
    """The sockets in /proc/net, which names no owner.

    Raises:
        OSError: not even that may be read.
    """
    yield from parse_proc(tree.read("/proc/net/tcp"))
    yield from parse_proc(tree.text("/proc/net/tcp6") or "")


def parse_proc(table: str) -> Iterator[Listener]:
    """The listeners in the text of /proc/net/tcp or tcp6 (proc_pid_net(5))."""
    for line in table.splitlines()[1:]:
        fields = line.split()
        if len(fields) > 3 and fields[3] == _LISTEN:
            address, _, port = fields[1].partition(":")
            yield Listener(_address(address), int(port, 16))


def _address(digits: str) -> str:
    """`127.0.0.1` from `0100007F`: words of four bytes in this machine's byte order."""
    words = [int(digits[at : at + 8], 16) for at in range(0, len(digits), 8)]
    packed = struct.pack(f"={len(words)}I", *words)
    family = socket.AF_INET if len(packed) == 4 else socket.AF_INET6
    return socket.inet_ntop(family, packed)


def _listener(address: Any, pid: int | None) -> Listener:
    name, command = _owner(pid)
    return Listener(str(address.ip).split("%")[0], int(address.port), pid, name, command)


def _owner(pid: int | None) -> tuple[str | None, str | None]:
    import psutil

    if not pid:
        return None, None
    try:
        process = psutil.Process(pid)
        name = process.name()
    except psutil.Error:
        return None, None
    try:
        command = line_here(process.cmdline()) or None
    except psutil.Error:
        command = None
    return name, command
