"""Facts survive the way through JSON, and a broken facts file is a clear error."""

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdops.doctor.diagnose import diagnose
from sdops.errors import UnreadableInputError
from sdops.facts.codec import facts_from_json, facts_from_text, to_json
from sdops.facts.types import Facts, Gap, Gpu, Host, Listener, Network, PythonEnv, TorchBuild
from sdops.report import render

PORTS = st.integers(0, 65535)
GPUS = st.builds(
    Gpu,
    index=st.integers(0, 9),
    vendor=st.sampled_from(["nvidia", "amd"]),
    name=st.text(),
    source=st.just("nvml"),
    compute_capability=st.none() | st.tuples(st.integers(3, 12), st.integers(0, 9)),
    power_w=st.none() | st.floats(0, 900),
)
FACTS = st.builds(
    Facts,
    taken_at=st.just("2026-11-20T12:00:00+00:00"),
    host=st.builds(
        Host,
        os=st.just("linux"),
        os_version=st.text(),
        machine=st.just("x86_64"),
        environment=st.dictionaries(st.text(), st.text(), max_size=3),
    ),
    gpus=st.lists(GPUS, max_size=3).map(tuple),
    network=st.builds(
        Network, listeners=st.lists(st.builds(Listener, st.text(), PORTS)).map(tuple)
    ),
    python=st.none()
    | st.builds(
        PythonEnv,
        root=st.text(),
        executable=st.text(),
        kind=st.just("venv"),
        torch=st.just(TorchBuild("torch", "2.13.0+cpu")),
    ),
)


@given(FACTS)
def test_facts_survive_json(facts: Facts) -> None:
    assert facts_from_json(json.loads(json.dumps(to_json(facts)))) == facts


def test_fields_of_a_newer_version_are_ignored() -> None:
    document = to_json(Facts("2026-11-20T12:00:00+00:00", Host("linux", "x", "x86_64")))
    document["from_the_future"] = 1
    document["host"]["smell"] = "burnt"
    assert facts_from_json(document).host.os == "linux"


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        ({"schema": "other/1"}, "are not facts"),
        ({"host": None}, "not null, at $.host."),
        ({"host": {"os": "linux"}}, "os_version is missing at $.host."),
        ({"gpus": {}}, "Expected array, not object, at $.gpus."),
        ({"gpus": [{"index": True, "vendor": "", "name": "", "source": ""}]}, "$.gpus[0].index"),
        ({"gpus": [{"index": 0, "vendor": 7}]}, "string, not integer, at $.gpus[0].vendor."),
        ({"gpus": [{"index": 0, "vendor": "", "name": "", "source": "",
                    "compute_capability": [8]}]}, "Expected 2 values, not 1"),
    ],
)  # fmt: skip
def test_a_broken_file_is_a_clear_error(damage: dict[str, Any], says: str) -> None:
    document = to_json(Facts("2026-11-20T12:00:00+00:00", Host("linux", "x", "x86_64")))
    with pytest.raises(UnreadableInputError) as error:
        facts_from_json({**document, **damage})
    assert says in error.value.message


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(st.sampled_from(["schema", "host", "gpus", "os"]), inner)
        ),
    )
)
def test_no_document_gives_anything_but_a_clear_error(document: Any) -> None:
    with pytest.raises(UnreadableInputError):
        facts_from_json(document)


def test_every_type_is_frozen() -> None:
    facts = Facts("2026-11-20T12:00:00+00:00", Host("linux", "x", "x86_64"))
    with pytest.raises(dataclasses.FrozenInstanceError):
        facts.target = "other"  # type: ignore[misc]


def test_what_the_doctor_printed_is_taken_whole() -> None:
    gaps = tuple(Gap(f"gap-{n}", "too long for one screen " * 9) for n in range(50))
    host = Host("linux", "x ``` \x1b é", "x86_64")
    facts = Facts("2026-11-20T12:00:00+00:00", host, gaps=gaps)
    report = diagnose(facts, (), 0.0)
    for format_name in ("json", "markdown"):
        assert facts_from_text(render(report, format_name)) == facts
    assert facts_from_text(json.dumps(to_json(facts))) == facts


@pytest.mark.parametrize(
    "text", ["", "[]", "{", "# notes\n```json\n{}\n```\n", "```\n" + "[" * 100_000 + "\n```"]
)
def test_a_text_without_facts_is_a_clear_error(text: str) -> None:
    with pytest.raises(UnreadableInputError):
        facts_from_text(text)
