"""torch cannot start CUDA, although the build, the driver and the card go together.

The reason is in the text of the error that torch gives when it is really run, which `--deep` does:
803 and 804 for libraries that do not belong to the driver, 802 for servers whose fabric manager
does not run, 999 for a driver in a bad state.

Fix: Depends on the error; each has its own remedy.

Source: NVIDIA CUDA Runtime API, cudaError_t; profiles/signatures/gpu.toml.
"""

from __future__ import annotations

from sdops.check import Action, Facts, Finding, Iterator, Remedy, Severity, Skip
from sdops.knowledge import drivers
from sdops.knowledge.drivers import Standing
from sdops.knowledge.patient import cards_of, describe, torch_of, wants_gpu
from sdops.knowledge.signatures import Signature, recognize
from sdops.remedies.commands import admin_command


def check(facts: Facts) -> Iterator[Finding]:
    """Reads what torch said when it was run, unless another check names the cause."""
    torch = torch_of(facts)
    wants_gpu(facts)
    if facts.deep is None:
        raise Skip("torch was not run: ask for that with --deep.")
    if facts.deep.cuda_available is not False:
        return
    maker = "nvidia" if torch.cuda else "amd" if torch.hip else None
    if maker is None or not cards_of(facts, maker):
        raise Skip("No build of torch for CUDA or ROCm meets its card here.")
    _skip_if_explained(facts, maker, torch.cuda)
    message = facts.deep.cuda_error or ""
    known = recognize(message)
    yield Finding(
        rule="cuda-unavailable",
        severity=Severity.ERROR,
        title=known.sentence if known else "torch cannot start the GPU, so it is not used.",
        why=" ".join(
            part
            for part in (
                known.remainder
                if known
                else "Build, driver and card go together; the cause is unclear.",
                f"torch says: {message}" if message else "torch gives no reason.",
            )
        ),
        evidence={
            "torch": describe(torch),
            "message": message,
            "LD_LIBRARY_PATH": facts.host.environment.get("LD_LIBRARY_PATH"),
        },
        remedies=(_remedy(facts, known),),
    )


def _skip_if_explained(facts: Facts, maker: str, cuda: str | None) -> None:
    driver = facts.driver(maker)
    if driver is not None and (driver.fault or driver.loaded is False):
        raise Skip("The driver itself is at fault: see driver-absent and driver-mismatch.")
    if driver is not None and driver.denied_nodes:
        raise Skip("This user may not use the card: see gpu-access-denied.")
    os = drivers.driver_os(facts.host)
    if cuda and drivers.standing(driver, cuda, os) is Standing.TOO_OLD:
        raise Skip("The driver is too old: see driver-too-old.")
    module = (
        next((item for item in facts.deep.imports if item.module == "torch"), None)
        if (facts.deep)
        else None
    )
    if module is not None and not module.ok:
        raise Skip("torch cannot be imported: see import-failures.")


def _remedy(facts: Facts, known: Signature | None) -> Remedy:
    if known is None:
        return Remedy("Restart the machine; if that does not help, install the newest driver.")
    here = facts.host.os == "linux" and not facts.host.container
    commands = [fix.argv for fix in known.commands if fix.platform == "linux"] if here else []
    return Remedy(
        known.remedy,
        Action(known.action),
        tuple(admin_command(facts.host, *argv) for argv in commands),
    )
