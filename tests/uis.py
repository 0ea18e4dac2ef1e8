"""Makes folders that look like each user interface: its marker files, its launch files, its flags.

Every text here was written for these tests; only the names of files and of flags are the UIs' own.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.pythons import embedded, posix_venv, text

WEBUI_FLAGS = """
import argparse
from somewhere_else import data_path

parser = argparse.ArgumentParser()
parser.add_argument("-f", action='store_true', help=argparse.SUPPRESS)
parser.add_argument("--listen", action='store_true', help="answer on all addresses")
parser.add_argument("--port", type=int, default=None, help="port to listen on")
parser.add_argument("--medvram", action='store_true', help="save memory")
parser.add_argument("--xformers", action='store_true')
parser.add_argument("--no-half-vae", action='store_true')
parser.add_argument("--precision", type=str, choices=["full", "half", "autocast"],
                    default="autocast")
parser.add_argument("--use-cpu", nargs='+', default=[], type=str.lower)
parser.add_argument("--ckpt-dir", type=str, default=None)
parser.add_argument("--gradio-auth", type=str, default=None)
parser.add_argument("--theme", type=str, default=data_path / "x")
parser.add_argument("--enable-insecure-extension-access", action='store_true')
"""

FORGE_FLAGS = """
import argparse
parser = argparse.ArgumentParser()
group = parser.add_mutually_exclusive_group()
group.add_argument("--always-gpu", action="store_true")
group.add_argument("--always-low-vram", action="store_true")
parser.add_argument("--cuda-malloc", action="store_true")
args = parser.parse_known_args()[0]
"""

COMFYUI_FLAGS = '''
import argparse, enum

class EnumAction(argparse.Action):
    pass

parser = argparse.ArgumentParser()
parser.add_argument("--listen", type=str, default="127.0.0.1", nargs="?", const="0.0.0.0,::")
parser.add_argument("--port", type=int, default=8188)
parser.add_argument("--preview-method", default="none", action=EnumAction)
memory = parser.add_mutually_exclusive_group()
memory.add_argument("--lowvram", action="store_true")
memory.add_argument("--cpu", action="store_true", help="""Use the processor
    for everything.""")
parser.add_argument("--windows-standalone-build", action="store_true")
parser.add_argument("--enable-cors-header", nargs="?", const="*")
parser.add_argument("--base-directory", type=str)
'''

WEBUI_USER_SH = """#!/bin/bash
# Change the variables below.

#python_cmd="python3"
#venv_dir="venv"
#export COMMANDLINE_ARGS="--medvram"
"""

WEBUI_USER_BAT = """@echo off\r
\r
set PYTHON=\r
set GIT=\r
set VENV_DIR=\r
set COMMANDLINE_ARGS=\r
\r
call webui.bat\r
"""


def a1111(root: Path) -> Path:
    """The AUTOMATIC1111 web UI, as a checkout leaves it."""
    for name in ("launch.py", "webui.py", "modules/shared.py", "webui.sh", "webui.bat"):
        text(root / name, "# made for a test\n")
    text(root / "modules" / "cmd_args.py", WEBUI_FLAGS)
    text(root / "extensions-builtin" / "Lora" / "preload.py",
         'def preload(parser):\n    parser.add_argument("--lora-dir", type=str)\n')  # fmt: skip
    text(root / "webui-user.sh", WEBUI_USER_SH)
    text(root / "webui-user.bat", WEBUI_USER_BAT)
    text(root / "webui-macos-env.sh",
         'export COMMANDLINE_ARGS="--skip-torch-cuda-test --no-half-vae"\n')  # fmt: skip
    text(root / "CHANGELOG.md", "## 1.10.1\n\n### Bug Fixes:\n* one\n\n## 1.10.0\n")
    text(root / "requirements_versions.txt", "setuptools==69.5.1\nnumpy==1.26.2\ntorch\n")
    for folder in ("models/Stable-diffusion", "models/VAE", "embeddings", "extensions"):
        (root / folder).mkdir(parents=True)
    return root


def forge(root: Path) -> Path:
    """Stable Diffusion WebUI Forge."""
    a1111(root)
    text(root / "modules_forge" / "forge_version.py", "version = 'f2.0.1v1.10.1'\n")
    text(root / "backend" / "args.py", FORGE_FLAGS)
    return root


def reforge(root: Path) -> Path:
    """Stable Diffusion WebUI reForge."""
    a1111(root)
    text(root / "modules_forge" / "forge_version.py", "version = '1.0.0'\n")
    text(root / "ldm_patched" / "modules" / "args_parser.py", FORGE_FLAGS)
    text(root / "README.md", "# Stable Diffusion WebUI Forge/reForge\n")
    return root


def sdnext(root: Path) -> Path:
    """SD.Next."""
    for name in ("launch.py", "webui.py", "modules/shared.py", "webui.sh", "webui.bat"):
        text(root / name, "# made for a test\n")
    text(root / "modules" / "cmd_args.py", WEBUI_FLAGS.replace("parser.add", "group.add"))
    text(root / "installer.py",
         "def add_args(parser):\n"
         "    parser.add_argument('--use-rocm', default=False, action='store_true')\n")  # fmt: skip
    text(root / "CHANGELOG.md", "# Change Log for SD.Next\n\n## Update for 2025-06-30\n")
    text(root / "requirements.txt", "numpy==2.1.2\n")
    text(root / "sdnext.log", "made for a test\n")
    (root / "models" / "Stable-diffusion").mkdir(parents=True)
    return root


def comfyui(root: Path) -> Path:
    """ComfyUI, as a checkout leaves it."""
    for name in ("main.py", "nodes.py", "execution.py", "folder_paths.py"):
        text(root / name, "# made for a test\n")
    text(root / "comfy" / "cli_args.py", COMFYUI_FLAGS)
    text(root / "comfyui_version.py", '# made for a test\n__version__ = "0.3.50"\n')
    text(root / "requirements.txt", "torch\ntorchvision\nnumpy>=1.25.0\n# a comment\n")
    for folder in ("models/checkpoints", "models/loras", "models/vae", "custom_nodes", "input"):
        (root / folder).mkdir(parents=True)
    return root


def comfyui_portable(package: Path) -> Path:
    """The portable ComfyUI for Windows; gives the package's folder."""
    comfyui(package / "ComfyUI")
    embedded(package / "python_embeded")
    start = ".\\python_embeded\\python.exe -s ComfyUI\\main.py --windows-standalone-build"
    text(package / "run_nvidia_gpu.bat", f"{start}\r\npause\r\n")
    text(package / "run_cpu.bat", f"{start} --cpu\r\npause\r\n")
    return package


