"""The pictures of a smoke test as files, with infotext inside; nothing is overwritten."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from sdops.bench.grid import Axis, contact_sheet
from sdops.bench.grid import axes as grid_axes
from sdops.bench.smoke.whole import Trial
from sdops.bench.subject import Subject
from sdops.errors import UsageError
from sdops.sampler.parameters import MOST_PICTURES
from sdops.sampler.pictures import save as save_picture
from sdops.sampler.pipeline import Picture


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which pictures the user wants to keep."""

    folder: Path | None
    axes: tuple[Axis, Axis] | None

    @classmethod
    def of(cls, folder: Path | None, grid: str | None, x: str | None, y: str | None) -> Wanted:
        """What the options of that name ask for; makes the folder, before any long work.

        Raises:
            UsageError: they make no sense, or the folder holds files or cannot be made.
        """
        axes = grid_axes(grid, x, y) if grid is not None else None
        if folder is not None:
            _prepare(folder)
        return cls(folder, axes)


def _prepare(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        taken = any(folder.iterdir())
    except OSError as error:
        raise UsageError(f"{folder} cannot be used: {error.strerror}.", "Choose another.") from None
    if taken:
        raise UsageError(f"{folder} is not empty.", "Choose a new folder for --output-dir.")


def save(wanted: Wanted, subject: Subject, trial: Trial | None) -> tuple[str, ...]:
    """Save what is wanted: the trial's pictures, then the sheet and its pictures; their paths."""
    if wanted.folder is None or trial is None:
        return ()
    names = ("smoke.png", *(f"smoke-{number}.png" for number in range(2, MOST_PICTURES + 1)))
    paths = tuple(
        _write(picture, wanted.folder / name)
        for picture, name in zip(trial.pictures, names, strict=False)
    )
    if wanted.axes is None:
        return paths
    return paths + _grid(subject, trial, wanted.axes, wanted.folder)


def _grid(subject: Subject, trial: Trial, axes: tuple[Axis, Axis], folder: Path) -> tuple[str, ...]:
    x, y = axes
    pipeline, request = subject.pipeline(trial.options), replace(trial.request, pictures=1)
    paths: list[str] = []
    rows = []
    for down in y.values:
        row = []
        for across in x.values:
            picture = pipeline.generate(y.at(x.at(request, across), down))[0]
            paths.append(_write(picture, folder / f"{len(paths) + 1:03}.png"))
            row.append(picture.image)
        rows.append(row)
    sheet = folder / "grid.png"
    contact_sheet(rows, x, y).save(sheet)
    return (str(sheet), *paths)


def _write(picture: Picture, path: Path) -> str:
    save_picture(picture.image, path, str(picture.infotext))
    return str(path)
