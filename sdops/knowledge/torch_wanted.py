"""The torch that a UI's own installer would take on one machine, from the UI's own tree first.

What lies there goes before any table: the metadata of the installed release, its requirements, the
command in its start script; `ui.toml` is the fallback.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as Parsed
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from sdops import uis
from sdops.facts.types import Facts, TorchPin, UiInstall
from sdops.knowledge import torch_releases
from sdops.knowledge.requirements import markers
from sdops.knowledge.ui_environments import environment

KINDS = {"nvidia": "cu", "amd": "rocm", "intel": "xpu"}
"""How the builds for a maker's cards begin."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the UI's own installer would take."""

    specifier: SpecifierSet
    build: str | None
    """`cu128`; None where it does not say."""
    place: str
    """Where it says so, for people."""

    def release(self) -> str | None:
        """The newest release in the tables that it allows."""
        rows = (row.torch for row in torch_releases.releases() if self._allows(row.torch))
        return next(rows, None)

    def _allows(self, version: str) -> bool:
        return self.specifier.contains(version, prereleases=True)


def wanted_by(facts: Facts) -> Wanted | None:
    """What the UI in `facts` would install for the GPU that is there; None where it names none."""
    ui = facts.ui
    if ui is None:
        return None
    for found in (_of_metadata(facts, ui), _of_requirements(facts, ui), _of_pins(facts, ui)):
        if found is not None:
            return found
    table = environment(ui.kind)
    if table is None or table.torch is None:
        return None
    build = table.build if _maker(facts) == "nvidia" else None
    return Wanted(SpecifierSet(f"=={table.torch}"), build, f"{table.kind}, by sdops's table")


def _of_metadata(facts: Facts, ui: UiInstall) -> Wanted | None:
    name = uis.trait(ui.kind, "distribution")
    dist = facts.python.distribution(name) if facts.python and name else None
    if dist is None:
        return None
    return _first(dist.requires, facts, f"the metadata of {dist.name} {dist.version}")


def _of_requirements(facts: Facts, ui: UiInstall) -> Wanted | None:
    texts = [each.text for each in ui.requirements if not each.constraint]
    found = _first(texts, facts, ui.requirements[0].file if ui.requirements else "")
    # A bare `torch` says nothing, and a build for NVIDIA nothing of another maker's card.
    if found is None or not found.specifier:
        return None
    kind = KINDS.get(_maker(facts) or "", "cpu")
    return found if found.build is None or found.build.startswith(kind) else None


def _first(texts: tuple[str, ...] | list[str], facts: Facts, place: str) -> Wanted | None:
    environment_ = markers(facts.python, facts.host) if facts.python else {}
    for text in texts:
        try:
            parsed = Parsed(text)
            if parsed.name != "torch" or not environment_:
                continue
            if parsed.marker is None or parsed.marker.evaluate(environment_):
                return _wanted(str(parsed.specifier), place)
        except (InvalidRequirement, ValueError, KeyError):
            continue
    return None


def _wanted(specifier: str, place: str) -> Wanted | None:
    """`==2.7.0+cu128` taken apart."""
    label = re.search(r"\+([a-z]+[\d.]*)", specifier)
    try:
        plain = SpecifierSet(re.sub(r"\+[\w.]+", "", specifier))
    except InvalidSpecifier:
        return None
    return Wanted(plain, label[1] if label else None, place)


def _of_pins(facts: Facts, ui: UiInstall) -> Wanted | None:
    pin = next(iter(_pins_for(facts, ui)), None)
    if pin is None:
        return None
    return Wanted(SpecifierSet(f"=={pin.torch}"), pin.build, f"{pin.file}, line {pin.line}")


def _pins_for(facts: Facts, ui: UiInstall) -> Iterator[TorchPin]:
    """The pins that are for this machine's kind of GPU; those that name no build are for any."""
    maker = _maker(facts)
    kind = KINDS.get(maker or "", "cpu")
    mine = [pin for pin in ui.torch_pins if pin.build is not None and pin.build.startswith(kind)]
    if maker == "amd":
        mine = _for_rocm(mine, facts)
    yield from mine
    yield from (pin for pin in ui.torch_pins if pin.build is None)
    if maker is None and facts.host.os != "macos":
        yield from ui.torch_pins[:1]


def _for_rocm(pins: list[TorchPin], facts: Facts) -> list[TorchPin]:
    """Those for the ROCm that is installed: the newest that is not newer; all if none is."""
    driver = facts.driver("amd")
    have = _version(driver.rocm if driver else None)
    if have is None:
        return pins
    fitting = [pin for pin in pins if (_version((pin.build or "")[4:]) or have) <= have]
    return fitting or pins


def _version(text: str | None) -> Version | None:
    try:
        found = Version(text or "")
    except InvalidVersion:
        return None
    return Version(f"{found.major}.{found.minor}")


def _maker(facts: Facts) -> str | None:
    """Whose card torch would serve: hidden and faulty ones count, for the card is there."""
    cards = facts.serviceable_gpus
    return next((maker for maker in KINDS if any(card.vendor == maker for card in cards)), None)
