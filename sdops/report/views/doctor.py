"""How the doctor's data looks to people: the machine, the flags to use, what could not be seen."""

from __future__ import annotations

import json
from collections.abc import Iterator

from sdops.doctor.answer import DoctorAnswer
from sdops.facts.types import Driver, Facts, Gpu, Host, TorchBuild, UiInstall, XformersBuild
from sdops.finding import Report
from sdops.launch import LaunchPlan
from sdops.profile import load
from sdops.report.blocks import Block, Code, Details, Heading, Paragraph, Table
from sdops.report.views.smoke import steps_table
from sdops.tried import Tried
from sdops.typed_json import to_json

DATA = DoctorAnswer
_GIB = 1024**3


def blocks(report: Report) -> tuple[Block, ...]:
    """The sections after the findings."""
    answer: DoctorAnswer = report.data
    facts = answer.facts
    return (
        Heading("What was looked at"),
        Table(tuple(_overview(facts))),
        *_proof(answer.proof),
        *_launch(answer.launch),
        *_gaps(facts),
        Details("All facts (JSON)", (Code(json.dumps(to_json(facts), indent=1)),)),
    )


def _proof(proof: Tried | None) -> Iterator[Block]:
    if proof is not None:
        yield Heading(f"What was tried on {proof.device.title}, making pictures")
        yield steps_table(proof.steps)


def _overview(facts: Facts) -> Iterator[tuple[str, str]]:
    host, python = facts.host, facts.python
    yield "System", _system(host)
    if host.ram_total_bytes:
        yield "Memory", f"{host.ram_total_bytes / _GIB:.0f} GB RAM"
    for gpu in facts.gpus:
        yield "GPU", _gpu(gpu)
    if not facts.gpus:
        yield "GPU", "none seen"
    for driver in facts.drivers:
        yield "Driver", _driver(driver)
    if facts.ui:
        yield "User interface", _ui(facts.ui)
    if python:
        yield "Its Python", f"{python.version or 'unknown version'} ({python.root})"
        for build in (python.torch, python.torchvision, python.torchaudio, python.xformers):
            if build:
                yield _build(build)


def _system(host: Host) -> str:
    text = f"{host.os_version}, {host.machine}"
    if host.wsl:
        text += f", WSL {host.wsl}"
    return text + (f", in a {host.container} container" if host.container else "")


def _gpu(gpu: Gpu) -> str:
    text = f"{gpu.index}: {gpu.name}"
    if gpu.vram_total_bytes:
        text += f", {gpu.vram_total_bytes / _GIB:.1f} GB"
    if gpu.compute_capability:
        text += ", compute capability {}.{}".format(*gpu.compute_capability)
    elif gpu.gfx:
        text += f", {gpu.gfx}"
    if gpu.lost:
        text += ", lost"
    return text if gpu.visible else f"{text}, hidden"


def _driver(driver: Driver) -> str:
    text = f"{driver.name} {driver.version or ''}".strip()
    return f"{text}, supports CUDA up to {driver.cuda}" if driver.cuda else text


def _ui(interface: UiInstall) -> str:
    text = f"{interface.kind} {interface.version or ''}".strip()
    return f"{text} ({interface.root})"


def _build(build: TorchBuild | XformersBuild) -> tuple[str, str]:
    name = build.package if isinstance(build, TorchBuild) else "xformers"
    if build.cuda:
        return name, f"{build.version}, built for CUDA {build.cuda}"
    return name, f"{build.version}, built for ROCm {build.hip}" if build.hip else build.version


def _launch(launch: LaunchPlan | None) -> Iterator[Block]:
    if not launch:
        return
    if not launch.changes:
        if launch.note:
            yield Heading("Launch flags")
            yield Paragraph(launch.note)
        yield from _instances(launch)
        return
    yield Heading("Launch flags")
    rows = [
        (f"{item.flag} {item.value or ''}".strip(), item.standing.value, item.reason)
        for item in launch.flags
    ]
    rows += [(f"remove {item.flag}", "", item.reason) for item in launch.remove]
    yield Table(tuple(rows))
    yield Paragraph(f"Put this into {launch.place}:")
    yield Code(launch.line)
    if launch.note:
        yield Paragraph(launch.note)
    yield from _instances(launch)


def _instances(launch: LaunchPlan) -> Iterator[Block]:
    if launch.instances:
        yield Paragraph("To use each of the graphics cards, start the UI once for each:")
        yield from map(Code, launch.instances)


def _gaps(facts: Facts) -> Iterator[Block]:
    if not facts.gaps:
        return
    yield Heading("What could not be seen")
    rows = tuple((gap.fact, gap.reason, _unjudged(gap.fact)) for gap in facts.gaps)
    yield Table(rows, ("", "why", "so this was not judged"))


def _unjudged(fact: str) -> str:
    """What cannot be said without `fact`; the longest entry that it begins with knows."""
    rows = [row for row in load("unseen")["facts"] if f"{fact}.".startswith(f"{row['fact']}.")]
    return str(max(rows, key=lambda row: len(row["fact"]))["unjudged"]) if rows else ""
