"""Convert and prune against cp and against torch, side by side in one run.

    python benchmarks/convert.py [--gigabytes 3.4] [--runs 5] [--folder /big/disk] [--cold]

Needs torch and safetensors in the running Python, and about six times the checkpoint's size on the
disk. Every run begins with the source in the page cache (with --cold, on the disk alone, as a model
is that was not used since the machine started), its results removed and nothing remembered. With
metadata the source's sha256 is taken, beside the copying: those rows say how fast the processor
hashes. To reach, as ratios of the medians: convert at most 1.3 cp and 0.5 torch-mmap; prune EMA
keeping the type at most 0.8 cp; to bf16 2.2 cp, to fp16 2.8 cp, and 0.75 torch-mmap; at most 40 MB
copying, 90 MB casting.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from measure import Run, once

NAMES = 1131
TORCH_LOAD = """
import sys, torch
from safetensors.torch import save_file
state = torch.load(sys.argv[1], mmap={mmap}, weights_only=True)["state_dict"]
live = {{k: v for k, v in state.items() if not k.startswith("model_ema.")}}
if sys.argv[3] != "all":
    for name in list(live):
        average = "model_ema." + name[len("model."):].replace(".", "")
        live[name] = state.get(average, live[name]) if name.startswith("model.") else live[name]
    state = live
if sys.argv[3] in ("float16", "bfloat16"):
    state = {{k: v.to(getattr(torch, sys.argv[3])) for k, v in state.items()}}
save_file({{k: v.contiguous() for k, v in state.items()}}, sys.argv[2])
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gigabytes", type=float, default=3.4, help="of the live weights")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--folder", type=Path, default=None)
    parser.add_argument("--cold", action="store_true", help="read the source from the disk")
    parser.add_argument("--make", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--average", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.make:
        make_checkpoint(options.make, options.gigabytes, average=options.average)
        return
    prepare = _cool if options.cold else _warm
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        plain = make_apart(folder / "plain.ckpt", options.gigabytes, "plain")
        measure("convert, fp32 zip", plain, folder, options.runs, {"keep": "all"}, prepare)
        plain.unlink()
        trained = make_apart(folder / "trained.ckpt", options.gigabytes / 2, "average")
        wanted = {"keep": "average", "bf16": "bfloat16", "fp16": "float16"}
        measure("prune EMA", trained, folder, options.runs, wanted, prepare)


def make_apart(path: Path, gigabytes: float, kind: str) -> Path:
    """As make_checkpoint, in a process of its own: a child inherits its parent's peak memory."""
    argv = [sys.executable, __file__, "--make", str(path), "--gigabytes", str(gigabytes)]
    subprocess.run([*argv, "--average"] if kind == "average" else argv, check=True)
    return path


def make_checkpoint(path: Path, gigabytes: float, *, average: bool) -> Path:
    """A float32 checkpoint of NAMES tensors of mixed sizes, with a second set if `average`."""
    import torch

    torch.manual_seed(0)
    total = int(gigabytes * 1e9 / 4)
    shares = [1 + (number * 7919) % 97 for number in range(NAMES)]
    sizes = [max(1, total * share // sum(shares)) for share in shares]
    names = [f"model.diffusion_model.input_blocks.{number}.weight" for number in range(NAMES)]
    state = {n: torch.randn(size) * 0.02 for n, size in zip(names, sizes, strict=True)}
    if average:
        averages = {f"model_ema.{n[6:].replace('.', '')}": t * 0.999 for n, t in state.items()}
        state.update(averages)
    torch.save({"state_dict": state, "global_step": 1}, path)
    return path


def measure(
    title: str,
    source: Path,
    folder: Path,
    runs: int,
    wanted: Mapping[str, str],
    prepare: Callable[[Path], None],
) -> None:
    target = folder / "result.safetensors"
    sdops = [sys.executable, "-m", "sdops"]
    torch_way = [sys.executable, "-c"]
    command = "convert" if "all" in wanted.values() else "prune"
    commands = {"cp": ["cp", str(source), str(target)]}
    for word, meaning in wanted.items():
        own = [*sdops, command, str(source), str(target), "--dtype", word, "--json"]
        commands[f"sdops {word}"] = own
        commands[f"sdops {word}, --no-metadata"] = [*own, "--no-metadata"]
        commands[f"sdops {word}, unverified too"] = [*own, "--no-metadata", "--no-verify"]
        for mmap in (True, False):
            script = TORCH_LOAD.format(mmap=mmap)
            label = f"torch{' mmap' if mmap else ''} {word}"
            commands[label] = [*torch_way, script, str(source), str(target), meaning]
    print(f"\n## {title}: {source.stat().st_size / 1e9:.2f} GB")
    taken = _interleaved(commands, source, target, runs, prepare)
    _table(taken)


def _interleaved(
    commands: Mapping[str, list[str]],
    source: Path,
    target: Path,
    runs: int,
    prepare: Callable[[Path], None],
) -> dict[str, list[Run]]:
    taken: dict[str, list[Run]] = {name: [] for name in commands}
    cache = target.with_name("cache")
    names = list(commands)
    for number in range(runs):
        # In another order each time: what a run leaves behind in memory is the next one's start.
        for name in random.Random(number).sample(names, len(names)):
            argv = commands[name]
            target.unlink(missing_ok=True)
            shutil.rmtree(cache, ignore_errors=True)  # sdops remembers what it hashed
            os.sync()
            prepare(source)
            # What a result weighs counts when it is on the disk, not when it is in the cache.
            place = f"XDG_CACHE_HOME={cache}"
            run = once(["env", place, "sh", "-c", '"$@" && sync -f "$0"', str(target), *argv])
            if run.returncode != 0:
                raise SystemExit(f"{name} failed with {run.returncode}")
            taken[name].append(run)
    return taken


def _warm(path: Path) -> None:
    with path.open("rb", buffering=0) as file:
        while file.read(1 << 24):
            pass


def _cool(path: Path) -> None:
    with path.open("rb", buffering=0) as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _table(taken: Mapping[str, list[Run]]) -> None:
    reference = statistics.median(run.wall_s for run in taken["cp"])
    print(
        "\n| command | wall s: min, median, max | CPU s | peak MB | / cp |\n|---|---|---|---|---|"
    )
    for name, runs in taken.items():
        wall = sorted(run.wall_s for run in runs)
        middle = statistics.median(wall)
        cpu = statistics.median(run.cpu_s for run in runs)
        peak = max(run.peak_rss_mb for run in runs)
        print(
            f"| {name} | {wall[0]:.2f}, {middle:.2f}, {wall[-1]:.2f} | {cpu:.2f} | {peak:.0f}"
            f" | {middle / reference:.2f} |"
        )


if __name__ == "__main__":
    main()
