"""One examination from beginning to end: find the patient, gather, judge, save, redact."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

from sdops.atomic import write_new
from sdops.doctor import model_files
from sdops.errors import UnreadableInputError, UsageError
from sdops.facts import codec, redact, target
from sdops.facts.files import read_text
from sdops.facts.gather import Depth, gather
from sdops.facts.types import Facts

_MOST_BYTES = 64 * 2**20
"""The largest file of facts that is read; the largest installations take a few megabytes."""


@dataclass(frozen=True, slots=True)
class Patient:
    """What the user asked to look at."""

    target: str | None
    ui: str | None
    python: str | None
    facts_file: Path | None


def facts_of(patient: Patient, depth: Depth) -> Facts:
    """The patient's facts: gathered here, or read from a file that was saved elsewhere.

    Raises:
        UsageError: a facts file was given together with something to look at.
        UnreadableInputError: the target or the facts file cannot be read.
    """
    if patient.facts_file is not None:
        if patient.target or patient.python or depth.deep or depth.net:
            raise UsageError(
                "--facts judges what was saved on another machine; it looks at nothing here.",
                "Leave out the target, --python, --deep and --net.",
            )
        return _read(patient.facts_file)
    facts = gather(target.resolve(patient.target, patient.ui, patient.python), depth)
    if facts.ui is None:
        return facts
    models = model_files.look(facts.ui)
    return dataclasses.replace(facts, model_files=models.value, gaps=facts.gaps + models.gaps)


def save(facts: Facts, path: Path) -> None:
    """Writes `facts`, redacted, to the new file `path`.

    Raises:
        UsageError: the file exists already.
        SdopsError: it cannot be written.
    """
    document = json.dumps(codec.to_json(redact.redact_facts(facts)), indent=1, ensure_ascii=False)
    write_new(path, document + "\n")


def _read(path: Path) -> Facts:
    try:
        text = read_text(path, _MOST_BYTES)
    except OSError as error:
        raise UnreadableInputError(f"{path} cannot be read: {error.strerror or error}.") from None
    try:
        return redact.hide_secrets(codec.facts_from_text(text))
    except UnreadableInputError as error:
        raise UnreadableInputError(f"{path}: {error.message}", error.hint) from None
