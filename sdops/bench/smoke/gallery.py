"""The pictures of a smoke test as files, with infotext inside; nothing is overwritten."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from sdops.bench.device import first_line
from sdops.bench.grid import Axis, cells, contact_sheet
from sdops.bench.grid import axes as grid_axes
from sdops.bench.smoke.run import Plan
from sdops.bench.smoke.steps.pipeline import Trial
from sdops.bench.subject import Subject
from sdops.dialect.parameters import MOST_PICTURES, parameter
from sdops.dialect.pictures import save as save_picture
from sdops.dialect.pictures import write
from sdops.errors import SdopsError, UsageError
from sdops.sampler.pipeline import Picture, refuse_unfit


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which pictures the user wants to keep."""

    folder: Path | None
    axes: tuple[Axis, Axis] | None

    @classmethod
    def of(
        cls, plan: Plan, folder: Path | None, grid: str | None, x: str | None, y: str | None
    ) -> Wanted:
        """What the options of that name ask for; makes the folder, before any long work.

        Raises:
            UsageError: they make no sense, or not for the plan's model, or the folder holds files
                or cannot be made.
        """
        axes = grid_axes(grid, x, y) if grid is not None else None
        _refuse_unfit(plan, axes)
        if folder is not None:
            _prepare(folder)
        return cls(folder, axes)


def _refuse_unfit(plan: Plan, axes: tuple[Axis, Axis] | None) -> None:
    """Refuse places of the sheet that the model cannot make, and settings that change nothing."""
    config, request = plan.config, plan.overrides.request(plan.config)
    requests = [request] if axes is None else list(cells(request, *axes))
    for each in requests:
        each.check()
        refuse_unfit(config, each)
    for known in (
        *map(parameter, plan.overrides.settings),
        *(axis.parameter for axis in axes or ()),
    ):
        known.refuse_idle(requests)


def _prepare(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        taken = any(folder.iterdir())
    except OSError as error:
        raise UsageError(f"{folder} cannot be used: {error.strerror}.", "Choose another.") from None
    if taken:
        raise UsageError(f"{folder} is not empty.", "Choose a new folder for --output-dir.")


@dataclass(frozen=True, slots=True)
class Saved:
    """What became of the pictures that were wanted."""

    paths: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    """Why some are missing, a sentence each."""


def save(wanted: Wanted, subject: Subject, trial: Trial | None) -> Saved:
    """Save the trial's pictures, then those of the sheet, then the sheet, as far as it goes."""
    if wanted.folder is None or trial is None:
        return Saved()
    paths: list[str] = []
    try:
        paths.extend(_written(wanted.folder, wanted.axes, subject, trial))
    except SdopsError as error:
        reason = error.message
    except OSError as error:
        reason = f"{wanted.folder} cannot be written: {error.strerror or error}."
    except RuntimeError as error:
        reason = f"{first_line(error)}."
    else:
        return Saved(tuple(paths))
    return Saved(tuple(paths), (f"Not all pictures could be made and saved. {reason}",))


def _written(
    folder: Path, axes: tuple[Axis, Axis] | None, subject: Subject, trial: Trial
) -> Iterator[str]:
    """The path of each picture, as soon as it is written."""
    names = ("smoke.png", *(f"smoke-{number}.png" for number in range(2, MOST_PICTURES + 1)))
    for picture, name in zip(trial.pictures, names, strict=False):
        yield _write(picture, folder / name)
    if axes is None:
        return
    x, y = axes
    pipeline, images = subject.pipeline(trial.options), []
    for request in cells(replace(trial.request, pictures=1), x, y):
        picture = pipeline.generate(request)[0]
        images.append(picture.image)
        yield _write(picture, folder / f"{len(images):03}.png")
    sheet = folder / "grid.png"
    write(contact_sheet(images, x, y), sheet)
    yield str(sheet)


def _write(picture: Picture, path: Path) -> str:
    save_picture(picture.image, path, str(picture.infotext))
    return str(path)
