"""How long the doctor takes, and how much memory: start-up, and a UI with 300 distributions.

    python benchmarks/doctor.py [--runs N]

Run it with the Python of an environment that has sdops installed. To reach: `--version` at most
1.5 times `import typer, rich`; the doctor under 1.5 s, never slower than `pip list` in the same
environment, and under 100 MB.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from measure import compare

DISTRIBUTIONS = 300


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    runs = parser.parse_args().runs
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # users have compiled files; the warm-up too
    python = sys.executable
    compare(
        {
            "sdops --version": [python, "-m", "sdops", "--version"],
            "import typer, rich": [python, "-c", "import typer, rich"],
        },
        runs,
    )
    with tempfile.TemporaryDirectory() as folder:
        ui = make_ui(Path(folder) / "stable-diffusion-webui")
        doctor = [python, "-m", "sdops", "doctor", str(ui), "--json"]
        pip = [str(ui / "venv" / "bin" / "python"), "-m", "pip", "list"]
        compare({"sdops doctor": doctor, "pip list": pip}, runs)


def make_ui(root: Path) -> Path:
    """An A1111 folder with a venv that holds pip and DISTRIBUTIONS invented packages."""
    (root / "modules").mkdir(parents=True)
    (root / "models" / "Stable-diffusion").mkdir(parents=True)
    for name in ("launch.py", "webui.py", "webui.sh", "modules/sd_models.py", "modules/shared.py"):
        (root / name).write_text("# marker\n")
    (root / "webui-user.sh").write_text('export COMMANDLINE_ARGS="--listen"\n')
    subprocess.run([sys.executable, "-m", "venv", root / "venv"], check=True)
    site = next((root / "venv" / "lib").glob("python*/site-packages"))
    for number in range(DISTRIBUTIONS):
        info = site / f"invented_{number}-1.{number}.dist-info"
        info.mkdir()
        requires = "".join(f"Requires-Dist: other-{n}>=1\n" for n in range(10))
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: invented-{number}\nVersion: 1.{number}\n{requires}\n"
            + "A description that nobody reads.\n" * 200
        )
        (info / "RECORD").write_text(f"invented_{number}/__init__.py,,\n" * 50)
        (info / "INSTALLER").write_text("pip\n")
    return root


if __name__ == "__main__":
    main()
