"""Changes the element type of weights, piece by piece, bit for bit as torch's CPU casts do.

float64 goes through float32, as c10::Half and c10::BFloat16 do in torch. Rounding is done with
integers: numpy has no bfloat16, and its float16 is slow, 30 times so for the very small weights
that float16 keeps as subnormals. All steps work in the same memory, which stays in the processor's
cache: fresh memory for each would cost as much as the arithmetic (`benchmarks/convert.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sdops.checkpoint.dtypes import BY_NAME

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

FLOATS = ("float64", "float32", "float16", "bfloat16")
"""The types that may be cast from and to (not to float64)."""

_INFINITY_BITS = {"float16": 0x7C00, "bfloat16": 0x7F80}
_SIGNLESS = 0x7FFF
_FLOAT32_EXPONENT = 0x7F800000
_HALF_LIMIT = 0x477FF000
"""The bits of 65520.0, the smallest float32 that float16 rounds to infinity."""
_BFLOAT_LIMIT = 0x7F7F8000
"""The bits of the smallest float32 that bfloat16 rounds to infinity."""
_HALF_SMALLEST_NORMAL = 0x38800000
"""The bits of 2^-14."""
_THIRTEEN_PLACES = 13 << 23
"""Added to a float32's exponent: float32 has 13 more fraction bits than float16."""


@dataclass(frozen=True, slots=True)
class Cast:
    """A piece in its new type."""

    data: memoryview
    """Little-endian elements, in memory that the next cast writes over."""
    overflowed: int
    """Finite values that became infinite."""


