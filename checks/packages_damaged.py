"""Files of an installed package are gone, or are not those that its wheel brought.

pip lists the package as installed, and Python cannot import it: an update was interrupted, a virus
scanner took a file away, or a folder was deleted by hand. Or somebody copied cuDNN files over those
of torch, as old guides tell: they then belong to another version.

Fix: Install the same version again.

Source: RECORD in the package's dist-info (packaging.python.org, Recording installed projects).
"""

from __future__ import annotations

from sdops.check import DamagedPackage, Facts, Finding, Iterator, PythonEnv, Remedy, Severity
from sdops.knowledge.patient import installed, variant_of
from sdops.remedies.torch import FAMILY, pip_remedy, replace

RULE = "packages-damaged"


def check(facts: Facts) -> Iterator[Finding]:
    """One finding for each package; a torch without its folder is for torch-missing to say."""
    python = installed(facts)
    for each in python.damaged:
        if each.missing and not (each.name == "torch" and python.torch is None):
            yield _missing(facts, python, each)
        if each.changed:
            yield _changed(facts, python, each)


def _missing(facts: Facts, python: PythonEnv, each: DamagedPackage) -> Finding:
    more = each.missing_count - len(each.missing)
    return Finding(
        rule=RULE,
        severity=Severity.ERROR,
        title=f"{each.name} is only half installed: {each.missing_count} of its files are gone.",
        why=f"pip recorded them, and they are not there: {', '.join(each.missing)}"
        + (f" and {more} more." if more > 0 else "."),
        evidence={"package": each.name, "missing": each.missing_count},
        remedies=(_again(facts, python, each.name),),
    )


def _changed(facts: Facts, python: PythonEnv, each: DamagedPackage) -> Finding:
    return Finding(
        rule=RULE,
        severity=Severity.WARNING,
        title=f"Libraries in {each.name} were replaced by others than those that it came with.",
        why=f"Not what its wheel brought: {', '.join(each.changed)}. Files of another cuDNN or "
        "CUDA make torch fail or compute wrongly.",
        evidence={"package": each.name, "changed": list(each.changed)},
        remedies=(_again(facts, python, each.name),),
    )


def _again(facts: Facts, python: PythonEnv, name: str) -> Remedy:
    dist = python.distribution(name)
    pin = f"{name}=={dist.version}" if dist else name
    text = f"Install {pin} again, and nothing else."
    if name in FAMILY and python.torch is not None:
        return replace(facts, text, [pin], variant_of(python.torch))
    return pip_remedy(facts, text, ("install", "--force-reinstall", "--no-deps", pin))
