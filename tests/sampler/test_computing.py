"""How it computes: attention back-ends, fp32 islands, memory policies, compiled calls."""

from __future__ import annotations

import pytest
import torch

from sdops.errors import MissingDependencyError, UsageError
from sdops.sampler import attention, graphs
from sdops.sampler.attention import BACKENDS, backend, query_chunked, sub_quadratic, upcast
from sdops.sampler.configuration import architecture
from sdops.sampler.graphs import Execution, prepare
from sdops.sampler.memory import Memory, Residence, tiled
from sdops.sampler.precision import PRECISIONS, make_islands, tf32_as
from sdops.sampler.random_weights import randomize
from sdops.sampler.weights import build

from .oracles import relative_error
from .test_models import unet_inputs


def qkv(queries, keys, dim=16, dtype=torch.float32):
    generator = torch.Generator().manual_seed(queries + keys)
    return [
        torch.randn(2, 3, count, dim, generator=generator).to(dtype) * 2
        for count in (queries, keys, keys)
    ]


def exact(q, k, v):
    weights = (q.double() @ k.double().mT / q.shape[-1] ** 0.5).softmax(-1)
    return weights @ v.double()


@pytest.mark.parametrize("name", ["sdpa", "math", "sub-quadratic"])
@pytest.mark.parametrize(("queries", "keys"), [(1, 1), (64, 77), (1500, 5000)])
def test_backends(name, queries, keys):
    q, k, v = qkv(queries, keys)
    assert relative_error(backend(name)(q, k, v), exact(q, k, v)) < 5e-6


def test_chunks_need_not_divide(monkeypatch):
    monkeypatch.setattr(attention, "QUERY_CHUNK", 7)
    monkeypatch.setattr(attention, "KEY_CHUNK", 5)
    q, k, v = qkv(23, 17)
    assert relative_error(sub_quadratic(q, k, v), exact(q, k, v)) < 5e-6
    assert relative_error(query_chunked(q, k, v), exact(q, k, v)) < 5e-6


def test_chunks_survive_large_logits():
    q, k, v = qkv(40, 5000)
    assert relative_error(sub_quadratic(q * 100, k, v), exact(q * 100, k, v)) < 1e-4


def test_upcast_attention():
    q, k, v = qkv(8, 8, dtype=torch.float16)
    seen = []

    def watch(*tensors):
        seen.extend(tensor.dtype for tensor in tensors)
        return tensors[2]

    assert upcast(watch)(q, k, v).dtype is torch.float16
    assert seen == [torch.float32] * 3


def test_unknown_and_absent_backends():
    with pytest.raises(UsageError, match="attention back-end"):
        backend("sdap")
    if "xformers" in BACKENDS and not __import__("importlib.util").util.find_spec("xformers"):
        with pytest.raises(MissingDependencyError):
            backend("xformers")


def test_islands_keep_an_overflowing_gate_finite():
    """A GEGLU whose product leaves fp16: without islands inf, with them a number after the norm."""
    parts = randomize(build(architecture("tiny-sd15")))
    unet = parts.unet
    inputs = unet_inputs(parts.config.unet)
    expected = unet(*inputs)
    half = unet.half()
    make_islands(half)
    x, t, context, _ = inputs
    ours = half(x.half(), t, context.half())
    assert ours.dtype is torch.float16
    assert relative_error(ours.float(), expected) < 0.02


def test_tf32_is_put_back():
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    for name, allowed in (("fp32", False), ("tf32", True)):
        with tf32_as(PRECISIONS[name]):
            assert torch.backends.cuda.matmul.allow_tf32 is allowed
            assert torch.backends.cudnn.allow_tf32 is allowed
    assert (torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32) == before


def test_parts_come_and_go():
    """Seen on the meta device, which is another device everywhere."""
    layer = torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.Linear(3, 3))
    home = Residence(Memory.PARTS, torch.device("meta"))
    home.settle(layer, torch.float32)
    with home.present(layer):
        assert {p.device.type for p in layer.parameters()} == {"meta"}
    assert {p.device.type for p in layer.parameters()} == {"cpu"}


def test_layers_come_one_by_one():
    layer = torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.Linear(3, 3))
    home = Residence(Memory.LAYERS, torch.device("meta"))
    home.visit_layer_by_layer(layer)
    seen = []
    layer[1].register_forward_hook(
        lambda *_: seen.append([next(part.parameters()).device.type for part in layer])
    )
    with home.present(layer):
        layer(torch.ones(1, 3, device="meta"))
    assert seen == [["cpu", "cpu"]]  # our hook runs after the layer has left
    assert layer(torch.ones(1, 3, device="meta")).device.type == "meta"
    assert {p.device.type for p in layer.parameters()} == {"cpu"}


def test_everything_stays_where_there_is_room():
    layer = torch.nn.Linear(3, 3)
    home = Residence(Memory.ALL, torch.device("cpu"))
    weight = layer.weight.data_ptr()
    with home.present(layer):
        assert layer.weight.data_ptr() == weight


@pytest.mark.parametrize(("height", "width"), [(5, 5), (16, 16), (37, 50)])
def test_tiles_of_a_local_function(height, width):
    """What does not look at its neighbors comes out as from the whole, at any scale."""
    x = torch.randn(2, 3, height, width)

    def double(tile):
        assert max(tile.shape[2:]) <= 16
        return torch.nn.functional.interpolate(tile, scale_factor=2.0) * 3

    assert torch.allclose(tiled(double, x, 16, 4, 2), double_all(x), atol=1e-5)


def double_all(x):
    return torch.nn.functional.interpolate(x, scale_factor=2.0) * 3


def test_tiles_are_blended():
    """A step between two tiles becomes a ramp over what they share."""
    count = iter(range(10))

    def number(tile):
        return torch.full_like(tile, float(next(count)))

    row = tiled(number, torch.zeros(1, 1, 8, 12), 8, 4, 1)[0, 0, 0]
    assert row[:4].tolist() == [0.0] * 4
    assert row[-4:].tolist() == [1.0] * 4
    assert row[4:8].tolist() == sorted(row[4:8].tolist())
    assert 0 < row[5] < 1


def test_compiled_calls_give_the_same(monkeypatch):
    """Captured as one graph, without breaks; run by PyTorch's own back-end for that."""
    compiled = torch.compile
    monkeypatch.setattr(
        graphs.torch, "compile", lambda f, **_: compiled(f, backend="eager", fullgraph=True)
    )
    parts = randomize(build(architecture("tiny-sd15")))
    x, t, context, _ = unet_inputs(parts.config.unet)
    arguments = x, parts.unet.time_shifts(t), parts.unet.prompt_keys_values(context)
    predict = prepare(parts.unet, Execution.COMPILED)
    assert relative_error(predict(*arguments), parts.unet.predict(*arguments)) < 1e-6


def test_graphs_need_cuda():
    unet = randomize(build(architecture("tiny-sd15"))).unet
    with pytest.raises(UsageError, match="NVIDIA"):
        prepare(unet, Execution.GRAPHED)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_graphed_calls_give_the_same():
    unet = randomize(build(architecture("tiny-sd15"))).unet.to("cuda")
    x, t, context, _ = (i if i is None else i.cuda() for i in unet_inputs(unet.config))
    predict = prepare(unet, Execution.GRAPHED)
    for scale in (1.0, 0.5, 2.0):
        arguments = x * scale, unet.time_shifts(t), unet.prompt_keys_values(context * scale)
        assert relative_error(predict(*arguments), unet.predict(*arguments)) < 1e-5
