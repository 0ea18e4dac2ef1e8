"""Finds the tensors in a pickle's trace, for all of torch's rebuild functions.

Source: torch/_utils.py, torch/_tensor.py (`__reduce_ex__`), torch/nn/parameter.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sdops.checkpoint.dtypes import BY_NAME, BY_STORAGE
from sdops.checkpoint.files.source import Source
from sdops.checkpoint.formats.contents import Contents
from sdops.checkpoint.formats.pickles import describe_storage, element_type
from sdops.checkpoint.trace.show import show
from sdops.checkpoint.trace.values import Blob, Call, Dict, Global, Persistent, Set, Value
from sdops.checkpoint.types import Opaque, Storage, Tensor

_MAX_NODES = 2_000_000
_MAX_DEPTH = 200
_MAX_KEY_BYTES = 1 << 16
_MAX_TEXT = 32 << 20
"""Characters of all names and paths together: a pickle can use a long key again and again."""
_MAX_OPAQUE = 1000
_MAX_EXTRAS = 1000
# Where training programs keep the state dict, the most specific first.
WRAPPERS = ("state_dict", "params_ema", "params", "model_state_dict", "model", "module", "weights",
            "generator", "g_ema", "string_to_param")  # fmt: skip
_ORDERED_DICTS = {("collections", "OrderedDict"), ("builtins", "dict"), ("__builtin__", "dict"),
                  ("collections", "defaultdict"),
                  ("pytorch_lightning.utilities.parsing", "AttributeDict")}  # fmt: skip
_ARRAYS = {("numpy.core.multiarray", "_reconstruct"), ("numpy._core.multiarray", "_reconstruct"),
           ("numpy.core.numeric", "_frombuffer"), ("numpy._core.numeric", "_frombuffer"),
           ("torch._utils", "_rebuild_meta_tensor_no_storage")}  # fmt: skip
_PLAIN_TENSORS = {("torch", "Tensor"), ("torch._tensor", "Tensor"),
                  ("torch.nn.parameter", "Parameter"), ("torch.nn.parameter", "Buffer"),
                  ("torch.nn.parameter", "UninitializedParameter")}  # fmt: skip
_MAX_LOOK = 5000
_PARAMETER_DICT = ("torch.nn.modules.container", "ParameterDict")
_PARAMETERS = {"_rebuild_parameter", "_rebuild_parameter_with_state"}
_STRIDED = {"_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_tensor_v3"}


@dataclass(slots=True)
class Index:
    """What a pickle's root object holds."""

    tensors: list[Tensor] = field(default_factory=list)
    opaque: list[Opaque] = field(default_factory=list)
    extras: dict[str, Any] = field(default_factory=dict)
    """Plain values at the root and one level below it, by their path."""
    deeper: Counter[str] = field(default_factory=Counter)
    """How many plain values lie deeper, by their key at the root."""
    wrapper: tuple[str, ...] = ()
    numbered: set[tuple[str, ...]] = field(default_factory=set)
    """The paths of tensors that are found by numbers: hypernetworks, states of optimizers."""
    complete: bool = True
    """False if the object was too large or too deep to walk."""


class _NotATensorError(Exception):
    pass


