"""Calls that are harmless only with certain arguments: one rule each, named in `allowed.json`.

A rule answers with what is wrong with the call, in words that follow "It", or with None.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias, TypeGuard

from sdops.checkpoint.scan.policy import Entry, Policy
from sdops.checkpoint.trace.element_types import ElementTypeError, element_type
from sdops.checkpoint.trace.values import (
    Blob,
    Call,
    Dict,
    Global,
    Persistent,
    Set,
    Unknown,
    Value,
    real_name,
)

_LARGE = 1 << 24
_LARGE_TOGETHER = 1 << 28
_LATIN_1 = {"latin1", "latin-1", "latin_1", "iso-8859-1"}
_FACTORIES = {"int", "float", "bool", "str", "bytes", "list", "dict", "tuple", "set"}
# NPY_ITEM_REFCOUNT and NPY_LIST_PICKLE in numpy/ndarraytypes.h.
_HOLDS_OBJECTS = 3


class RuleContext:
    """What a rule may ask, and where it leaves bytes that must be looked into."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.payloads: list[tuple[Call, Value]] = []
        """A call, and the bytes that it would unpickle."""
        self.passed: list[Global] = []
        """References that a call was rightly given to call in turn."""
        self.made_bytes = 0
        """What calls with numbers for arguments would take of the memory, all together."""

    def entry(self, value: Value) -> Entry | None:
        """The policy's entry for a reference; None for anything else."""
        return self.policy.entry(value) if isinstance(value, Global) else None


# Rules of functions that run what they are given: these may be called, but never kept as a value.
TRAMPOLINES = frozenset(
    {"latin-1", "load-from-bytes", "numpy-frombuffer", "numpy-masked", "numpy-random",
     "numpy-reconstruct", "numpy-scalar", "parameter-state", "rebuild-from-type", "reconstructor",
     "seed-sequence"}
)  # fmt: skip

Rule: TypeAlias = Callable[[Call, RuleContext], "str | None"]
RULES: dict[str, Rule] = {}


def rule(name: str) -> Callable[[Rule], Rule]:
    """Registers a rule under the name that `allowed.json` uses."""

    def register(function: Rule) -> Rule:
        RULES[name] = function
        return function

    return register


def _args(call: Call) -> tuple[Value, ...]:
    return call.args if isinstance(call.args, tuple) else ()


def _names(value: Value, *names: tuple[str, str]) -> bool:
    return isinstance(value, Global) and real_name(value) in names


@rule("no-arguments")
def no_arguments(call: Call, _context: RuleContext) -> str | None:
    """Objects that a pickler makes empty and then gives a state."""
    return "is given arguments, which no pickler does" if call.args != () else None


@rule("small")
def small(call: Call, context: RuleContext) -> str | None:
    """Numbers must be small, also all of them together; texts must not name a codec."""
    args = _args(call)
    texts = [value for value in args if isinstance(value, str)]
    for value in args:
        context.made_bytes += abs(value) if type(value) is int else 0
        if context.made_bytes > _LARGE_TOGETHER or (type(value) is int and abs(value) > _LARGE):
            return "would fill the memory"
        encoded = _is_call_of(value, ("_codecs", "encode"))
        if not encoded and not isinstance(value, (int, bytes, Blob, str, list)):
            return "is given something other than numbers or bytes"
    if texts and len(args) > 1:
        plain = len(args) == len(texts) == 2 and texts[1] in _LATIN_1
        return None if plain else "names a codec to load"
    return None


@rule("plain-items")
def plain_items(call: Call, _context: RuleContext) -> str | None:
    """A container is given what the pickle spells out; a range would grow into millions."""
    plain = (str, bytes, int, float, list, tuple, Dict, Set, Blob, type(None))
    for value in _args(call):
        if not isinstance(value, plain) and not _is_call_of(value, *_CONTAINERS):
            return "is filled from something that the pickle does not spell out"
    return None


