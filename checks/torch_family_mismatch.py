"""torch and its companions torchvision and torchaudio do not go together.

Each torchvision is compiled for one torch, and for the same kind of GPU code. Otherwise importing
it stops with "operator torchvision::nms does not exist", or it crashes later. It happens when a
package pulls in one of them without the others.

Fix: Install the companion that belongs to this torch, from the same index.

Source: torchvision's and torchaudio's own requirement lines; torchvision/extension.py
_check_cuda_version; pytorch/test-infra generate_binary_build_matrix.py.
"""

from __future__ import annotations

from collections.abc import Sequence

from sdops.check import Facts, Finding, Iterator, Remedy, Severity, Skip, TorchBuild
from sdops.knowledge.patient import describe, python_of, said, torch_of, variant_of
from sdops.knowledge.torch_family import Disagreement, disagreements, expected
from sdops.remedies.torch import install_torch, replace, torch_suits


def check(facts: Facts) -> Iterator[Finding]:
    """One finding for all that disagrees, in version and in build."""
    torch = torch_of(facts)
    python = python_of(facts)
    if python.torchvision is None and python.torchaudio is None:
        raise Skip("Neither torchvision nor torchaudio is installed.")
    wrong = disagreements(python)
    if not wrong:
        return
    fatal = any(item.fatal for item in wrong)
    verb = "may" if not fatal else "does" if len(wrong) == 1 else "do"
    names = " and ".join(f"{item.partner.package} {describe(item.partner)}" for item in wrong)
    versions = {item.partner.package: item.partner.version for item in wrong}
    words = said(facts, r"torchvision::|torchaudio|compiled with different CUDA")
    yield Finding(
        rule="torch-family-mismatch",
        severity=Severity.ERROR if fatal else Severity.WARNING,
        title=f"{names} {verb} not go with torch {describe(torch)}.",
        why=" ".join(_why(torch, item) for item in wrong)
        + (f" Python says: {words}" if words else ""),
        evidence={"torch": torch.version, **versions},
        remedies=_remedies(facts, torch, wrong),
    )


def _why(torch: TorchBuild, item: Disagreement) -> str:
    package = item.partner.package
    goes_with = expected(torch.version, package)
    parts = []
    if item.version:
        parts.append(
            f"To torch {torch.version} belongs {package} {goes_with}."
            if goes_with
            else f"This {package} asks for another version of torch."
        )
    if item.build:
        what = "another kind of GPU code than torch" if item.fatal else "another version of it"
        parts.append(f"{package} was compiled for {what}.")
    return " ".join(parts)


def _remedies(facts: Facts, torch: TorchBuild, wrong: Sequence[Disagreement]) -> tuple[Remedy, ...]:
    versions = {
        item.partner.package: expected(torch.version, item.partner.package) for item in wrong
    }
    if not torch_suits(facts) or not all(versions.values()):
        return install_torch(facts, near=torch.version)
    requirements = [f"{package}=={version}" for package, version in versions.items()]
    text = f"Replace {' and '.join(versions)} by what belongs to this torch, and nothing else."
    return (replace(facts, text, requirements, variant_of(torch)),)
