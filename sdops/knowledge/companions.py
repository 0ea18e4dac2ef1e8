"""Whether packages with compiled code go with the installed torch: by label, CUDA or release."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from packaging.version import InvalidVersion

from sdops.facts.types import Distribution, PythonEnv, TorchBuild
from sdops.knowledge.bad_packages import contains
from sdops.knowledge.torch_releases import minor_version, public
from sdops.profile import load

FAMILY = ("torch", "torchvision", "torchaudio", "xformers")
"""Whether these go with torch is for `torch-family-mismatch` and `xformers-mismatch` to say."""
_TORCH = re.compile(r"(?:torch|pt)(\d)(?:\.(\d{1,2})(?:\.\d+)?|(\d{1,3}))(andhigher)?")
_CUDA = re.compile(r"cu(?:da)?(\d{2})\.?(\d)?")
_PYTHON = re.compile(r"(?<![a-z])cp(3)(\d{1,2})(?!\d)")


@dataclass(frozen=True, slots=True)
class Label:
    """What the local label of a version says that the wheel was compiled for."""

    torch: tuple[int, int] | None = None
    and_newer: bool = False
    cuda: tuple[int, int | None] | None = None
    python: tuple[int, int] | None = None

    def serves(self, torch: tuple[int, int]) -> bool:
        """Whether it goes with the minor release `torch`, as far as the label tells."""
        if self.torch is None or self.torch == torch:
            return True
        return self.and_newer and torch > self.torch


@dataclass(frozen=True, slots=True)
class Companion:
    """A row of `profiles/companions`."""

    name: str
    without: str
    """What happens where it does not go with torch."""
    libraries: Mapping[str, tuple[str, ...]]
    """By CUDA major: distributions that bring the libraries which it needs."""
    cuda: tuple[tuple[str, frozenset[str]], ...]
    """Specifier of its releases, and the CUDA majors that they are compiled for."""
    torch: tuple[tuple[str, tuple[int, int], tuple[int, int]], ...]
    """Specifier of its versions, first and last minor release of torch that they go with."""
    source: str


@dataclass(frozen=True, slots=True)
class Misfit:
    """One package that was compiled for something else than what is there."""

    dist: Distribution
    made_for: str
    """`torch 2.8`, `CUDA 12`, `Python 3.10`."""
    there: str
    """What is there in its place."""
    effect: str
    fitting: str | None = None
    """A requirement that fits, where one is known."""
    libraries: tuple[str, ...] = ()
    """Distributions that would bring the libraries that it needs."""


@cache
def companions() -> Mapping[str, Companion]:
    """Every row of the table, by name."""
    return {row["name"]: _companion(row) for row in load("companions")["companion"]}


def misfits(python: PythonEnv, torch: TorchBuild) -> Iterator[Misfit]:
    """The installed packages that do not go with `torch`, as far as anything tells."""
    for dist in python.distributions:
        if dist.name in FAMILY:
            continue
        found = _by_label(dist, python, torch) or _by_table(dist, python, torch)
        if found is not None:
            yield found


def label_of(dist: Distribution) -> Label:
    """What the version of `dist` says in its local label: `2.2.0+cu128torch2.8.0`."""
    text = dist.version.partition("+")[2].lower()
    torch, cuda, python = _TORCH.search(text), _CUDA.search(text), _PYTHON.search(text)
    made_for = None
    if torch:
        minor = int(torch[2]) if torch[2] else _minor_digits(torch[3])
        made_for = (int(torch[1]), minor)
    return Label(
        torch=made_for,
        and_newer=bool(torch and torch[4]),
        cuda=(int(cuda[1]), int(cuda[2]) if cuda[2] else None) if cuda else None,
        python=(int(python[1]), int(python[2])) if python else None,
    )


def _minor_digits(digits: str) -> int:
    """The minor release in `8`, `80` (2.8.0), `10` or `100` (2.10.0)."""
    return int(digits[:2]) if digits.startswith("1") and len(digits) > 1 else int(digits[0])


def _by_label(dist: Distribution, python: PythonEnv, torch: TorchBuild) -> Misfit | None:
    label, there = label_of(dist), _minor(public(torch.version))
    row = companions().get(dist.name)
    effect = row.without if row else "it fails when it is loaded or used"
    if label.torch and there and not label.serves(there):
        made_for = f"torch {label.torch[0]}.{label.torch[1]}"
        return Misfit(dist, made_for, f"torch {public(torch.version)}", effect)
    if label.cuda and torch.cuda and str(label.cuda[0]) != torch.cuda.partition(".")[0]:
        return Misfit(dist, f"CUDA {label.cuda[0]}", f"CUDA {torch.cuda}", effect)
    version = _minor(python.version or "")
    if label.python and version and label.python != version:
        made_for = f"Python {label.python[0]}.{label.python[1]}"
        return Misfit(dist, made_for, f"Python {python.version}", effect)
    return None


def _by_table(dist: Distribution, python: PythonEnv, torch: TorchBuild) -> Misfit | None:
    row = companions().get(dist.name)
    if row is None or torch.cuda is None:
        return None
    return _other_cuda(row, dist, python, torch.cuda) or _other_torch(row, dist, torch)


def _other_cuda(row: Companion, dist: Distribution, python: PythonEnv, cuda: str) -> Misfit | None:
    wanted = cuda.partition(".")[0]
    stated = next((each for each in python.companion_builds if each.package == row.name), None)
    if stated is not None:
        majors = frozenset(each.partition(".")[0] for each in stated.cuda)
    elif "+" in dist.version or dist.direct_url:
        return None  # not the build of the package index, which the table is about
    else:
        holding = (built for versions, built in row.cuda if contains(versions, dist.version))
        majors = next(holding, frozenset())
    if not majors or wanted in majors:
        return None
    needed = row.libraries.get(max(majors), ())
    if needed and all(python.distribution(name) is not None for name in needed):
        return None
    fitting = next((versions for versions, built in row.cuda if wanted in built), None)
    return Misfit(
        dist,
        f"CUDA {' and '.join(sorted(majors))}",
        f"CUDA {cuda}",
        row.without,
        f"{row.name}{fitting}" if fitting else None,
        needed,
    )


def _other_torch(row: Companion, dist: Distribution, torch: TorchBuild) -> Misfit | None:
    there = _minor(public(torch.version))
    mine = [
        (first, last) for versions, first, last in row.torch if contains(versions, dist.version)
    ]
    if there is None or not mine or any(first <= there <= last for first, last in mine):
        return None
    fitting = next((text for text, first, last in row.torch if first <= there <= last), None)
    first, last = mine[0]
    span = ".".join(map(str, first)) + (f" to {'.'.join(map(str, last))}" if last != first else "")
    return Misfit(
        dist,
        f"torch {span}",
        f"torch {public(torch.version)}",
        row.without,
        f"{row.name}{fitting}" if fitting else None,
    )


def _companion(row: dict[str, Any]) -> Companion:
    return Companion(
        name=row["name"],
        without=row["without"],
        libraries={major: tuple(names) for major, names in row.get("libraries", {}).items()},
        cuda=tuple((each["versions"], frozenset(each["majors"])) for each in row.get("cuda", ())),
        torch=tuple(
            (each["versions"], minor_version(each["torch"][0]), minor_version(each["torch"][1]))
            for each in row.get("torch", ())
        ),
        source=row["source"],
    )


def _minor(version: str) -> tuple[int, int] | None:
    try:
        return minor_version(version)
    except InvalidVersion:
        return None
