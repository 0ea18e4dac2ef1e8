"""joblib's pickles: the bytes of an array stand in the stream, behind the object that describes it.

Source: joblib/numpy_pickle.py (`NumpyArrayWrapper.read_array`, `NumpyUnpickler.load_build`).
"""

from __future__ import annotations

import re

from sdops.checkpoint.trace.machine import Fault, Machine
from sdops.checkpoint.trace.values import Call, Dict, Global, Value

_WRAPPER = ("joblib.numpy_pickle", "NumpyArrayWrapper")
_ITEM = re.compile(r"[<>|=]?([biufcSUmM])(\d{1,6})(\[\w+\])?$")
_MAX_ELEMENTS = 1 << 40


class JoblibMachine(Machine):
    """Follows a stream as joblib's unpickler does: it jumps over arrays."""

    __slots__ = ()

    def after_build(self, target: Value, state: Value, pos: int) -> int:
        """Jumps over the array that `target` describes, if it is such a description."""
        callee = target.callee if isinstance(target, Call) else None
        if not isinstance(callee, Global) or (callee.module, callee.name) != _WRAPPER:
            return pos
        self.frame_end = None  # joblib ends the frame before an array
        fields = _fields(state)
        place = self.base + pos
        kind = _element_type(fields.get("dtype"))
        if "O" in kind:
            nested = JoblibMachine(self.source, place)
            self.trace.embedded.append(nested.run())
            return self.jump(nested.trace.end)
        if "numpy_array_alignment_bytes" in fields:
            place += 1 + int.from_bytes(self.source.read(place, 1), "little")
        return self.jump(place + _elements(fields.get("shape")) * _item_size(kind))


def _fields(state: Value) -> dict[str, Value]:
    if not isinstance(state, Dict):
        raise Fault("An array's description is not understood.")
    pairs = zip(state.items[::2], state.items[1::2], strict=False)
    return {key: value for key, value in pairs if isinstance(key, str)}


def _element_type(dtype: Value) -> str:
    args = dtype.args if isinstance(dtype, Call) else None
    if not isinstance(args, tuple) or not args or not isinstance(args[0], str):
        raise Fault("An array's element type is not understood.")
    return args[0]


def _item_size(kind: str) -> int:
    found = _ITEM.match(kind)
    if found is None:
        raise Fault("An array's element type is not understood.")
    # Text has four bytes a character.
    return int(found.group(2)) * (4 if found.group(1) == "U" else 1)


def _elements(shape: Value) -> int:
    count = 1
    for size in shape if isinstance(shape, tuple) else ():
        if type(size) is not int or size < 0:
            raise Fault("An array's shape is not understood.")
        count *= size
    if count > _MAX_ELEMENTS:
        raise Fault("An array is larger than any file.")
    return count
