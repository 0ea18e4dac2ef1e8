"""The NVIDIA driver logged errors of the GPU.

Each code (Xid) tells what went wrong, from a program's own mistake to failing memory. Work that
ran at that moment crashed or may be wrong.

Fix: What the code asks for: restart the program, reset the GPU, or have the card serviced.

Source: docs.nvidia.com/deploy/xid-errors.
"""

from __future__ import annotations

from sdops.check import Action, Facts, Finding, Gpu, Iterator, Remedy, Severity, Skip, Xid
from sdops.knowledge.units import duration
from sdops.knowledge.xids import recent_seconds, xid_row
from sdops.remedies.recovery import reboot, replace_hardware, reset_gpu

RULE = "gpu-xid"


def check(facts: Facts) -> Iterator[Finding]:
    """One finding for each code and card; errors older than the table's window do not count."""
    if facts.gap("gpu.xids") and not facts.xids:
        raise Skip("The kernel log is not readable for this user.")
    recent: dict[tuple[int, str | None], list[Xid]] = {}
    for xid in facts.xids:
        if xid.age_s is None or xid.age_s <= recent_seconds():
            recent.setdefault((xid.code, xid.pci_bus), []).append(xid)
    for group in recent.values():
        yield _finding(facts, group)


def _finding(facts: Facts, group: list[Xid]) -> Finding:
    newest = min(group, key=lambda xid: xid.age_s if xid.age_s is not None else 0.0)
    row = xid_row(newest.code)
    gpu = next((gpu for gpu in facts.gpus if gpu.pci_bus == newest.pci_bus), None)
    times = "once" if len(group) == 1 else f"{len(group)} times"
    when = "" if newest.age_s is None else f", last {duration(newest.age_s)} ago"
    meaning = row.meaning if row else "something happened that sdops does not know"
    return Finding(
        rule=RULE,
        severity=row.severity if row else Severity.INFO,
        title=f"The NVIDIA driver logged that {meaning}.",
        why=f"Error {newest.code} (Xid) stands in the kernel log {times}{when}.",
        evidence={
            "xid": newest.code,
            "count": len(group),
            "age_s": newest.age_s,
            "pci_bus": newest.pci_bus,
            "gpu": gpu.name if gpu else None,
            "message": newest.message,
        },
        remedies=_remedies(facts, gpu, row.action, row.hint) if row else (),
    )


def _remedies(facts: Facts, gpu: Gpu | None, action: Action, hint: str) -> tuple[Remedy, ...]:
    host = facts.host
    advice = (Remedy(hint),) if hint else ()
    if action is Action.RESET_GPU:
        return ((reset_gpu(host, gpu) if gpu else reboot(host)), *advice)
    if action is Action.REBOOT:
        return (reboot(host), *advice)
    if action is Action.REPLACE_HARDWARE:
        return (*advice, replace_hardware())
    if action is Action.RESTART_UI:
        return (Remedy("Restart the UI.", Action.RESTART_UI), *advice)
    if action is Action.UPDATE_DRIVER:
        return (Remedy("Update the NVIDIA driver.", Action.UPDATE_DRIVER), *advice)
    return advice
