"""Looks at the network as the patient's user sees it, without sending anything."""

from __future__ import annotations

import os
from collections.abc import Mapping

from sdops.facts.network import firewalls, listeners
from sdops.facts.probe import Probed, attempt
from sdops.facts.tree import REAL, Tree
from sdops.facts.types import Gap, Network


def look(tree: Tree = REAL) -> Probed[Network]:
    """The listening sockets, the firewalls, and whether the user sits at another machine.

    Args:
        tree: where `/proc` and `/etc` are read.
    """
    gaps: list[Gap] = []
    listening = listeners.look(tree)
    walls = firewalls.look(tree)
    remote = attempt(gaps, "network.remote_session", lambda: remote_session(os.environ), False)
    network = Network(listening.value, walls.value, (), remote)
    return Probed(network, (*listening.gaps, *walls.gaps, *gaps))


def remote_session(environment: Mapping[str, str]) -> bool:
    """Whether the user is logged in over SSH.

    sudo drops SSH's variables, so the processes above this one are asked too.
    """
    if any(name in environment for name in ("SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY")):
        return True
    import psutil

    try:
        return any(parent.name().startswith("sshd") for parent in psutil.Process().parents())
    except psutil.Error:
        return False
