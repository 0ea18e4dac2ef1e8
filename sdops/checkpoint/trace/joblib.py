"""joblib's pickles: the bytes of an array stand in the stream, behind the object that describes it.

Source: joblib/numpy_pickle.py (`NumpyArrayWrapper.read_array`, `NumpyUnpickler.load_build`).
Whatever joblib itself never writes is a fault: where it would read on is then not known.
"""

from __future__ import annotations

from sdops.checkpoint.trace.element_types import ElementTypeError, element_type
from sdops.checkpoint.trace.machine import Fault, Machine
from sdops.checkpoint.trace.values import Call, Dict, Global, Trace, Unknown, Value, real_name

WRAPPER = ("joblib.numpy_pickle", "NumpyArrayWrapper")
_RECONSTRUCTOR = ("copyreg", "_reconstructor")
_ALIGNMENT = "numpy_array_alignment_bytes"
_MAX_ELEMENTS = 1 << 40


def is_joblib(trace: Trace) -> bool:
    """Whether the pickle describes arrays to joblib."""
    return any(real_name(reference) == WRAPPER for reference in trace.globals.values())


class JoblibMachine(Machine):
    """Follows a stream as joblib's unpickler does: it jumps over arrays."""

    __slots__ = ()

    def after_build(self, target: Value, state: Value, pos: int) -> int:
        """Jumps over the array that `target` describes, if it is such a description."""
        if not _is_wrapper(target):
            return pos
        place = self.base + pos
        if self.frame_end is not None and place != self.frame_end:
            raise Fault("An array stands inside a frame, where joblib would look behind it.")
        self.frame_end = None  # joblib ends the frame before an array
        fields = _fields(state)
        try:
            kind = element_type(fields.get("dtype"))
        except ElementTypeError as error:
            raise Fault(f"The description of an array {error}.") from None
        if kind.holds_objects:
            # joblib goes on with Python's own unpickler here: no arrays stand inside.
            nested = Machine(self.source, place, operations=self.budget)
            inner = nested.run()
            self.trace.embedded.append(inner)
            if not inner.complete:
                raise Fault(f"An array of objects cannot be followed: {inner.fault}")
            self.stack[-1] = inner.root
            return self.jump(inner.frame_end or inner.end)
        if fields.get(_ALIGNMENT) is not None:
            place += 1 + int.from_bytes(self.source.read(place, 1), "little")
        self.stack[-1] = Unknown("array")
        return self.jump(place + _elements(fields.get("shape")) * kind.size_bytes)


def _is_wrapper(target: Value) -> bool:
    if not isinstance(target, Call) or not isinstance(target.callee, Global):
        return False
    made, args = target.callee, target.args
    if real_name(made) == _RECONSTRUCTOR and isinstance(args, tuple) and args:
        made = args[0]
        return isinstance(made, Global) and real_name(made) == WRAPPER
    if real_name(made) != WRAPPER:
        return False
    if args != () or target.kwargs is not None:
        raise Fault("An array's description is made in a way that joblib does not use.")
    return True


def _fields(state: Value) -> dict[str, Value]:
    if not isinstance(state, Dict) or not all(isinstance(key, str) for key in state.items[::2]):
        raise Fault("An array's description is not understood.")
    fields = dict(zip(state.items[::2], state.items[1::2], strict=False))
    if not {"dtype", "shape", "order", "subclass"} <= fields.keys():
        raise Fault("An array's description is not complete.")
    return fields


def _elements(shape: Value) -> int:
    if not isinstance(shape, tuple):
        raise Fault("An array's shape is not understood.")
    count = 1
    for size in shape:
        if type(size) is not int or size < 0:
            raise Fault("An array's shape is not understood.")
        count *= size
        if count > _MAX_ELEMENTS:
            raise Fault("An array is larger than any file.")
    return count
