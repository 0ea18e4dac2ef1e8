"""The UI runs without TCMalloc, so its use of main memory grows.

With the C library's own allocator, memory is not given back when models are changed; after some
changes the computer swaps or the UI is killed. The start script says "Cannot locate TCMalloc".

Fix: Install TCMalloc; the start script then finds it by itself.

Source: AUTOMATIC1111/stable-diffusion-webui webui.sh, prepare_tcmalloc.
"""

from __future__ import annotations

from sdops.check import Action, Facts, Finding, Iterator, Remedy, Severity, Skip, Tcmalloc
from sdops.knowledge.variables import variable
from sdops.remedies.commands import install_package
from sdops.uis import trait

OTHER_ALLOCATORS = ("tcmalloc", "jemalloc", "mimalloc")


def check(facts: Facts) -> Iterator[Finding]:
    """Looks for the library as `webui.sh` does."""
    found = facts.host.tcmalloc
    if facts.ui is None or not trait(facts.ui.kind, "webui_sh") or facts.host.os != "linux":
        raise Skip("Only the start script webui.sh on Linux looks for TCMalloc.")
    if found is None or (facts.host.libc and facts.host.libc.name != "glibc"):
        raise Skip("TCMalloc cannot be looked for on this system.")
    if variable(facts, "NO_TCMALLOC"):
        raise Skip("NO_TCMALLOC is set: it is left out on purpose.")
    loadable = [entry for entry in found.preload if entry not in found.preload_missing]
    if any(name in entry for entry in loadable for name in OTHER_ALLOCATORS):
        return
    unusable = found.library is not None and found.links_pthread is False
    if found.library is None or unusable:
        yield _finding(facts, found)


def _finding(facts: Facts, found: Tcmalloc) -> Finding:
    install = install_package(facts.host, "tcmalloc")
    package = "the package of TCMalloc (libtcmalloc-minimal4, gperftools-libs or gperftools)"
    return Finding(
        rule="tcmalloc-missing",
        severity=Severity.WARNING,
        title="The UI will use more and more main memory each time the model is changed.",
        why="TCMalloc, which prevents this, was not found by the system's loader."
        if found.library is None
        else f"TCMalloc is there ({found.library}), but this version cannot be loaded: it is not "
        "linked against libpthread, which the C library here keeps apart.",
        evidence={"library": found.library, "tried": list(found.tried)},
        remedies=(
            Remedy(
                "Install TCMalloc and start the UI again."
                if install
                else f"Install {package} and start the UI again.",
                Action.RESTART_UI,
                commands=(install,) if install else (),
            ),
        ),
    )
