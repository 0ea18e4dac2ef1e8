# ruff: noqa: E501
"""Every way in which opcodes reach a call, a state or an import, at every protocol."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from tests.checkpoint.corpus.sample import (
    COMMAND,
    DANGEROUS,
    SUSPICIOUS,
    SYSTEM,
    Sample,
    name,
    short,
    stack_name,
    system,
    text,
)

_ARGS = text(COMMAND) + b"\x85"
_OS = name("os", "system")


def samples() -> Iterator[Sample]:
    """The samples."""
    for protocol in range(6):
        yield Sample(f"reduce-p{protocol}", system(protocol), DANGEROUS)
        header = bytes([0x80, protocol])
        for label, body in _calls().items():
            yield Sample(f"{label}-p{protocol}", header + body + b".", DANGEROUS)
    for label, body in _calls().items():
        yield Sample(f"{label}-bare", body + b".", DANGEROUS)
    yield from _states()
    yield from _imports()
    yield from _arguments()
    yield from _frames()
    yield from _numbers()


def _calls() -> dict[str, bytes]:
    """Bodies that call `os.system`, one for each opcode that calls and each way to get it there."""
    return {
        "newobj": _OS + _ARGS + b"\x81",
        "newobj-ex": _OS + _ARGS + b"}\x92",
        "inst": b"(" + text(COMMAND) + b"ios\nsystem\n",
        "obj": b"(" + _OS + text(COMMAND) + b"o",
        "reduce-list": _OS + b"]" + text(COMMAND) + b"aR",
        "memo-binput": _OS + b"q\x07" + b"0h\x07" + _ARGS + b"R",
        "memo-long": _OS + b"r\xff\x00\x00\x00" + b"0j\xff\x00\x00\x00" + _ARGS + b"R",
        "memo-text": _OS + b"p99\n0g99\n" + _ARGS + b"R",
        "memo-nul": _OS + b"p5\n0g5\x00x\n" + _ARGS + b"R",
        "memoize": _OS + b"\x940h\x00" + _ARGS + b"R",
        "dup": _OS + b"20" + _ARGS + b"R",
        "pop-mark": _OS + b"(NN1" + _ARGS + b"R",
        "pop-mark-by-pop": _OS + b"(0" + _ARGS + b"R",
        "in-list": b"]" + SYSTEM + b"a",
        "in-dict-key": b"}" + SYSTEM + b"Ns",
        "in-dict": b"}(" + text("k") + SYSTEM + b"u",
        "in-tuple": b"(" + SYSTEM + b"t",
        "in-set": b"\x8f(" + SYSTEM + b"\x90",
        "in-frozenset": b"(" + SYSTEM + b"\x91",
        "in-build": name("collections", "OrderedDict") + b")R}" + text("x") + SYSTEM + b"sb",
        "in-persistent-id": SYSTEM + b"0N",
        "in-arguments": name("collections", "OrderedDict") + SYSTEM + b"\x85R",
        "string-arguments": _OS + b"S'echo sdops'\n\x85R",
        "unicode-arguments": _OS + b"Vecho sdops\n\x85R",
        "bytes-arguments": _OS + b"C\x04echo\x85R",
        "twice": SYSTEM + b"0" + SYSTEM,
    }


def _states() -> Iterator[Sample]:
    """State and items given to what is no plain container."""
    yield Sample(
        "build-global", b"\x80\x02" + name("collections", "OrderedDict") + b"}b.", DANGEROUS
    )
    yield Sample("build-slots-global",
                 b"\x80\x02" + name("collections", "OrderedDict") + b"N}" + text("__init__")
                 + text("x") + b"s\x86b.", DANGEROUS)  # fmt: skip
    yield Sample("build-special-attribute",
                 b"\x80\x02" + name("collections", "OrderedDict") + b")RN}" + text("__class__")
                 + name("torch", "FloatStorage") + b"s\x86b.", DANGEROUS)  # fmt: skip
    yield Sample("setitem-global",
                 b"\x80\x02" + name("torch", "FloatStorage") + text("k") + b"Ns.", DANGEROUS)  # fmt: skip
    yield Sample(
        "append-global", b"\x80\x02" + name("sys", "path") + text("/tmp") + b"a.", DANGEROUS
    )
    yield Sample("appends-global",
                 b"\x80\x02" + name("sys", "path") + b"(" + text("/tmp") + b"e.", DANGEROUS)  # fmt: skip
    yield Sample("additems-global",
                 b"\x80\x04" + name("torch", "FloatStorage") + b"(" + text("x") + b"\x90.", DANGEROUS)  # fmt: skip
    yield Sample("setitems-tensor",
                 b"\x80\x02" + name("torch._utils", "_rebuild_parameter") + b"NNN\x87R(" + text("a")
                 + b"Nu.", DANGEROUS)  # fmt: skip
    yield Sample("persistent-call", b"\x80\x02" + text("x") + b"QNR.", DANGEROUS)
    yield Sample("persistent-build", b"\x80\x02" + text("x") + b"Q}b.", DANGEROUS)
    yield Sample("call-of-result",
                 b"\x80\x02" + name("collections", "OrderedDict") + b")R)R.", DANGEROUS)  # fmt: skip


def _imports() -> Iterator[Sample]:
    for label, opcode in (("ext1", b"\x82\x01"), ("ext2", b"\x83\x01\x01"),
                          ("ext4", b"\x84\x01\x01\x01\x00")):  # fmt: skip
        yield Sample(label, b"\x80\x02" + opcode + b")R.", DANGEROUS)
        yield Sample(f"{label}-ref", b"\x80\x02" + opcode + b".", DANGEROUS)
    yield Sample("reference", b"\x80\x02" + name("os", "getcwd") + b".", SUSPICIOUS)
    yield Sample("reference-in-text", b"cos\nsystem\nis what a pickle says\n", SUSPICIOUS)
    yield Sample("reference-dropped", b"\x80\x02" + name("antigravity", "x") + b"0N.", SUSPICIOUS)
    yield Sample("reference-dotted",
                 b"\x80\x04" + stack_name("torch", "storage._load_from_bytes") + b".", SUSPICIOUS)  # fmt: skip
    yield Sample("dotted-call",
                 b"\x80\x04" + stack_name("torch.storage", "os.system") + _ARGS + b"R.", DANGEROUS)  # fmt: skip
    yield Sample("dotted-of-allowed",
                 b"\x80\x04" + stack_name("collections", "OrderedDict.fromkeys") + b")R.", DANGEROUS)  # fmt: skip
    form = stack_name("torch._utils", "torch.channels_last")
    yield Sample("constant-called", b"\x80\x04" + form + b")R.", DANGEROUS)
    yield Sample("constant-built", b"\x80\x04" + form + b"}b.", DANGEROUS)
    yield Sample("constant-filled", b"\x80\x04" + form + b"(K\x01K\x02u.", DANGEROUS)
    yield Sample("beside-a-constant",
                 b"\x80\x04" + stack_name("torch._utils", "torch.save") + b".", SUSPICIOUS)  # fmt: skip
    yield Sample("near-name", b"\x80\x02" + name("collections ", "OrderedDict") + b")R.", DANGEROUS)
    yield Sample("near-case", b"\x80\x02" + name("collections", "ordereddict") + b")R.", DANGEROUS)
    yield Sample(
        "python2-name-at-3", b"\x80\x03" + name("__builtin__", "set") + b"]\x85R.", DANGEROUS
    )
    yield Sample("protocol-after-name",
                 name("__builtin__", "set") + b"\x80\x04" + name("__builtin__", "eval") + _ARGS
                 + b"R.", DANGEROUS)  # fmt: skip
    yield Sample("long-name",
                 b"\x80\x04" + text("a" * 5000) + text("b" * 5000) + b"\x93)R.", DANGEROUS)  # fmt: skip
    yield Sample("line-with-carriage-return", b"cos\r\nsystem\n" + _ARGS + b"R.", DANGEROUS)


def _arguments() -> Iterator[Sample]:
    """Harmless functions, misused."""
    inner = SYSTEM.replace(b"\n", b"\n")
    body = {
        "load-from-bytes": name("torch.storage", "_load_from_bytes")
        + b"B"
        + struct.pack("<I", len(system()))
        + system()
        + b"\x85R",
        "load-from-latin1": name("torch.storage", "_load_from_bytes")
        + name("_codecs", "encode")
        + text(b"\x80\x02".decode("latin-1") + (inner + b".").decode("latin-1"))
        + text("latin1")
        + b"\x86R\x85R",
        "load-from-unknown": name("torch.storage", "_load_from_bytes") + b"N\x85R",
        "codec": name("_codecs", "encode") + text("x") + text("idna") + b"\x86R",
        "codec-absent": name("_codecs", "encode") + text("x") + b"\x85R",
        "defaultdict": name("collections", "defaultdict") + _OS + b"\x85R",
        "defaultdict-call": name("collections", "defaultdict")
        + name("torch.storage", "_load_from_bytes")
        + b"\x85R",
        "reconstructor": name("copy_reg", "_reconstructor")
        + b"("
        + name("subprocess", "Popen")
        + name("__builtin__", "object")
        + b"NtR",
        "reconstructor-base": name("copy_reg", "_reconstructor")
        + b"("
        + name("collections", "OrderedDict")
        + name("subprocess", "Popen")
        + text("x")
        + b"tR",
        "rebuild-from-type": name("torch._tensor", "_rebuild_from_type_v2")
        + b"("
        + _OS
        + name("torch", "Tensor")
        + _ARGS
        + b"}tR",
        "rebuild-from-type-state": name("torch._tensor", "_rebuild_from_type_v2")
        + b"("
        + name("torch._utils", "_rebuild_parameter")
        + name("torch", "Tensor")
        + b")N}"
        + text("__class__")
        + b"Ns\x86tR",
        "numpy-reconstruct": name("numpy.core.multiarray", "_reconstruct")
        + name("numpy", "memmap")
        + b"K\x00\x85C\x01b\x87R",
        "numpy-generator": name("numpy.random._pickle", "__generator_ctor")
        + text("x")
        + _OS
        + b"\x86R",
        "numpy-bit-generator": name("numpy.random._pickle", "__bit_generator_ctor")
        + name("subprocess", "Popen")
        + b"\x85R",
        "numpy-dtype": name("numpy", "dtype") + name("subprocess", "Popen") + b"\x85R",
        "bytearray-bomb": name("builtins", "bytearray") + b"\x8a\x05\x00\x00\x00\x00\x10\x85R",
        "keyword-arguments": stack_name("collections", "defaultdict")
        + b")}"
        + short("default_factory")
        + _OS
        + b"s\x92",
        "module-arguments": name("torch.nn.modules.linear", "Linear")
        + b"J\xff\xff\xff\x7fJ\xff\xff\xff\x7f\x86R",
    }
    for label, data in body.items():
        yield Sample(f"argument-{label}", b"\x80\x03" + data + b".", DANGEROUS) if (
            "copy_reg" not in data.decode("latin-1")) else Sample(
            f"argument-{label}", b"\x80\x02" + data + b".", DANGEROUS)  # fmt: skip


def _frames() -> Iterator[Sample]:
    body = stack_name("os", "system") + short(COMMAND) + b"\x85R."
    for label, size in (("exact", len(body)), ("short", 3), ("zero", 0), ("long", len(body) + 99)):
        frame = b"\x80\x04\x95" + struct.pack("<Q", size)
        yield Sample(f"frame-{label}", frame + body, DANGEROUS)
    nested = b"\x95" + struct.pack("<Q", len(body)) + body
    yield Sample("frame-nested",
                 b"\x80\x04\x95" + struct.pack("<Q", len(nested)) + nested, DANGEROUS)  # fmt: skip
    # A frame that ends inside an argument: readers of files and of bytes part ways.
    hidden = b"\x8c" + bytes([len(body) + 4]) + b"abcd"
    yield Sample(
        "frame-crossed", b"\x80\x04\x95" + struct.pack("<Q", 3) + hidden + body, SUSPICIOUS
    )


def _numbers() -> Iterator[Sample]:
    """Odd arguments before the payload, which must not end the analysis."""
    oddities = {
        "hex": b"I0x10\n0", "octal": b"I010\n0", "bool": b"I01\n0", "long": b"L12L\n0",
        "long-bare": b"L12\n0", "float": b"F1e5\n0", "nul": b"I1\x00zzz\n0", "underscore": b"I1_0\n0",
        "long1": b"\x8a\x00" + b"0", "long4": b"\x8b\x00\x00\x00\x000", "empty-unicode": b"V\n0",
        "escape": b"V\\u0041\n0", "string": b"S'a\\x41'\n0", "binstring": b"T\x01\x00\x00\x00a0",
        "bytearray": b"\x96\x01\x00\x00\x00\x00\x00\x00\x00a0", "huge-long": b"\x8a\xff" + b"\x01" * 255
        + b"0", "put-far": b"Nr\xff\xff\xff\x000",
    }  # fmt: skip
    for label, data in oddities.items():
        yield Sample(f"number-{label}", b"\x80\x05" + data + SYSTEM + b".", DANGEROUS)
