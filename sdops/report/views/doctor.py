"""How the doctor's data looks to people: the machine, the flags to use, what could not be seen."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from sdops.finding import Report
from sdops.report.blocks import Block, Code, Details, Heading, Paragraph, Table
from sdops.report.views.smoke import steps_table

_GIB = 1024**3


def blocks(report: Report) -> tuple[Block, ...]:
    """The sections after the findings."""
    data = report.data
    return (
        Heading("What was looked at"),
        Table(tuple(_overview(data["facts"]))),
        *_proof(data.get("proof")),
        *_launch(data.get("launch")),
        *_gaps(data["facts"]),
        Details("All facts (JSON)", (Code(json.dumps(data["facts"], indent=1)),)),
    )


def _proof(proof: Mapping[str, Any] | None) -> Iterator[Block]:
    if proof is not None:
        yield Heading(f"What was tried on {proof['device']['title']}, making pictures")
        yield steps_table(proof["steps"])


def _overview(facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    host = facts["host"]
    yield "System", _system(host)
    if host["ram_total_bytes"]:
        yield "Memory", f"{host['ram_total_bytes'] / _GIB:.0f} GB RAM"
    for gpu in facts["gpus"]:
        yield "GPU", _gpu(gpu)
    if not facts["gpus"]:
        yield "GPU", "none seen"
    for driver in facts["drivers"]:
        yield "Driver", _driver(driver)
    if facts["ui"]:
        yield "User interface", _ui(facts["ui"])
    if facts["python"]:
        python = facts["python"]
        yield "Its Python", f"{python['version'] or 'unknown version'} ({python['root']})"
        for package in ("torch", "torchvision", "torchaudio", "xformers"):
            if python[package]:
                yield package, _build(python[package])


def _system(host: Mapping[str, Any]) -> str:
    text = f"{host['os_version']}, {host['machine']}"
    if host["wsl"]:
        text += f", WSL {host['wsl']}"
    return text + (f", in a {host['container']} container" if host["container"] else "")


def _gpu(gpu: Mapping[str, Any]) -> str:
    text = f"{gpu['index']}: {gpu['name']}"
    if gpu["vram_total_bytes"]:
        text += f", {gpu['vram_total_bytes'] / _GIB:.1f} GB"
    if gpu["compute_capability"]:
        text += ", compute capability {}.{}".format(*gpu["compute_capability"])
    elif gpu["gfx"]:
        text += f", {gpu['gfx']}"
    if gpu["lost"]:
        text += ", lost"
    return text if gpu["visible"] else f"{text}, hidden"


def _driver(driver: Mapping[str, Any]) -> str:
    text = f"{driver['name']} {driver['version'] or ''}".strip()
    return f"{text}, supports CUDA up to {driver['cuda']}" if driver["cuda"] else text


def _ui(interface: Mapping[str, Any]) -> str:
    text = f"{interface['kind']} {interface['version'] or ''}".strip()
    return f"{text} ({interface['root']})"


def _build(build: Mapping[str, Any]) -> str:
    if build["cuda"]:
        return f"{build['version']}, built for CUDA {build['cuda']}"
    return (
        f"{build['version']}, built for ROCm {build['hip']}" if build["hip"] else build["version"]
    )


def _launch(launch: Mapping[str, Any] | None) -> Iterator[Block]:
    if not launch or not launch["changes"]:
        return
    yield Heading("Launch flags")
    rows = [
        (f"{flag['flag']} {flag['value'] or ''}".strip(), flag["standing"], flag["reason"])
        for flag in launch["flags"]
    ]
    rows += [(f"remove {flag['flag']}", "", flag["reason"]) for flag in launch["remove"]]
    yield Table(tuple(rows))
    yield Paragraph(f"Put this into {launch['place']}:")
    yield Code(launch["line"])


def _gaps(facts: Mapping[str, Any]) -> Iterator[Block]:
    if not facts["gaps"]:
        return
    yield Heading("What could not be seen")
    yield Table(tuple((gap["fact"], gap["reason"]) for gap in facts["gaps"]))