_CONTAINERS = (("collections", "OrderedDict"), ("builtins", "set"), ("builtins", "frozenset"),
               ("collections", "deque"), ("collections", "Counter"))  # fmt: skip
_TENSOR_MODULES = {"torch._utils", "torch._tensor", "torch.nn.parameter", "torch.nn", "torch"}


def _is_tensor(value: Value) -> bool:
    """Whether the loader makes a tensor of it; anything else may have methods of its own."""
    if isinstance(value, Persistent):
        return True
    made = value.callee if isinstance(value, Call) else None
    return isinstance(made, Global) and real_name(made)[0] in _TENSOR_MODULES


@rule("of-tensor")
def of_tensor(call: Call, _context: RuleContext) -> str | None:
    """Calls methods of its first argument, which must be a tensor."""
    args = _args(call)
    if args and args[0] is not None and not _is_tensor(args[0]):
        return "would use the methods of something that is not a tensor"
    return None


@rule("of-storage")
def of_storage(call: Call, _context: RuleContext) -> str | None:
    """A view of a storage, which torch makes larger where the view does not fit into it."""
    args = _args(call)
    storage = args[0] if args else None
    if not isinstance(storage, Persistent):
        return None if _is_call_of(storage, *_STORAGES) else "is given something else for a storage"
    held = storage.id[4] if isinstance(storage.id, tuple) and len(storage.id) > 4 else None
    if type(held) is not int or len(args) < 4:
        return None
    offset, size, stride = args[1:4]
    reach = _reach(offset, _numbers(size), _numbers(stride))
    if reach is None:
        return "makes a tensor whose shape cannot be known"
    # An untyped storage counts bytes, so this never refuses a view that fits.
    return "would make a tensor larger than its storage" if reach > held else None


_STORAGES = (("torch.storage", "_load_from_bytes"), ("torch.storage", "TypedStorage"),
             ("torch.storage", "UntypedStorage"))  # fmt: skip


def _numbers(value: Value) -> tuple[int, ...] | None:
    if _is_call_of(value, ("torch", "Size")):
        value = value.args[0] if isinstance(value.args, tuple) and value.args else ()
    if not isinstance(value, (tuple, list)) or any(type(item) is not int for item in value):
        return None
    return tuple(value)


def _reach(
    offset: Value, size: tuple[int, ...] | None, stride: tuple[int, ...] | None
) -> int | None:
    """How many elements of its storage a view needs; None where its numbers are none."""
    if type(offset) is not int or offset < 0 or size is None or stride is None:
        return None
    if len(size) != len(stride) or min((*size, *stride), default=0) < 0:
        return None
    if 0 in size:
        return 0
    return offset + 1 + sum((n - 1) * step for n, step in zip(size, stride, strict=True))


@rule("latin-1")
def latin_1(call: Call, _context: RuleContext) -> str | None:
    """`_codecs.encode` imports the module of any other codec."""
    args = _args(call)
    text = isinstance(args[0], (str, Blob)) if args else False
    if len(args) == 2 and text and isinstance(args[1], str) and args[1] in _LATIN_1:
        return None
    return "asks for a codec other than latin-1"


@rule("default-factory")
def default_factory(call: Call, _context: RuleContext) -> str | None:
    """A defaultdict calls its first argument for every missing key."""
    args = _args(call)
    if not isinstance(call.args, tuple):
        return "is given unknown arguments"
    if not args or args[0] is None:
        return None
    plain = [("builtins", name) for name in _FACTORIES]
    if _names(args[0], ("collections", "OrderedDict"), *plain):
        return None
    return "would call its first argument later, and that is not a plain type"


@rule("load-from-bytes")
def load_from_bytes(call: Call, context: RuleContext) -> str | None:
    """Unpickles its argument: what that holds is judged in its place."""
    args = _args(call)
    payload = args[0] if len(args) == 1 else None
    if _is_call_of(payload, ("_codecs", "encode")) and isinstance(payload.args, tuple):
        payload = payload.args[0] if payload.args else None
    if not isinstance(payload, (bytes, str, Blob)):
        return "would unpickle bytes that cannot be known"
    if not context.payloads or context.payloads[-1][1] is not payload:
        context.payloads.append((call, payload))
    return None