class _Walker:
    """Walks the root object once, depth first, in the pickle's order."""

    def __init__(self, contents: Contents) -> None:
        self.contents = contents
        self.source = contents.main.source if contents.main is not None else None
        self.index = Index()
        self.nodes = 0
        self.text = 0
        self.open: set[int] = set()
        self.long_keys: dict[int, str] = {}
        self.numbers = 0
        """How many keys that lead to here are numbers."""

    def walk(self, value: Value, path: tuple[str, ...]) -> None:
        self.nodes += 1
        if self.nodes > _MAX_NODES or len(path) > _MAX_DEPTH or self.text > _MAX_TEXT:
            self.index.complete = False
            return
        if isinstance(value, (Persistent, Call)):
            self._object(value, path)
        elif isinstance(value, (Dict, list, tuple, Set)):
            self._container(value, path)
        elif isinstance(value, Global):
            if not _is_plain_global(value):
                self._opaque(value, path)
        elif value is not None:
            self._plain(value, path)

    def _plain(self, value: Value, path: tuple[str, ...]) -> None:
        if len(path) > 2 or len(self.index.extras) >= _MAX_EXTRAS:
            self.index.deeper[path[0]] += 1
            return
        plain = text_of(value, self.source)
        if isinstance(plain, (bool, int, float, str)):
            self._count(path)
            self.index.extras[".".join(path)] = plain

    def _container(self, value: Value, path: tuple[str, ...]) -> None:
        if id(value) in self.open:
            return  # it contains itself
        self.open.add(id(value))
        for key, item in _items(value):
            if isinstance(key, (Global, Call)):
                self._opaque(key, path)
            is_number = isinstance(key, (int, float))
            self.numbers += is_number
            self.walk(item, (*path, self._key(key)))
            self.numbers -= is_number
        self.open.discard(id(value))

    def _object(self, value: Persistent | Call, path: tuple[str, ...]) -> None:
        try:
            self.index.tensors.append(self._tensor(value)._replace(path=path))
            if self.numbers and len(path) > 1:
                self.index.numbered.add(path)
            self._count(path)
            return
        except _NotATensorError:
            pass
        name = _callee(value)
        if name in _ORDERED_DICTS:
            assert isinstance(value, Call)
            held = _initial_items(value.args) + (value.items or [])
            self._container(Dict(held), path)
        elif name == _PARAMETER_DICT:
            assert isinstance(value, Call)
            self._container(_parameters_of(value), path)
        else:
            self._opaque(value, path)

    def _opaque(self, value: Value, path: tuple[str, ...]) -> None:
        if len(self.index.opaque) < _MAX_OPAQUE:
            self._count(path)
            self.index.opaque.append(Opaque(path, show(value), self._holds_weights(value)))

    def _holds_weights(self, value: Value) -> bool:
        """Whether there are storages, or arrays of numpy, in what an object is made from."""
        left, seen = [value], set[int]()
        while left and len(seen) < _MAX_LOOK:
            item = left.pop()
            if id(item) in seen:
                continue
            seen.add(id(item))
            if isinstance(item, Persistent) and (
                describe_storage(item) is not None or str(item.id) in self.contents.objects
            ):
                return True
            if isinstance(item, Call):
                if _callee(item) in _ARRAYS:
                    return True
                left += [item.args, item.state, *(item.items or [])]
            elif isinstance(item, (Dict, Set)):
                left += item.items
            elif isinstance(item, (list, tuple)):
                left += item
        return False

    def _count(self, path: tuple[str, ...]) -> None:
        self.text += sum(map(len, path))

    def _key(self, key: Value) -> str:
        if isinstance(key, Blob) and key.encoding is not None:
            return self._long_key(key)
        return key if isinstance(key, str) else show(key)

    def _long_key(self, key: Blob) -> str:
        if key.offset not in self.long_keys:
            text = text_of(key, self.source)
            self.long_keys[key.offset] = text if isinstance(text, str) else show(key)
            self.text += key.size
            # Cut short, it could be taken for another name.
            self.index.complete &= key.size <= _MAX_KEY_BYTES
        return self.long_keys[key.offset]

    # -- tensors ------------------------------------------------------------------------------

    def _tensor(self, value: Value, depth: int = 0) -> Tensor:
        if isinstance(value, Persistent):
            known = self.contents.objects.get(str(value.id))
            if known is None:
                raise _NotATensorError
            return known
        if not isinstance(value, Call) or depth > 8 or not isinstance(value.args, tuple):
            raise _NotATensorError
        module, name = _callee(value) or ("", "")
        args = value.args
        if module == "torch._utils" and name in _STRIDED:
            return self._strided(name, args)
        if module == "torch._utils" and name in _PARAMETERS and args:
            return self._tensor(args[0], depth + 1)._replace(parameter=True)
        if (module, name) == ("torch._tensor", "_rebuild_from_type_v2") and len(args) >= 3:
            if not _is_plain_type(args):
                raise _NotATensorError
            inner = Call(args[0], args[2], None, value.offset, value.opcode)
            return self._tensor(inner, depth + 1)
        if name == "Parameter" and module.startswith("torch.nn") and args:
            return self._tensor(args[0], depth + 1)._replace(parameter=True)
        raise _NotATensorError

    def _strided(self, name: str, args: tuple[Value, ...]) -> Tensor:
        if len(args) < 4 or not isinstance(args[0], Persistent):
            raise _NotATensorError
        storage, view_offset = self._storage(args[0])
        offset, shape, stride = args[1], _sizes(args[2]), _sizes(args[3])
        if type(offset) is not int or offset < 0 or len(shape) != len(stride):
            raise _NotATensorError
        dtype = storage.dtype
        if name == "_rebuild_tensor_v3":
            dtype = _dtype_argument(args)
        flags = _flags(args[6]) if name != "_rebuild_tensor" and len(args) > 6 else ()
        return Tensor(
            name="",
            dtype=dtype,
            shape=shape,
            stride=stride,
            storage=storage,
            storage_offset=offset + view_offset,
            conjugate="conj" in flags,
            negative="neg" in flags,
        )

    def _storage(self, persistent: Persistent) -> tuple[Storage, int]:
        described = describe_storage(persistent)
        if described is None:
            raise _NotATensorError
        key, kind, count = described
        offset = 0
        view = persistent.id[5] if len(persistent.id) == 6 else None
        if isinstance(view, tuple) and len(view) == 3 and type(view[1]) is int:
            offset = view[1]
        storage = self.contents.storages.get(key)
        if storage is None:
            dtype = element_type(kind)
            storage = Storage(key, dtype.name, None, count * dtype.size_bytes)
        return storage, offset


def index(contents: Contents) -> Index:
    """The tensors of the main pickle, named by the keys that lead to them."""
    walker = _Walker(contents)
    if contents.main is not None and contents.main.complete:
        walker.walk(contents.main.root, ())
        walker.index.complete &= not contents.main.shortened
    found = walker.index
    found.wrapper = _wrapper(found.tensors)
    depth = len(found.wrapper)
    found.tensors = [
        tensor._replace(name=".".join(tensor.path[depth:] if _inside(tensor, found.wrapper)
                                      else tensor.path))
        for tensor in found.tensors
    ]  # fmt: skip
    return found


