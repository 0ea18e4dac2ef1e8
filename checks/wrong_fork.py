"""This edition of the UI is made for GPUs of another maker.

It works on the processor only, many times slower, or stops with "Torch is not able to use GPU".

Fix: Install the edition that serves this GPU; the models can be used by both.

Severity: warning or error, by the row that applies.

Source: AUTOMATIC1111/stable-diffusion-webui wiki, Install and Run on AMD GPUs;
profiles/repositories.toml.
"""

from __future__ import annotations

from sdops.check import Facts, Finding, Iterator, Remedy, Skip
from sdops.knowledge.repositories import forks
from sdops.remedies.commands import command


def check(facts: Facts) -> Iterator[Finding]:
    """Compares the checkout's remotes with the makers of the GPUs that the UI could use."""
    ui = facts.ui
    if ui is None or ui.git is None or not ui.git.remotes:
        raise Skip("There is no UI here that was cloned from a repository.")
    if facts.python and facts.python.torch and facts.python.torch.hip:
        raise Skip("A ROCm build of torch was put into this UI, which serves AMD GPUs.")
    gpus = [gpu for gpu in facts.visible_gpus if not gpu.integrated]
    vendors = frozenset(gpu.vendor for gpu in gpus)
    for fork in forks(ui, facts.host.os, vendors):
        yield Finding(
            rule="wrong-fork",
            severity=fork.severity,
            title=f"The GPU is not used as it could be: {fork.problem}.",
            why=f"The UI comes from {ui.git.remotes[0].url}; the GPU is {gpus[0].name}.",
            evidence={
                "remotes": [remote.url for remote in ui.git.remotes],
                "gpus": [gpu.name for gpu in gpus],
            },
            remedies=(
                Remedy(fork.advice, commands=(command(facts.host, "git", "clone", fork.instead),)),
            ),
        )
