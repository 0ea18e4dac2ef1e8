"""A `.ckpt` for old UIs loads in torch bit for bit, scans clean, and converts back the same."""

import struct
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.checkpoint.convert.program import convert

torch = pytest.importorskip("torch")
safetensors_torch = pytest.importorskip("safetensors.torch")

EVERY_TYPE = (
    "float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8",
    "uint16", "uint32", "uint64", "bool", "complex64", "float8_e4m3fn", "float8_e5m2",
    "float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu",
)  # fmt: skip


def everything() -> dict[str, Any]:
    torch.manual_seed(0)
    values = torch.rand(6, 4) * 3
    shared = torch.randn(70, 50)
    return {
        **{f"type.{name}": values.to(getattr(torch, name)) for name in EVERY_TYPE},
        "tied.1": shared,
        "tied.2": shared.clone(),
        "type.float8_e4m3fn.scale_weight": torch.tensor(0.25),
        "empty": torch.zeros(0, 4),
        "empty inside": torch.zeros(3, 0, 2),
        "scalar": torch.tensor(3.5),
        "v_pred": torch.zeros(0),
        "": torch.ones(1),
        "snow ☃ \"quoted\" \\ \n \0 😀": torch.ones(2),
        "long " * 12_000 + "1": torch.ones(3),
        "long " * 12_000 + "2": torch.ones(4),
    }  # fmt: skip


def scan(path: Path) -> int:
    command = [sys.executable, "-m", "sdops", "scan", str(path), "--fail-on", "info"]
    return subprocess.run(command, capture_output=True, check=False).returncode


def bits(tensor: Any) -> bytes:
    result: bytes = tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
    return result