def _inside(tensor: Tensor, wrapper: tuple[str, ...]) -> bool:
    return tensor.path[: len(wrapper)] == wrapper and len(tensor.path) > len(wrapper)


def split(found: Index) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """The state dict's tensors, and those beside it."""
    inside = tuple(tensor for tensor in found.tensors if _inside(tensor, found.wrapper))
    outside = tuple(tensor for tensor in found.tensors if not _inside(tensor, found.wrapper))
    return inside, outside


def _wrapper(tensors: list[Tensor]) -> tuple[str, ...]:
    """The path to the state dict: the known wrapper key that holds tensors, level by level."""
    wrapper: tuple[str, ...] = ()
    for _ in range(3):
        depth = len(wrapper)
        inside = [tensor.path for tensor in tensors if tensor.path[:depth] == wrapper]
        keys = {path[depth] for path in inside if len(path) > depth + 1}
        found = next((key for key in WRAPPERS if key in keys), None)
        if found is None:
            return wrapper
        wrapper = (*wrapper, found)
    return wrapper


def text_of(value: Value, source: Source | None) -> Value:
    """Long text that was left in the file, if it is not very long; other values as they are."""
    if not isinstance(value, Blob) or value.encoding is None or source is None:
        return value
    data = source.read(value.offset, min(value.size, _MAX_KEY_BYTES))
    encoding = "raw_unicode_escape" if value.encoding.startswith("raw") else value.encoding
    return data.decode(encoding, "replace")


def _callee(value: Value) -> tuple[str, str] | None:
    if isinstance(value, Call) and isinstance(value.callee, Global):
        return value.callee.module, value.callee.name
    return None


def _is_plain_global(value: Global) -> bool:
    return value.module == "torch" and (value.name in BY_NAME or value.name in BY_STORAGE)


def _items(value: Value) -> Iterator[tuple[Value, Value]]:
    if isinstance(value, Dict):
        last: dict[str, int] = {}
        keys = value.items[::2]
        for place, key in enumerate(keys):
            if isinstance(key, str):
                last[key] = place  # noqa: PERF403  (most keys are met once)
        for place, (key, item) in enumerate(zip(keys, value.items[1::2], strict=False)):
            if not isinstance(key, str) or last[key] == place:
                yield key, item
        return
    held = value.items if isinstance(value, Set) else value
    for place, item in enumerate(held):
        yield str(place), item


def _initial_items(args: Value) -> list[Value]:
    """What `OrderedDict([[key, value], …])`, as Python 2 wrote it, starts with."""
    if not isinstance(args, tuple) or len(args) != 1 or not isinstance(args[0], (list, tuple)):
        return []
    held: list[Value] = []
    for pair in args[0]:
        if isinstance(pair, (list, tuple)) and len(pair) == 2:
            held.extend(pair)
    return held


def _parameters_of(value: Call) -> Dict:
    """The parameters of a ParameterDict, which keeps them in its state."""
    if not isinstance(value.state, Dict):
        return Dict([])
    found: list[Value] = []
    for key, item in _items(value.state):
        if key == "_parameters":
            held = item
            if isinstance(held, Call):
                held = Dict(_initial_items(held.args) + (held.items or []))
            if isinstance(held, Dict):
                found += held.items
    return Dict(found)


def _sizes(value: Value) -> tuple[int, ...]:
    if isinstance(value, Call) and _callee(value) == ("torch", "Size"):
        value = value.args[0] if isinstance(value.args, tuple) and value.args else ()
    if not isinstance(value, (tuple, list)) or len(value) > 64:
        raise _NotATensorError
    if any(type(size) is not int or size < 0 for size in value):
        raise _NotATensorError
    return tuple(value)


def _dtype_argument(args: tuple[Value, ...]) -> str:
    """The element type that `_rebuild_tensor_v3` gets as its seventh argument."""
    dtype = args[6] if len(args) > 6 else None
    if not isinstance(dtype, Global) or dtype.module != "torch":
        raise _NotATensorError
    return dtype.name


def _is_plain_type(args: tuple[Value, ...]) -> bool:
    """Whether a subclass of Tensor, saved with its state, is no more than its numbers.

    Others (torchao, bitsandbytes, GGUF in torch) hold in their state what the numbers mean.
    """
    kind, state = args[1], args[3] if len(args) > 3 else None
    if isinstance(kind, Global) and (kind.module, kind.name) in _PLAIN_TENSORS:
        return True
    empty = (None, (), (None, None))
    return state in empty or (isinstance(state, Dict) and not state.items)


def _flags(value: Value) -> frozenset[str]:
    """The flags that are set; torch does not look at their values (`_set_tensor_metadata`)."""
    if not isinstance(value, Dict):
        return frozenset()
    return frozenset(key for key, _ in _items(value) if isinstance(key, str))
