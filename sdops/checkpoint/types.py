"""What a model file holds: its container, its tensors and where their bytes lie.

Named tuples, as in `sdops.finding`: a scan makes thousands of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import os

    from sdops.checkpoint.trace.values import Trace

_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Container(str, Enum):
    """What kind of file it is, by its content."""

    SAFETENSORS = "safetensors"
    TORCH_ZIP = "torch-zip"
    TORCHSCRIPT = "torchscript"
    TORCH_LEGACY = "torch-legacy"
    TORCH_TAR = "torch-tar"
    PICKLE = "pickle"
    JOBLIB = "joblib"
    NPY = "npy"
    NPZ = "npz"
    ZIP = "zip"
    TAR = "tar"
    GZIP = "gzip"
    XZ = "xz"
    BZ2 = "bz2"
    ZLIB = "zlib"
    LZMA = "lzma"
    ZSTD = "zstd"
    LZ4 = "lz4"
    SEVEN_ZIP = "7z"
    RAR = "rar"
    GGUF = "gguf"
    HDF5 = "hdf5"
    LFS_POINTER = "lfs-pointer"
    HTML = "html"
    JSON = "json"
    TEXT = "text"
    IMAGE = "image"
    EMPTY = "empty"
    TRUNCATED = "truncated"
    UNKNOWN = "unknown"

    def __str__(self) -> str:
        return self.value


class Storage(NamedTuple):
    """A run of elements in the file that tensors are views of; tied tensors share one."""

    key: str
    """Unique within the file: torch's storage key, or the tensor's name in safetensors."""
    dtype: str
    """torch's name of the element type, such as `float16`."""
    offset: int | None
    """First byte in the file; None where the bytes are not plainly there (compressed, meta)."""
    size_bytes: int
    big_endian: bool = False
    path: str = ""
    """The file that holds it, where that is not the checkpoint's own: a shard."""


class Tensor(NamedTuple):
    """One tensor: a strided view of a storage."""

    name: str
    """The key in the state dict; below the state dict's own level, keys are joined by dots."""
    dtype: str
    """torch's name of the element type; differs from the storage's only for untyped storages."""
    shape: tuple[int, ...]
    stride: tuple[int, ...]
    """Elements from one index to the next, per dimension."""
    storage: Storage
    storage_offset: int = 0
    """Elements from the start of the storage."""
    path: tuple[str, ...] = ()
    """The keys from the root object to the tensor."""
    parameter: bool = False
    conjugate: bool = False
    negative: bool = False

    @property
    def elements(self) -> int:
        """How many numbers the tensor holds."""
        count = 1
        for size in self.shape:
            count *= size
        return count

    @property
    def contiguous(self) -> bool:
        """Whether its elements follow one another in row-major order."""
        if 0 in self.shape:
            return True
        expected = 1
        for size, stride in zip(reversed(self.shape), reversed(self.stride), strict=True):
            if size != 1 and stride != expected:
                return False
            expected *= size
        return True


class Opaque(NamedTuple):
    """Something in a pickle that is neither a tensor nor plain data; it was not run."""

    path: tuple[str, ...]
    """The keys from the root object to it."""
    what: str
    """What it would be, safe to show: `posix.system('id') was not run`."""
    holds_weights: bool = False
    """Whether there are tensors or arrays in it: a sparse, quantized or nested tensor, a module."""


class Problem(NamedTuple):
    """Something about the file itself that is not as its format says."""

    id: str
    """Kebab-case: `archive-ambiguous`, `trailing-bytes`."""
    text: str
    """One plain sentence."""
    member: str | None = None
    offset: int | None = None
    hostile: bool = False
    """No program writes such a file; someone made it so that readers disagree or hang."""
    blocking: bool = False
    """What follows could not be read."""
    missing_bytes: int | None = None
    """At least how much is missing from a file that is cut off, where that is known."""
    unjudged: bool = False
    """It is, or brings, what sdops does not judge; the text says why."""


class Checkpoint(NamedTuple):
    """A lazily opened model file: its index, never its weights."""

    path: str
    container: Container
    size_bytes: int
    tensors: tuple[Tensor, ...] = ()
    """The tensors of the state dict, in the file's order, named as a model would load them."""
    others: tuple[Tensor, ...] = ()
    """Tensors outside the state dict (optimizer states, callbacks), named by their whole path."""
    wrapper: tuple[str, ...] = ()
    """The keys from the root object to the state dict: `("state_dict",)`, or empty."""
    metadata: Mapping[str, str] = _NOTHING
    """safetensors `__metadata__`, or GGUF key-values, as text."""
    extras: Mapping[str, Any] = _NOTHING
    """Plain values beside the state dict, such as `global_step`."""
    deeper: Mapping[str, int] = _NOTHING
    """How many plain values lie deeper than those, by their key at the root."""
    opaque: tuple[Opaque, ...] = ()
    numbered: bool = False
    """Whether all of its tensors are found by keys that are numbers, not text."""
    traces: tuple[Trace, ...] = ()
    """What each pickle in the file would do."""
    problems: tuple[Problem, ...] = ()
    shards: tuple[str, ...] = ()
    """The files an index file refers to, for a sharded model."""
    states: Mapping[str, os.stat_result] = _NOTHING
    """The state of every file that it was read from, by path, its own first; empty if remote."""

    @property
    def lost_weights(self) -> tuple[Opaque, ...]:
        """Weights among the tensors of the state dict that could not be read as tensors."""
        depth = len(self.wrapper)
        return tuple(
            item for item in self.opaque if item.holds_weights and item.path[:depth] == self.wrapper
        )
