"""Which of several GPUs the UI should use."""

from __future__ import annotations

from collections.abc import Iterator

from sdops.doctor.launch.case import LaunchCase
from sdops.facts.types import Facts, Gpu, UiInstall
from sdops.knowledge.device import Device, DeviceKind
from sdops.knowledge.flags import FlagStatus, arguments_of, row_of, status_of, takes_flag
from sdops.launch import PlannedFlag, Standing

MASKS = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES")
ORDER = "CUDA_DEVICE_ORDER"


def device_choice(case: LaunchCase) -> Iterator[PlannedFlag]:
    """The user's own choice in this UI's words, or the best of several unlike GPUs."""
    facts, ui, device = case.facts, case.ui, case.device
    flag = case.rules.device_flag
    if flag is None:
        return
    for argument in arguments_of(ui):
        row = row_of(ui, argument.flag)
        ignored = status_of(ui, argument.flag) is FlagStatus.IGNORED
        if argument.flag == flag:
            return
        if ignored and row and row.instead == flag and argument.value:
            reason = f"This is what {argument.flag} is called here; your choice is kept."
            yield PlannedFlag(flag, argument.value, reason, Standing.KNOWN)
            return
    number = _number(facts, ui, device)
    if number is not None and device.gpu is not None and takes_flag(ui, flag):
        reason = (
            f"There are several unlike graphics cards; this chooses the {device.gpu.name}"
            " (CUDA counts the fastest card first, other tools may count differently)."
        )
        if device.kind is DeviceKind.ROCM:
            reason = f"There are several graphics chips; this chooses the {device.gpu.name}."
        yield PlannedFlag(flag, str(number), reason, Standing.ADVISED)


def _number(facts: Facts, ui: UiInstall, device: Device) -> int | None:
    """The best GPU's number as torch counts, or None where there is nothing to choose."""
    gpu = device.gpu
    if gpu is None or any(_variable(facts, ui, mask) for mask in MASKS):
        return None
    seen = sorted(
        (other for other in facts.visible_gpus if other.vendor == gpu.vendor), key=_bus_order
    )
    if all(other.name == gpu.name for other in seen):
        return None
    if device.kind is DeviceKind.ROCM:
        return seen.index(gpu)
    if device.kind is not DeviceKind.CUDA:
        return None
    if facts.deep is not None and gpu.name in facts.deep.device_names:
        return facts.deep.device_names.index(gpu.name)
    return seen.index(gpu) if _variable(facts, ui, ORDER) == "PCI_BUS_ID" else 0


def _bus_order(gpu: Gpu) -> int:
    return gpu.index


def _variable(facts: Facts, ui: UiInstall, name: str) -> str | None:
    return ui.setting(name) or facts.host.environment.get(name)
