"""The work behind `sdops pnginfo`: reads pictures, and writes copies that say nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

from sdops.dialect.answer import PictureAnswer, PnginfoAnswer
from sdops.dialect.metadata.read import Picture, read_picture
from sdops.dialect.metadata.strip import strip
from sdops.errors import SdopsError, UnreadableInputError
from sdops.finding import Finding, Location, Remedy, Report, Severity

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".avif"})


def files_of(paths: Sequence[Path]) -> list[Path]:
    """The files that are named, and the pictures in folders that are.

    Raises:
        UnreadableInputError: a folder cannot be listed.
    """
    found: list[Path] = []
    for path in paths:
        if not path.is_dir():
            found.append(path)
            continue
        try:
            inside = sorted(path.rglob("*"))
        except OSError as error:
            raise UnreadableInputError(f"{path} cannot be listed: {error.strerror}.") from None
        found += [each for each in inside if each.suffix.lower() in SUFFIXES and each.is_file()]
    return found


def report(paths: Sequence[Path], *, stripped_to: Callable[[Path], Path] | None) -> Report:
    """How each of the pictures was made.

    Args:
        paths: files, or folders of pictures.
        stripped_to: where the copy of each without metadata goes; None for no copies.
    """
    begin = time.monotonic()
    started_at = datetime.now(timezone.utc).isoformat(timespec="seconds")
    answers: list[PictureAnswer] = []
    findings: list[Finding] = []
    faults: list[str] = []
    files = files_of(paths)
    interrupted = False
    try:
        for path in files:
            answer, found, fault = _one(path, stripped_to)
            answers += filter(None, [answer])
            findings += found
            faults += filter(None, [fault])
    except KeyboardInterrupt:
        interrupted = True
    return Report(
        command="pnginfo",
        subject=", ".join(map(str, paths[:3])),
        started_at=started_at,
        duration_s=time.monotonic() - begin,
        findings=tuple(findings),
        cases=tuple(map(str, files)),
        faults=tuple(faults),
        data=PnginfoAnswer(tuple(answers)),
        interrupted=interrupted,
    )


def _one(
    path: Path, stripped_to: Callable[[Path], Path] | None
) -> tuple[PictureAnswer | None, tuple[Finding, ...], str | None]:
    """What is said of one file, or why nothing can be."""
    try:
        picture = read_picture(path)
        answer = _answer(picture)
        if stripped_to is not None:
            answer = replace(answer, stripped=str(strip(path, stripped_to(path))))
    except SdopsError as error:
        return None, (), f"{error.message} {error.hint}".strip()
    return answer, tuple(_findings(picture)), None


def _answer(picture: Picture) -> PictureAnswer:
    made = picture.made
    if made is None:
        return PictureAnswer(
            str(picture.path), None, "", "", {}, (), (), not_understood=picture.faults
        )
    return PictureAnswer(
        str(picture.path), made.program, made.prompt, made.negative, dict(made.settings),
        made.networks, made.models, made.family, picture.missing,
        (*made.not_understood, *picture.faults),
    )  # fmt: skip


def _findings(picture: Picture) -> Iterator[Finding]:
    place = Location(str(picture.path))
    if picture.made is None:
        others = f"It has: {', '.join(picture.texts[:8])}." if picture.texts else ""
        yield Finding(
            "picture-says-nothing",
            Severity.WARNING,
            "This file does not say how it was made",
            f"No program's record was found in it. {others}".strip(),
            {"texts": list(picture.texts), "faults": list(picture.faults)},
            place,
            (Remedy("Ask for the file as the program saved it: websites, chats and image editors"
                    " take the record out."),),
        )  # fmt: skip
        return
    unread = (*picture.made.not_understood, *picture.faults)
    if unread:
        yield Finding(
            "picture-not-understood",
            Severity.INFO,
            "Part of what this file says could not be followed",
            f"Not understood: {'; '.join(unread)}.",
            {"parts": list(unread)},
            place,
        )
