"""What the tests of checks share: captured machines, and running one check."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from sdops.errors import Skip
from sdops.facts.types import Argument, Distribution, Facts
from sdops.finding import Finding
from sdops.registry import checks
from tests.checks.machines import FOLDER, facts_of

Judge = Callable[[str, Facts], tuple[Finding, ...]]


@pytest.fixture
def machine() -> Callable[[str], Facts]:
    """The facts of a file in `tests/machines`, by its name without `.json`."""

    def read(name: str) -> Facts:
        return facts_of(FOLDER / f"{name}.json")

    return read


@pytest.fixture
def judge() -> Judge:
    """Runs one check by its id; a check that skips finds nothing."""
    by_id = {check.rule.id: check for check in checks()}

    def run(rule: str, facts: Facts) -> tuple[Finding, ...]:
        try:
            found = tuple(by_id[rule].judge(facts))
        except Skip:
            return ()
        assert all(finding.rule == rule for finding in found)
        return found

    return run


@pytest.fixture
def launched() -> Callable[..., Facts]:
    """Facts whose UI is started with other arguments: `launched(facts, "--listen", "--port 1")`."""

    def change(facts: Facts, *arguments: str) -> Facts:
        assert facts.ui is not None
        parsed = tuple(
            Argument(flag, value or None, "webui-user.sh", 13)
            for flag, _, value in (text.partition(" ") for text in arguments)
        )
        return replace(facts, ui=replace(facts.ui, arguments=parsed))

    return change


@pytest.fixture
def with_gpu() -> Callable[..., Facts]:
    """Facts whose only GPU is changed: `with_gpu(facts, temperature_c=99)`."""

    def change(facts: Facts, **changes: object) -> Facts:
        (gpu,) = facts.gpus
        return replace(facts, gpus=(replace(gpu, **changes),))

    return change


@pytest.fixture
def with_host() -> Callable[..., Facts]:
    """Facts whose host is changed: `with_host(facts, container="docker")`."""

    def change(facts: Facts, **changes: object) -> Facts:
        return replace(facts, host=replace(facts.host, **changes))

    return change


@pytest.fixture
def with_python() -> Callable[..., Facts]:
    """Facts whose Python is changed: `with_python(facts, version="3.12.3", torch=None)`."""

    def change(facts: Facts, **changes: object) -> Facts:
        assert facts.python is not None
        return replace(facts, python=replace(facts.python, **changes))

    return change


@pytest.fixture
def with_packages(with_python: Callable[..., Facts]) -> Callable[..., Facts]:
    """Facts with packages in other versions, None to take one away.

    `with_packages(facts, numpy="2.2.6", clip=None)`; an underscore in a name stands for a hyphen.
    """

    def change(facts: Facts, **versions: str | None) -> Facts:
        assert facts.python is not None
        wanted = {name.replace("_", "-"): version for name, version in versions.items()}
        kept = [each for each in facts.python.distributions if each.name not in wanted]
        folder = facts.python.site_packages[0]
        new = [Distribution(name, version, folder) for name, version in wanted.items() if version]
        return with_python(facts, distributions=(*kept, *new))

    return change
