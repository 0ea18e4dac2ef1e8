"""torch is a build for the processor although there is a GPU that it could use.

Images take minutes in place of seconds, or the UI refuses to start because torch "is not able to
use GPU". It happens when a package pulls torch in from the default index, which on Windows holds
builds for the processor only.

Fix: Replace torch by the build for this GPU, from PyTorch's own index.

Source: pytorch.org get-started (index per build); ComfyUI-Manager pip_blacklist.
"""

from __future__ import annotations

from sdops.check import Facts, Finding, Iterator, Severity, Skip
from sdops.knowledge.patient import describe, kind_of, lacks_gpu, python_of, torch_of
from sdops.knowledge.torch_family import disagreements
from sdops.knowledge.torch_plan import Refusal
from sdops.remedies.torch import install_torch, plan_torch


def check(facts: Facts) -> Iterator[Finding]:
    """Compares the installed build with the one that the planner would choose."""
    torch = torch_of(facts)
    lacks_gpu(facts)
    if kind_of(torch) != "cpu":
        return
    if facts.host.os == "macos":
        raise Skip("On macOS there is one build for processor and graphics.")
    if any(item.build for item in disagreements(python_of(facts))):
        raise Skip("torch and its companions are of different builds: see torch-family-mismatch.")
    plan = plan_torch(facts, near=torch.version)
    if isinstance(plan, Refusal):
        raise Skip(plan.reason)
    if plan.variant == "cpu":
        raise Skip("There is no GPU here that an official torch could use.")
    names = ", ".join(card.name for card in facts.visible_gpus)
    yield Finding(
        rule="torch-cpu-build",
        severity=Severity.ERROR,
        title="torch was installed without GPU support, so the graphics card is not used.",
        why=f"torch {describe(torch)} has no code for GPUs, and this machine has: {names}.",
        evidence={"torch": torch.version, "gpus": names, "fitting_build": plan.variant},
        remedies=install_torch(facts, near=torch.version),
    )
