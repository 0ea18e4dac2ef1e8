"""Describes many model files: the work behind `sdops info`."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from itertools import islice
from pathlib import Path

from sdops.checkpoint.damage import COVERED, examine_checkpoint
from sdops.checkpoint.files.walk import walk
from sdops.checkpoint.identify import metadata
from sdops.checkpoint.identify.answer import (
    DescribedFile,
    DescribedMetadata,
    DescribedPart,
    InfoAnswer,
)
from sdops.checkpoint.identify.components import Component
from sdops.checkpoint.identify.contents import shard
from sdops.checkpoint.identify.identity import Identity, identify
from sdops.checkpoint.identify.savings import savings
from sdops.checkpoint.open import open_checkpoint
from sdops.checkpoint.types import Checkpoint
from sdops.errors import SdopsError
from sdops.finding import Finding, Location, Remedy, Report, Severity

_MOST_PROBLEMS = 5


def report(paths: Sequence[Path], *, details: bool = False) -> Report:
    """The Report of `sdops info`; a file that cannot be read is a fault.

    Args:
        paths: files and folders.
        details: show everything about each file, also where there are many.
    """
    begin = time.monotonic()
    started_at = datetime.now(timezone.utc).isoformat(timespec="seconds")
    found = walk(paths)
    faults = list(found.faults)
    files: list[DescribedFile] = []
    findings: list[Finding] = []
    interrupted = False
    for path in found.files:
        try:
            checkpoint = open_checkpoint(path)
        except SdopsError as error:
            faults.append(error.message)
            continue
        except KeyboardInterrupt:
            interrupted = True
            break
        identity = identify(checkpoint)
        files.append(_file(checkpoint, identity))
        findings += _findings(checkpoint, identity)
    return Report(
        command="info",
        subject=", ".join(map(str, paths[:3])),
        started_at=started_at,
        duration_s=time.monotonic() - begin,
        findings=tuple(findings),
        cases=tuple(map(str, found.files)),
        faults=tuple(faults),
        interrupted=interrupted,
        data=InfoAnswer(tuple(files), details),
    )


def _file(checkpoint: Checkpoint, identity: Identity) -> DescribedFile:
    part = shard(checkpoint.path)
    return DescribedFile(
        path=checkpoint.path,
        size_bytes=checkpoint.size_bytes,
        container=str(checkpoint.container),
        architecture=identity.architecture,
        title=identity.title,
        kind=identity.kind,
        evidence=identity.evidence,
        prediction=identity.prediction,
        components=tuple(map(_part, identity.components)),
        holds=identity.contents.holds,
        lacks=identity.contents.lacks,
        shard=f"{part.number} of {part.total}" if part else None,
        dtypes=identity.dtypes,
        tensors=len(checkpoint.tensors),
        parameters=identity.parameters,
        ema=identity.ema.state,
        savings=savings(checkpoint, identity),
        opaque=tuple(item.what for item in checkpoint.opaque),
        metadata=checkpoint.metadata,
        readable_metadata=tuple(
            DescribedMetadata(item.label, item.text, item.private)
            for item in metadata.readable(checkpoint.metadata)
        ),
    )


def _part(part: Component) -> DescribedPart:
    return DescribedPart(
        id=part.id,
        title=part.title,
        present=part.present,
        expected=part.expected,
        complete=part.complete,
        missing=part.missing,
        sentence=part.sentence,
    )


def _damage(checkpoint: Checkpoint) -> Iterator[Finding]:
    """Why the file cannot be described whole, the first few reasons."""
    yield from examine_checkpoint(checkpoint)
    told = (item for item in checkpoint.problems if item.blocking and item.id not in COVERED)
    for problem in islice(told, _MOST_PROBLEMS):
        yield Finding(
            "info-damaged",
            Severity.ERROR,
            problem.text,
            "Parts of the file may be missing from what is reported about it.",
            {"problem": problem.id},
            Location(checkpoint.path, problem.member, problem.offset),
            (Remedy("Download the file again."),),
        )


def _absences(checkpoint: Checkpoint, identity: Identity) -> Iterator[Finding]:
    location = Location(checkpoint.path)
    lacks = identity.contents.lacks
    if identity.kind == "checkpoint" and lacks:
        yield Finding(
            "info-lacks-part",
            Severity.INFO,
            f"This checkpoint holds no {' and no '.join(lacks)}",
            "Loaded alone it makes no pictures, or broken ones.",
            {"lacks": list(lacks), "holds": list(identity.contents.holds)},
            location,
            (
                Remedy(
                    "Choose the missing files beside it: in A1111 and Forge under VAE / Text"
                    " Encoder, in ComfyUI with Load VAE and Load CLIP."
                ),
            ),
        )
    part = shard(checkpoint.path)
    if part and part.missing:
        yield Finding(
            "info-missing-shard",
            Severity.WARNING,
            f"This is file {part.number} of the {part.total} that make one model, and not all of"
            " them are here",
            f"Not beside it: {', '.join(part.missing[:_MOST_PROBLEMS])}.",
            {"missing": list(part.missing)},
            location,
            (Remedy("Download the missing files to the same folder."),),
        )


def _findings(checkpoint: Checkpoint, identity: Identity) -> list[Finding]:
    location = Location(checkpoint.path)
    findings = [*_damage(checkpoint)]
    findings += [
        Finding(
            "info-broken-component",
            Severity.ERROR,
            f"The {part.title} in this file is not complete; pictures made with it will be broken",
            part.sentence + ".",
            {"missing": list(part.missing)},
            location,
            (Remedy("Get the file again, or take this part from another file."),),
        )
        for part in identity.components
        if not part.complete
    ]
    findings += _absences(checkpoint, identity)
    private = metadata.private_keys(checkpoint.metadata)
    if private:
        findings.append(
            Finding(
                "info-private-metadata",
                Severity.INFO,
                "This file tells about the computer it was made on; think before you share it",
                f"Its metadata holds paths in {', '.join(private)}.",
                {"keys": list(private)},
                location,
                (Remedy("Make a copy without metadata: sdops convert --no-metadata."),),
            )
        )
    return findings
