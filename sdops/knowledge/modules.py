"""Which distribution brings a module."""

from __future__ import annotations

from collections.abc import Iterable

from packaging.utils import canonicalize_name

from sdops.facts.types import Requirement
from sdops.knowledge.requirements import parsed
from sdops.profile import load


def distribution_of(module: str, wanted: Iterable[Requirement] = ()) -> str | None:
    """What to install for the top-level `module`: a requirement, or None where nobody says.

    Args:
        module: such as `cv2`.
        wanted: lines of requirements files; one that names the module, or the distribution that
            is known to bring it, counts first, with its versions.
    """
    usual: str | None = load("module_names")["modules"].get(module)
    names = {canonicalize_name(module)}
    if usual is not None:
        names.add(canonicalize_name(usual.partition("<")[0]))
    for line in wanted:
        requirement = parsed(line)
        if requirement is not None and canonicalize_name(requirement.name) in names:
            return f"{canonicalize_name(requirement.name)}{requirement.specifier}"
    return usual
