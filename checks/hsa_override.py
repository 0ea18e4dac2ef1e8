"""The AMD GPU is given a false name that does not suit it, or needs one that it is not given.

HSA_OVERRIDE_GFX_VERSION makes ROCm treat a GPU as another model. With a wrong value every program
on the GPU crashes ("invalid device function", "no binary for gpu", a frozen screen); some models
need a certain value because torch has code for their nearest relative only.

Fix: Set the value that belongs to this model, or take the variable away.

Source: AUTOMATIC1111/stable-diffusion-webui webui.sh; vladmandic/sdnext modules/rocm.py; LLVM
AMDGPU targets; profiles/gpus/amd.toml.
"""

from __future__ import annotations

import re

from sdops.check import Action, Facts, Finding, Gpu, Iterator, Remedy, Severity, Skip
from sdops.knowledge.architectures import build_of
from sdops.knowledge.gpus import model
from sdops.knowledge.variables import Variable, variable
from sdops.remedies.commands import command
from sdops.remedies.variables import unset
from sdops.uis import trait

RULE = "hsa-override"
NAME = "HSA_OVERRIDE_GFX_VERSION"


def check(facts: Facts) -> Iterator[Finding]:
    """Judges the value that is set, or its absence where the model needs one."""
    found = variable(facts, NAME)
    cards = [gpu for gpu in facts.visible_gpus if gpu.vendor == "amd"]
    if found is None:
        if facts.host.os != "linux" or not cards:
            raise Skip("No AMD GPU under Linux is here, and the variable is not set.")
        yield from _missing(facts, cards)
    elif facts.host.os != "linux" or not cards:
        yield _useless(facts, found)
    else:
        yield from _wrong(facts, found, cards)


def _target(value: str) -> str | None:
    """`10.3.0` as `gfx1030`; the last number is hexadecimal in a target's name."""
    numbers = re.fullmatch(r"(\d+)\.(\d+)\.(\d+)", value)
    return f"gfx{numbers[1]}{numbers[2]}{int(numbers[3]):x}" if numbers else None


def _family(gfx: str) -> str:
    """`gfx10` of `gfx1030`: the part in which an override must agree."""
    return gfx[:-2]


def _useless(facts: Facts, found: Variable) -> Finding:
    reason = "there is no AMD GPU" if facts.host.os == "linux" else "ROCm reads it on Linux only"
    return Finding(
        rule=RULE,
        severity=Severity.INFO,
        title=f"{NAME} is set but has no effect on this machine.",
        why=f"It is {found.value!r}, and {reason}.",
        evidence={"value": found.value},
        location=found.location,
        remedies=(unset(facts, found),),
    )


def _wrong(facts: Facts, found: Variable, cards: list[Gpu]) -> Iterator[Finding]:
    target = _target(found.value)
    for gpu in cards:
        known = model(gpu)
        gfx = gpu.gfx or (known.gfx if known else None)
        if gfx is None or (known and known.hsa_override == found.value):
            continue
        if target is None or _family(target) != _family(gfx):
            yield _finding(
                gpu,
                gfx,
                found,
                "Programs on this AMD GPU will crash: it is treated as a model that it is not.",
                f"{NAME} is {found.value!r} ({target or 'not a version such as 10.3.0'}), but this "
                f"GPU is {gfx}.",
                (_set(facts, known.hsa_override),)
                if known and known.hsa_override
                else (unset(facts, found),),
            )


def _missing(facts: Facts, cards: list[Gpu]) -> Iterator[Finding]:
    torch = facts.python.torch if facts.python else None
    if torch is None or torch.hip is None:
        raise Skip("The installed torch is not a ROCm build.")
    starter = tuple(trait(facts.ui.kind, "sets_hsa_override_for") or ()) if facts.ui else ()
    build = build_of(torch.version, torch.variant, "linux", facts.host.machine)
    for gpu in cards:
        known = model(gpu)
        gfx = gpu.gfx or (known.gfx if known else None)
        if known is None or gfx is None or known.hsa_override is None or gfx.startswith(starter):
            continue
        if build is None or gfx in build.architectures:
            continue
        yield _finding(
            gpu,
            gfx,
            None,
            "Torch has no code for this AMD GPU, but works with a setting that is missing.",
            f"The GPU is {gfx}. Torch {torch.version} has code for a near relative, which "
            f"{NAME}={known.hsa_override} makes it use.",
            (_set(facts, known.hsa_override),),
        )


def _set(facts: Facts, value: str) -> Remedy:
    where = (
        f"Put this line into the launch file {facts.ui.launch_files[0]}"
        if facts.ui and facts.ui.launch_files
        else "Type this in the terminal"
    )
    return Remedy(
        f"{where}, before the UI starts.",
        Action.RESTART_UI,
        commands=(command(facts.host, "export", f"{NAME}={value}"),),
    )


def _finding(
    gpu: Gpu, gfx: str, found: Variable | None, title: str, why: str, remedies: tuple[Remedy, ...]
) -> Finding:
    return Finding(
        rule=RULE,
        severity=Severity.ERROR,
        title=title,
        why=why,
        evidence={"gpu": gpu.index, "gfx": gfx, "value": found.value if found else None},
        location=found.location if found else None,
        remedies=remedies,
    )
