"""What a conversion will write, and what it will leave behind, decided before any byte moves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sdops.checkpoint.convert.precision import (
    Packed,
    Precision,
    dtype_for,
    idle_parts,
    kept_companions,
)
from sdops.checkpoint.dtypes import BY_NAME
from sdops.checkpoint.identify.identity import identify
from sdops.checkpoint.types import Checkpoint, Tensor
from sdops.checkpoint.write.layout import Outgoing
from sdops.errors import UnreadableInputError, UsageError


@dataclass(frozen=True, slots=True)
class Item:
    """A tensor of the source and what becomes of it."""

    source: Tensor
    name: str
    """Its name in the result."""
    dtype: str
    """Its type in the result, torch's name."""
    literal: bytes | None = None
    """Its content, where that is not taken from the source (a repaired position_ids)."""

    @property
    def outgoing(self) -> Outgoing:
        """The tensor as the writer sees it."""
        return Outgoing(self.name, self.dtype, self.source.shape)


@dataclass(frozen=True, slots=True)
class Dropped:
    """Something that is left behind."""

    name: str
    """A tensor's name, or a group's: `optimizer_states (1372 tensors)`."""
    reason: str
    size_bytes: int = 0
    holds_weights: bool = False
    """Whether there were tensors in it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One conversion."""

    source: Checkpoint
    items: tuple[Item, ...]
    dropped: tuple[Dropped, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    """What was decided or repaired, in words."""
    needless: str = ""
    """Why the result would be the source again, where it would."""


def convert_plan(checkpoint: Checkpoint, precision: Precision) -> Plan:
    """Keeps every tensor of the state dict; leaves behind what is beside it and what is no tensor.

    Raises:
        UsageError: it is a hypernetwork, whose layers are told by plain values, or found by
            numbers.
        UnreadableInputError: a weight in it can be written to no other file as it is.
    """
    refuse_lost_weights(checkpoint)
    if checkpoint.numbered or (checkpoint.extras and identify(checkpoint).kind == "hypernetwork"):
        raise UsageError(
            f"{checkpoint.path} is a hypernetwork: programs load it as a .pt only, with plain"
            " values and numbers for keys (its layers' structure) that no other file can hold.",
            "Keep it as it is; sdops scan says whether it is safe.",
        )
    packed = Packed((tensor.name, tensor.dtype) for tensor in checkpoint.tensors)
    items = tuple(
        Item(tensor, tensor.name, dtype_for(tensor, precision, packed))
        for tensor in checkpoint.tensors
    )
    return Plan(
        source=checkpoint,
        items=items,
        dropped=tuple(left_behind(checkpoint)),
        metadata=checkpoint.metadata,
        notes=(
            *idle_parts([item.name for item in items], precision),
            *kept_companions(checkpoint.tensors, precision, packed),
        ),
    )


def refuse_lost_weights(checkpoint: Checkpoint) -> None:
    """Stops before a model would be written without some of its weights.

    Raises:
        UnreadableInputError: there are sparse, quantized, nested or subclassed tensors in it, or
            arrays of numpy.
    """
    lost = checkpoint.lost_weights
    if not lost:
        return
    names = [".".join(item.path[len(checkpoint.wrapper) :]) or "its root" for item in lost]
    more = f" and {len(lost) - 3} more" if len(lost) > 3 else ""
    raise UnreadableInputError(
        f"{checkpoint.path} holds weights that are not plain tensors, and that another file cannot"
        f" hold as they are: {', '.join(names[:3])}{more} ({lost[0].what}).",
        "Make them dense with the program that made the file (tensor.to_dense(), .dequantize()).",
    )


def left_behind(checkpoint: Checkpoint) -> Iterable[Dropped]:
    """What safetensors cannot hold, or what is not part of the model."""
    groups: dict[str, list[Tensor]] = {}
    for tensor in checkpoint.others:
        groups.setdefault(tensor.path[0] if tensor.path else tensor.name, []).append(tensor)
    for name in {**groups, **checkpoint.deeper}:
        tensors, plain = groups.get(name, []), checkpoint.deeper.get(name, 0)
        held = [counted(len(tensors), "tensor", "tensors")] if tensors else []
        held += [counted(plain, "plain value", "plain values")] if plain else []
        size = sum(tensor.elements * BY_NAME[tensor.dtype].size_bytes for tensor in tensors)
        yield Dropped(
            f"{name} ({', '.join(held)})", "not part of the model's weights", size, bool(tensors)
        )
    alike: dict[tuple[tuple[str, ...], str, bool], list[str]] = {}
    for item in checkpoint.opaque:
        where = ".".join(item.path) or "the file's root"
        alike.setdefault((item.path[:1], item.what, item.holds_weights), []).append(where)
    for (_, what, holds_weights), places in alike.items():
        more = f" and {len(places) - 1} more like it" if len(places) > 1 else ""
        reason = f"not a tensor; {what} was not run"
        yield Dropped(places[0] + more, reason, holds_weights=holds_weights)
    for name in checkpoint.extras:
        yield Dropped(name, "a plain value beside the weights")


def with_aliases(plan: Plan) -> Plan:
    """`plan` with each group of identical views written once, the others named in the metadata.

    The metadata maps each left-out name to the one that is kept, as safetensors' `save_model` does.
    """
    kept: dict[object, str] = {}
    items: list[Item] = []
    aliases: dict[str, str] = {}
    for item in plan.items:
        identity = view_identity(item)
        if identity is not None and identity in kept:
            aliases[item.name] = kept[identity]
        else:
            if identity is not None:
                kept[identity] = item.name
            items.append(item)
    dropped = tuple(
        Dropped(name, f"the same memory as {other}; named in the metadata")
        for name, other in aliases.items()
    )
    return replace(
        plan,
        items=tuple(items),
        dropped=plan.dropped + dropped,
        metadata={**plan.metadata, **aliases},
    )


def without_metadata(plan: Plan) -> Plan:
    """`plan` for a file that has no metadata, and what is lost by that."""
    count = len(plan.metadata)
    lost = (Dropped(counted(count, "entry of metadata", "entries of metadata"),
                    "a .ckpt has no place for it"),) if count else ()  # fmt: skip
    return replace(plan, metadata={}, dropped=plan.dropped + lost)


def counted(count: int, one: str, several: str) -> str:
    """`1 tensor`, `2 tensors`."""
    return f"{count} {one if count == 1 else several}"


def tied_bytes(plan: Plan) -> int:
    """The bytes that are written again because tensors share memory in the source."""
    together: dict[tuple[str, str], list[Item]] = {}
    for item in plan.items:
        if view_identity(item) is not None:
            storage = item.source.storage
            together.setdefault((storage.path, storage.key), []).append(item)
    return sum(map(_repeated_bytes, together.values()))


def _repeated_bytes(items: Sequence[Item]) -> int:
    """What views of one storage take beyond what each, and all together, hold once."""
    once = {view_identity(item): item.outgoing.size_bytes for item in items}
    source = items[0].source
    elements = source.storage.size_bytes // BY_NAME[source.dtype].size_bytes
    held = elements * max(BY_NAME[item.dtype].size_bytes for item in items)
    return sum(item.outgoing.size_bytes for item in items) - min(sum(once.values()), held)


def view_identity(item: Item) -> object | None:
    """Equal for two items that would write the same bytes from the same memory."""
    tensor = item.source
    if item.literal is not None or tensor.elements == 0:
        return None
    storage = tensor.storage
    place = (storage.path, storage.key, tensor.storage_offset)
    return (place, tensor.shape, tensor.stride, tensor.dtype, item.dtype)
