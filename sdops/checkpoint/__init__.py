"""What a model file holds, found out without ever unpickling it.

`open_checkpoint(path)` answers with the index of tensors, `sniff(path)` with the kind of file.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sdops.checkpoint.open import open_checkpoint, sniff
    from sdops.checkpoint.types import Checkpoint, Container, Opaque, Problem, Storage, Tensor

__all__ = [
    "Checkpoint",
    "Container",
    "Opaque",
    "Problem",
    "Storage",
    "Tensor",
    "open_checkpoint",
    "sniff",
]


def __getattr__(name: str) -> Any:
    """Imports what is asked for: a scan needs neither the index nor the facts."""
    if name not in __all__:
        raise AttributeError(name)
    place = "open" if name in ("open_checkpoint", "sniff") else "types"
    return getattr(import_module(f"sdops.checkpoint.{place}"), name)