class Caster:
    """Casts one piece after another from one type to another; for one thread."""

    def __init__(self, source: str, target: str) -> None:
        """From `source`, one of FLOATS, to `target`, one of FLOATS but float64.

        Raises:
            KeyError: a type that cannot be cast.
        """
        self._item_bytes = BY_NAME[source].size_bytes
        self._widen = _TO_FLOAT32[source]
        self._narrow = _FROM_FLOAT32[target]
        self._room: Array | None = None

    def cast(self, data: bytes | memoryview) -> Cast:
        """The whole elements in `data` (little-endian)."""
        room = self._scratch(len(data) // self._item_bytes)
        single, overflowed = self._widen(data, room)
        result, more = self._narrow(single, room[1:])
        return Cast(memoryview(result.data).cast("B"), overflowed + more)

    def _scratch(self, elements: int) -> Array:
        """Four rows of uint32: for the float32 values, and for intermediate results."""
        import numpy as np

        if self._room is None or self._room.shape[1] < elements:
            self._room = np.empty((4, elements), np.uint32)
        return self._room[:, :elements]


def _from_float64(data: bytes | memoryview, room: Array) -> tuple[Array, int]:
    import numpy as np

    double, single = np.frombuffer(data, "<f8"), room[0].view(np.float32)
    with np.errstate(over="ignore"):
        single[:] = double
    return single, int(np.count_nonzero(np.isinf(single) & np.isfinite(double)))


def _from_float32(data: bytes | memoryview, _room: Array) -> tuple[Array, int]:
    import numpy as np

    return np.frombuffer(data, "<f4"), 0


def _from_float16(data: bytes | memoryview, room: Array) -> tuple[Array, int]:
    """Moves the fields, then lets a multiplication set the exponent right, also of subnormals."""
    import numpy as np

    bits, sign = room[0], room[1]
    bits[:] = np.frombuffer(data, "<u2")
    np.left_shift(np.bitwise_and(bits, np.uint32(0x8000), out=sign), np.uint32(16), out=sign)
    np.bitwise_and(bits, np.uint32(_SIGNLESS), out=bits)
    finite = int(bits.max(initial=0)) < _INFINITY_BITS["float16"]
    np.left_shift(bits, np.uint32(13), out=bits)
    single = bits.view(np.float32)
    np.multiply(single, np.float32(2.0**112), out=single)
    if not finite:
        bits[single >= np.float32(2.0**16)] |= np.uint32(_FLOAT32_EXPONENT)
    np.bitwise_or(bits, sign, out=bits)
    return single, 0


def _from_bfloat16(data: bytes | memoryview, room: Array) -> tuple[Array, int]:
    import numpy as np

    bits = room[0]
    bits[:] = np.frombuffer(data, "<u2")
    np.left_shift(bits, np.uint32(16), out=bits)
    return bits.view(np.float32), 0


def _to_float32(single: Array, _room: Array) -> tuple[Array, int]:
    return single, 0


def _to_float16(single: Array, room: Array) -> tuple[Array, int]:
    """Lets a float32 addition do the rounding, then moves the fields.

    To each magnitude a power of two is added, so much larger that the sum's last bit is float16's
    last bit; float32's own addition then rounds to nearest even.
    """
    import numpy as np

    bits = single.view(np.uint32)
    magnitude, power, half = room
    np.bitwise_and(bits, np.uint32(0x7FFFFFFF), out=magnitude)
    if int(magnitude.max(initial=0)) >= _HALF_LIMIT:
        return _to_float16_exactly(single)
    np.bitwise_and(magnitude, np.uint32(_FLOAT32_EXPONENT), out=power)
    np.maximum(power, np.uint32(_HALF_SMALLEST_NORMAL), out=power)
    np.add(power, np.uint32(_THIRTEEN_PLACES), out=power)
    np.add(magnitude.view(np.float32), power.view(np.float32), out=half.view(np.float32))
    # What the sum has beyond the power is the fraction with its leading bit; that bit, where there
    # is one, steps the exponent up from that of the smallest normal number less one.
    np.subtract(half, power, out=half)
    np.subtract(power, np.uint32(_THIRTEEN_PLACES + _HALF_SMALLEST_NORMAL), out=power)
    np.right_shift(power, np.uint32(13), out=power)
    np.add(half, power, out=half)
    sign = np.right_shift(bits, np.uint32(16), out=power)
    np.bitwise_and(sign, np.uint32(0x8000), out=sign)
    np.bitwise_or(half, sign, out=half)
    return half.astype(np.uint16), 0


def _to_float16_exactly(single: Array) -> tuple[Array, int]:
    """Also for infinities, NaN, and what overflows."""
    import numpy as np

    with np.errstate(over="ignore"):
        half = single.astype(np.float16).view(np.uint16)
    return half, _overflowed(single, half, "float16")


def _to_bfloat16(single: Array, room: Array) -> tuple[Array, int]:
    """Adds half of what is cut off, less one, and the last bit kept, so that ties go to even."""
    import numpy as np

    bits = single.view(np.uint32)
    magnitude, rounded, _ = room
    np.right_shift(bits, np.uint32(16), out=rounded)
    np.bitwise_and(rounded, np.uint32(1), out=rounded)
    np.add(rounded, np.uint32(0x7FFF), out=rounded)
    np.add(rounded, bits, out=rounded)
    np.right_shift(rounded, np.uint32(16), out=rounded)
    half = rounded.astype(np.uint16)
    np.bitwise_and(bits, np.uint32(0x7FFFFFFF), out=magnitude)
    if int(magnitude.max(initial=0)) < _BFLOAT_LIMIT:
        return half, 0
    half[np.isnan(single)] = 0x7FC0  # rounding may have carried into infinity, or around it
    return half, _overflowed(single, half, "bfloat16")


def _overflowed(single: Array, half: Array, target: str) -> int:
    import numpy as np

    infinite = (half & np.uint16(_SIGNLESS)) == _INFINITY_BITS[target]
    if not infinite.any():
        return 0
    return int(np.count_nonzero(infinite & np.isfinite(single)))


_TO_FLOAT32 = {
    "float64": _from_float64,
    "float32": _from_float32,
    "float16": _from_float16,
    "bfloat16": _from_bfloat16,
}
_FROM_FLOAT32 = {"float32": _to_float32, "float16": _to_float16, "bfloat16": _to_bfloat16}
