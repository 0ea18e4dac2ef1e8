"""A small ComfyUI tree with a Python and custom nodes, as facts that the doctor would see."""

from __future__ import annotations

from pathlib import Path

from sdops.facts import python_env, sources, ui
from sdops.facts.types import Facts, Host
from tests import pythons

MODULES = {
    "main.py": "import execution\nimport server\n",
    "execution.py": "import torch\n",
    "server.py": "import aiohttp\nimport folder_paths\n",
    "nodes.py": "import torch\nNODE_CLASS_MAPPINGS = {}\nMAX_RESOLUTION = 16384\n",
    "folder_paths.py": "def get_filename_list(folder_name): ...\n",
    "comfyui_version.py": '__version__ = "0.3.64"\n',
    "requirements.txt": "torch\naiohttp>=3.11.8\nnumpy>=1.25.0\n",
    "comfy/cli_args.py": "",
    "comfy/utils.py": (
        "def load_torch_file(ckpt, safe_load=False, device=None): ...\n"
        "class ProgressBar:\n    def __init__(self, total): ...\n"
    ),
    "comfy/samplers.py": "try:\n    import fast\nexcept ImportError:\n    fast = None\n"
    "class KSampler:\n    pass\n",
    "comfy/lazy.py": "def __getattr__(name): ...\n",
    "comfy/ldm/attention.py": "from comfy.samplers import *\n"
    "def optimized(q, k, v, heads, *, mask): ...\n",
}


class Comfy:
    """One tree that a test changes before it is looked at."""

    def __init__(self, root: Path, python: str = "3.12.9") -> None:
        self.root = root / "ComfyUI"
        for name, content in MODULES.items():
            pythons.text(self.root / name, content)
        self.site_packages = pythons.posix_venv(self.root / "venv", python)
        pythons.torch(self.site_packages, "2.9.1+cu130", "13.0")
        self.install("aiohttp", "3.12.0")
        self.install("numpy", "2.2.6")

    def install(self, name: str, version: str, module: str | None = None) -> None:
        """Installs a distribution with one module."""
        pythons.install(self.site_packages, name, version)
        pythons.text(self.site_packages / (module or name) / "__init__.py", "")

    def node(self, name: str, **files: str) -> Path:
        """A custom node; `init` stands for `__init__.py`, `requirements` for its list."""
        usual = {"init": "__init__.py", "requirements": "requirements.txt"}
        for key, content in files.items():
            file = usual.get(key, f"{key}.py")
            pythons.text(self.root / "custom_nodes" / name / file, content)
        return self.root / "custom_nodes" / name

    def facts(self) -> Facts:
        """What the doctor sees of it."""
        found = ui.look(self.root, None).value
        env = python_env.look(self.root / "venv").value
        host = Host("linux", "Ubuntu 24.04", "x86_64")
        return Facts("", host, python=env, ui=sources.look(found, env).value)
