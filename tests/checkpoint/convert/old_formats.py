"""Writes the formats that torch itself no longer writes, after torch/serialization.py's readers."""

from __future__ import annotations

import io
import pickle
import struct
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import torch


class _Reduced:
    """Pickles as a call of a named function with fixed arguments."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.parts = (function, arguments)

    def __reduce__(self) -> Any:
        return self.parts


class _Storage:
    def __init__(self, identity: Any) -> None:
        self.identity = identity


class _Pickler(pickle.Pickler):
    def persistent_id(self, obj: Any) -> Any:
        return obj.identity if isinstance(obj, _Storage) else None


def _dumps(value: Any) -> bytes:
    buffer = io.BytesIO()
    _Pickler(buffer, 2).dump(value)
    return buffer.getvalue()


def legacy_with_view(path: Path, values: Any) -> dict[str, Any]:
    """A legacy file whose second tensor is a view, by the sixth item of the persistent id."""
    count = len(values)
    whole = _Storage(("storage", torch.FloatStorage, "1", "cpu", count, None))
    view = _Storage(("storage", torch.FloatStorage, "1", "cpu", count, ("2", 3, count - 3)))
    rebuild = torch._utils._rebuild_tensor
    state = {
        "whole": _Reduced(rebuild, whole, 0, (count,), (1,)),
        "view": _Reduced(rebuild, view, 1, (2, 2), (2, 1)),
    }
    system = {"protocol_version": 1001, "little_endian": True,
              "type_sizes": {"short": 2, "int": 4, "long": 4}}  # fmt: skip
    with path.open("wb") as file:
        for part in (0x1950A86A20F9469CFC6C, 1001, system):
            pickle.dump(part, file, 2)
        file.write(_dumps(state))
        pickle.dump(["1"], file, 2)
        file.write(struct.pack("<q", count) + values.numpy().tobytes())
    return {"whole": values, "view": values[4:8].reshape(2, 2)}


def old_tar(path: Path, values: Any, shape: tuple[int, int] = (3, 2)) -> dict[str, Any]:
    """The tar format of torch before 0.2: storages, tensors and the pickle as members.

    The second tensor's storage is a view of the first one's.
    """
    stride, offset, first = (1, 3), 1, 4
    views = [(12, 11, first, len(values) - first)]
    storages = pickle.dumps(1, 2) + pickle.dumps((11, "cpu", torch.FloatStorage), 2)
    storages += struct.pack("<q", len(values)) + values.numpy().tobytes() + pickle.dumps(views, 2)
    tensors = pickle.dumps(2, 2)
    for key, storage in ((22, 11), (23, 12)):
        tensors += pickle.dumps((key, storage, torch.FloatTensor), 2)
        tensors += struct.pack("<i4x2q2qq", 2, *shape, *stride, offset)
    members = {
        "sys_info": pickle.dumps({"protocol_version": 1000}, 2),
        "storages": storages,
        "tensors": tensors,
        "pickle": _dumps({"weight": _Storage("22"), "view": _Storage("23")}),
    }
    with tarfile.open(path, "w") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    places = {"weight": offset, "view": offset + first}
    return {
        name: torch.as_strided(values, shape, stride, place)
        for name, place in places.items()
        if min(shape) >= 0
    }


def big_endian_zip(path: Path, state: dict[str, Any]) -> None:
    """A zip file as torch writes it on a big-endian machine."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    sizes = {}
    for number, tensor in enumerate(state.values()):
        sizes[str(number)] = tensor.element_size()
    with zipfile.ZipFile(buffer) as old, zipfile.ZipFile(path, "w") as new:
        for entry in old.infolist():
            data = old.read(entry)
            base = entry.filename.partition("/")[2]
            if base == "byteorder":
                data = b"big"
            elif base.startswith("data/"):
                size = sizes[base.removeprefix("data/")]
                data = b"".join(data[at : at + size][::-1] for at in range(0, len(data), size))
            new.writestr(entry.filename, data)
