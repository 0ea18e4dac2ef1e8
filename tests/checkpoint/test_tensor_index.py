"""The tensor index agrees with torch: names, shapes, strides, element types, and every byte."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import pytest

from sdops.checkpoint import open_checkpoint

torch = pytest.importorskip("torch")

_DTYPES = ["float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8",
           "bool", "complex64", "complex128", "float8_e4m3fn", "float8_e5m2", "uint16", "uint32",
           "uint64"]  # fmt: skip


def _state_dict():
    base = torch.arange(24.0).reshape(2, 3, 4)
    state = OrderedDict((name, torch.zeros(3, 2).to(getattr(torch, name))) for name in _DTYPES)
    state["base"] = base
    state["tied"] = base
    state["transposed"] = base.transpose(0, 2)
    state["sliced"] = base[1, :, 1:3]
    state["scalar"] = torch.tensor(3.5)
    state["empty"] = torch.zeros(0, 4)
    state["parameter"] = torch.nn.Parameter(torch.ones(2))
    state["channels_last"] = torch.zeros(1, 2, 3, 4).to(memory_format=torch.channels_last)
    state["conjugate"] = torch.tensor([1 + 2j]).conj()
    state["große näme"] = torch.ones(1)
    return state


def _values(path: Path, tensor) -> bytes:
    """The tensor's bytes by the index, element by element."""
    data = path.read_bytes()
    storage = tensor.storage
    raw = data[storage.offset : storage.offset + storage.size_bytes]
    flat = torch.frombuffer(bytearray(raw), dtype=getattr(torch, tensor.dtype)) if raw else (
        torch.empty(0, dtype=getattr(torch, tensor.dtype)))  # fmt: skip
    view = flat.as_strided(tensor.shape, tensor.stride, tensor.storage_offset)
    return view.contiguous().view(torch.uint8).numpy().tobytes() if view.dim() else (
        view.reshape(1).view(torch.uint8).numpy().tobytes())  # fmt: skip


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_every_tensor_is_where_torch_put_it(tmp_path: Path, zipped: bool, protocol: int) -> None:
    path = tmp_path / "model.ckpt"
    state = _state_dict()
    torch.save({"state_dict": state, "epoch": 3}, path, pickle_protocol=protocol,
               _use_new_zipfile_serialization=zipped)  # fmt: skip
    checkpoint = open_checkpoint(path)
    assert checkpoint.problems == ()
    assert checkpoint.wrapper == ("state_dict",)
    assert checkpoint.extras == {"epoch": 3}
    assert [tensor.name for tensor in checkpoint.tensors] == list(state)
    for tensor in checkpoint.tensors:
        real = state[tensor.name].detach()
        assert tensor.dtype == str(real.dtype).removeprefix("torch.")
        assert tensor.shape == tuple(real.shape)
        assert tensor.stride == tuple(real.stride())
        assert tensor.conjugate == real.is_conj()
        if not tensor.conjugate:
            expected = real.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
            assert _values(path, tensor) == expected, tensor.name
    by_name = {tensor.name: tensor for tensor in checkpoint.tensors}
    assert by_name["tied"].storage is by_name["base"].storage
    assert by_name["parameter"].parameter
    assert not by_name["transposed"].contiguous
