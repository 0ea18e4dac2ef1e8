"""The container has very little shared memory.

Training with several data-loading processes stops with "bus error" or "unable to open shared
memory object"; making images seldom needs it.

Fix: Start the container with more shared memory.

Source: docs.docker.com, docker run --shm-size (64 MB by default); pytorch/pytorch README, Docker
image (--ipc=host or --shm-size); diffusers' GPU tests use 16 GB.
"""

from __future__ import annotations

from sdops.check import Action, Facts, Finding, Iterator, Remedy, Severity, Skip
from sdops.knowledge.units import GIB, size
from sdops.uis import trait

ENOUGH_BYTES = 8 * GIB
"""What GPU containers are commonly given: half of the 16 GB of diffusers' tests."""


def check(facts: Facts) -> Iterator[Finding]:
    """A warning for a training UI, a note for the others."""
    host = facts.host
    if host.container is None or host.shm_total_bytes is None:
        raise Skip("This is not a container, or it has no /dev/shm.")
    if host.shm_total_bytes >= ENOUGH_BYTES:
        return
    training = facts.ui is not None and bool(trait(facts.ui.kind, "trains"))
    yield Finding(
        rule="small-shm",
        severity=Severity.WARNING if training else Severity.INFO,
        title=f"This container has only {size(host.shm_total_bytes)} of shared memory.",
        why="The processes of a training exchange images through /dev/shm; with too little of it "
        "they stop with a bus error.",
        evidence={"shm_total_bytes": host.shm_total_bytes},
        remedies=(
            Remedy(
                "Start the container anew with more: add --shm-size=8g to docker run (in a compose "
                "file, shm_size: 8gb), or --ipc=host.",
                Action.NONE,
            ),
        ),
    )
