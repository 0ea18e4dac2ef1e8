"""What the symbolic machine computes with, and what it remembers of a pickle.

Numbers, short texts, short bytes, tuples and lists are Python's own; all else is one of these
classes. Nothing is ever hashed or compared by value: a hostile pickle decides what is in them.
"""

from __future__ import annotations

# Python's own table of Python 2 names, which its unpickler applies below protocol 3.
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from sdops.checkpoint.files.source import Source

Value: TypeAlias = Any
"""None, bool, int, float, str, bytes, tuple, list, or a class of this module."""


class Global:
    """A reference to something importable; it was not imported."""

    __slots__ = ("calls", "module", "name", "offset", "opcode", "protocol", "pushes")

    def __init__(self, module: str, name: str, offset: int, opcode: str, protocol: int) -> None:
        """A reference as it stands in the pickle, before Python 2 names are mapped."""
        self.module = module
        self.name = name
        self.offset = offset
        self.opcode = opcode
        self.protocol = protocol
        self.pushes = 0
        """How often it was put on the stack."""
        self.calls = 0
        """How often it was taken from the stack to be called."""

    @property
    def called(self) -> bool:
        """Whether it was ever called."""
        return self.calls > 0


class Call:
    """The result of calling something; it was not called."""

    __slots__ = ("args", "callee", "items", "kwargs", "offset", "opcode", "state")

    def __init__(self, callee: Value, args: Value, kwargs: Value, offset: int, opcode: str) -> None:
        """`callee(*args, **kwargs)` by the opcode at `offset`."""
        self.callee = callee
        self.args = args
        self.kwargs = kwargs
        self.offset = offset
        self.opcode = opcode
        self.state: Value = None
        self.items: list[Value] | None = None
        """What SETITEMS (keys and values in turn), APPENDS or ADDITEMS put into it."""


class Dict:
    """A dictionary: keys and values in turn."""

    __slots__ = ("items",)

    def __init__(self, items: list[Value]) -> None:
        """From keys and values in turn."""
        self.items = items


class Set:
    """A set or frozen set."""

    __slots__ = ("items",)

    def __init__(self, items: list[Value]) -> None:
        """From its items, which may repeat."""
        self.items = items


class Blob:
    """Long text or bytes, left in the file."""

    __slots__ = ("encoding", "offset", "size")

    def __init__(self, offset: int, size: int, encoding: str | None) -> None:
        """`size` bytes at `offset`; text in `encoding`, or bytes where that is None."""
        self.offset = offset
        self.size = size
        self.encoding = encoding


class Persistent:
    """What the loader's `persistent_load` would return for an id."""

    __slots__ = ("id", "offset")

    def __init__(self, persistent_id: Value, offset: int) -> None:
        """For the persistent id `persistent_id`."""
        self.id = persistent_id
        self.offset = offset


class Unknown:
    """A value that cannot be known without running the pickle."""

    __slots__ = ("why",)

    def __init__(self, why: str) -> None:
        """`why` says what it is, in two or three words."""
        self.why = why


class Effect(NamedTuple):
    """A change to something that is not a plain container."""

    target: Value
    opcode: str
    offset: int
    state: Value = None


class Trace:
    """What one pickle stream would do."""

    __slots__ = ("builds", "calls", "complete", "computed", "embedded", "end", "fault",
                 "fault_offset", "fills", "frame_end", "framed", "globals", "member", "odd",
                 "offset", "operations", "over_budget", "persistent", "protocol", "root",
                 "shortened", "source")  # fmt: skip

    def __init__(self, offset: int, source: Source) -> None:
        """Nothing yet, of the stream at `offset` of `source`."""
        self.offset = offset
        """Where the stream starts, in bytes from the start of its source."""
        self.source: Source = source
        """What it was read from: Blobs are still there."""
        self.member: str | None = None
        """The archive member that holds it."""
        self.end = offset
        """Just after the last byte that was read."""
        self.protocol = 0
        self.operations = 0
        self.root: Value = None
        """The object that the pickle makes, if it is complete."""
        self.complete = False
        """Whether STOP was reached."""
        self.globals: dict[tuple[str, str, bool], Global] = {}
        """By module, name, and whether Python 2 names are mapped."""
        self.calls: list[Call] = []
        self.builds: list[Effect] = []
        """Uses of BUILD."""
        self.fills: list[Effect] = []
        """Uses of SETITEMS, APPENDS and ADDITEMS on something that is not a plain container."""
        self.computed: list[Effect] = []
        """Imports whose name is computed, and extension codes."""
        self.persistent: list[Persistent] = []
        self.fault = ""
        """Why the stream cannot be followed further, one sentence; empty if it can."""
        self.fault_offset = 0
        self.over_budget = False
        """Whether the fault is that a budget is used up."""
        self.odd: list[tuple[str, int]] = []
        """What no pickler writes: a sentence and an offset."""
        self.frame_end = 0
        """Where the frame ends that is open at STOP, if that is further on."""
        self.framed = False
        """Whether the stream uses frames."""
        self.embedded: list[Trace] = []
        """Pickles that stand inside this one."""
        self.shortened = False
        """Whether containers hold only their first items."""


def is_plausible(value: Value) -> bool:
    """Whether a reference names something as programs do; noise that reads as opcodes does not."""
    if type(value) is not Global:
        return False
    return all(part.isidentifier() for part in f"{value.module}.{value.name}".split("."))


def real_name(reference: Global) -> tuple[str, str]:
    """Module and name that Python 3 would import: below protocol 3 Python 2 names are mapped."""
    name = (reference.module, reference.name)
    if reference.protocol >= 3:
        return name
    if name in NAME_MAPPING:
        return NAME_MAPPING[name]
    return IMPORT_MAPPING.get(name[0], name[0]), name[1]
