"""No weight is lost or damaged: what cannot be written is refused, what must stay is kept."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from sdops.checkpoint.open import open_checkpoint
from sdops.checkpoint.write.layout import Outgoing
from sdops.checkpoint.write.torch_zip import write_torch_zip

from .program import convert

torch = pytest.importorskip("torch")
safetensors_torch = pytest.importorskip("safetensors.torch")


def _quantized() -> Any:
    return torch.quantize_per_tensor(torch.ones(4, 4), 0.1, 0, torch.qint8)


class Labelled(torch.Tensor):
    """A subclass whose numbers mean something only by what it holds beside them."""


def _labelled() -> Any:
    tensor = torch.arange(6.0).as_subclass(Labelled)
    tensor.scale = torch.tensor([0.5])
    return tensor


STRANGE = {
    "sparse": lambda: torch.eye(4).to_sparse(),
    "sparse rows": lambda: torch.eye(4).to_sparse_csr(),
    "quantized": _quantized,
    "per channel": lambda: torch.quantize_per_channel(
        torch.ones(2, 2), torch.tensor([0.1, 0.2]), torch.tensor([0, 0]), 0, torch.qint8
    ),
    "nested": lambda: torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]),
    "subclassed": _labelled,
    "array": lambda: torch.ones(3).numpy(),
    "module": lambda: torch.nn.Linear(2, 2),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", STRANGE)
def test_a_weight_that_cannot_be_written_is_refused(tmp_path: Path, kind: str) -> None:
    source = tmp_path / "m.pt"
    state = {"a.weight": torch.ones(3), "b.weight": STRANGE[kind]()}
    torch.save({"state_dict": state}, source)
    for command, options in (
        ("convert", ()), ("convert", ("--to", "ckpt")), ("convert", ("--delete-source",)),
        ("prune", ()),
    ):  # fmt: skip
        code, _, stderr = convert(source, tmp_path / "new", *options, command=command)
        assert code == 2
        assert "b.weight" in stderr
    assert [path.name for path in tmp_path.iterdir()] == ["m.pt"]


@pytest.mark.filterwarnings("ignore")
def test_what_is_known_is_still_converted(tmp_path: Path) -> None:
    source = tmp_path / "m.pt"
    state = {
        "a": torch.nn.Parameter(torch.ones(3)),
        "b": torch.ones(3).as_subclass(Labelled),
        "c": torch.randn(4, 4).t(),
    }
    torch.save({"state_dict": state, "step": 3, "lr": torch.optim.SGD}, source)
    assert convert(source)[0] == 0
    made = safetensors_torch.load_file(tmp_path / "m.safetensors")
    assert made.keys() == state.keys()
    assert all(made[name].equal(torch.Tensor(state[name].data)) for name in state)


def test_a_source_is_kept_whose_tensors_are_left_out(tmp_path: Path) -> None:
    source = tmp_path / "m.ckpt"
    parts = {"state_dict": {"a": torch.ones(3)}, "optimizer_states": [{"m": torch.ones(3)}]}
    torch.save(parts, source)
    for option in ("--delete-source", "--trash"):
        code, _, stderr = convert(source, option)
        assert (code, "optimizer_states" in stderr, source.exists()) == (2, True, True)
    assert convert(source)[0] == 0


@pytest.mark.parametrize("shape", ["pair of state dicts", "state dict"])
def test_a_hypernetwork_is_known_by_its_structure(tmp_path: Path, shape: str) -> None:
    layers = {"linear1.weight": torch.ones(4, 2), "linear2.weight": torch.ones(2, 4)}
    held = (layers, layers) if shape.startswith("pair") else layers
    torch.save({320: held, 768: held}, tmp_path / "anime.pt")
    code, _, stderr = convert(tmp_path / "anime.pt", "--delete-source")
    assert (code, "hypernetwork" in stderr) == (2, True)
    assert [path.name for path in tmp_path.iterdir()] == ["anime.pt"]


PACKED = {
    "bitsandbytes nf4": {
        "l.weight": "U8", "l.weight.absmax": "F32", "l.weight.quant_map": "F32",
        "l.weight.nested_absmax": "F32", "l.weight.quant_state.bitsandbytes__nf4": "U8",
    },
    "bitsandbytes int8": {"l.weight": "I8", "l.SCB": "F32", "l.weight_format": "U8"},
    "deepseek fp8": {"l.weight": "F8_E4M3", "l.weight_scale_inv": "F32", "l.input_scale": "F32"},
    "comfy fp8": {"l.weight": "F8_E4M3", "l.scale_weight": "F32"},
    "gptq": {"l.qweight": "I32", "l.qzeros": "I32", "l.scales": "F32", "l.g_idx": "I32"},
    "awq": {"l.qweight": "I32", "l.qzeros": "I32", "l.scales": "F32"},
    "svdquant": {
        "l.qweight": "I8", "l.wscales": "F32", "l.smooth_factor": "F32", "l.proj_down": "F32",
        "l.proj_up": "F32", "l.bias": "F32",
    },
    "mxfp8": {"l.weight": "F8_E4M3", "l.weight_scale": "F8_E8M0", "l.extra": "F32"},
    "quanto": {"l.weight._data": "I8", "l.weight._scale": "F32", "l.input_scale": "F32"},
}  # fmt: skip
_BITS = {"F32": 32, "U8": 8, "I8": 8, "I32": 32, "F8_E4M3": 8, "F8_E8M0": 8}


def _file(path: Path, dtypes: dict[str, str]) -> Path:
    header, end = {}, 0
    for name, word in dtypes.items():
        size = 16 * _BITS[word] // 8
        header[name] = {"dtype": word, "shape": [4, 4], "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + bytes(end))
    return path


def _dtypes(path: Path) -> dict[str, str]:
    data = path.read_bytes()
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    header.pop("__metadata__", None)
    return {name: entry["dtype"] for name, entry in header.items()}


@pytest.mark.parametrize("kind", PACKED)
@pytest.mark.parametrize("command", ["convert", "prune"])
def test_the_companions_of_packed_weights_are_never_cast(
    tmp_path: Path, kind: str, command: str
) -> None:
    # A module that is not packed is cast, and so is one that lies above a packed one.
    others = {"norm.weight": "F32", "block.bias": "F32"}
    packed = {f"block.{name}": word for name, word in PACKED[kind].items()}
    source = _file(tmp_path / "m.safetensors", {**packed, **others})
    code, data, _ = convert(source, tmp_path / "n.safetensors", "--dtype", "fp16", command=command)
    assert code == 0
    made = _dtypes(tmp_path / "n.safetensors")
    assert made == {**packed, **dict.fromkeys(others, "F16")}
    assert any("belong to packed weights" in note for note in data["notes"]) == (
        kind != "comfy fp8")  # fmt: skip


def test_the_bias_beside_plain_fp8_weights_is_cast(tmp_path: Path) -> None:
    source = _file(tmp_path / "m.safetensors", {"l.weight": "F8_E4M3", "l.bias": "F32"})
    assert convert(source, tmp_path / "n.safetensors", "--dtype", "bf16")[0] == 0
    assert _dtypes(tmp_path / "n.safetensors") == {"l.weight": "F8_E4M3", "l.bias": "BF16"}


@pytest.mark.parametrize("name", ["m.gguf", "m.onnx", "m.npz", "m.GGUF"])
def test_a_name_of_another_format_is_refused(tmp_path: Path, name: str) -> None:
    source = _file(tmp_path / "m.safetensors", {"l.weight": "F32"})
    code, _, stderr = convert(source, tmp_path / name)
    assert (code, "another format" in stderr, (tmp_path / name).exists()) == (2, True, False)


def test_a_pruned_model_is_not_written_again(tmp_path: Path) -> None:
    source = _file(tmp_path / "m.safetensors", {"model.diffusion_model.l.weight": "F32"})
    code, data, _ = convert(source, tmp_path / "n.safetensors", command="prune")
    assert (code, data["files"][0]["skipped"]) == (
        0, "it is pruned already, there is nothing in it to take away")  # fmt: skip
    assert not (tmp_path / "n.safetensors").exists()
    code, data, _ = convert(source, tmp_path / "n", "--dtype", "fp16", command="prune")
    assert (code, data["written"]) == (0, True)


def test_a_source_that_is_edited_meanwhile_is_said_to_be(tmp_path: Path) -> None:
    source = tmp_path / "m.safetensors"
    entry = {"dtype": "F32", "shape": [1 << 27], "data_offsets": [0, 4 << 27]}
    text = json.dumps({"w": entry}).encode()
    with source.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + (4 << 27))
    ended = threading.Event()

    def edit() -> None:
        while not list(tmp_path.glob(".*.sdops-partial")) and not ended.is_set():
            time.sleep(0.005)
        while not ended.is_set():
            with source.open("r+b") as file:
                for place in range(100, 4 << 27, 1 << 23):
                    file.seek(place)
                    file.write(bytes([1 + int(time.monotonic() * 1000) % 250]))
            time.sleep(0.05)

    editor = threading.Thread(target=edit)
    editor.start()
    code, _, stderr = convert(source, tmp_path / "n.safetensors")
    ended.set()
    editor.join()
    assert (code, "changed while it was read" in stderr) == (2, True), stderr
    assert [path.name for path in tmp_path.iterdir()] == ["m.safetensors"]


def test_checkpoints_of_very_many_tensors_are_read(tmp_path: Path) -> None:
    count = 60_000
    tensors = [Outgoing(f"model.block.{n}.attention.weight", "float16", (1,)) for n in range(count)]
    with (tmp_path / "m.ckpt").open("w+b", buffering=0) as file:
        write_torch_zip(file, tensors, lambda _tensor: iter([b"\0\0"]))
    found = open_checkpoint(tmp_path / "m.ckpt")
    assert (len(found.tensors), found.problems) == (count, ())


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b'{"a":{"dtype":"F16","shape":[1],"data_offsets":[0,2]}', "is not the end"),
        (b'{"a":[[[[]]]]}', "is not the entry"),
        (b'{"a":{"dtype":"F16","shape":[1],"data_offsets":[0,2]},"a":{}}', "twice"),
        (b'{"a":{"dtype":"F16","dtype":"F32","shape":[],"data_offsets":[0,2]}}', "twice"),
    ],
)
def test_long_headers_are_read_as_strictly(
    monkeypatch: pytest.MonkeyPatch, text: bytes, says: str
) -> None:
    from sdops.checkpoint.files.source import BytesSource
    from sdops.checkpoint.formats import safetensors
    from sdops.checkpoint.types import Container

    monkeypatch.setattr(safetensors, "MAX_HEADER_VALUES", 0)
    source = BytesSource(len(text).to_bytes(8, "little") + text + bytes(2))
    (problem, *_) = safetensors.read(source, Container.SAFETENSORS).problems
    assert problem.blocking
    assert says in problem.text
