"""Why a picture that someone made may come out different here, by what its infotext says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from sdops.bench.smoke.step import Fault
from sdops.bench.subject import Subject, hashes_of
from sdops.dialect.metadata.programs.values import NETWORK
from sdops.dialect.parameters import IN_INFOTEXT
from sdops.finding import Severity
from sdops.profile import load

KIN = ("A1111", "sdops", "Civitai")
"""Whose noise and prompts are read as they are here."""
NEUTRAL = "neutral"


@dataclass(frozen=True, slots=True)
class Foreign:
    """Parameters that are not repeated here; a row of `profiles/bench/infotext`."""

    id: str
    names: Sequence[str]
    source: str
    title: str = ""
    starts: Sequence[str] = ()

    def covers(self, name: str) -> bool:
        """Whether it is about the parameter called `name`."""
        return name in self.names or name.startswith(tuple(self.starts))


@cache
def cpu_noise() -> frozenset[str]:
    """The programs that draw noise on the processor unless they say otherwise."""
    return frozenset(row["name"] for row in load("bench/infotext")["cpu_noise"])


@cache
def foreign() -> tuple[Foreign, ...]:
    """All that is known."""
    return tuple(Foreign(**row) for row in load("bench/infotext")["parameter"])


def reason(rule: str, title: str, why: str, advice: str = "") -> Fault:
    """One reason, as a finding that is only worth knowing."""
    return Fault(rule, title, why, advice=advice, severity=Severity.INFO)


def of_parameters(parameters: Mapping[str, str]) -> Iterator[Fault]:
    """What the infotext's parameters name that is not repeated here."""
    left = [name for name in parameters if name not in IN_INFOTEXT]
    for row in foreign():
        covered = [name for name in left if row.covers(name)]
        left = [name for name in left if name not in covered]
        if covered and row.id != NEUTRAL:
            yield reason(row.id, row.title, f"Its infotext has: {', '.join(covered)}.")
    if left:
        title = "The given picture was made with settings that are not known here"
        yield reason("smoke-like-unknown", title, f"They are: {', '.join(left)}.")


def of_prompts(prompts: Sequence[str]) -> Iterator[Fault]:
    """What the prompts name beside words."""
    named = list(dict.fromkeys(match[0] for text in prompts for match in NETWORK.finditer(text)))
    if named:
        title = "The given picture was made with LoRAs, and the sampler here uses none"
        yield reason("smoke-like-lora", title, f"Left out of its prompt: {', '.join(named)}.")


def of_files(parameters: Mapping[str, str], subject: Subject) -> Iterator[Fault]:
    """Other models than the one that is tried."""
    digest, name = parameters.get("Model hash"), parameters.get("Model")
    told = _named(name, digest)
    if subject.checkpoint is None:
        if name != subject.title:
            title = "The given picture was made with a model, and here random weights stand for one"
            yield reason("smoke-like-model", title, f"That was {told}.", "Name its checkpoint too.")
    elif digest is None:
        title = "The given picture does not say for sure which model made it"
        yield reason("smoke-like-model-unsaid", title, f"Its infotext has: {told}.")
    elif not (own := hashes_of(subject.checkpoint)).matches(digest):
        yield reason(
            "smoke-like-model",
            "The given picture was made with another model file than this one",
            f"That was {told}; this file's is {own.a1111_short}.",
            "Try the file with that hash: `sdops hash` shows the hashes of yours.",
        )
    yield from _of_vae(parameters, subject.vae)


def _named(name: str | None, digest: str | None) -> str:
    """A file as infotext names it."""
    return f"{name or 'one without a name'} with {f'the hash {digest}' if digest else 'no hash'}"


def _of_vae(parameters: Mapping[str, str], vae: Path | None) -> Iterator[Fault]:
    name, digest = parameters.get("VAE"), parameters.get("VAE hash")
    if name is None and digest is None:
        return
    if vae is not None and (
        hashes_of(vae).matches(digest) if digest else name in (vae.name, vae.stem)
    ):
        return
    yield reason(
        "smoke-like-vae",
        "The given picture was made with a VAE file of its own",
        f"That was {_named(name, digest)}.",
        "Give that file with --vae; its colors and small details differ a little without.",
    )


def of_program(program: str) -> Iterator[Fault]:
    """Another program than A1111."""
    if program not in KIN:
        title = next(row.title for row in foreign() if row.id == "smoke-like-other-program")
        yield reason("smoke-like-other-program", title, f"It was made with {program}.")
