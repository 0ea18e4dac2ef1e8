"""LD_PRELOAD names a library that does not exist.

Every program prints "object … from LD_PRELOAD cannot be preloaded", and the library that was
meant (mostly TCMalloc) is not used.

Fix: Take the entry away, or write the full path of a library that exists.

Source: ld.so(8), LD_PRELOAD; AUTOMATIC1111/stable-diffusion-webui webui.sh, prepare_tcmalloc.
"""

from __future__ import annotations

from sdops.check import Facts, Finding, Iterator, Severity, Skip
from sdops.knowledge.variables import Variable, variable
from sdops.remedies.variables import unset


def check(facts: Facts) -> Iterator[Finding]:
    """Fires when at least one entry cannot be found by the loader."""
    found = facts.host.tcmalloc
    if found is None:
        raise Skip("LD_PRELOAD has no meaning on this system.")
    if not found.preload_missing:
        return
    setting = variable(facts, "LD_PRELOAD") or Variable("LD_PRELOAD", ":".join(found.preload))
    yield Finding(
        rule="stale-preload",
        severity=Severity.WARNING,
        title="Every program complains about a library that cannot be loaded.",
        why=f"LD_PRELOAD names {', '.join(found.preload_missing)}, which the loader does not find.",
        evidence={"missing": list(found.preload_missing), "preload": list(found.preload)},
        location=setting.location,
        remedies=(unset(facts, setting),),
    )
