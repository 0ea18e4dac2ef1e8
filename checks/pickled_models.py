"""Some models are in the old form that can hold programs.

Files ending in .ckpt, .pt, .pth or .bin are pickles: loading one from an untrusted source can run
any program on this computer. The safetensors form holds numbers only, and loads faster.

Fix: Look through them with `sdops scan`, and convert them with `sdops convert`.

Source: docs.python.org, pickle (warning); huggingface/safetensors README.
"""

from __future__ import annotations

from pathlib import PureWindowsPath

from sdops.check import Command, Facts, Finding, Host, Iterator, ModelFile, Remedy, Severity, Skip
from sdops.knowledge.units import size
from sdops.remedies.commands import command

PICKLED = ("torch-zip", "torch-legacy", "pickle")
SHOWN = 3
"""How many files are written out as commands; the rest follow the same pattern."""


def check(facts: Facts) -> Iterator[Finding]:
    """One note about all pickled models that have no safetensors twin beside them."""
    if not facts.model_files:
        raise Skip("No model files were found.")
    safe = {_stem(file) for file in facts.model_files if file.container == "safetensors"}
    pickled = [
        file for file in facts.model_files if file.container in PICKLED and _stem(file) not in safe
    ]
    if pickled:
        yield _finding(facts.host, pickled)


def _stem(file: ModelFile) -> str:
    return str(PureWindowsPath(file.path).with_suffix(""))


def _finding(host: Host, pickled: list[ModelFile]) -> Finding:
    largest = sorted(pickled, key=lambda file: file.size_bytes, reverse=True)
    count = f"{len(pickled)} model file{'s are' if len(pickled) > 1 else ' is'}"
    return Finding(
        rule="pickled-models",
        severity=Severity.INFO,
        title=f"{count} in the old form that can hold programs.",
        why=f"In all {size(sum(file.size_bytes for file in pickled))}. Whoever made "
        "such a file decides what loading it does.",
        evidence={"count": len(pickled), "paths": [file.path for file in largest]},
        remedies=(
            Remedy(
                "Look through them without running them.", commands=_each(host, "scan", largest)
            ),
            Remedy(
                "Convert the good ones; the original stays beside the new file.",
                commands=_each(host, "convert", largest),
            ),
        ),
    )


def _each(host: Host, verb: str, files: list[ModelFile]) -> tuple[Command, ...]:
    return tuple(command(host, "sdops", verb, file.path) for file in files[:SHOWN])
