"""Plans the checkpoint that people run out of the one that was trained.

What is not understood is kept: only what is known to be of no use for making pictures goes.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import Enum

from sdops.checkpoint.convert.plan import (
    Dropped,
    Item,
    Plan,
    counted,
    left_behind,
    refuse_lost_weights,
)
from sdops.checkpoint.convert.precision import (
    Packed,
    Precision,
    dtype_for,
    idle_parts,
    kept_companions,
)
from sdops.checkpoint.dtypes import BY_NAME
from sdops.checkpoint.identify import ema
from sdops.checkpoint.identify.components import live_names
from sdops.checkpoint.identify.identity import Identity, identify
from sdops.checkpoint.identify.rules import table
from sdops.checkpoint.identify.savings import is_prunable
from sdops.checkpoint.types import Checkpoint, Tensor
from sdops.errors import SdopsError, UsageError


class Keep(Enum):
    """Which of two sets of weights stays."""

    EMA = "ema"
    """The averaged ones, under the names of the live ones."""
    LIVE = "live"
    """The ones that training would go on with."""
    AUTO = "auto"
    """The averaged ones if they are complete, as those make the better pictures; else live."""


@dataclass(frozen=True, slots=True)
class Pruning:
    """What the user wants gone."""

    keep: Keep = Keep.AUTO
    ema_partial: bool = False
    """Take the live weight wherever the average has none."""
    drop_schedule: bool = False
    """Leave out the noise schedule's buffers, which every loader computes itself."""


def prune_plan(checkpoint: Checkpoint, pruning: Pruning, precision: Precision) -> Plan:
    """The plan of a pruned checkpoint.

    Raises:
        UsageError: the file is not one that can be pruned: a LoRA, a VAE, an embedding …
        SdopsError: the averaged weights are asked for, but are not there or not complete.
    """
    refuse_lost_weights(checkpoint)
    identity = identify(checkpoint)
    if not is_prunable(checkpoint, identity):
        raise UsageError(
            f"{checkpoint.path} is no checkpoint that makes pictures by itself (it is recognized as"
            f" {_kind(identity)}); there is nothing in it to prune.",
            "To change its precision, use sdops convert --dtype.",
        )
    chosen, note = _choose(checkpoint, identity, pruning)
    dropped = list(left_behind(checkpoint))
    keep: list[Tensor] = []
    second: list[Tensor] = []
    schedule: list[Tensor] = []
    names = frozenset(table()["names"]["schedule"])
    for tensor in checkpoint.tensors:
        if tensor.name.startswith(ema.EMA_PREFIX):
            second.append(tensor)
        elif pruning.drop_schedule and tensor.name in names:
            schedule.append(tensor)
        else:
            keep.append(tensor)
    items, unused = _with_average(keep, second, chosen)
    packed = Packed((item.name, item.dtype) for item in items)
    dropped += _group("the other weights", "a second set of the same weights", unused)
    dropped += _group("the noise schedule", "every loader computes it", schedule)
    plan = Plan(
        source=checkpoint,
        items=tuple(replace(item, dtype=_dtype(item, precision, packed)) for item in items),
        dropped=tuple(dropped),
        metadata=checkpoint.metadata,
        notes=(
            note,
            *idle_parts([item.name for item in items], precision),
            *kept_companions([_named(item) for item in items], precision, packed),
        ),
    )
    return replace(plan, needless=_NOTHING_TO_PRUNE) if _is_needless(plan) else plan


_NOTHING_TO_PRUNE = "it is pruned already, there is nothing in it to take away"


def _is_needless(plan: Plan) -> bool:
    """Whether the result would hold what the source holds, in the same form."""
    same = all(item.name == item.source.name and item.dtype == item.source.dtype
               for item in plan.items)  # fmt: skip
    source = plan.source
    return same and not (plan.dropped or source.shards or source.container != "safetensors")


