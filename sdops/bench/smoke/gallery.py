"""The pictures of a smoke test as files, with infotext inside; nothing is overwritten."""

from __future__ import annotations

from pathlib import Path

from sdops.bench.grid import Axis, contact_sheet
from sdops.bench.smoke.whole import Trial
from sdops.bench.subject import Subject
from sdops.errors import UsageError
from sdops.sampler.infotext import save
from sdops.sampler.pipeline import Picture
from sdops.sampler.upscale import to_picture

Axes = tuple[Axis, Axis]


def check_folder(folder: Path) -> None:
    """Make sure that `folder` can take pictures, before any work is done.

    Raises:
        UsageError: there are files in it, or it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        taken = any(folder.iterdir())
    except OSError as error:
        raise UsageError(f"{folder} cannot be used: {error.strerror}.", "Choose another.") from None
    if taken:
        raise UsageError(f"{folder} is not empty.", "Choose a new folder for --output-dir.")


def save_trial(trial: Trial, folder: Path) -> tuple[str, ...]:
    """Save the picture that the steps were about; returns its path."""
    text = trial.request.infotext(0, trial.model_name, None)
    return (_save(Picture(to_picture(trial.pixels[0]), text), folder / "smoke.png"),)


def save_grid(subject: Subject, trial: Trial, axes: Axes, folder: Path) -> tuple[str, ...]:
    """Make and save a picture for each pair of values, and the sheet; returns their paths."""
    x, y = axes
    pipeline = subject.pipeline(trial.options)
    paths: list[str] = []
    rows = []
    for across in y.values:
        row = []
        for along in x.values:
            request = y.at(x.at(trial.request, along), across)
            picture = pipeline.generate(request)[0]
            paths.append(_save(picture, folder / f"{len(paths) + 1:03}.png"))
            row.append(picture.image)
        rows.append(row)
    path = folder / "grid.png"
    contact_sheet(rows, x, y).save(path)
    return (str(path), *paths)


def _save(picture: Picture, path: Path) -> str:
    save(picture.image, path, str(picture.infotext))
    return str(path)