def _is_call_of(value: Value, *names: tuple[str, str]) -> TypeGuard[Call]:
    return isinstance(value, Call) and _names(value.callee, *names)


@rule("reconstructor")
def reconstructor(call: Call, context: RuleContext) -> str | None:
    """Makes an object of its first argument, by way of its second."""
    args = _args(call)
    if len(args) != 3 or not _names(args[1], ("builtins", "object")) or args[2] is not None:
        return "would call something in a roundabout way"
    entry = context.entry(args[0])
    if entry is None or not entry.callable or entry.rule not in (None, "no-arguments"):
        return "would make an object of a class that is not known to be harmless"
    return None


@rule("rebuild-from-type")
def rebuild_from_type(call: Call, context: RuleContext) -> str | None:
    """Calls its first argument with its third, then makes the result a subclass."""
    args = _args(call)
    if len(args) != 4 or not isinstance(args[0], Global) or not isinstance(args[1], Global):
        return "would call something in a roundabout way"
    entry, kind = context.entry(args[0]), context.entry(args[1])
    if entry is None or not entry.callable or entry.module != "torch._utils":
        return f"would call {args[0].module}.{args[0].name}"
    if kind is None:
        return f"would make a tensor of the unknown class {args[1].module}.{args[1].name}"
    context.passed.append(args[0])
    if entry.rule is not None:
        inner = Call(args[0], args[2], None, call.offset, call.opcode)
        found = RULES[entry.rule](inner, context)
        if found is not None:
            return found
    return bad_state(args[3])


@rule("parameter-state")
def parameter_state(call: Call, _context: RuleContext) -> str | None:
    """Sets attributes by name from its fourth argument."""
    args = _args(call)
    return bad_state(args[3]) if len(args) > 3 else None


@rule("dtype")
def dtype(call: Call, context: RuleContext) -> str | None:
    """An element type by its short name, or by numpy's class."""
    args = _args(call)
    if not args:
        return "is given no element type"
    if isinstance(args[0], str):
        try:
            element_type(Call(call.callee, args, None, call.offset, call.opcode))
        except ElementTypeError as error:
            return str(error)
        return None
    entry = context.entry(args[0])
    known = entry is not None and entry.module == "numpy"
    return None if known else "is given something other than an element type"


@rule("numpy-reconstruct")
def numpy_reconstruct(call: Call, _context: RuleContext) -> str | None:
    """Makes an empty array of the class that it is given."""
    args = _args(call)
    if len(args) == 3 and _names(args[0], ("numpy", "ndarray")) and args[1] == (0,):
        return None
    return "would make an array of an unknown class or of any size"


@rule("numpy-masked")
def numpy_masked(call: Call, _context: RuleContext) -> str | None:
    """Makes an empty array of the classes that it is given."""
    args = _args(call)
    masked = bool(args) and _names(args[0], ("numpy.ma", "MaskedArray"),
                                   ("numpy.ma.core", "MaskedArray"))  # fmt: skip
    if masked and len(args) == 4 and _names(args[1], ("numpy", "ndarray")) and args[2] == (0,):
        return None
    return "would make an array of an unknown class or of any size"


@rule("numpy-scalar")
def numpy_scalar(call: Call, context: RuleContext) -> str | None:
    """A number from an element type and its bytes."""
    args = _args(call)
    if not args or not _is_call_of(args[0], ("numpy", "dtype")):
        return "is given something other than an element type"
    if len(args) == 1:
        context.made_bytes += _item_bytes(args[0])
    if context.made_bytes > _LARGE_TOGETHER:
        return "would fill the memory"
    if len(args) == 1 or isinstance(args[1], (bytes, Blob, str, int, float)):
        return None
    return None if _is_call_of(args[1], ("_codecs", "encode")) else "is given unknown bytes"