def _choose(
    checkpoint: Checkpoint, identity: Identity, pruning: Pruning
) -> tuple[dict[str, str], str]:
    """Live name to EMA name for the weights to take from the average, and a sentence about it."""
    averaged = identity.ema
    state = averaged.state
    if state == "only":
        return _from_ema_only(checkpoint, averaged, pruning)
    if pruning.keep is Keep.LIVE or (pruning.keep is Keep.AUTO and state == "none"):
        return {}, "The live weights are kept."
    if state == "full":
        why = " (they are complete, and make the better pictures)"
        return dict(averaged.pairs), f"The averaged (EMA) weights are kept{why}."
    if pruning.keep is Keep.AUTO and not pruning.ema_partial:
        return {}, (
            f"The live weights are kept: of the averaged ones {len(averaged.unaveraged)} are"
            f" missing, and {len(averaged.orphans)} belong to no live weight."
        )
    if state == "none":
        raise SdopsError(
            f"{checkpoint.path} has no averaged (EMA) weights.", "Use --keep live or --keep auto."
        )
    if not pruning.ema_partial or averaged.orphans:
        instead = ", or --ema-partial to take the live weight where one is missing"
        raise SdopsError(
            f"The averaged (EMA) weights in {checkpoint.path} do not match the live ones:"
            f" {_some(averaged.unaveraged)} missing, {_some(averaged.orphans)} without a partner.",
            f"Use --keep live{'' if averaged.orphans else instead}.",
        )
    return dict(averaged.pairs), (
        f"The averaged (EMA) weights are kept; {len(averaged.unaveraged)} that were missing were"
        f" taken from the live ones: {_some(averaged.unaveraged)}."
    )


def _from_ema_only(
    checkpoint: Checkpoint, averaged: ema.Ema, pruning: Pruning
) -> tuple[dict[str, str], str]:
    if pruning.keep is Keep.LIVE:
        raise SdopsError(
            f"{checkpoint.path} holds only averaged (EMA) weights, no live ones.",
            "Use --keep ema or --keep auto.",
        )
    chosen = live_names(averaged.orphans)
    if chosen is None:
        raise SdopsError(
            f"{checkpoint.path} holds only averaged (EMA) weights, and they are not exactly those"
            " of any model that sdops knows: their names lost their dots, and cannot be restored.",
            "Prune the training checkpoint that it came from.",
        )
    return dict(chosen), (
        "There are only averaged (EMA) weights; they got the live names, which loaders look for."
    )


def _with_average(
    keep: Collection[Tensor], second: Collection[Tensor], chosen: dict[str, str]
) -> tuple[list[Item], list[Tensor]]:
    """The items, those in `chosen` taken from their average; and the weights that go unused."""
    by_name = {tensor.name: tensor for tensor in second}
    used = set(chosen.values())
    items, unused = [], [tensor for tensor in second if tensor.name not in used]
    for tensor in keep:
        if tensor.name not in chosen:
            items.append(Item(tensor, tensor.name, tensor.dtype))
            continue
        average = by_name[chosen[tensor.name]]
        if average.shape != tensor.shape:
            raise SdopsError(
                f"The average of {tensor.name} has the shape {average.shape}, the weight itself"
                f" {tensor.shape}.",
                "Use --keep live.",
            )
        items.append(Item(average, tensor.name, average.dtype))
        unused.append(tensor)
    alone = chosen.keys() - {tensor.name for tensor in keep}
    items += [Item(by_name[chosen[name]], name, by_name[chosen[name]].dtype) for name in alone]
    return items, unused


def _dtype(item: Item, precision: Precision, packed: Packed) -> str:
    return dtype_for(_named(item), precision, packed)


def _named(item: Item) -> Tensor:
    return item.source._replace(name=item.name)


def _group(name: str, reason: str, tensors: Collection[Tensor]) -> list[Dropped]:
    if not tensors:
        return []
    size = sum(tensor.elements * BY_NAME[tensor.dtype].size_bytes for tensor in tensors)
    return [Dropped(f"{name} ({counted(len(tensors), 'tensor', 'tensors')})", reason, size)]


def _some(names: Collection[str]) -> str:
    shown = ", ".join(list(names)[:3]) or "none"
    return f"{shown} and {len(names) - 3} more" if len(names) > 3 else shown


def _kind(identity: Identity) -> str:
    same = identity.kind == identity.title
    return identity.kind if same else f"{identity.kind}, {identity.title}"
