"""SARIF, JUnit and GitHub annotations: what each reader needs, and nothing that is obeyed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from junitparser import JUnitXml

from sdops.finding import Finding, Location, Report, Severity
from sdops.report import render

_SARIF_SCHEMA = Path(__file__).with_name("sarif-2.1.0.json")
SARIF = jsonschema.Draft202012Validator(
    json.loads(_SARIF_SCHEMA.read_text("utf-8")),
    format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER,
)


def report(*findings: Finding, **more: object) -> Report:
    return Report(
        command="scan", subject="models", started_at="2026-01-02T03:04:05+00:00", duration_s=1.5,
        findings=findings, **more,  # type: ignore[arg-type]
    )  # fmt: skip


CALL = Finding(
    "pickle-call", Severity.CRITICAL, "Loading this file runs os.system('id').", "At byte 7.",
    location=Location("a folder/ä%.ckpt", "x/data.pkl", 7),
)  # fmt: skip
HOT = Finding("gpu-hot", Severity.WARNING, "The GPU has 95 °C.")
DRIVER = Finding("driver-too-old", Severity.ERROR, "The driver is too old.")
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


SUITE = {
    "name": r"\S.*", "package": r"\S.*", "hostname": r"\S+", "id": r"\d+", "tests": r"\d+",
    "failures": r"\d+", "errors": r"\d+", "skipped": r"\d+", "time": r"\d+(\.\d+)?",
    "timestamp": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d",
}  # fmt: skip
CASE = {"name": r".+", "classname": r"\S.*", "time": r"\d+(\.\d+)?"}
RESULT = {"skipped": set(), "error": {"type"}, "failure": {"type"}}


def expect_junit(text: str) -> ET.Element:
    """What windyroad/JUnit-Schema JUnit.xsd and jenkinsci/xunit-plugin junit-10.xsd ask for."""
    root = ET.fromstring(text.encode("utf-8"))
    assert (root.tag, root.attrib) == ("testsuites", {})
    (suite,) = root
    assert suite.tag == "testsuite"
    expect_attributes(suite, SUITE)
    first, *cases, out, err = suite
    assert (first.tag, out.tag, err.tag) == ("properties", "system-out", "system-err")
    assert not [*first, *out, *err]
    for case in cases:
        assert case.tag == "testcase"
        expect_attributes(case, CASE)
        assert len(case) <= 1
        for result in case:
            assert set(result.attrib) == RESULT[result.tag] | {"message"}
            assert not [*result]
    for count, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        assert int(suite.attrib[count]) == len(suite.findall(f"testcase/{tag}"))
    assert int(suite.attrib["tests"]) == len(cases)
    return suite


def expect_attributes(element: ET.Element, patterns: dict[str, str]) -> None:
    assert set(element.attrib) == set(patterns)
    for name, pattern in patterns.items():
        assert re.fullmatch(pattern, element.attrib[name]), (name, element.attrib[name])


def results(suite: ET.Element) -> dict[str, str | None]:
    return {case.get("name"): next((item.tag for item in case), None) for case in suite[1:-2]}


def test_junit_has_a_case_for_each_check():
    suite = expect_junit(render(
        report(HOT, DRIVER, cases=("gpu-hot", "driver-too-old", "gpu-lost", "low-disk",
                                   "wsl-memory"),
               skipped={"low-disk": "unknown"}, crashed={"wsl-memory": "KeyError"}),
        "junit",
    ))  # fmt: skip
    assert results(suite) == {
        "gpu-hot": None, "driver-too-old": "failure", "gpu-lost": None, "low-disk": "skipped",
        "wsl-memory": "error",
    }  # fmt: skip
    assert "95 °C" in suite.findtext("system-out")
    assert suite.find("testcase/failure").get("type") == "driver-too-old"


def test_junit_has_a_case_for_each_file():
    files = ("a folder/ä%.ckpt", "good.safetensors", "cut.pt", "c")
    suite = expect_junit(render(
        report(CALL, HOT, cases=files, faults=("cut.pt could not be looked at.", "No room.")),
        "junit",
    ))  # fmt: skip
    assert results(suite) == {
        "a folder/ä%.ckpt": "failure", "good.safetensors": None, "cut.pt": "error", "c": None,
        "gpu-hot": None, "No room.": "error",
    }  # fmt: skip


def test_junit_has_a_case_for_each_step():
    dark = Finding("smoke-picture-bad", Severity.ERROR, "Black.", evidence={"step": "picture"})
    suite = expect_junit(render(report(dark, cases=("UNet", "picture")), "junit"))
    assert results(suite) == {"UNet": None, "picture": "failure"}


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
        expect_junit(shown)
        JUnitXml.fromstring(shown.encode("utf-8"))
    elif name == "sarif":
        json.loads(shown)
