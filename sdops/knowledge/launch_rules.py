"""Which launch flags a UI needs on a device and which should go, from `profiles/uis`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from typing import Any

from packaging.version import InvalidVersion, Version

from sdops import uis
from sdops.facts.types import Argument, Facts, PythonEnv, UiInstall
from sdops.knowledge import xformers
from sdops.knowledge.architectures import runs_on
from sdops.knowledge.device import Device, DeviceKind
from sdops.knowledge.flags import arguments_of
from sdops.knowledge.torch_releases import public
from sdops.knowledge.xformers_fit import misfits

GIB = 2**30


class XformersState(Enum):
    """How the xformers that a UI would use stands to the torch beside it and to the GPU."""

    FITS = "fits"
    UNFIT = "unfit"
    """Installed, but made for another torch, or without code for this GPU."""
    ABSENT = "absent"
    """Not installed; the one that the UI would install may fit."""
    CLASHES = "clashes"
    """Not installed; the one that the UI would install is for another torch."""


@dataclass(frozen=True, slots=True)
class LaunchRule:
    """One flag that a device needs, or that should go from it, and when."""

    group: str
    """What the flag decides: `device`, `precision`, `memory`, `attention`, `cpu` …"""
    flag: str
    reason: str
    source: str
    value: str | None = None
    """What follows a needed flag; a word that must stand in the value of one that should go."""
    standing: str = "known"
    unless: tuple[str, ...] = ()
    """Flags of the user that make a needed one needless."""
    device: tuple[str, ...] = ()
    fp16: tuple[str, ...] = ()
    architecture: tuple[str, ...] = ()
    capability_from: str | None = None
    capability_below: str | None = None
    vram_from_gib: float | None = None
    vram_below_gib: float | None = None
    xformers: tuple[str, ...] = ()
    torch_from: str | None = None
    lacks: str | None = None
    """A distribution whose absence makes the rule apply."""
    installable: bool = False
    """Whether that distribution can be installed by its name alone."""
    needs_package: str | None = None
    """A distribution without which the rule does not apply: its reason speaks of it."""
    without: tuple[str, ...] = ()
    """Flags of the user's that keep the rule from applying."""
    wish: str | None = None
    """What a user must have asked for: `speed`, `low-memory`, `quality`."""
    adds: tuple[str, ...] = ()
    """Flags that settle it, where taking the flag away is not what the user wants."""


@dataclass(frozen=True, slots=True)
class LaunchRules:
    """All that is known of launching one UI."""

    needs: tuple[LaunchRule, ...]
    drops: tuple[LaunchRule, ...]
    fatals: tuple[LaunchRule, ...] = ()
    """Flags with which the UI stops at its start where the row applies."""
    wishes: tuple[LaunchRule, ...] = ()
    """Flags for users who ask for something (`wish` of the rule) beyond what is needed."""
    style: str = "place"
    """How the UI takes its flags: `variable` (COMMANDLINE_ARGS), `command` (behind `program`),
    `yaml` (keys of a file), or `place` (a place in words)."""
    program: tuple[str, ...] = ()
    """What stands before the flags, where they stand on a command line; `python` is its own."""
    program_windows: tuple[str, ...] = ()
    program_portable: tuple[str, ...] = ()
    place: str = ""
    """Where the flags go, for people."""
    device_flag: str | None = None
    """The flag that chooses among several GPUs by CUDA's or HIP's number."""
    nothing_needed: str = ""
    """Why this UI needs no flags for a GPU, in a sentence."""
    xformers_for_torch: str | None = None
    """The torch that belongs to the xformers which `--xformers` installs."""
    first_only: tuple[str, ...] = ()
    """Groups of which only the first needed flag counts."""
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """For such groups, the flags by which a user has chosen already."""


@cache
def rules_of(ui_kind: str) -> LaunchRules | None:
    """The rules for a UI kind (as in `UiInstall.kind`); None for a kind without them."""
    own = uis.part(ui_kind, "launch")
    if own is None:
        return None
    parent = uis.part(own["extends"], "launch") if "extends" in own else None
    table: dict[str, Any] = {**(parent or {}), **own}
    return LaunchRules(
        needs=tuple(map(_rule, table.get("need", ()))),
        drops=tuple(map(_rule, table.get("drop", ()))),
        fatals=tuple(map(_rule, table.get("fatal", ()))),
        wishes=tuple(map(_rule, table.get("wish", ()))),
        style=uis.trait(ui_kind, "launch_style") or "place",
        program=tuple(uis.trait(ui_kind, "launch_program") or ()),
        program_windows=tuple(uis.trait(ui_kind, "launch_program_windows") or ()),
        program_portable=tuple(uis.trait(ui_kind, "launch_program_portable") or ()),
        place=uis.trait(ui_kind, "settings_place") or "",
        device_flag=table.get("device_flag"),
        nothing_needed=table.get("nothing_needed", ""),
        xformers_for_torch=table.get("xformers_for_torch"),
        first_only=tuple(table.get("first_only", ())),
        choices={group: tuple(flags) for group, flags in table.get("choices", {}).items()},
    )


def needed(rules: LaunchRules, facts: Facts, device: Device) -> tuple[LaunchRule, ...]:
    """The rules for flags that this device needs, whether they are set already or not."""
    found: list[LaunchRule] = []
    for rule in rules.needs:
        taken = any(rule.group == other.group for other in found)
        if rule.group in rules.first_only and taken:
            continue
        if applies(rule, rules, facts, device):
            found.append(rule)
    return tuple(found)


