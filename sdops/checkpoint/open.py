"""Opens model files: what they are, and an index of what is in them; never the weights."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdops.checkpoint import formats, tensor_index
from sdops.checkpoint.damage import CUT, DAMAGE
from sdops.checkpoint.files.source import FileSource, Source
from sdops.checkpoint.formats import plain, zips
from sdops.checkpoint.formats.contents import Contents
from sdops.checkpoint.trace.values import Trace
from sdops.checkpoint.types import Checkpoint, Container, Opaque, Problem, Tensor
from sdops.errors import UnreadableInputError

if TYPE_CHECKING:
    from sdops.facts.types.ui import ModelFile

_MAX_INDEX_BYTES = 8 << 20
_INDEXED = frozenset({Container.SAFETENSORS, Container.GGUF, Container.TORCH_LEGACY,
                      Container.PICKLE})  # fmt: skip
"""Files whose whole index takes no longer to read than to recognize an archive."""


def sniff(path: Path | str) -> ModelFile:
    """What kind of file `path` is by its content, and whether it is whole; a few small reads.

    Raises:
        UnreadableInputError: it cannot be read.
    """
    from sdops.facts.types.ui import ModelFile

    with FileSource(path) as source:
        container = formats.recognize(source)
        missing = damage = None
        if container is Container.TRUNCATED:
            missing = zips.missing_bytes(source)
        elif container in _INDEXED:
            contents = formats.read(source, container)
            problems = checkpoint_of(str(path), source, contents).problems
            cut = next((item for item in problems if item.id == CUT), None)
            if cut is not None:
                container, missing = Container.TRUNCATED, cut.missing_bytes
            damage = next((item.text for item in problems if item.id in DAMAGE), None)
        return ModelFile(
            path=str(path),
            size_bytes=source.size,
            container=container.value,
            missing_bytes=missing,
            expected_bytes=plain.lfs_size(source) if container is Container.LFS_POINTER else None,
            damage=damage,
        )


def open_checkpoint(path: Path | str) -> Checkpoint:
    """The index of the model file, or of the shards behind a `*.index.json`, at `path`.

    Raises:
        UnreadableInputError: it cannot be read. Damage within it is in the `problems`.
    """
    with FileSource(path) as source:
        container = formats.recognize(source)
        if container is Container.JSON:
            shards = _shards(source)
            if shards:
                return _open_sharded(Path(path), source, shards)
        return _opened(Path(path), source, container)


def _opened(path: Path, source: FileSource, container: Container) -> Checkpoint:
    checkpoint = checkpoint_of(str(path), source, formats.read(source, container))
    return checkpoint._replace(states={str(path): source.status})


def checkpoint_of(path: str, source: Source, contents: Contents) -> Checkpoint:
    """The Checkpoint that a format's `contents` make."""
    checkpoint = Checkpoint(
        path=path,
        container=contents.container,
        size_bytes=source.size,
        tensors=tuple(contents.tensors),
        metadata=contents.metadata,
        traces=tuple(contents.traces),
        problems=tuple(contents.problems),
    )
    if contents.main is None:
        broken = tuple(_damaged(trace) for trace in contents.traces[-1:] if trace.fault)
        return checkpoint._replace(problems=checkpoint.problems + broken)
    found = tensor_index.index(contents)
    tensors, others = tensor_index.split(found)
    problems = checkpoint.problems
    if not found.complete:
        text = "The index is too large for sdops to follow, or a name in it is too long."
        problems += (Problem("index-incomplete", text, blocking=True),)
    if contents.main.fault:
        problems += (_damaged(contents.main),)
    return checkpoint._replace(
        tensors=tensors,
        others=others,
        wrapper=found.wrapper,
        extras=found.extras,
        deeper=found.deeper,
        opaque=tuple(found.opaque),
        numbered=bool(tensors) and all(item.path in found.numbered for item in tensors),
        problems=problems,
    )


def _damaged(trace: Trace) -> Problem:
    problem_id = "pickle-budget" if trace.over_budget else "pickle-damaged"
    return Problem(problem_id, trace.fault, trace.member, trace.fault_offset, blocking=True)


def _shards(source: Source) -> dict[str, str]:
    """Tensor name to file name, if this JSON is the index of a sharded model."""
    if source.size > _MAX_INDEX_BYTES:
        return {}
    try:
        document = json.loads(source.read(0, source.size))
        names = document["weight_map"].items()
        return {str(name): str(file) for name, file in names}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def _open_shard(path: Path) -> Checkpoint:
    """A shard, which is never an index itself."""
    with FileSource(path) as source:
        return _opened(path, source, formats.recognize(source))


def _open_sharded(path: Path, source: FileSource, shards: dict[str, str]) -> Checkpoint:
    tensors: list[Tensor] = []
    others: list[Tensor] = []
    opaque: list[Opaque] = []
    extras: dict[str, Any] = {}
    deeper: Counter[str] = Counter()
    problems: list[Problem] = []
    traces: list[Trace] = []
    metadata: dict[str, str] = {}
    states = {str(path): source.status}
    container, size = Container.JSON, source.size
    names = tuple(sorted(set(shards.values())))
    for name in names:
        # A shard stands beside its index; anything else would lead out of the folder.
        if Path(name).name != name or name in (".", "..") or "\\" in name:
            raise UnreadableInputError(f"The index {path} names a shard outside its folder.")
        part = _open_shard(path.with_name(name))
        container, size = part.container, size + part.size_bytes
        states |= part.states
        metadata |= part.metadata
        others += part.others
        opaque += part.opaque
        extras |= part.extras
        deeper.update(part.deeper)
        traces += part.traces
        problems += [problem._replace(member=problem.member or name) for problem in part.problems]
        tensors += [
            tensor._replace(storage=tensor.storage._replace(path=part.path))
            for tensor in part.tensors
            if shards.get(tensor.name, name) == name
        ]
    lacking = len(shards.keys() - {tensor.name for tensor in tensors})
    if lacking:
        text = f"{lacking} tensors of the index are in no shard."
        problems.append(Problem("shard-incomplete", text, blocking=True))
    return Checkpoint(
        path=str(path),
        container=container,
        size_bytes=size,
        tensors=tuple(tensors),
        others=tuple(others),
        opaque=tuple(opaque),
        extras=extras,
        deeper=deeper,
        metadata=metadata,
        traces=tuple(traces),
        problems=tuple(problems),
        shards=names,
        states=states,
    )
