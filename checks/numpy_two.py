"""NumPy 2 is installed beside packages that were compiled for NumPy 1.

They fail when they are imported, with "A module that was compiled using NumPy 1.x cannot be run in
NumPy 2" or "_ARRAY_API not found". Some package pulled the new NumPy in.

Fix: Go back to NumPy 1, or update those packages.

Source: numpy.org, NumPy 2.0 migration guide; numpy/numpy#26191; profiles/bad_packages.toml.
"""

from __future__ import annotations

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from sdops.check import Facts, Finding, Iterator, Severity, Skip
from sdops.knowledge.bad_packages import built_for_numpy_1, contains
from sdops.knowledge.patient import installed
from sdops.knowledge.requirements import excluding
from sdops.remedies.torch import pip_remedy

USUAL = "numpy<2"
NUMPY_1 = "1.26.4"
"""The last release of NumPy 1."""


def check(facts: Facts) -> Iterator[Finding]:
    """One finding for all the packages concerned."""
    python = installed(facts)
    numpy = python.distribution("numpy")
    if numpy is None:
        raise Skip("NumPy is not installed.")
    if not contains(">=2", numpy.version):
        return
    old = {
        name: f"{version}, NumPy 2 from {until} on"
        for name, version, until in built_for_numpy_1(python)
    }
    asking = {
        name: f"asks for NumPy {wanted}"
        for name, wanted in excluding("numpy", numpy.version, python, facts.host)
        if name not in old and contains(wanted, NUMPY_1)
    }
    if not old and not asking:
        return
    names = "; ".join(f"{name} ({why})" for name, why in {**old, **asking}.items())
    wanted = _pinned(facts) or USUAL
    yield Finding(
        rule="numpy-two",
        severity=Severity.ERROR if old else Severity.WARNING,
        title="NumPy is too new for other packages here, which fail when they are loaded."
        if old
        else "NumPy is newer than other packages here ask for.",
        why=f"NumPy {numpy.version} is installed beside packages for NumPy 1: {names}.",
        evidence={"numpy": numpy.version, "packages": [*old, *asking]},
        remedies=(pip_remedy(facts, f"Install {wanted}.", ("install", wanted)),),
    )


def _pinned(facts: Facts) -> str | None:
    """The NumPy 1 that the UI's own list asks for, as `numpy==1.26.2`."""
    for item in facts.ui.requirements if facts.ui else ():
        try:
            requirement = Requirement(item.text)
        except InvalidRequirement:
            continue
        pins = [pin.version for pin in requirement.specifier if pin.operator == "=="]
        if canonicalize_name(requirement.name) == "numpy" and pins and contains("<2", pins[0]):
            return f"numpy=={pins[0]}"
    return None
