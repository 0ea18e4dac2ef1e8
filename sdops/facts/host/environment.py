"""The environment variables that change how Python, torch, GPUs, pip and the UIs behave."""

from __future__ import annotations

import re
from collections.abc import Mapping

_PREFIXES = (
    "CUDA", "CUDNN", "CUBLAS", "NVIDIA", "NCCL", "NSIGHT", "COMPUTE_", "OPENCL_PROFILE", "GPU_",
    "HIP_", "HSA_", "ROCR_", "ROCM", "AMD_", "MIOPEN", "HCC_", "ONEAPI", "ZE_", "SYCL", "IPEX",
    "INTEL_", "UR_", "PYTORCH", "TORCH", "TRITON", "XFORMERS", "FLASH_ATTENTION", "PYTHON",
    "VIRTUAL_ENV", "CONDA_", "PIP_", "UV_", "LD_", "DYLD_", "MALLOC_", "TCMALLOC", "GLIBC_",
    "OMP_", "MKL_", "KMP_", "OPENBLAS_", "NUMEXPR_", "HF_", "HUGGINGFACE", "TRANSFORMERS_",
    "DIFFUSERS_", "ACCELERATE_", "GRADIO_", "SD_", "COMFYUI_", "INVOKEAI_", "WSL_", "XDG_CACHE",
    "COMMANDLINE_ARGS", "GIT_", "REQUESTS_CA", "CURL_CA", "SSL_CERT", "NODE_EXTRA_CA",
    "STABLE_DIFFUSION_", "GFPGAN_", "CODEFORMER_", "BLIP_", "K_DIFFUSION_", "CLIP_PACKAGE",
    "OPENCLIP_PACKAGE", "NEO_",
)  # fmt: skip
_EXACT = frozenset(
    {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "FTP_PROXY", "NO_TCMALLOC", "VENV_DIR",
     "INSTALL_DIR", "CLONE_DIR", "LAUNCH_SCRIPT", "REQS_FILE", "INDEX_URL",
     "WEBUI_LAUNCH_LIVE_OUTPUT", "IGNORE_CMD_ARGS_ERRORS", "SAFETENSORS_FAST_GPU", "TEMP", "TMP",
     "TMPDIR", "LANG", "LC_ALL", "MESA_LOADER_DRIVER_OVERRIDE",
     "PROCESSOR_ARCHITEW6432", "MPLBACKEND", "GIT"}
)  # fmt: skip
_PERSONAL = re.compile(r"(?i)^GIT_(AUTHOR|COMMITTER)|^CONDA_PROMPT")


def relevant(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that matter here, sorted, credentials and all."""
    return {
        name: environment[name]
        for name in sorted(environment)
        if _matters(name.upper()) and not _PERSONAL.match(name)
    }


def _matters(name: str) -> bool:
    return name in _EXACT or name.startswith(_PREFIXES)