@pytest.mark.parametrize(
    "options",
    [(), ("--dtype", "fp16"), ("--dtype", "bf16", "--no-verify"), ("--dtype", "fp32", "--sha256"),
     ("--no-metadata", "--fix", "text-encoder-names")],
)  # fmt: skip
def test_it_loads_scans_clean_and_comes_back_the_same(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    source, checkpoint = tmp_path / "m.safetensors", tmp_path / "m.ckpt"
    safetensors_torch.save_file(everything(), source, {"recipe": "x"})
    direct, back = tmp_path / "direct.safetensors", tmp_path / "back.safetensors"
    code, _, stderr = convert(source, checkpoint, "--to", "ckpt", *options)
    assert code == 0, stderr
    plain = {option for option in options if option != "--no-metadata"}
    ordered = [option for option in options if option in plain]
    assert convert(source, direct, "--no-metadata", *ordered)[0] == 0
    loaded = torch.load(checkpoint, weights_only=True)
    wanted = safetensors_torch.load_file(direct)
    assert loaded.keys() == wanted.keys()
    for name, tensor in wanted.items():
        assert (loaded[name].dtype, loaded[name].shape) == (tensor.dtype, tensor.shape), name
        assert bits(loaded[name]) == bits(tensor), name
    assert torch.load(checkpoint, weights_only=True, mmap=True).keys() == wanted.keys()
    assert scan(checkpoint) == 0
    assert convert(checkpoint, back, "--no-metadata")[0] == 0
    assert back.read_bytes() == direct.read_bytes()


def test_a_pruned_model_goes_back_to_a_checkpoint(tmp_path: Path) -> None:
    name = "model.diffusion_model.w"
    averages = {"model_ema.diffusion_modelw": torch.zeros(4), "model_ema.decay": torch.ones(())}
    torch.save({"state_dict": {name: torch.ones(4), **averages}}, tmp_path / "m.ckpt")
    assert convert(tmp_path / "m.ckpt", command="prune")[0] == 0
    assert convert(tmp_path / "m-pruned.safetensors", "--to", "ckpt")[0] == 0
    loaded = torch.load(tmp_path / "m-pruned.ckpt", weights_only=True)
    assert {key: tensor.tolist() for key, tensor in loaded.items()} == {name: [0.0] * 4}
    assert scan(tmp_path / "m-pruned.ckpt") == 0


def test_names_of_tied_tensors_are_not_lost(tmp_path: Path) -> None:
    weight = torch.ones(3)
    torch.save({"a": weight, "b": weight}, tmp_path / "m.pt")
    for without in (("--to", "ckpt"), ("--no-metadata",)):
        code, _, stderr = convert(tmp_path / "m.pt", *without, "--alias")
        assert (code, "--alias" in stderr) == (2, True)
    assert convert(tmp_path / "m.pt", "--to", "ckpt")[0] == 0
    assert torch.load(tmp_path / "m.ckpt", weights_only=True).keys() == {"a", "b"}


def test_metadata_that_a_checkpoint_cannot_hold_is_told(tmp_path: Path) -> None:
    source = tmp_path / "m.safetensors"
    safetensors_torch.save_file({"a": torch.ones(3)}, source, {"recipe": "x"})
    assert convert(source, "--to", "CKPT")[1]["dropped"][0]["name"] == "1 entry of metadata"
    assert convert(source, tmp_path / "n.safetensors")[1]["dropped"] == []


def test_every_member_has_room_for_more_than_4_gib(tmp_path: Path) -> None:
    """As sizes are known only when a member ends, each header is written with the long form."""
    torch.save({"a": torch.ones(3)}, tmp_path / "m.pt")
    assert convert(tmp_path / "m.pt", "--to", "ckpt")[0] == 0
    data = (tmp_path / "m.ckpt").read_bytes()
    with zipfile.ZipFile(tmp_path / "m.ckpt") as archive:
        for member in archive.infolist():
            start = member.header_offset
            name, extra = struct.unpack_from("<2H", data, start + 26)
            begin = start + 30 + name + extra
            sizes = struct.unpack("<2H2Q", data[begin - 20 : begin])
            assert sizes == (1, 16, member.file_size, member.file_size)
            assert begin % 64 == 0


def test_a_name_too_long_to_keep_is_refused_not_cut_short(tmp_path: Path) -> None:
    torch.save({"x" * 70_000: torch.ones(1)}, tmp_path / "m.pt")
    code, _, stderr = convert(tmp_path / "m.pt")
    assert (code, "too long" in stderr) == (2, True)
    torch.save({"x" * 60_000: torch.ones(1)}, tmp_path / "m.pt")
    assert convert(tmp_path / "m.pt")[0] == 0
    assert safetensors_torch.load_file(tmp_path / "m.safetensors").keys() == {"x" * 60_000}


def test_a_long_name_used_again_and_again_does_not_fill_the_memory(tmp_path: Path) -> None:
    def text(value: str) -> bytes:
        return b"X" + struct.pack("<I", len(value)) + value.encode()

    tensor = b"ctorch._utils\n_rebuild_tensor_v2\n((" + text("storage") + b"ctorch\nFloatStorage\n"
    tensor += text("0") + text("cpu") + b"K\x01tQK\x00K\x01\x85K\x01\x85\x89"
    tensor += b"ccollections\nOrderedDict\n)RtR"
    name, kept = text("k" * 40_000) + b"r\x01\0\0\0" + b"0", tensor + b"r\x02\0\0\0" + b"0"
    pickled = b"\x80\x02]" + name + kept + b"(" + b"}j\x01\0\0\0j\x02\0\0\0s" * 50_000 + b"e."
    with zipfile.ZipFile(tmp_path / "m.pt", "w") as archive:
        archive.writestr("archive/data.pkl", pickled)
        archive.writestr("archive/data/0", b"\0\0\0\0")
    command = [sys.executable, "-m", "sdops", "convert", str(tmp_path / "m.pt")]
    program = "import resource, subprocess, sys; r = subprocess.run(sys.argv[1:]);"
    program += (
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss); sys.exit(r.returncode)"
    )
    result = subprocess.run(
        [sys.executable, "-c", program, *command], capture_output=True, text=True, check=False
    )
    assert (result.returncode, "too large" in result.stderr) == (2, True), result.stderr
    assert int(result.stdout) < 200_000  # 900 MB with a copy of the name for each
