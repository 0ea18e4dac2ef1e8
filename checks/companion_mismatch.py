"""A package with compiled code was made for another torch, CUDA or Python than those that are here.

sageattention, flash-attn, nunchaku and their like are compiled for one torch; onnxruntime-gpu and
bitsandbytes for one CUDA. Beside another one they fail when they are loaded ("DLL load failed",
"undefined symbol"), or compute on the processor without a word.

Fix: Install the build that belongs to the torch here, or do without the package.

Source: the local label of the version; what the package's own files say; profiles/companions.toml.
"""

from __future__ import annotations

from sdops.check import Facts, Finding, Iterator, Remedy, Severity
from sdops.knowledge.companions import Misfit, misfits
from sdops.knowledge.patient import describe, python_of, torch_of
from sdops.remedies.torch import pip_remedy

RULE = "companion-mismatch"
ATTENTION = ("sageattention", "flash-attn", "spas-sage-attn")


def check(facts: Facts) -> Iterator[Finding]:
    """One finding for each package that does not go with what is there."""
    torch = torch_of(facts)
    for item in misfits(python_of(facts), torch):
        name, version = item.dist.name, item.dist.version
        yield Finding(
            rule=RULE,
            severity=Severity.WARNING,
            title=f"{name} {version} was made for {item.made_for}, and {item.there} is here.",
            why=f"Beside torch {describe(torch)}, {item.effect}.",
            evidence={"package": name, "version": version, "made_for": item.made_for,
                      "torch": torch.version},
            remedies=tuple(_remedies(facts, item)),
        )  # fmt: skip


def _remedies(facts: Facts, item: Misfit) -> Iterator[Remedy]:
    name = item.dist.name
    if item.fitting:
        run = ("install", "--upgrade", "--no-deps", item.fitting)
        yield pip_remedy(facts, f"Install the {name} for {item.there}: {item.fitting}.", run)
    else:
        yield Remedy(
            f"Get the {name} that was built for {item.there}, from where this one came from; its "
            "version says what it is for."
        )
    if item.libraries:
        yield pip_remedy(
            facts,
            f"Or keep it, and install the libraries of {item.made_for} that it needs.",
            ("install", *item.libraries),
        )._replace(automatic=False)
    elif not item.fitting and name in ATTENTION:
        text = f"Or do without {name}: torch's own attention serves in its place."
        yield pip_remedy(facts, text, ("uninstall", "-y", name))._replace(automatic=False)
