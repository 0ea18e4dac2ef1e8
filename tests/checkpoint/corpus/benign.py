# ruff: noqa: E501
"""Good files: what training programs, converters and user interfaces really write."""

from __future__ import annotations

import argparse
import collections
import copy
import datetime
import gzip
import io
import pathlib
import pickle
import sys
import types
import uuid
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from safetensors.torch import save as save_safetensors

from tests.checkpoint.corpus.sample import SAFE, Sample, stack_name

DTYPES = ("float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8",
          "bool", "complex64", "complex128", "float8_e4m3fn", "float8_e5m2", "uint16", "uint32",
          "uint64")  # fmt: skip


def samples() -> Iterator[Sample]:
    """The samples, the same each time."""
    torch.manual_seed(0)
    yield from _torch_files()
    yield from _plain_pickles()
    yield from _numpy_files()
    yield from _other_files()
    yield from _joblib_files()


def _save(value: Any, *, protocol: int = 2, zipped: bool = True) -> bytes:
    file = io.BytesIO()
    torch.save(value, file, pickle_protocol=protocol, _use_new_zipfile_serialization=zipped)
    return file.getvalue()


def _torch_files() -> Iterator[Sample]:
    contents = {name.strip("_"): make() for name, make in _CONTENTS.items()}
    for name, value in contents.items():
        for protocol in (2, 3, 4, 5):
            for zipped in (True, False):
                kind = "zip" if zipped else "legacy"
                data = _save(value, protocol=protocol, zipped=zipped)
                yield Sample(f"{name}-{kind}-p{protocol}", data, SAFE, ".ckpt")


def _dtypes() -> Any:
    return {name: torch.zeros(3, 2).to(getattr(torch, name)) for name in DTYPES}


def _state_dict() -> Any:
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
    return model.state_dict()


def _views() -> Any:
    base = torch.arange(24.0).reshape(2, 3, 4)
    return {"base": base, "t": base.transpose(0, 1), "s": base[1, :, 1:3], "tied": base,
            "conj": torch.tensor([1 + 2j]).conj(), "neg": torch.tensor([1j]).conj().imag,
            "empty": torch.empty(0), "scalar": torch.tensor(1)}  # fmt: skip


def _special_tensors() -> Any:
    parameter = torch.nn.Parameter(torch.ones(2))
    parameter.note = "kept"
    tagged = torch.ones(2)
    tagged.note = "kept"
    return {
        "parameter": torch.nn.Parameter(torch.ones(2)),
        "with-attributes": parameter,
        "tagged": tagged,
        "buffer": torch.nn.Buffer(torch.ones(1)),
        "sparse": torch.eye(3).to_sparse(),
        "csr": torch.eye(3).to_sparse_csr(),
        "quantized": torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8),
        "meta": torch.empty(3, device="meta"),
        "size": torch.Size([1, 2]),
        "device": torch.device("cpu"),
        "dtype": torch.float16,
        "layout": torch.strided,
    }


def _lightning() -> Any:
    """A Lightning 1.4 checkpoint: callbacks keyed by class, numpy numbers, optimizer states."""
    checkpoint_class = _stand_in("pytorch_lightning.callbacks.model_checkpoint", "ModelCheckpoint")
    model = torch.nn.Linear(2, 2)
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    return {
        "epoch": 3,
        "global_step": np.int64(470000).item(),
        "pytorch-lightning_version": "1.4.2",
        "state_dict": model.state_dict(),
        "callbacks": {
            checkpoint_class: {"monitor": "val/loss", "best_model_score": torch.ones(())}
        },
        "optimizer_states": [optimizer.state_dict()],
        "lr_schedulers": [{"last_epoch": 1, "_last_lr": [np.float64(1e-4)]}],
        "hyper_parameters": _attribute_dict(),
        "ema": collections.defaultdict(dict, {"decay": torch.tensor(0.9999)}),
    }


def _stand_in(module: str, name: str, base: type = object) -> type:
    """A class that pickles under another module's name, where that module is not installed."""
    made = type(name, (base,), {"__module__": module})
    parts = module.split(".")
    for end in range(1, len(parts) + 1):
        known = ".".join(parts[:end])
        sys.modules.setdefault(known, types.ModuleType(known))
    setattr(sys.modules[module], name, made)
    return made


