"""What people point convert at: folders, shards, odd archives, odd names and types."""

import hashlib
import json
import os
import re
import zipfile
import zlib
from pathlib import Path
from typing import Any

import pytest

from sdops.checkpoint.files.source import Allowance
from tests.checkpoint.convert.program import convert

torch = pytest.importorskip("torch")
safetensors_torch = pytest.importorskip("safetensors.torch")


def save(path: Path, **tensors: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(tensors, path)
    return path


def shards(folder: Path, **tensors: Any) -> Path:
    """Every tensor in a shard of its own, and the index of them."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {}
    for number, (name, tensor) in enumerate(tensors.items()):
        files[name] = f"model-{number}.safetensors"
        safetensors_torch.save_file({name: tensor}, folder / files[name])
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": files}))
    return index


def raw_safetensors(path: Path, header: object, content: bytes) -> Path:
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + content)
    return path


def large(path: Path) -> Path:
    """A model of 1 GB that takes no room on the disk, and seconds to convert: time to interrupt."""
    side, count = 1000, 256
    size = 4 * side * side
    header = {
        f"w{n}": {"dtype": "F32", "shape": [side, side], "data_offsets": [n * size, (n + 1) * size]}
        for n in range(count)
    }
    raw_safetensors(path, header, b"")
    os.truncate(path, path.stat().st_size + count * size)
    return path


def test_big_endian_numbers_in_deflated_members(tmp_path: Path) -> None:
    weight = torch.arange(5.0)
    save(tmp_path / "little.ckpt", w=weight)
    swapped = weight.numpy().byteswap().tobytes()
    with (
        zipfile.ZipFile(tmp_path / "little.ckpt") as little,
        zipfile.ZipFile(tmp_path / "big.ckpt", "w", zipfile.ZIP_DEFLATED) as big,
    ):
        for name in little.namelist():
            changed = {"little/byteorder": b"big", "little/data/0": swapped}
            big.writestr(name, changed.get(name, little.read(name)))
    code, _, stderr = convert(tmp_path / "big.ckpt")
    assert code == 0, stderr
    assert safetensors_torch.load_file(tmp_path / "big.safetensors")["w"].equal(weight)


def deflated(path: Path, stored: Path) -> Path:
    """The archive `stored` with its members packed, as `path`."""
    with (
        zipfile.ZipFile(stored) as archive,
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for name in archive.namelist():
            packed.writestr(name, archive.read(name))
    return path


@pytest.mark.parametrize(
    ("written", "changed"),
    [
        (rb"(conjq.)\x88", b"\\g<1>\x89"),
        (rb"(UntypedStorage\nq.X\x01\0\0\0)1", rb"\g<1>0"),
    ],
    ids=["a flag that is false", "a storage of two types"],
)
def test_odd_pickles_mean_what_they_mean_to_torch(
    tmp_path: Path, written: bytes, changed: bytes
) -> None:
    state = {"a": torch.randn(4), "u": torch.tensor([1, 2], dtype=torch.uint16),
             "c": torch.randn(4, dtype=torch.complex64).conj()}  # fmt: skip
    torch.save(state, tmp_path / "whole.pt")
    with (
        zipfile.ZipFile(tmp_path / "whole.pt") as whole,
        zipfile.ZipFile(tmp_path / "m.pt", "w") as odd,
    ):
        for name in whole.namelist():
            data = whole.read(name)
            if name.endswith("data.pkl"):
                data, count = re.subn(written, changed, data, flags=re.DOTALL)
                assert count == 1
            odd.writestr(name, data)
    wanted = torch.load(tmp_path / "m.pt", weights_only=True)
    assert convert(tmp_path / "m.pt")[0] == 0
    loaded = safetensors_torch.load_file(tmp_path / "m.safetensors")
    for name, tensor in wanted.items():
        assert loaded[name].dtype is tensor.dtype
        assert loaded[name].equal(tensor.resolve_conj()), name


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("share", [0.003, 0.02, 0.5, 0.999])
def test_a_file_that_is_cut_off_is_told_to_be(tmp_path: Path, legacy: bool, share: float) -> None:
    path = tmp_path / "m.pt"
    torch.save({f"w{number}": torch.randn(50, 50) for number in range(5)}, path,
               _use_new_zipfile_serialization=not legacy)  # fmt: skip
    os.truncate(path, int(path.stat().st_size * share))
    code, _, stderr = convert(path)
    assert (code, "cut off" in stderr) == (1, True), stderr


def test_a_dry_run_sees_that_there_is_no_room_in_a_folder_to_be(tmp_path: Path) -> None:
    source = save(tmp_path / "m.pt", w=torch.zeros(1).expand(1 << 20, 1 << 20))
    code, _, stderr = convert(source, "--out", tmp_path / "a" / "b", "--dry-run")
    assert (code, "are missing on the disk" in stderr) == (2, True)


def test_deflated_weights_may_be_as_large_as_they_are(tmp_path: Path) -> None:
    weight = torch.zeros(Allowance(0).unpacked_bytes // 4 + 1000)
    source = deflated(tmp_path / "m.ckpt", save(tmp_path / "stored.ckpt", w=weight))
    code, _, stderr = convert(source)
    assert code == 0, stderr
    assert safetensors_torch.load_file(tmp_path / "m.safetensors")["w"].equal(weight)


def test_deflated_weights_of_which_little_is_used_do_not_fill_the_disk(tmp_path: Path) -> None:
    unused = torch.zeros(Allowance(0).unpacked_bytes // 4 + 1000)
    source = deflated(tmp_path / "m.ckpt", save(tmp_path / "stored.ckpt", w=unused[:7]))
    code, _, stderr = convert(source)
    assert (code, "unpack to more than 64 MiB" in stderr) == (2, True)


def test_deflated_weights_that_are_too_short_are_told(tmp_path: Path) -> None:
    source = deflated(tmp_path / "m.ckpt", save(tmp_path / "stored.ckpt", w=torch.ones(1000)))
    content = source.read_bytes()
    short = zlib.compressobj(wbits=-15)
    packed = short.compress(bytes(3996)) + short.flush()
    with zipfile.ZipFile(source) as archive:
        entry = archive.getinfo("stored/data/0")
        place = entry.header_offset + 30 + len(entry.filename)
    padded = packed.ljust(entry.compress_size, b"\0")
    source.write_bytes(content[:place] + padded + content[place + entry.compress_size :])
    code, _, stderr = convert(source)
    assert (code, "not as long as the archive's directory says" in stderr) == (2, True)


def test_thousands_of_deflated_members_do_not_take_quadratic_time(tmp_path: Path) -> None:
    count = 8000
    save(tmp_path / "m.ckpt", **{f"w{number}": torch.ones(1) for number in range(count)})
    deflated(tmp_path / "deflated.ckpt", tmp_path / "m.ckpt")
    took = {}
    for name in ("m", "deflated"):
        begin = processor_seconds()
        code, data, stderr = convert(tmp_path / f"{name}.ckpt", tmp_path / f"{name}.safetensors")
        assert (code, data["tensors_out"]) == (0, count), stderr
        took[name] = processor_seconds() - begin
    assert (
        took["deflated"] < 10 * took["m"]
    )  # as much; reading the directory for each took 50 times


def processor_seconds() -> float:
    """What the programs that were run until now took of the processor."""
    times = os.times()
    return times.children_user + times.children_system


def test_a_name_that_safetensors_keeps_for_itself_is_refused(tmp_path: Path) -> None:
    source = save(tmp_path / "m.ckpt", __metadata__=torch.ones(1))
    code, _, stderr = convert(source, "--no-metadata")
    assert (code, "keeps for itself" in stderr) == (2, True)
    assert [path.name for path in tmp_path.iterdir()] == ["m.ckpt"]


def test_elements_smaller_than_a_byte_are_refused(tmp_path: Path) -> None:
    entry = {"dtype": "F4", "shape": [4], "data_offsets": [0, 2]}
    source = raw_safetensors(tmp_path / "m.safetensors", {"w": entry}, b"\x12\x34")
    code, _, stderr = convert(source, tmp_path / "new.safetensors")
    assert (code, "smaller than a byte" in stderr) == (2, True)


def test_what_stands_in_place_of_the_weights_is_named(tmp_path: Path) -> None:
    torch.save(torch.ones(3).to_sparse(), tmp_path / "m.pt")
    code, _, stderr = convert(tmp_path / "m.pt")
    assert (code, "_rebuild_sparse_tensor" in stderr) == (2, True)


def test_what_is_left_behind_again_and_again_is_told_once(tmp_path: Path) -> None:
    groups = [{"lr": torch.ones(2).to_sparse()} for _ in range(50)]
    torch.save({"state_dict": {"w": torch.ones(1)}, "optimizer": groups}, tmp_path / "m.ckpt")
    _, data, _ = convert(tmp_path / "m.ckpt")
    assert [item["name"] for item in data["dropped"]] == ["optimizer.0.lr and 49 more like it"]


def test_what_is_odd_about_the_source_is_told(tmp_path: Path) -> None:
    entry = {"dtype": "U8", "shape": [2], "data_offsets": [3, 5]}
    source = raw_safetensors(tmp_path / "m.safetensors", {"w": entry}, b"abcde")
    code, data, _ = convert(source, tmp_path / "new.safetensors")
    assert (code, data["notes"]) == (0, ["3 bytes belong to no tensor."])


@pytest.mark.parametrize("options", [(), ("--overwrite",)])
@pytest.mark.parametrize("kind", ["folder", "pipe"])
def test_nothing_but_a_file_is_ever_replaced(
    tmp_path: Path, kind: str, options: tuple[str, ...]
) -> None:
    source, target = save(tmp_path / "m.ckpt", w=torch.ones(1)), tmp_path / "target"
    target.mkdir() if kind == "folder" else os.mkfifo(target)
    code, _, stderr = convert(source, target, *options)
    assert (code, kind in stderr) == (2, True)
    assert target.is_dir() or target.is_fifo()


@pytest.mark.parametrize("name", ["models", "models/m.ckpt"])
def test_one_file_goes_into_the_folder_that_was_named(tmp_path: Path, name: str) -> None:
    save(tmp_path / "models" / "m.ckpt", w=torch.ones(1))
    out = tmp_path / "new" / "folder"
    assert convert(tmp_path / name, "--out", out, "--dry-run")[0] == 0
    assert not out.parent.exists()
    assert convert(tmp_path / name, "--out", out)[0] == 0
    assert [path.name for path in out.iterdir()] == ["m.safetensors"]
    code, data, _ = convert(tmp_path / name, "--out", out)
    assert (code, "skipped" in data["files"][0]) == (0, True)


def test_another_precision_is_not_taken_for_done(tmp_path: Path) -> None:
    source = save(tmp_path / "models" / "m.ckpt", w=torch.ones(1))
    arguments = (source.parent, "--out", source.parent)
    assert convert(*arguments)[0] == 0
    assert "skipped" in convert(*arguments)[1]["files"][0]
    code, _, stderr = convert(*arguments, "--dtype", "fp16")
    assert (code, "exists already" in stderr) == (2, True)
    assert convert(*arguments, "--dtype", "fp16", "--overwrite")[0] == 0
    result = safetensors_torch.load_file(source.with_suffix(".safetensors"))
    assert result["w"].dtype is torch.float16


def test_shards_in_a_folder_are_one_model(tmp_path: Path) -> None:
    shards(tmp_path / "models" / "big", a=torch.ones(2), b=torch.zeros(3))
    save(tmp_path / "models" / "m.ckpt", w=torch.ones(1))
    code, data, stderr = convert(tmp_path / "models", "--out", tmp_path / "out")
    assert (code, len(data["files"])) == (0, 2), stderr
    assert safetensors_torch.load_file(tmp_path / "out" / "big" / "model.safetensors").keys() == {
        "a", "b",
    }  # fmt: skip


def test_the_index_of_shards_is_not_given_up_for_them(tmp_path: Path) -> None:
    index = shards(tmp_path, a=torch.ones(2), b=torch.zeros(3))
    code, _, stderr = convert(index, "--delete-source")
    assert (code, "only the index of 2 files" in stderr) == (2, True)
    assert len(list(tmp_path.iterdir())) == 3


def test_a_link_that_leads_upward_stops_nothing_else(tmp_path: Path) -> None:
    save(tmp_path / "models" / "m.ckpt", w=torch.ones(1))
    (tmp_path / "models" / "up").symlink_to(tmp_path)
    (tmp_path / "models" / "gone.ckpt").symlink_to(tmp_path / "nowhere")
    code, data, _ = convert(tmp_path / "models", "--out", tmp_path / "out")
    assert (code, len(data["files"])) == (2, 1)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["m.safetensors"]


@pytest.mark.parametrize("target", ["n.ckpt", "n.PT", "n.bin"])
def test_a_name_of_another_format_is_refused(tmp_path: Path, target: str) -> None:
    source = save(tmp_path / "m.pt", w=torch.ones(1))
    for command in ("convert", "prune"):
        code, _, stderr = convert(source, tmp_path / target, command=command)
        assert (code, "another format" in stderr) == (2, True)
    code, _, stderr = convert(source, tmp_path / "n.safetensors", "--to", "ckpt")
    assert (code, "another format" in stderr) == (2, True)
    assert [path.name for path in tmp_path.iterdir()] == ["m.pt"]


def _large(path: Path) -> Path:
    """A sound model too large to be hashed in passing; it takes no room on the disk."""
    entry = {"dtype": "F16", "shape": [40 << 20], "data_offsets": [0, 80 << 20]}
    header = json.dumps({"w": entry}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    os.truncate(path, 8 + len(header) + (80 << 20))
    return path


def _noted(path: Path) -> str | None:
    with safetensors_torch.safe_open(path, "pt") as file:
        return file.metadata().get("sdops.source_sha256")


def test_the_digest_of_a_large_source_is_noted_where_it_is_wanted_or_known(tmp_path: Path) -> None:
    source = _large(tmp_path / "m.safetensors")
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    convert(source, tmp_path / "plain.safetensors")
    assert _noted(tmp_path / "plain.safetensors") in (None, digest)
    assert convert(source, tmp_path / "a.safetensors", "--provenance")[0] == 0
    assert _noted(tmp_path / "a.safetensors") == digest
    assert convert(source, tmp_path / "b.safetensors")[0] == 0
    assert _noted(tmp_path / "b.safetensors") == digest, "known from the run before"
    os.utime(source, ns=(1, 1))
    assert convert(source, tmp_path / "c.safetensors", "--delete-source")[0] == 0
    assert (_noted(tmp_path / "c.safetensors"), source.exists()) == (digest, False)
    code, _, stderr = convert(
        tmp_path / "a.safetensors", tmp_path / "d.safetensors", "--provenance", "--no-metadata"
    )
    assert (code, "--no-metadata" in stderr) == (2, True)
