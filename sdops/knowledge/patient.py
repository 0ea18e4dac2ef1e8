"""What most checks of the patient's Python ask first, and when there is nothing for them to judge.

All functions raise `Skip` with the reason in plain words where an earlier cause explains it all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sdops.errors import Skip
from sdops.facts.types import Facts, Gpu, PythonEnv, TorchBuild
from sdops.knowledge.ui_environments import environment, uses

TRANSLATORS = ("torch-directml", "intel-extension-for-pytorch", "torch-npu", "zluda")
"""Distributions that give a CPU or CUDA build of torch a GPU that it has no kernels for."""


def python_of(facts: Facts) -> PythonEnv:
    """The patient's Python, whose base still exists."""
    gap = next((gap for gap in facts.gaps if gap.fact == "python"), None)
    if facts.python is None or gap is not None:
        raise Skip(gap.reason if gap else "There is no Python environment to look at.")
    if facts.python.base_exists is False:
        raise Skip("The Python that this environment was made from is gone.")
    return facts.python


def installed(facts: Facts) -> PythonEnv:
    """The patient's Python, whose installed distributions could be read."""
    python = python_of(facts)
    gap = facts.gap("python.distributions")
    if gap is not None:
        raise Skip(gap.reason)
    return python


def torch_of(facts: Facts) -> TorchBuild:
    """The installed torch."""
    python = python_of(facts)
    if python.torch is None:
        gap = facts.gap("python.torch")
        raise Skip(gap.reason if gap else "torch is not installed.")
    return python.torch


def cards_of(facts: Facts, vendor: str) -> tuple[Gpu, ...]:
    """The GPUs of `vendor` that programs may use."""
    return tuple(card for card in facts.visible_gpus if card.vendor == vendor)


def wants_gpu(facts: Facts) -> None:
    """Goes on only if the UI is not told to do without official GPU support.

    That is, not told to compute on the processor, nor to use a GPU through DirectML, ZLUDA, IPEX
    or the like, with which the torch build tells nothing.
    """
    if facts.ui is not None:
        wanted = environment(facts.ui.kind)
        if wanted is not None and uses(facts.ui, wanted.cpu):
            raise Skip("The UI is told to compute on the processor.")
        if wanted is not None and uses(facts.ui, wanted.other_backends):
            raise Skip("The UI is told to use the GPU by another way than torch's own.")
    if facts.python is not None:
        for name in TRANSLATORS:
            if facts.python.distribution(name) is not None:
                raise Skip(f"{name} is installed and gives torch its GPU.")


def lacks_gpu(facts: Facts) -> None:
    """Goes on only if the UI wants a GPU, and torch was not seen to have one (`--deep`).

    What torch does when it is run counts more than any table.
    """
    wants_gpu(facts)
    if facts.deep is not None and facts.deep.cuda_available:
        raise Skip("torch was run, and it found a GPU.")


def lost_in_container(facts: Facts) -> bool:
    """Whether this container was given its GPUs and has lost them since.

    The driver's library is there and says "Unknown Error": the host's systemd was reloaded, and
    took the device files' permissions away (NVIDIA/nvidia-container-toolkit issues 48 and 1227).
    """
    driver = facts.driver("nvidia")
    fault = (driver.fault or "") if driver else ""
    return facts.host.container is not None and "unknown error" in fault.lower()


def deep_messages(facts: Facts) -> Iterator[str]:
    """What torch itself said when it was really run (`--deep`): the texts of its errors."""
    if facts.deep is not None:
        texts = [facts.deep.cuda_error]
        texts += [probe.message for probe in facts.deep.imports]
        texts += [probe.message for probe in facts.deep.kernels]
        yield from filter(None, texts)


def said(facts: Facts, pattern: str) -> str | None:
    """The first of the deep probe's messages that `pattern` (ignoring case) is found in."""
    return next(
        (text for text in deep_messages(facts) if re.search(pattern, text, re.IGNORECASE)), None
    )


def kind_of(build: TorchBuild) -> str:
    """`cuda`, `rocm`, `xpu` or `cpu`."""
    if build.cuda:
        return "cuda"
    if build.hip:
        return "rocm"
    return "xpu" if build.xpu else "cpu"


def variant_of(build: TorchBuild) -> str:
    """The name of the index that a build came from: `cu121`, `rocm6.2.4`, `cpu`.

    The local label of its version tells; without one, what it was built for does.
    """
    label = build.version.partition("+")[2]
    return label if re.fullmatch(r"cu\d+|rocm[\d.]+|xpu|cpu", label) else build.variant


def maker_of(build: TorchBuild) -> str | None:
    """Whose GPUs a build is for: `nvidia`, `amd`, `intel`; None for the processor's."""
    return {"cuda": "nvidia", "rocm": "amd", "xpu": "intel"}.get(kind_of(build))


def describe(build: TorchBuild) -> str:
    """`2.13.0 (CUDA 13.0 build)`."""
    version = build.version.partition("+")[0]
    kinds = {
        "cuda": f"CUDA {build.cuda} build",
        "rocm": f"ROCm {'.'.join((build.hip or '').split('.')[:2])} build",
        "xpu": "Intel XPU build",
        "cpu": "CPU build",
    }
    return f"{version} ({kinds[kind_of(build)]})"