@rule("numpy-frombuffer")
def numpy_frombuffer(call: Call, _context: RuleContext) -> str | None:
    """An array from bytes: (buffer, element type, shape, order)."""
    args = _args(call)
    if len(args) < 4 or not isinstance(args[0], (bytes, Blob)):
        return "is given something other than bytes"
    known = _is_call_of(args[1], ("numpy", "dtype")) and isinstance(args[3], str)
    return None if known else "is given something other than an element type"


@rule("numpy-random")
def numpy_random(call: Call, context: RuleContext) -> str | None:
    """Calls its arguments unless they are names; numpy's own generators are fine."""
    for value in _args(call):
        entry = context.entry(value)
        own = entry is not None and entry.module.startswith("numpy.random.")
        made = isinstance(value, Call) and _names(
            value.callee, ("numpy.random._pickle", "__bit_generator_ctor")
        )
        if not isinstance(value, str) and not own and not made:
            return "would call its argument"
        if own:
            context.passed.append(value)
    return None


@rule("seed-sequence")
def seed_sequence(call: Call, _context: RuleContext) -> str | None:
    """Makes an object of the class that it is given, which must be numpy's own."""
    args = _args(call)
    own = bool(args) and _names(args[0], ("numpy.random.bit_generator", "SeedSequence"))
    return None if own else "would make an object of an unknown class"


_SEED = ("numpy.random.bit_generator", "__pyx_unpickle_SeedSequence")
_STATES = (
    ("collections", "OrderedDict"),
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("pytorch_lightning.utilities.parsing", "AttributeDict"),
)


def bad_state(state: Value) -> str | None:
    """What is wrong with a state that is set by attribute name: special names, computed ones.

    A special method that lies among an object's own attributes is called in place of its class's;
    a state of two parts, (attributes, slots), is set with `setattr`, which can change an
    object's class; CPython Modules/_pickle.c (load_build).
    """
    parts = state if isinstance(state, tuple) and len(state) == 2 else (state,)
    for part in parts:
        if isinstance(part, Call):
            known = _names(part.callee, *_STATES, _SEED)
            if not known:
                return "would give an object a computed state"
        elif not isinstance(part, (Dict, tuple, str, bytes, int, float, Blob, type(None))):
            return "would give an object a computed state"
        items = part.items if isinstance(part, (Dict, Call)) else None
        if any(map(_is_special, (items or ())[::2])):
            return "would replace a special attribute"
    return None


def _is_special(key: Value) -> bool:
    if isinstance(key, (Call, Unknown)):
        return True  # numpy's texts are texts too
    return isinstance(key, str) and key.startswith("__") and key.endswith("__")


def bad_dtype_state(call: Call, state: Value) -> str | None:
    """What is wrong with the state of the numpy element type that `call` makes.

    Its eighth part says whether elements are pointers to objects. numpy believes it: where it says
    no and they are, numpy takes the file's bytes for addresses; numpy/_core/src/multiarray/
    descriptor.c (arraydescr_setstate).
    """
    if not isinstance(state, tuple):
        return "would give an element type a computed state"
    flags = state[7] if len(state) > 7 else None
    if type(flags) is not int:
        return "would give an element type an incomplete state"
    word = call.args[0] if isinstance(call.args, tuple) and call.args else None
    if not isinstance(word, str):
        return None if state[2] is None and state[4] is None else "would change a type of numpy's"
    try:
        known = element_type(call)
    except ElementTypeError as error:
        return str(error)
    if (flags & _HOLDS_OBJECTS) != (_HOLDS_OBJECTS if known.holds_objects else 0):
        return "would make numpy take bytes of the file for addresses in memory"
    return None


def _item_bytes(value: Value) -> int:
    try:
        return element_type(value).size_bytes
    except ElementTypeError:
        return 0