def comfyui_desktop(root: Path) -> Path:
    """The data folder of the ComfyUI desktop application."""
    for folder in ("models/checkpoints", "custom_nodes", "input", "output"):
        (root / folder).mkdir(parents=True)
    flags = '{"Comfy.Server.LaunchArgs": {"lowvram": "", "port": "8001"}, "Comfy.Other": 1}'
    text(root / "user" / "default" / "comfy.settings.json", flags)
    posix_venv(root / ".venv")
    return root


def invokeai(root: Path) -> Path:
    """The root folder of an InvokeAI that pip installed into its `.venv`."""
    text(root / "invokeai.yaml",
         "# Internal metadata - do not edit:\nschema_version: 4.0.2\n\n"
         "# Put user settings here:\nhost: 0.0.0.0  # everywhere\nport: 9091\n"
         "precision: float16\nmodels_dir: my models\nallow_origins:\n- http://one\n- http://two\n"
         )  # fmt: skip
    site_packages = posix_venv(root / ".venv", "3.11.9")
    text(site_packages / "invokeai-5.6.0.dist-info" / "METADATA",
         "Metadata-Version: 2.1\nName: InvokeAI\nVersion: 5.6.0\n\n")  # fmt: skip
    for folder in ("databases", "my models", "models", "nodes"):
        (root / folder).mkdir()
    return root


def kohya(root: Path) -> Path:
    """kohya_ss."""
    text(root / "kohya_gui.py",
         "import argparse\nparser = argparse.ArgumentParser()\n"
         "parser.add_argument('--listen', type=str, default='127.0.0.1')\n"
         "parser.add_argument('--server_port', type=int, default=0)\n"
         "parser.add_argument('--headless', action='store_true')\n")  # fmt: skip
    text(root / "kohya_gui" / "common_gui.py", "# made for a test\n")
    text(root / "setup" / "setup_common.py", "# made for a test\n")
    text(root / ".release", "v24.1.7")
    text(root / "gui-user.bat", "@echo off\r\ncall gui.bat --listen 0.0.0.0 --headless\r\n")
    text(root / "requirements.txt", "gradio==5.4.0\n")
    return root


def lora_scripts(root: Path) -> Path:
    """lora-scripts."""
    text(root / "gui.py",
         'import argparse\nparser = argparse.ArgumentParser()\n'
         'parser.add_argument("--host", type=str, default="127.0.0.1")\n'
         'parser.add_argument("--port", type=int, default=28000)\n')  # fmt: skip
    text(root / "mikazuki" / "app.py", "# made for a test\n")
    start = 'export HF_HOME=huggingface\npython gui.py --host 0.0.0.0 "$@"\n'
    text(root / "run_gui.sh", f"#!/bin/bash\n{start}")
    text(root / "requirements.txt", "accelerate==0.25.0\n")
    (root / "sd-models").mkdir()
    return root


