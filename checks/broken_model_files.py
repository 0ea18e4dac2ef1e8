"""A model file is not what its name says: a placeholder, a web page, cut off, damaged or empty.

The UI does not list it, or stops with messages such as "header too large", "invalid load key" or
"failed finding central directory". Nothing is wrong with the UI.

Fix: Download the file again, in the right way.

Severity: error; warning where only the suffix is wrong.

Source: git-lfs specification (pointer files); safetensors format; A1111 issue 8123.
"""

from __future__ import annotations

from sdops.check import Facts, Finding, Iterator, Skip
from sdops.knowledge.model_damage import finding
from sdops.remedies.commands import platform_of


def check(facts: Facts) -> Iterator[Finding]:
    """One finding for each broken file."""
    if not facts.model_files:
        raise Skip("No model files were found.")
    for file in facts.model_files:
        found = finding(file, platform_of(facts.host))
        if found is not None:
            yield found
