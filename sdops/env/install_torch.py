"""Installs the torch that fits this machine into the Python that runs sdops.

The PyTorch index has a build for every kind of GPU. Where it cannot be reached, pip's default
index has to do: of the versions there, those count whose build fits as well.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

from sdops.env.plan import torch_for
from sdops.errors import SdopsError
from sdops.facts.credentials import hide_credentials
from sdops.facts.types import Facts, PythonEnv
from sdops.knowledge import torch_releases
from sdops.knowledge.torch_plan import TorchPlan
from sdops.programs import pip

CUDA_WHEELS = ("nvidia-", "cuda-")
"""How the names of NVIDIA's own packages begin, which a CUDA build of torch brings along."""
MIRROR = "SDOPS_TORCH_INDEX_URL"
"""Environment variable with a mirror of the PyTorch index, asked first; install.sh sets it too."""
_GB = 1e9


def install_torch(facts: Facts, say: Callable[[str], None]) -> None:
    """Installs torch into the environment in `facts`, unless one that fits is there already.

    Args:
        facts: this machine and the environment, which must be the one that runs sdops.
        say: is given lines of talk.

    Raises:
        SdopsError: no torch runs here, or none that fits is available.
    """
    chosen, refused = torch_for(facts)
    if chosen is None or facts.python is None:
        reason = " ".join(refused) or "There is no Python environment to install into."
        raise SdopsError(reason, "Everything else works without PyTorch: ./install.sh --no-torch")
    torch = facts.python.torch
    if torch is not None and _serves(torch.version, torch.variant, chosen.device, facts):
        return say("The PyTorch that is installed fits this machine.")
    for line in (*refused, f"PyTorch {chosen.torch} ({chosen.variant}): {chosen.reason}"):
        say(line)
    pip.install(facts.python.executable, _arguments(chosen, facts, facts.python, say))
    for note in chosen.notes:
        say(note)
    return None


def _serves(version: str, variant: str, device: str, facts: Facts) -> bool:
    """Whether torch `version` in the build `variant` computes on this machine's `device`."""
    public = torch_releases.public(version)
    chosen, _ = torch_for(facts, near=public, build=variant)
    return chosen is not None and (
        torch_releases.public(chosen.torch),
        chosen.variant,
        chosen.device,
    ) == (public, variant, device)


def _arguments(
    chosen: TorchPlan, facts: Facts, python: PythonEnv, say: Callable[[str], None]
) -> tuple[str, ...]:
    """What follows `pip install`: from the planned index if it answers, else the best elsewhere."""
    if chosen.index_url is None:
        return chosen.requirements(("torch",))
    labelled = chosen.torch if "+" in chosen.torch else f"{chosen.torch}+{chosen.variant}"
    for index in (*_mirrors(chosen.variant), chosen.index_url):
        planned = (f"torch{chosen.extra}=={labelled}", "--index-url", index)
        try:
            pip.would_fetch(python.executable, ("--no-deps", *planned))
        except pip.PipError as error:
            say(f"That build is not available from {hide_credentials(index)}: {error.message}")
        else:
            return planned
    say("Looking in pip's default index instead.")
    return _from_default_index(chosen, facts, python, say)


def _mirrors(variant: str) -> tuple[str, ...]:
    """The user's own mirror of the PyTorch index, with a folder a build as there."""
    mirror = os.environ.get(MIRROR, "").rstrip("/")
    if not mirror:
        return ()
    return (mirror if mirror.endswith(f"/{variant}") else f"{mirror}/{variant}",)


def _from_default_index(
    chosen: TorchPlan, facts: Facts, python: PythonEnv, say: Callable[[str], None]
) -> tuple[str, ...]:
    offered = pip.offered(python.executable, "torch")
    for requirement in _fitting(offered, chosen.device, facts):
        arrivals = pip.would_install(python.executable, (requirement,))
        if chosen.device != "cpu" or not _with_cuda(arrivals):
            say(f"Taking {requirement} from pip's default index: it fits as well.")
            return (requirement,)
    if chosen.device != "cpu":
        raise SdopsError(
            f"pip's default index has no torch that fits this GPU ({chosen.variant} would).",
            f"Make {chosen.index_url} reachable (HTTPS_PROXY, a firewall), or use --no-torch.",
        )
    return _any_build(chosen, python, say)


def _fitting(offered: tuple[str, ...], device: str, facts: Facts) -> Iterator[str]:
    """The offered versions whose build fits the machine, as requirements, the newest first."""
    machine = (facts.python and facts.python.machine) or facts.host.machine
    for version in offered:
        release = torch_releases.release(version)
        if release is None:
            continue
        label = version.partition("+")[2]
        variant = label or release.default_variant(facts.host.os, machine)
        if _serves(version, variant, device, facts):
            yield f"torch=={version}"


def _any_build(chosen: TorchPlan, python: PythonEnv, say: Callable[[str], None]) -> tuple[str, ...]:
    """The planned version in whatever build there is; a CUDA build computes on a CPU as well."""
    requirement = f"torch=={chosen.torch}"
    arrivals = pip.would_install(python.executable, (requirement,))
    if _with_cuda(arrivals):
        size = pip.download_bytes(arrivals) / _GB
        say(
            f"pip's default index has {requirement} with NVIDIA's libraries only, which this"
            f" machine has no use for but can carry: {size:.1f} GB to download."
            " Ctrl-C stops it; --no-torch does without."
        )
    return (requirement,)


def _with_cuda(arrivals: tuple[pip.Arrival, ...]) -> bool:
    return any(arrival.name.startswith(CUDA_WHEELS) for arrival in arrivals)
