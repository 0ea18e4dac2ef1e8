"""Casts give the bits that torch gives."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdops.checkpoint.write.casting import FLOATS, Caster

torch = pytest.importorskip("torch")


@settings(deadline=None, max_examples=30)
@given(bits=st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=200))
@pytest.mark.parametrize("target", ["float16", "bfloat16"])
def test_casts_are_those_of_torch_bit_for_bit(target: str, bits: list[int]) -> None:
    single = np.array(bits, np.uint32).view(np.float32)
    wanted = torch.from_numpy(single.copy()).to(getattr(torch, target))
    got = np.frombuffer(Caster("float32", target).cast(single.tobytes()).data, np.int16)
    nan = np.isnan(single)
    assert (got[~nan] == wanted.view(torch.int16).numpy()[~nan]).all()
    back = torch.from_numpy(got.copy()).view(getattr(torch, target))
    assert bool(torch.isnan(back[torch.from_numpy(nan)]).all())


@pytest.mark.parametrize("start", [0, 0x33000000, 0x38700000, 0x387FF000, 0x477F0000])
def test_casts_agree_on_dense_ranges_around_every_boundary(start: int) -> None:
    bits = np.arange(start, start + 200_000, dtype=np.uint32)
    single = np.concatenate([bits, bits | np.uint32(0x80000000)]).view(np.float32)
    for target in ("float16", "bfloat16"):
        wanted = torch.from_numpy(single.copy()).to(getattr(torch, target)).view(torch.int16)
        got = np.frombuffer(Caster("float32", target).cast(single.tobytes()).data, np.int16)
        assert (got == wanted.numpy()).all()


@pytest.mark.parametrize("source", FLOATS)
@pytest.mark.parametrize("target", ["float32", "float16", "bfloat16"])
def test_every_pair_of_types(source: str, target: str) -> None:
    values = torch.tensor(
        [0.0, -0.0, 1.0, -2.5, 1e-7, 3e-5, 1e30, float("inf")], dtype=torch.float64
    )
    values = values.to(getattr(torch, source))
    data = values.view(torch.uint8).numpy().tobytes()
    wanted = values.to(torch.float32).to(getattr(torch, target)).view(torch.uint8).numpy().tobytes()
    result = Caster(source, target).cast(data)
    assert bytes(result.data) == wanted
    lost = torch.isinf(torch.frombuffer(bytearray(wanted), dtype=getattr(torch, target)))
    assert result.overflowed == int((lost & torch.isfinite(values)).sum())


@pytest.mark.parametrize("source", ["float16", "bfloat16"])
@pytest.mark.parametrize("target", ["float32", "float16", "bfloat16"])
def test_every_value_of_the_short_types(source: str, target: str) -> None:
    bits = np.arange(1 << 16, dtype=np.uint16)
    values = torch.from_numpy(bits.view(np.int16)).view(getattr(torch, source))
    wanted = values.to(getattr(torch, target))
    result = Caster(source, target).cast(bits.tobytes())
    got = torch.frombuffer(bytearray(result.data), dtype=wanted.dtype)
    nan = torch.isnan(values)
    assert torch.isnan(got[nan]).all()
    kind = torch.int32 if target == "float32" else torch.int16
    assert got[~nan].view(kind).equal(wanted[~nan].view(kind))
