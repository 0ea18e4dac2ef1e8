# ruff: noqa: E501, T201
"""Mutates the corpus and asks the oracle whether the scanner missed anything.

    python -m tests.checkpoint.fuzz --mutants 100000 --seed 1 [--report FILE]

A miss is a file of which the oracle knows worse than the scanner says. A crash is an exception of
the scanner, a hang a scan of more than five seconds.
"""

from __future__ import annotations

import argparse
import collections
import json
import random
import resource
import struct
import sys
import time
import zipfile
from pathlib import Path

from sdops.checkpoint.files.source import BytesSource
from sdops.checkpoint.scan.file import scan_source
from sdops.checkpoint.scan.policy import Policy, load_policy
from sdops.checkpoint.trace.gadgets import gadget
from tests.checkpoint.corpus.sample import make_zip, patch, torch_zip
from tests.checkpoint.oracle import Oracle, must_be

ORDER = ("safe", "not-judged", "suspicious", "unreadable", "unfamiliar", "dangerous")
_LARGEST_SEED = 20_000
_HANG_S = 5.0
_NAMES = (
    ("os", "system"), ("builtins", "eval"), ("__builtin__", "eval"), ("builtins", "getattr"),
    ("collections", "OrderedDict"), ("torch", "FloatStorage"), ("torch._utils", "_rebuild_tensor_v2"),
    ("torch._utils", "_rebuild_parameter"), ("torch.storage", "_load_from_bytes"),
    ("_codecs", "encode"), ("collections", "defaultdict"), ("copyreg", "_reconstructor"),
    ("copy_reg", "_reconstructor"), ("numpy", "dtype"), ("numpy", "ndarray"), ("sys", "path"),
    ("numpy.core.multiarray", "_reconstruct"), ("torch._tensor", "_rebuild_from_type_v2"),
    ("builtins", "set"), ("argparse", "Namespace"), ("collections", "OrderedDict.fromkeys"),
    ("numpy.random._pickle", "__generator_ctor"), ("subprocess", "Popen"), ("torch", "Size"),
)  # fmt: skip
_BARE = b"N)]}\x88\x89\x8f0122((ttRRbboaesu\x81\x85\x86\x87\x90\x91\x92\x93\x94."


class Mutator:
    """Makes files out of seeds and out of nothing."""

    def __init__(self, seeds: list[bytes], generator: random.Random) -> None:
        self.seeds, self.random = seeds, generator
        self.pickles = [seed for seed in seeds if seed[:2] != b"PK" and len(seed) < 2000]

    def mutant(self) -> bytes:
        """One more file."""
        way = self.random.random()
        if way < 0.35:
            return self.bytes_of(self.random.choice(self.seeds))
        if way < 0.65:
            return self.program()
        pickle = self.program() if way < 0.8 else self.bytes_of(self.random.choice(self.pickles))
        data = torch_zip(pickle) if way < 0.9 else make_zip(
            {"x/data.pkl": pickle, self.random.choice(("x/a.pkl", "x/data/0", "x/b")): self.program()})  # fmt: skip
        return self.fields(data) if self.random.random() < 0.5 else data

    def bytes_of(self, data: bytes) -> bytes:
        """`data` with one to four changes somewhere."""
        pick = self.random
        for _ in range(pick.randint(1, 4)):
            at = pick.randrange(len(data) + 1)
            size = pick.choice((1, 1, 1, 2, 4, 16))
            way = pick.randrange(6)
            if way == 0:
                data = data[:at] + pick.randbytes(size) + data[at + size :]
            elif way == 1:
                data = data[:at] + data[at + size :]
            elif way == 2:
                data = data[:at] + data[at : at + size] * 2 + data[at + size :]
            elif way == 3:
                data = data[:at] + bytes([pick.choice(_BARE)]) + data[at:]
            elif way == 4:
                other = pick.choice(self.pickles)
                start = pick.randrange(len(other) + 1)
                data = data[:at] + other[start : start + 60] + data[at:]
            else:
                data = data[:at] + self.piece() + data[at:]
            data = data[: 3 * _LARGEST_SEED]
        return data

    def program(self) -> bytes:
        """A stream of opcodes that often make sense together."""
        header = self.random.choice((b"", *(bytes([0x80, version]) for version in range(6))))
        pieces = [self.piece() for _ in range(self.random.randint(1, 14))]
        return header + b"".join(pieces) + b"."

    def piece(self) -> bytes:
        """An opcode, or a few that belong together."""
        pick = self.random
        way = pick.randrange(14)
        module, name = pick.choice(_NAMES)
        text = pick.choice(("echo", "os", "system", "latin1", "x", "__class__", module, name))
        if way < 3:
            return f"c{module}\n{name}\n".encode()
        if way == 3:
            return self.text(module) + self.text(name) + b"\x93"
        if way == 4:
            return self.text(text)
        if way == 5:
            return pick.choice((b"(", b")", b"}", b"]")) + pick.choice((b"R", b"\x81", b"b", b"t"))
        if way == 6:
            return self.text(text) + b"\x85R"
        if way == 7:
            return pick.choice((b"q", b"h")) + bytes([pick.randrange(4)])
        if way == 8:
            return pick.choice((f"p{pick.randrange(4)}\n", f"g{pick.randrange(4)}\n")).encode()
        if way == 9:
            return f"(i{module}\n{name}\n".encode()
        if way == 10:
            return b"\x95" + struct.pack("<Q", pick.choice((0, 1, 5, 20, 100)))
        if way == 11:
            inner = bytes([0x80, 2]) + self.bytes_of(pick.choice(self.pickles))[:200]
            return b"B" + struct.pack("<I", len(inner)) + inner
        if way == 12:
            return pick.choice((b"\x82\x01", b"Q", b"Px\n", b"I01\n", b"K\x05", b"\x97", b"\x98"))
        return bytes([pick.choice(_BARE)])

    def text(self, value: str) -> bytes:
        """A text in one of the ways to write it."""
        raw = value.encode()
        way = self.random.randrange(5)
        if way == 0:
            return b"X" + struct.pack("<I", len(raw)) + raw
        if way == 1:
            return b"V" + raw + b"\n"
        if way == 2:
            return b"S'" + raw + b"'\n"
        if way == 3:
            return b"U" + bytes([len(raw)]) + raw
        return b"\x8c" + bytes([len(raw)]) + raw

    def fields(self, data: bytes) -> bytes:
        """An archive with one field of one record changed."""
        pick = self.random
        signature, size = pick.choice(((b"PK\1\2", 46), (b"PK\3\4", 30), (b"PK\5\6", 22)))
        which = pick.randrange(max(data.count(signature), 1))
        value = pick.choice(
            (b"\0", b"\1", b"\x08", b"\xff", b"\xff\xff\xff\xff", pick.randbytes(2))
        )
        return patch(data, signature, pick.randrange(4, size), value, which)


