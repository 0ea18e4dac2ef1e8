"""The Visual C++ runtime of Windows is missing, or older than what torch was compiled with.

torch then fails when it is imported: "[WinError 1114] A dynamic link library (DLL) initialization
routine failed. Error loading c10.dll", or "[WinError 126]". Other programs on the machine do not
notice.

Fix: Install the newest Visual C++ 2015-2022 runtime (x64) and restart.

Source: Comfy-Org/ComfyUI run_nvidia_gpu.bat (its notice about c10.dll), #13798; PyTorch
documentation, Windows FAQ; profiles/torch_releases.toml.
"""

from __future__ import annotations

from packaging.version import InvalidVersion, Version

from sdops.check import Action, Facts, Finding, Iterator, Remedy, Severity, Skip
from sdops.knowledge import torch_releases
from sdops.knowledge.patient import torch_of

RULE = "vc-runtime-old"
LINK = "https://aka.ms/vs/17/release/vc_redist.x64.exe"


def check(facts: Facts) -> Iterator[Finding]:
    """A warning, since programs may bring the runtime's files along in their own folders."""
    if facts.host.os != "windows":
        raise Skip("The Visual C++ runtime is part of Windows only.")
    torch = torch_of(facts)
    if facts.deep is not None and any(
        probe.module == "torch" and probe.ok for probe in facts.deep.imports
    ):
        raise Skip("torch was imported, and it loaded.")
    if facts.gap("host.vc_runtime") is not None:
        raise Skip("Which runtime is installed is not known.")
    needed = torch_releases.vc_runtime_needed(torch.version)
    there = facts.host.vc_runtime
    if needed is None or (there is not None and _reaches(there, needed)):
        return
    yield Finding(
        rule=RULE,
        severity=Severity.WARNING,
        title="The Visual C++ runtime is too old for this torch, which may fail to load."
        if there
        else "The Visual C++ runtime is not installed, so torch may fail to load.",
        why=f"torch {torch.version} was compiled with Visual C++ {needed} or newer; "
        + (f"{there} is installed." if there else "none is installed."),
        evidence={"vc_runtime": there, "needed": needed, "torch": torch.version},
        remedies=(
            Remedy(
                f"Install the newest Visual C++ 2015-2022 runtime (x64) from {LINK}, then restart.",
                Action.REBOOT,
            ),
        ),
    )


def _reaches(there: str, needed: str) -> bool:
    try:
        return Version(there) >= Version(needed)
    except InvalidVersion:
        return True