def unwanted(
    rules: LaunchRules, facts: Facts, device: Device
) -> tuple[tuple[Argument, LaunchRule], ...]:
    """The arguments in force that should go, each with the first rule that says so."""
    gone = (rule for rule in rules.fatals if not rule.adds)
    return _matching((*rules.drops, *gone), rules, facts, device)


def fatal(
    rules: LaunchRules, facts: Facts, device: Device
) -> tuple[tuple[Argument, LaunchRule], ...]:
    """The arguments in force with which the UI stops at its start, each with the rule."""
    return _matching(rules.fatals, rules, facts, device)


def _matching(
    candidates: tuple[LaunchRule, ...], rules: LaunchRules, facts: Facts, device: Device
) -> tuple[tuple[Argument, LaunchRule], ...]:
    found = []
    for argument in arguments_of(facts.ui) if facts.ui else ():
        for rule in candidates:
            named = rule.flag == argument.flag
            value = rule.value is None or rule.value in (argument.value or "").split()
            if named and value and applies(rule, rules, facts, device):
                found.append((argument, rule))
                break
    return tuple(found)


def applies(rule: LaunchRule, rules: LaunchRules, facts: Facts, device: Device) -> bool:
    """Whether all conditions of `rule` hold; one whose fact is unknown does not."""
    return (
        (not rule.device or device.kind.value in rule.device)
        and (not rule.fp16 or (device.model is not None and device.model.fp16 in rule.fp16))
        and _architecture_fits(rule, device)
        and _capability_fits(rule, device)
        and _vram_fits(rule, device)
        and (not rule.xformers or xformers_state(rules, facts, device).value in rule.xformers)
        and _torch_fits(rule, facts.python)
        and _is_lacking(rule, facts.python)
        and _has_package(rule, facts.python)
        and not (facts.ui and any(facts.ui.argument(flag) for flag in rule.without))
    )


def xformers_state(rules: LaunchRules, facts: Facts, device: Device) -> XformersState:
    """How the patient's xformers stands to its torch and to `device`."""
    python = facts.python
    torch = python.torch if python else None
    if python is None or torch is None:
        return XformersState.ABSENT
    build = python.xformers
    if build is None:
        pins = facts.ui.torch_pins if facts.ui else ()
        pinned = pins[0].torch if pins and rules.xformers_for_torch else rules.xformers_for_torch
        elsewhere = pinned is not None and public(torch.version) != pinned
        return XformersState.CLASHES if elsewhere else XformersState.ABSENT
    code_for = build.architectures or xformers.kernels_of(build.version)
    capability = device.compute_capability
    right_gpu = not code_for or capability is None or runs_on(code_for, capability)
    fits = right_gpu and not misfits(python, torch, build)
    return XformersState.FITS if fits else XformersState.UNFIT


def has_gpu(device: Device) -> bool:
    """Whether the UI can generate on a GPU here."""
    return device.kind not in (DeviceKind.CPU, DeviceKind.UNKNOWN)


def is_set(ui: UiInstall, rule: LaunchRule) -> bool:
    """Whether the user has set the rule's flag already, with its value."""
    return any(
        argument.flag == rule.flag
        and (rule.value is None or rule.value in (argument.value or "").split())
        for argument in arguments_of(ui)
    )


def _rule(row: Mapping[str, Any]) -> LaunchRule:
    fields: dict[str, Any] = {
        key: tuple(item) if isinstance(item, list) else item for key, item in row.items()
    }
    return LaunchRule(**fields)


def _architecture_fits(rule: LaunchRule, device: Device) -> bool:
    return not rule.architecture or (
        device.model is not None and device.model.architecture in rule.architecture
    )


def _capability_fits(rule: LaunchRule, device: Device) -> bool:
    if rule.capability_from is None and rule.capability_below is None:
        return True
    capability = device.compute_capability
    if capability is None:
        return False
    at_least = rule.capability_from is None or capability >= _pair(rule.capability_from)
    return at_least and (rule.capability_below is None or capability < _pair(rule.capability_below))


def _vram_fits(rule: LaunchRule, device: Device) -> bool:
    if rule.vram_from_gib is None and rule.vram_below_gib is None:
        return True
    if device.kind is DeviceKind.UNKNOWN or device.vram_bytes is None:
        return False
    gib = device.vram_bytes / GIB
    at_least = rule.vram_from_gib is None or gib >= rule.vram_from_gib
    return at_least and (rule.vram_below_gib is None or gib < rule.vram_below_gib)


def _torch_fits(rule: LaunchRule, python: PythonEnv | None) -> bool:
    """A torch that is not installed yet will be a new one."""
    if rule.torch_from is None or python is None or python.torch is None:
        return True
    try:
        return Version(public(python.torch.version)) >= Version(rule.torch_from)
    except InvalidVersion:
        return False


def _is_lacking(rule: LaunchRule, python: PythonEnv | None) -> bool:
    if rule.lacks is None:
        return True
    return python is not None and python.distribution(rule.lacks) is None


def _has_package(rule: LaunchRule, python: PythonEnv | None) -> bool:
    if rule.needs_package is None:
        return True
    return python is not None and python.distribution(rule.needs_package) is not None


def _pair(text: str) -> tuple[int, int]:
    major, _, minor = text.partition(".")
    return int(major), int(minor)
