"""xformers was built for another torch, another Python or another kind of GPU code.

It then cannot load its kernels: it prints "xFormers can't load C++/CUDA extensions", and images
fail with "No operator found for memory_efficient_attention_forward".

Fix: Install the xformers that belongs to the installed torch, or do without it.

Source: xformers' own cpp_lib.json and CHANGELOG (stable ABI from 0.0.34 on); package metadata of
its releases.
"""

from __future__ import annotations

from sdops.check import Facts, Finding, Iterator, Severity, Skip
from sdops.knowledge import xformers
from sdops.knowledge.patient import describe, kind_of, python_of, torch_of
from sdops.knowledge.xformers_fit import build_of, is_used, misfits
from sdops.remedies.torch import install_xformers, torch_suits


def check(facts: Facts) -> Iterator[Finding]:
    """One finding for all that does not fit; only a warning where nothing uses xformers."""
    torch = torch_of(facts)
    build = build_of(facts)
    wrong = misfits(python_of(facts), torch, build)
    if not wrong:
        return
    if kind_of(torch) == "cpu" and not torch_suits(facts):
        raise Skip("torch itself must be replaced first: see torch-cpu-build.")
    fatal = any(item.fatal for item in wrong)
    severe = fatal and is_used(facts)
    known = xformers.release(build.version)
    yield Finding(
        rule="xformers-mismatch",
        severity=Severity.ERROR if severe else Severity.WARNING,
        title=f"xformers {build.version} does not go with torch {describe(torch)}.",
        why=" ".join(item.why for item in wrong),
        evidence={
            "xformers": build.version,
            "built_with_torch": build.torch or (known and known.torch),
            "built_for_cuda": build.cuda,
            "built_for_python": build.python,
            "torch": torch.version,
        },
        remedies=install_xformers(facts),
    )
