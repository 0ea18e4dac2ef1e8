"""SARIF, JUnit and GitHub annotations: what each reader needs, and nothing that is obeyed."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from junitparser import JUnitXml

from sdops.finding import Finding, Location, Report, Rule, Severity
from sdops.report import render

_SARIF_SCHEMA = Path(__file__).with_name("sarif-2.1.0.json")
SARIF = jsonschema.Draft202012Validator(
    json.loads(_SARIF_SCHEMA.read_text("utf-8")),
    format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER,
)

RULES = (
    Rule("pickle-call", "Loading runs code.", "Why.", "Do not.", "src", ("security",)),
    Rule("gpu-hot", "The GPU is hot.", "Why.", "Cool it.", "src"),
    Rule("not-reached", "Never found.", "Why.", "Nothing.", "src"),
)


def report(*findings: Finding, **more: object) -> Report:
    return Report(
        command="scan", subject="models", started_at="2026-01-02T03:04:05+00:00", duration_s=1.5,
        rules=RULES, findings=findings, **more,  # type: ignore[arg-type]
    )  # fmt: skip


CALL = Finding(
    "pickle-call", Severity.CRITICAL, "Loading this file runs os.system('id').", "At byte 7.",
    location=Location("a folder/ä%.ckpt", "x/data.pkl", 7),
)  # fmt: skip
HOT = Finding("gpu-hot", Severity.WARNING, "The GPU has 95 °C.")
HOSTILE = "::error::x\n::stop-commands::y\r\x1b[31m\x00\x0b\ud800%0A,:"


def test_sarif_has_what_github_requires():
    log = json.loads(render(report(CALL, HOT), "sarif"))
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    assert run["automationDetails"]["id"] == "sdops/scan/"
    rules = {rule["id"]: rule for rule in run["tool"]["driver"]["rules"]}
    for rule in rules.values():
        assert rule["shortDescription"]["text"]
        assert len(rule["fullDescription"]["text"]) <= 1000
        assert rule["help"]["text"]
    assert float(rules["pickle-call"]["properties"]["security-severity"]) > 9
    assert rules["gpu-hot"]["properties"]["problem.severity"] == "warning"
    call, hot = run["results"]
    assert (call["level"], hot["level"]) == ("error", "warning")
    place = call["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "a%20folder/%C3%A4%25.ckpt"
    assert set(place["region"]) == {"startLine", "startColumn", "endLine", "endColumn"}
    assert "byte 7" in call["message"]["text"].split(". ")[0]
    assert {result["ruleId"] for result in run["results"]} <= set(rules)


TEXT = st.text(max_size=40)
FINDINGS = st.builds(
    Finding,
    rule=TEXT,
    severity=st.sampled_from(Severity),
    title=TEXT,
    why=TEXT,
    evidence=st.just({}),
    remedies=st.just(()),
    location=st.none() | st.builds(
        Location, path=TEXT, member=st.none() | TEXT, offset=st.none() | st.integers(0, 2**70),
        line=st.none() | st.integers(1, 10**6),
    ),
)  # fmt: skip


@given(findings=st.lists(FINDINGS, max_size=4), faults=st.lists(TEXT, max_size=2))
def test_sarif_keeps_to_its_schema(findings: list[Finding], faults: list[str]):
    log = json.loads(render(report(CALL, HOT, *findings, faults=tuple(faults)), "sarif"))
    assert [error.message for error in SARIF.iter_errors(log)] == []


def test_the_sarif_schema_refuses_what_is_wrong():
    log = json.loads(render(report(CALL), "sarif"))
    log["runs"][0]["results"][0]["level"] = "critical"
    assert not SARIF.is_valid(log)


def test_sarif_fingerprints_stay_and_tell_findings_apart():
    def prints(text: str) -> list[str]:
        results = json.loads(text)["runs"][0]["results"]
        return [result["partialFingerprints"]["primaryLocationLineHash"] for result in results]

    first = prints(render(report(CALL, HOT), "sarif"))
    assert first == prints(render(report(CALL, HOT), "sarif"))
    assert len(set(first)) == 2


def test_sarif_says_when_not_everything_could_be_done():
    invocation = json.loads(render(report(faults=("x is cut off.",)), "sarif"))["runs"][0][
        "invocations"
    ][0]
    assert invocation["executionSuccessful"] is False
    assert invocation["toolExecutionNotifications"][0]["message"]["text"] == "x is cut off."


def test_junit_counts_are_those_of_its_cases():
    text = render(
        report(CALL, HOT, skipped={"no-gpu": "there is none"}, crashed={"odd": "fault"},
               faults=("x is cut off.",)),
        "junit",
    )  # fmt: skip
    (suite,) = JUnitXml.fromstring(text.encode())
    cases = {case.name: [type(result).__name__ for result in case.result] for case in suite}
    assert cases["pickle-call"] == ["Failure"]
    assert cases["gpu-hot"] == []
    assert cases["not-reached"] == []
    assert cases["no-gpu"] == ["Skipped"]
    assert cases["odd"] == cases["fault-1"] == ["Error"]
    assert (suite.tests, suite.failures, suite.errors, suite.skipped) == (len(cases), 1, 2, 1)


def test_github_annotations_are_escaped():
    text = render(report(CALL, HOT, faults=("x%y",)), "github")
    lines = text.splitlines()
    assert lines[0].startswith("::error file=a folder/ä%25.ckpt,title=pickle-call::Loading")
    assert lines[1].startswith("::warning title=gpu-hot::")
    assert "x%25y" in lines[2]
    assert not lines[-1].startswith("::")


@pytest.mark.parametrize("name", ["sarif", "junit", "github"])
@given(text=st.one_of(st.just(HOSTILE), st.text()))
def test_hostile_text_is_never_obeyed(name, text):
    found = Finding("pickle-call", Severity.ERROR, f"x {text}", text, {}, Location(text, text, 1))
    shown = render(report(found, faults=(text,)), name)
    shown.encode("utf-8", "backslashreplace")
    assert "\x1b" not in shown
    for line in shown.splitlines():
        if line.startswith("::"):
            assert name == "github"
            assert re.match(r"::(error|warning|notice) (file=[^:,]*,)?title=", line)
    if name == "junit":
        JUnitXml.fromstring(shown.encode("utf-8", "replace"))
    elif name == "sarif":
        json.loads(shown)