def inert(events: list[list[str]], container: str) -> bool:
    """Whether the only events are imports by a text, of modules that no attack uses."""
    return container == "text" and all(
        kind == "reference" and gadget(module.strip("'"), name.strip("'")) is None
        for kind, module, name, _ in events
    )


class Run:
    """Counts what happens."""

    def __init__(self, oracle: Oracle, policy: Policy) -> None:
        self.oracle, self.policy = oracle, policy
        self.verdicts: collections.Counter[str] = collections.Counter()
        self.reached: collections.Counter[str] = collections.Counter()
        self.misses: list[dict[str, object]] = []
        self.crashes: list[dict[str, object]] = []
        self.lost = self.hangs = self.count = 0
        self.scan_s = self.slowest_s = 0.0

    def check(self, data: bytes) -> None:
        """Scans and loads one file."""
        self.count += 1
        begin = time.perf_counter()
        try:
            found = scan_source("mutant", BytesSource(data), self.policy)
        except Exception as error:
            self.crashes.append({"error": repr(error), "data": data.hex()})
            return
        took = time.perf_counter() - begin
        self.scan_s += took
        self.slowest_s = max(self.slowest_s, took)
        self.hangs += took > _HANG_S
        self.verdicts[found.verdict.word] += 1
        events = self.oracle.events(data)
        if events is None:
            self.lost += 1
            return
        least = must_be(events)
        self.reached[least] += 1
        said = ORDER.index(found.verdict.word)
        if said < ORDER.index(least) and not inert(events, found.container):
            self.misses.append({"said": found.verdict.word, "events": events, "data": data.hex()})

    def summary(self) -> dict[str, object]:
        """The figures."""
        return {
            "mutants": self.count, "misses": len(self.misses), "crashes": len(self.crashes),
            "hangs": self.hangs, "oracle lost": self.lost, "said": dict(self.verdicts),
            "reached": dict(self.reached), "scan seconds": round(self.scan_s, 1),
            "slowest scan seconds": round(self.slowest_s, 3),
            "peak MB of the scanning process": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10,
        }  # fmt: skip


def main() -> None:
    """Runs and prints the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mutants", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--report", type=Path)
    parser.add_argument("--seeds", type=Path, help="an archive of seeds, made on the first run")
    options = parser.parse_args()
    run = Run(Oracle(), load_policy())
    mutator = Mutator(_seeds(options.seeds), random.Random(options.seed))
    begin = time.monotonic()
    for number in range(options.mutants):
        try:
            run.check(mutator.mutant())
        except ValueError:
            continue  # the archive has no such record
        if number % 5000 == 0:
            print(number, len(run.misses), round(time.monotonic() - begin), file=sys.stderr)
    run.oracle.close()
    figures = run.summary() | {"seed": options.seed, "seconds": round(time.monotonic() - begin)}
    print(json.dumps(figures, indent=2))
    if options.report:
        options.report.write_text(json.dumps(
            figures | {"missed": run.misses[:50], "crashed": run.crashes[:50]}, indent=1))  # fmt: skip
    sys.exit(bool(run.misses or run.crashes or run.hangs))


def small_samples() -> list[bytes]:
    """The corpus' small files."""
    from tests.checkpoint import corpus

    samples = [*corpus.attacks(), *corpus.good()]
    return [sample.data for sample in samples if 0 < len(sample.data) <= _LARGEST_SEED]


def _seeds(path: Path | None) -> list[bytes]:
    """The small files; kept in an archive so that torch need not be imported here."""
    if path is not None and path.exists():
        with zipfile.ZipFile(path) as archive:
            return [archive.read(name) for name in archive.namelist()]
    seeds = small_samples()
    if path is not None:
        path.write_bytes(make_zip({f"{number}": seed for number, seed in enumerate(seeds)}))
    return seeds


if __name__ == "__main__":
    main()
