"""The NVIDIA driver asks for a step before the GPU works normally again.

After a serious error the driver keeps going where it can, and notes what it needs: a reset of the
GPU or a restart of the computer. Until then, new work may fail or give wrong results.

Fix: Do what the driver asks for.

Source: NVML, NVML_FI_DEV_GET_GPU_RECOVERY_ACTION; docs.nvidia.com/deploy/xid-errors (Xid 154).
"""

from __future__ import annotations

from sdops.check import Facts, Finding, Iterator, Severity, Skip
from sdops.remedies.recovery import reboot, reset_gpu

MEANINGS = {
    "reset": "wants a reset",
    "reboot": "wants a restart of the computer",
    "drain_p2p": "wants the work between GPUs to end, and then a reset",
    "drain_and_reset": "wants all work on it to end, and then a reset",
}


def check(facts: Facts) -> Iterator[Finding]:
    """One finding for each GPU that asks for something."""
    asked = [gpu for gpu in facts.gpus if gpu.recovery_action is not None]
    if not asked:
        raise Skip("No driver here says what a GPU needs to recover.")
    for gpu in asked:
        action = str(gpu.recovery_action)
        if action == "none":
            continue
        restart = action == "reboot"
        yield Finding(
            rule="gpu-recovery-action",
            severity=Severity.ERROR,
            title=f"GPU {gpu.index} ({gpu.name}) cannot be relied on: its driver "
            f"{MEANINGS.get(action, f'asks for {action!r}')}.",
            why=f"Its recovery action is `{action}`.",
            evidence={"gpu": gpu.index, "recovery_action": action},
            remedies=(reboot(facts.host) if restart else reset_gpu(facts.host, gpu),),
        )