def a1111_amdgpu(root: Path) -> Path:
    """The edition of A1111's web UI for AMD GPUs."""
    a1111(root)
    text(root / "modules" / "dml" / "__init__.py", "")
    return root


def forge_neo(root: Path) -> Path:
    """Forge Neo."""
    a1111(root)
    text(root / "modules_forge" / "forge_version.py", 'version = "neo"\nrelease = "2.22"\n')
    text(root / "requirements.txt", "numpy==2.3.5\ntorch\n")
    return root


def forge_classic(root: Path) -> Path:
    """Forge Classic."""
    a1111(root)
    text(root / "modules_forge" / "forge_version.py", 'version = "classic"\n')
    text(root / "requirements.txt", "numpy==1.26.4\ntorch\n")
    return root


def fooocus(root: Path) -> Path:
    """Fooocus."""
    for name in ("launch.py", "webui.py", "entry_with_update.py"):
        text(root / name, "# made for a test\n")
    text(root / "fooocus_version.py", "version = '2.5.5'\n")
    text(root / "args_manager.py", 'parser.add_argument("--share", action="store_true")\n')
    text(root / "ldm_patched" / "modules" / "args_parser.py",
         'parser.add_argument("--listen", type=str, nargs="?", const="0.0.0.0")\n'
         'parser.add_argument("--port", type=int)\n'
         'parser.add_argument("--always-cpu", action="store_true")\n')  # fmt: skip
    text(root / "requirements_versions.txt", "numpy==1.26.4\n")
    (root / "models" / "checkpoints").mkdir(parents=True)
    return root


def onetrainer(root: Path) -> Path:
    """OneTrainer."""
    for folder in ("modules/trainer", "modules/modelLoader", "training_presets", "models"):
        (root / folder).mkdir(parents=True)
    text(root / "scripts" / "train_ui.py", "# made for a test\n")
    text(
        root / "start-ui.sh", "source lib.include.sh\nrun_python_in_active_env scripts/train_ui.py"
    )
    text(root / "requirements-global.txt", "numpy==2.2.6\n")
    text(root / "requirements-cuda.txt", "torch==2.12.0+cu130\n")
    return root


def ai_toolkit(root: Path) -> Path:
    """AI Toolkit."""
    for folder in ("toolkit", "jobs", "extensions_built_in"):
        (root / folder).mkdir(parents=True)
    text(root / "run.py", "# made for a test\n")
    text(root / "version.py", 'VERSION = "0.12.26"\n')
    text(root / "requirements.txt", "-r requirements_base.txt\nscipy==1.12.0\n")
    text(root / "requirements_base.txt", "safetensors\n")
    return root


def easy_diffusion(root: Path) -> Path:
    """Easy Diffusion, installed."""
    (root / "ui" / "easydiffusion").mkdir(parents=True)
    text(root / "scripts" / "on_env_start.sh", "# made for a test\n")
    text(root / "start.sh", "# made for a test\n")
    text(root / "config.yaml", "net:\n  listen_port: 9001\n  listen_to_network: true\n")
    (root / "models" / "stable-diffusion").mkdir(parents=True)
    return root


def sd_scripts(root: Path) -> Path:
    """sd-scripts alone."""
    for name in ("train_network.py", "library/train_util.py", "networks/lora.py"):
        text(root / name, "# made for a test\n")
    text(root / "requirements.txt", "transformers==4.54.1\n-e .\n")
    text(root / "setup.py", 'from setuptools import setup\nsetup(name="library")\n')
    return root


def swarmui(root: Path) -> Path:
    """SwarmUI with the ComfyUI that it installed."""
    text(root / "src" / "SwarmUI.csproj", "<Project>\n<Version>0.9.8.2</Version>\n</Project>\n")
    text(root / "launchtools" / "comfy-install-linux.sh", "# made for a test\n")
    comfyui(root / "dlbackend" / "ComfyUI")
    (root / "Models" / "Stable-Diffusion").mkdir(parents=True)
    return root


BUILDERS: dict[str, Callable[[Path], Path]] = {
    "a1111": a1111,
    "forge": forge,
    "reforge": reforge,
    "sdnext": sdnext,
    "comfyui": comfyui,
    "invokeai": invokeai,
    "kohya": kohya,
    "lora-scripts": lora_scripts,
    "a1111-amdgpu": a1111_amdgpu,
    "forge-neo": forge_neo,
    "forge-classic": forge_classic,
    "fooocus": fooocus,
    "onetrainer": onetrainer,
    "ai-toolkit": ai_toolkit,
    "easy-diffusion": easy_diffusion,
    "sd-scripts": sd_scripts,
    "swarmui": swarmui,
}
"""Each kind's usual layout."""
