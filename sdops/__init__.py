"""sdops: finds out why Stable Diffusion does not work on a machine, and mends it."""

from pathlib import Path as _Path

# In a checkout, checks/ and profiles/ stand beside this package; installed, they are inside it.
_checkout = _Path(__file__).resolve().parent.parent
if (_checkout / "pyproject.toml").is_file() and (_checkout / "checks").is_dir():
    __path__.append(str(_checkout))