def _attribute_dict() -> Any:
    made = _stand_in("pytorch_lightning.utilities.parsing", "AttributeDict", dict)
    return made(learning_rate=1e-4, use_ema=True)


def _embedding() -> Any:
    """A textual inversion embedding as its first program wrote it."""
    return {
        "string_to_token": {"*": torch.tensor(265)},
        "string_to_param": torch.nn.ParameterDict({"*": torch.nn.Parameter(torch.ones(1, 768))}),
        "name": "style",
        "step": 1999,
        "sd_checkpoint": "81761151",
        "sd_checkpoint_name": None,
    }


def _hypernetwork() -> Any:
    linear = torch.nn.Linear(4, 4).state_dict()
    return {
        768: [copy.deepcopy(linear), copy.deepcopy(linear)],
        "step": 100,
        "name": "hyper",
        "layer_structure": [1, 2, 1],
        "activation_func": "relu",
        "is_layer_norm": False,
        "optional_info": None,
    }


def _upscaler() -> Any:
    return {"params_ema": _state_dict(), "params": _state_dict()}


def _lora() -> Any:
    return {
        "lora_unet_down.alpha": torch.tensor(4.0),
        "lora_unet_down.lora_up.weight": torch.ones(2, 4),
    }


def _configuration() -> Any:
    namespace = argparse.Namespace(lr=1e-4, out=pathlib.PurePosixPath("/tmp/x"))
    return {
        "args": namespace,
        "when": datetime.datetime(2024, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc),
        "took": datetime.timedelta(seconds=3),
        "id": uuid.UUID(int=5),
        "names": {"a", "b"},
        "frozen": frozenset({1}),
        "counter": collections.Counter("aab"),
        "recent": collections.deque([1.0, 2.0], maxlen=4),
        "simple": types.SimpleNamespace(a=1),
        "bytes": b"\0\xff" * 10,
        "bytearray": bytearray(b"\0\xff"),
        "complex": 1 + 2j,
        "slice": slice(1, 2),
        "range": range(5),
        "large": 1 << 200,
        "text": "größe \N{SNOWMAN} \U0001f600",
        "floats": [float("inf"), float("nan"), -0.0],
    }


def _random_states() -> Any:
    generator = np.random.default_rng(1)
    return {"numpy": np.random.RandomState(1).get_state(), "rng": generator,
            "old": np.random.RandomState(2), "torch": torch.get_rng_state()}  # fmt: skip


def _arrays() -> Any:
    return {"c": np.arange(6.0).reshape(2, 3), "f": np.asfortranarray(np.eye(3)),
            "object": np.array(["a", 1], dtype=object), "scalar": np.float32(2), "bool": np.bool_(1),
            "fields": np.zeros(2, dtype=[("a", "i4"), ("b", "f8")]), "text": np.array(["ab"]),
            "dtype": np.dtype("float32"), "int": np.int64(7)}  # fmt: skip


def _model() -> Any:
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3), torch.nn.LeakyReLU(0.2), torch.nn.Upsample(scale_factor=2),
        torch.nn.PixelShuffle(2), torch.nn.GroupNorm(1, 1), torch.nn.Dropout(), torch.nn.Identity(),
        torch.nn.Linear(2, 2), torch.nn.SiLU(), torch.nn.ModuleList([torch.nn.LayerNorm(2)]),
    )  # fmt: skip


def _omegaconf() -> Any:
    from omegaconf import OmegaConf

    return {"config": OmegaConf.create({"model": {"lr": 1e-4, "list": [1, "a", None, True]}})}


_CONTENTS = {
    "dtypes": _dtypes, "state-dict": _state_dict, "views": _views, "special": _special_tensors,
    "lightning": _lightning, "embedding": _embedding, "hypernetwork": _hypernetwork,
    "upscaler": _upscaler, "lora": _lora, "configuration": _configuration,
    "random-states": _random_states, "arrays": _arrays, "model": _model, "omegaconf": _omegaconf,
}  # fmt: skip


