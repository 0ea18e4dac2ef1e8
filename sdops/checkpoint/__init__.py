"""What a model file holds, found out without ever unpickling it.

`open_checkpoint(path)` answers with the index of tensors, `sniff(path)` with the kind of file.
"""

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
