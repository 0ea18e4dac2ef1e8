"""How long `sdops info` takes for many headers, beside a bare reading of the same JSON.

    python benchmarks/identify.py FOLDER

FOLDER holds safetensors files. The reach: at most three times the bare reading, on two processes.
"""

from __future__ import annotations

import json
import struct
import sys
import time
from pathlib import Path

from sdops.checkpoint.identify.identity import identify
from sdops.checkpoint.open import open_checkpoint

REACH = 3.0
PROCESSES = 2


def main() -> None:
    """Prints what reading, opening and recognizing took, in seconds, and the ratio."""
    files = sorted(Path(sys.argv[1]).rglob("*.safetensors"))
    if not files:
        sys.exit(f"There are no safetensors files in {sys.argv[1]}.")
    identify(open_checkpoint(files[0]))  # the tables are read once
    begin = time.perf_counter()
    for file in files:
        with file.open("rb") as opened:
            (size,) = struct.unpack("<Q", opened.read(8))
            json.loads(opened.read(size))
    bare = time.perf_counter() - begin
    begin = time.perf_counter()
    checkpoints = [open_checkpoint(file) for file in files]
    opening = time.perf_counter() - begin
    begin = time.perf_counter()
    for checkpoint in checkpoints:
        identify(checkpoint)
    recognizing = time.perf_counter() - begin
    ratio = (opening + recognizing) / PROCESSES / bare
    print(f"{len(files)} headers: bare {bare:.2f} s, opened {opening:.2f} s, "
          f"recognized {recognizing:.2f} s")  # fmt: skip
    print(f"{ratio:.1f} times a bare reading on {PROCESSES} processes; the reach is {REACH:.1f}")


if __name__ == "__main__":
    main()
