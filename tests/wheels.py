"""Makes small wheels that pip installs like real ones."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path


def make_wheel(
    folder: Path, name: str, version: str, *, requires: Sequence[str] = (), cuda: str | None = None
) -> Path:
    """A wheel of `name` with a `version.py` as torch's has one."""
    stem = f"{name.replace('-', '_')}-{version}"
    path = folder / f"{stem}-py3-none-any.whl"
    metadata = [f"Name: {name}", f"Version: {version}", *(f"Requires-Dist: {r}" for r in requires)]
    with zipfile.ZipFile(path, "w") as wheel:
        package = name.replace("-", "_")
        build = f"__version__ = {version!r}\ncuda = {cuda!r}\nhip = None\n"
        wheel.writestr(f"{package}/__init__.py", f"__version__ = {version!r}\n")
        wheel.writestr(f"{package}/version.py", build)
        wheel.writestr(
            f"{stem}.dist-info/METADATA", "\n".join(["Metadata-Version: 2.1", *metadata, ""])
        )
        wheel.writestr(
            f"{stem}.dist-info/WHEEL",
            "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        wheel.writestr(f"{stem}.dist-info/RECORD", "")
    return path
