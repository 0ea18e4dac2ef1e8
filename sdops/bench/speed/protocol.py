"""What is timed; protocols are profiles in `profiles/bench`."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sdops.dialect.names import look_up
from sdops.dialect.options import Guidance, Sampling
from sdops.dialect.request import Request
from sdops.profile import load, names

PROMPT = "a photograph of an astronaut riding a horse"


@dataclass(frozen=True, slots=True)
class Case:
    """One thing that is timed."""

    architecture: str
    """`checkpoint` where the user's own model takes its place."""
    width: int
    height: int
    batch: int
    steps: int
    sampler: str
    cfg: float

    @property
    def name(self) -> str:
        """Short, and unique in a protocol."""
        return f"{self.architecture} {self.width}x{self.height} batch {self.batch}"

    def request(self, seed: int) -> Request:
        """What to ask the pipeline for."""
        return Request(
            PROMPT,
            "",
            self.width,
            self.height,
            seed,
            self.batch,
            Sampling(self.sampler, steps=self.steps),
            Guidance(self.cfg),
        )


@dataclass(frozen=True, slots=True)
class Protocol:
    """What is timed, and how often."""

    name: str
    title: str
    warm_ups: int
    """Pictures made before the clock runs."""
    repeats: int
    """How many suffice."""
    seconds: float
    """How long suffices."""
    cases: tuple[Case, ...]

    def of_checkpoint(self, side: int) -> Protocol:
        """The same with the user's own model, at the size that it was trained on."""
        cases = (
            replace(case, architecture="checkpoint", width=side, height=side) for case in self.cases
        )
        return replace(self, cases=tuple(dict.fromkeys(cases)))


def protocol(name: str) -> Protocol:
    """The protocol called `name`.

    Raises:
        UsageError: there is none; suggests the nearest.
    """
    files = {path.partition("/")[2]: path for path in names("bench") if "run" in load(path)}
    path = look_up("protocol", name, files)
    table = load(path)
    rows = ({key: row[key] for key in row if key != "source"} for row in table["run"])
    return Protocol(
        path.partition("/")[2],
        table["title"],
        table["warm_ups"],
        table["repeats"],
        table["seconds"],
        tuple(Case(**row) for row in rows),
    )
