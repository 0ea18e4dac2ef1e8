"""The doctor's facts under the names that a log's own have."""

from __future__ import annotations

from collections.abc import Mapping

from sdops.facts.types import Facts


def from_facts(facts: Facts) -> Mapping[str, str]:
    """What `facts` say of the machine and the installation, named as `read_banner` names it."""
    told = {"platform": facts.host.os}
    gpu = next(iter(facts.visible_gpus or facts.gpus), None)
    if gpu is not None:
        told |= {"gpu": gpu.name, "vendor": gpu.vendor}
    if facts.host.container:
        told["container"] = "yes"
    python = facts.python
    if python is not None:
        told["executable"] = python.executable
        told["layout"] = {"embedded": "portable"}.get(python.kind, python.kind)
        if python.version:
            told["python"] = python.version
        if python.torch is not None:
            told["torch"] = python.torch.version
            variant = python.torch.variant
            told["torch_build"] = (
                "cuda" if variant.startswith("cu") else variant.rstrip("0123456789.")
            )
    if facts.ui is not None:
        told["ui"] = facts.ui.kind
        if facts.ui.version:
            told["ui_version"] = facts.ui.version
    return told
