"""The UI is told to use xformers, and it is not installed.

The UI prints "No module 'xformers'. Proceeding without it" and works more slowly, or installs the
one version that it knows, which fits one torch only.

Fix: Install the xformers that belongs to the installed torch, or use PyTorch's own attention.

Source: AUTOMATIC1111/stable-diffusion-webui modules/launch_utils.py prepare_environment.
"""

from __future__ import annotations

from sdops.check import Action, Facts, Finding, Iterator, Remedy, Severity, Skip
from sdops.knowledge.flags import takes_flag
from sdops.knowledge.patient import cards_of, installed, torch_of, wants_gpu
from sdops.knowledge.xformers_fit import is_asked
from sdops.remedies.torch import install_xformers

SDP_FLAG = "--opt-sdp-attention"


def check(facts: Facts) -> Iterator[Finding]:
    """Fires only where xformers would be of use."""
    if facts.ui is None or not is_asked(facts):
        raise Skip("No UI here is told to use xformers.")
    python = installed(facts)
    torch = torch_of(facts)
    wants_gpu(facts)
    if python.xformers is not None or python.distribution("xformers") is not None:
        return
    if torch.cuda is None or not cards_of(facts, "nvidia"):
        raise Skip("xformers is of no use on this machine.")
    argument = facts.ui.argument("--xformers")
    instead = Remedy(
        "Or take the flag away; in the A1111 family, use PyTorch's own attention in its place.",
        Action.CHANGE_FLAG,
        add_flags=(SDP_FLAG,) if takes_flag(facts.ui, SDP_FLAG) else (),
        remove_flags=("--xformers",),
    )
    yield Finding(
        rule="xformers-missing",
        severity=Severity.WARNING,
        title="The UI is told to use xformers, but it is not installed.",
        why=f"--xformers stands in {argument.file}, line {argument.line}."
        if argument
        else "The launch arguments ask for it.",
        evidence={"torch": torch.version},
        remedies=(*install_xformers(facts), instead),
    )
