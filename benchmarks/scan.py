"""How long a scan takes beside other scanners: a large checkpoint, many small files, a UI's folder.

    python benchmarks/scan.py [--runs N] [--folder DIR]

Run it with the Python of an environment that has sdops, torch, picklescan, modelscan and fickling.
To reach, of picklescan's: half of the time on the checkpoint, 0.6 of it on 2000 small files, twice
its processor time on a tree of 20,000 files with 20 models; and 40 MB. The last column is the wall
time over picklescan's. fickling's command reads plain pickles only, so it gets the checkpoint's.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import zipfile
from collections import OrderedDict
from pathlib import Path

from measure import compare

TENSORS = 1131
ELEMENTS = 940_000
SMALL_FILES = 2000
TREE_FOLDERS, TREE_FILES, TREE_MODELS = 400, 50, 20
_SUFFIXES = (
    ".py",
    ".js",
    ".png",
    ".txt",
    ".json",
    ".md",
    ".pyc",
    ".html",
    ".css",
    ".yaml",
    ".so",
    "",
)
LOAD = (
    "import pathlib, sys, torch\n"
    "for path in map(pathlib.Path, sys.argv[1:]):\n"
    "    for file in sorted(path.iterdir()) if path.is_dir() else [path]:\n"
    "        torch.load(file, weights_only=True, mmap=file.stat().st_size > 1e9)\n"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--folder", type=Path, help="where the files are kept between runs")
    parser.add_argument("--make", type=Path, help="only make the files, in this folder")
    options = parser.parse_args()
    if options.make:
        make_files(options.make)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        # In a process of its own: a child's peak memory starts from its parent's.
        subprocess.run([sys.executable, __file__, "--make", str(folder)], check=True)
        large, small, pickle = folder / "large.ckpt", folder / "small", folder / "data.pkl"
        compare(commands(large, pickle), options.runs)
        compare(commands(small, None), options.runs)
        tree = commands(folder / "tree", None)
        del tree["torch.load(weights_only)"]  # which cannot walk
        compare(tree, options.runs)


def commands(path: Path, pickle: Path | None) -> dict[str, list[str]]:
    """Each scanner's command for `path`, picklescan's last."""
    tools = Path(sys.executable).parent
    found = {
        "sdops scan --json": [
            sys.executable, "-m", "sdops", "scan", str(path), "--json", "--no-cache"],
        "sdops scan": [sys.executable, "-m", "sdops", "scan", str(path), "--no-cache"],
        "modelscan": [str(tools / "modelscan"), "-p", str(path)],
        "torch.load(weights_only)": [sys.executable, "-c", LOAD, str(path)],
    }  # fmt: skip
    if pickle is not None:
        found["fickling --check-safety"] = [
            str(tools / "fickling"), "--check-safety", str(pickle),
            "--json-output", "/dev/null"]  # fmt: skip
    return found | {"picklescan": [str(tools / "picklescan"), "-p", str(path)]}


def make_files(folder: Path) -> None:
    """A checkpoint of 2 GB, a folder of small ones, and the large one's pickle."""
    import torch

    large, small, pickle = folder / "large.ckpt", folder / "small", folder / "data.pkl"
    if not large.exists():
        names = (f"model.diffusion_model.input_blocks.{number}.1.transformer_blocks.0.attn1.to_q"
                 ".weight" for number in range(TENSORS))  # fmt: skip
        state = OrderedDict((name, torch.zeros(ELEMENTS, dtype=torch.float16)) for name in names)
        torch.save({"state_dict": state, "global_step": 1}, large)
    small.mkdir(parents=True, exist_ok=True)
    for number in range(SMALL_FILES):
        path = small / f"lora-{number}.pt"
        if not path.exists():
            names = (f"lora_unet_{place}.lora_up.weight" for place in range(10 + number % 20))
            state = OrderedDict((name, torch.zeros(4, 4)) for name in names)
            torch.save(state, path, _use_new_zipfile_serialization=bool(number % 3))
    make_tree(folder / "tree")
    with zipfile.ZipFile(large) as archive:
        pickle.write_bytes(archive.read("large/data.pkl"))


def make_tree(root: Path) -> None:
    """A UI's folder: 20,000 programs, pictures and texts, and 20 models."""
    import torch

    models = root / "models"
    models.mkdir(parents=True, exist_ok=True)
    for number in range(TREE_FOLDERS):
        folder = root / f"part-{number % 20}" / f"folder-{number}"
        folder.mkdir(parents=True, exist_ok=True)
        for place in range(TREE_FILES):
            suffix = _SUFFIXES[(number + place) % len(_SUFFIXES)]
            (folder / f"file-{place}{suffix}").write_bytes(b"some text here\n" * 3)
    for number in range(TREE_MODELS):
        state = {f"layer.{place}": torch.zeros(4, 4) for place in range(20)}
        torch.save(state, models / f"model-{number}.pt")


if __name__ == "__main__":
    main()
