"""Gathers the facts of this machine and one patient: every probe, each within its own time."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone

from sdops.facts import deep, gpu, host, network, python_env, sources, ui
from sdops.facts.bounded import Pending
from sdops.facts.files import home
from sdops.facts.host.disks import cache_folder
from sdops.facts.probe import Probed
from sdops.facts.redact import hide_secrets
from sdops.facts.target import Target
from sdops.facts.types import DeepProbe, Facts, Gap, Gpu, Host, Network, PythonEnv, Reach, UiInstall

PROBE_TIMEOUT_S = 12.0
SOURCES_TIMEOUT_S = 30.0
"""Sixty extensions take a second or two; on a busy machine they are left unread, one by one."""
DEEP_TIMEOUT_S = 600.0
"""Importing torch from a cold disk takes a minute; eight imports and the kernels take a few."""
REACH_TIMEOUT_S = 60.0

_UNKNOWN_HOST = Host(os="unknown", os_version="unknown", machine="unknown")


@dataclass(frozen=True, slots=True)
class Depth:
    """How far to look beyond reading files and asking drivers."""

    deep: bool = False
    """Import torch and its partners in the patient's own interpreter and run small kernels."""
    net: bool = False
    """Try name resolution, TLS, the package index and the code host."""


def gather(target: Target, depth: Depth, environment: Mapping[str, str] | None = None) -> Facts:
    """Everything that can be learnt of this machine and of `target`; never raises, never hangs.

    Passwords and tokens are needed to look (a proxy's), and are hidden before anything is judged.

    Args:
        target: the patient, as `sdops.facts.target.resolve` found it.
        depth: how far to look.
        environment: the environment variables to judge; this process's own by default.
    """
    variables = dict(os.environ if environment is None else environment)
    gpus = Pending("gpu", lambda: gpu.look(variables), gpu.GpuFacts(), PROBE_TIMEOUT_S)
    net = Pending("network", network.look, Network(), PROBE_TIMEOUT_S)
    nowhere: tuple[Reach, ...] = ()
    reach = Pending("network.reach", lambda: network.reach(variables), nowhere, REACH_TIMEOUT_S) \
        if depth.net else None  # fmt: skip
    interface = _ui(target)
    patient = _python(target, interface.value, variables)
    interface = _with_sources(interface, patient.value)
    machine = Pending(
        "host",
        lambda: host.look(_paths(target, interface.value, patient.value, variables)),
        _UNKNOWN_HOST,
        PROBE_TIMEOUT_S,
    )
    # The UI's launch scripts may mask a GPU or pass one off as another: run as they would.
    started = {**variables, **(ui.variables_of(interface.value) if interface.value else {})}
    dived = _deep(patient.value, started) if depth.deep else Probed(None)
    answers = (gpus.result(), net.result(), machine.result())
    graphics, connections, computer = answers
    reached = reach.result() if reach else Probed(nowhere)
    gaps = [gap for probed in (*answers, interface, patient, dived, reached) for gap in probed.gaps]
    return hide_secrets(
        Facts(
            taken_at=datetime.now(timezone.utc).isoformat(timespec="seconds"),
            target=target.description,
            host=computer.value,
            gpus=_masked(graphics.value.gpus, interface.value, variables),
            drivers=graphics.value.drivers,
            xids=graphics.value.xids,
            python=patient.value,
            ui=interface.value,
            network=Network(
                listeners=connections.value.listeners,
                firewalls=connections.value.firewalls,
                remote_session=connections.value.remote_session,
                reach=reached.value,
            ),
            deep=dived.value,
            gaps=tuple(gaps),
        ),
        variables,
    )


def _masked(
    gpus: tuple[Gpu, ...], interface: UiInstall | None, variables: Mapping[str, str]
) -> tuple[Gpu, ...]:
    """`gpus` as the user interface will see them, whose launch files may set masks of their own."""
    if interface is None:
        return gpus
    launch = {setting.name: setting.value for setting in interface.settings}
    return gpu.mask(gpus, {**variables, **launch}).value


def _ui(target: Target) -> Probed[UiInstall | None]:
    root = target.ui_root
    if root is None:
        return Probed(None)
    nothing: UiInstall | None = None
    return Pending("ui", lambda: ui.look(root, target.ui_kind), nothing, PROBE_TIMEOUT_S).result()


def _with_sources(
    found: Probed[UiInstall | None], patient: PythonEnv | None
) -> Probed[UiInstall | None]:
    """The UI, with what its own sources and its extensions' say."""
    if found.value is None:
        return found
    seen = found.value
    unread: UiInstall | None = seen
    read = Pending("ui.sources", lambda: sources.look(seen, patient), unread, SOURCES_TIMEOUT_S)
    answer = read.result()
    return Probed(answer.value, (*found.gaps, *answer.gaps))


def _python(
    target: Target, interface: UiInstall | None, variables: Mapping[str, str]
) -> Probed[PythonEnv | None]:
    path = target.python or (ui.python_of(interface) if interface else None)
    if path is None:
        reason = "the user interface has no Python environment of its own yet"
        return Probed(None, (Gap("python", reason),) if interface else ())
    found = path
    nothing: PythonEnv | None = None
    started = {**variables, **(ui.variables_of(interface) if interface else {})}
    python_path = started.get("PYTHONPATH", "")
    return Pending(
        "python", lambda: python_env.look(found, python_path), nothing, PROBE_TIMEOUT_S
    ).result()


def _deep(patient: PythonEnv | None, variables: Mapping[str, str]) -> Probed[DeepProbe | None]:
    if patient is None:
        return Probed(None, (Gap("deep", "there is no Python environment to run"),))
    found = patient
    nothing: DeepProbe | None = None
    return Pending("deep", lambda: deep.look(found, variables), nothing, DEEP_TIMEOUT_S).result()


def _paths(
    target: Target,
    interface: UiInstall | None,
    patient: PythonEnv | None,
    variables: Mapping[str, str],
) -> Mapping[str, str]:
    paths = {
        "temp": tempfile.gettempdir(),
        "home": str(home()),
        "cache": cache_folder(variables),
    }
    if interface is not None:
        paths["ui"] = interface.root
    elif target.ui_root is not None:
        paths["ui"] = str(target.ui_root)
    if patient is not None:
        paths["venv"] = patient.root
    return paths
