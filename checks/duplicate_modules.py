"""Several packages install the same module over one another.

The one installed last wins, with parts of the others in between: OpenCV then lacks functions, and
onnxruntime computes on the processor although its GPU package is there.

Fix: Keep one of them, or all in one version.

Source: profiles/colliding_modules.toml, where each row names its source; ComfyUI-Manager PIPFixer.
"""

from __future__ import annotations

from packaging.version import InvalidVersion, Version

from sdops.check import Action, Facts, Finding, Iterator, ModuleOwners, PythonEnv, Remedy, Severity
from sdops.knowledge.patient import cards_of, installed
from sdops.remedies.torch import pip_remedy

RULE = "duplicate-modules"


def check(facts: Facts) -> Iterator[Finding]:
    """One finding for each module with several owners."""
    python = installed(facts)
    for owners in python.module_owners:
        versions = {name: _version(python, name) for name in owners.distributions}
        if owners.module == "onnxruntime":
            yield _onnxruntime(facts, owners, versions)
        elif owners.module == "cv2":
            yield _opencv(facts, owners, versions)
        else:
            yield _finding(owners, versions, Severity.INFO, _by_hand(owners))


def _version(python: PythonEnv, name: str) -> str:
    dist = python.distribution(name)
    return dist.version if dist else ""


def _finding(
    owners: ModuleOwners, versions: dict[str, str], severity: Severity, *remedies: Remedy
) -> Finding:
    names = ", ".join(f"{name} {version}" for name, version in versions.items())
    return Finding(
        rule=RULE,
        severity=severity,
        title=f"Several packages overwrite one another's module {owners.module}.",
        why=f"Installed: {names}. What was installed last is used, mixed with the rest.",
        evidence={"module": owners.module, **versions},
        remedies=remedies,
    )


def _opencv(facts: Facts, owners: ModuleOwners, versions: dict[str, str]) -> Finding:
    """In one and the same version the packages hold the same code."""
    if len(set(versions.values())) == 1:
        return _finding(owners, versions, Severity.INFO)
    newest = max(versions.values(), key=_sortable)
    wanted = tuple(f"{name}=={newest}" for name in owners.distributions)
    text = f"Bring all of them to version {newest}, in which they hold the same code."
    run = ("install", "--force-reinstall", "--no-deps", *wanted)
    return _finding(owners, versions, Severity.WARNING, pip_remedy(facts, text, run))


def _onnxruntime(facts: Facts, owners: ModuleOwners, versions: dict[str, str]) -> Finding:
    """On a machine with an NVIDIA card the GPU package is the one to keep."""
    gpu_package = "onnxruntime-gpu"
    if gpu_package not in owners.distributions or not cards_of(facts, "nvidia"):
        return _finding(owners, versions, Severity.INFO, _by_hand(owners))
    text = "Uninstall all of them, then install the one for the GPU again."
    runs = (
        ("uninstall", "-y", *owners.distributions),
        ("install", f"{gpu_package}=={versions[gpu_package]}"),
    )
    return _finding(owners, versions, Severity.WARNING, pip_remedy(facts, text, *runs))


def _by_hand(owners: ModuleOwners) -> Remedy:
    names = ", ".join(owners.distributions)
    return Remedy(f"Keep one of these and uninstall the others: {names}.", Action.REINSTALL)


def _sortable(version: str) -> Version:
    try:
        return Version(version)
    except InvalidVersion:
        return Version("0")