def _plain_pickles() -> Iterator[Sample]:
    for name in ("configuration", "random-states", "arrays"):
        for protocol in range(6):
            data = pickle.dumps(_CONTENTS[name](), protocol)
            yield Sample(f"{name}-pickle-p{protocol}", data, SAFE)
    for protocol in (2, 3, 4, 5):
        tensor = pickle.dumps(
            {"x": torch.ones(2, 3), "p": torch.nn.Parameter(torch.ones(1))}, protocol
        )
        yield Sample(f"tensor-by-pickle-p{protocol}", tensor, SAFE)
    for form in ("channels_last", "channels_last_3d", "contiguous_format", "preserve_format"):
        # Which module a pickler finds for these depends on what else is imported here.
        written = stack_name("torch._utils", f"torch.{form}")
        yield Sample(f"memory-format-{form}", b"\x80\x04]" + written + b"a.", SAFE)
    yield Sample("several-streams", pickle.dumps([1]) + pickle.dumps({"a": 2}), SAFE)
    yield Sample("packed-pickle", gzip.compress(pickle.dumps({"a": 1}), mtime=0), SAFE, ".pkl.gz")
    big = {str(number): number for number in range(60_000)}
    yield Sample("many-entries", pickle.dumps(big), SAFE)
    yield Sample("large-bytes", pickle.dumps({"a": b"x" * 6_000_000, "b": "y" * 3_000_000}), SAFE)


def _numpy_files() -> Iterator[Sample]:
    for name, value in {"float": np.eye(3), "object": np.array([1, "a"], dtype=object),
                        "fields": np.zeros(2, dtype=[("a", "i4")])}.items():  # fmt: skip
        file = io.BytesIO()
        np.save(file, value, allow_pickle=True)
        yield Sample(f"npy-{name}", file.getvalue(), SAFE, ".npy")
    for pack in (np.savez, np.savez_compressed):
        file = io.BytesIO()
        pack(file, a=np.eye(3), b=np.array([1, None], dtype=object))
        yield Sample(f"npz-{pack.__name__}", file.getvalue(), SAFE, ".npz")


def _other_files() -> Iterator[Sample]:
    tensors = {"a": torch.ones(2, 3), "b": torch.zeros(1, dtype=torch.float16)}
    yield Sample("safetensors", save_safetensors(tensors, {"k": "v"}), SAFE, ".safetensors")
    yield Sample("safetensors-none", save_safetensors({}), SAFE, ".safetensors")
    texts = {
        "readme": "callbacks: yes\nimport os\n", "yaml": "model:\n  target: ldm.models\n",
        "code": "import torch\nfrom os import system\n", "json": '{"a": [1, 2]}', "csv": "a,b\n1,2\n",
        "html": "<!DOCTYPE html><html></html>", "words": "cat\ndog\nbird\n", "items": "iron\ncopper\n",
        "config": "[section]\nkey = value\n", "numbers": "1\n2\n3\n", "unicode": "größe\n",
        "lfs": "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 12\n",
    }  # fmt: skip
    for name, words in texts.items():
        yield Sample(f"text-{name}", words.encode(), SAFE, ".txt")
    yield Sample("picture", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4, SAFE, ".png")
    yield Sample("empty", b"", SAFE, ".pt")


def _joblib_files() -> Iterator[Sample]:
    import joblib

    value = {"a": np.eye(50), "b": [np.arange(10, dtype="i2"), "x"], "s": np.array(["a", "bc"]),
             "o": np.array([1, None, "x"], dtype=object), "f": np.asfortranarray(np.ones((3, 4)))}  # fmt: skip
    for label, options in (("plain", {}), ("p2", {"protocol": 2}), ("zlib", {"compress": ("zlib", 3)}),
                           ("gzip", {"compress": ("gzip", 3)}), ("xz", {"compress": ("xz", 3)})):  # fmt: skip
        file = io.BytesIO()
        joblib.dump(value, file, **options)
        yield Sample(f"joblib-{label}", file.getvalue(), SAFE, ".joblib")
