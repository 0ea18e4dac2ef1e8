"""The doctor as a user starts it: on real folders, on saved facts, with wrong arguments."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from sdops.doctor.diagnose import diagnose
from sdops.facts.codec import facts_from_json
from sdops.registry import checks
from sdops.report import render
from sdops.report.schema import schema
from tests import uis

MACHINES = Path(__file__).parent.parent / "machines"


def doctor(
    *arguments: object, cwd: Path | None = None, **environment: str
) -> "subprocess.CompletedProcess[str]":
    result = subprocess.run(
        [sys.executable, "-m", "sdops", "doctor", *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, "NO_COLOR": "1", "PYTHONPATH": os.getcwd(), **environment},  # noqa: PTH109
        cwd=cwd,
        timeout=600,
        check=False,
    )
    assert "Traceback" not in result.stderr
    return result


def document(result: "subprocess.CompletedProcess[str]") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(result.stdout)
    jsonschema.validate(found, schema())
    return found


def told(found: dict[str, Any]) -> list[tuple[str, str]]:
    return [(finding["id"], finding["severity"]) for finding in found["findings"]]


@pytest.mark.smoke
def test_it_looks_at_this_python_where_there_is_no_ui(tmp_path: Path) -> None:
    found = document(doctor("--json", cwd=tmp_path))
    assert found["data"]["facts"]["ui"] is None
    assert found["data"]["facts"]["python"]["version"].startswith("3.")
    statuses = {check["id"]: check["status"] for check in found["data"]["checks"]}
    assert statuses.keys() == {check.rule.id for check in checks()}
    assert "crashed" not in statuses.values()


@pytest.mark.parametrize("kind", uis.BUILDERS)
def test_it_knows_every_ui(tmp_path: Path, kind: str) -> None:
    root = tmp_path / "My UI"
    root.mkdir()
    uis.BUILDERS[kind](root)
    saved = tmp_path / "facts.json"
    found = document(doctor(root, "--json", "--save-facts", saved))
    assert found["data"]["facts"]["ui"]["kind"] == kind
    assert found["crashed"] == {}
    shown = doctor("--facts", saved)  # what else the machine does may have changed by now
    assert kind in shown.stdout
    assert shown.returncode == found["exit_code"]


def test_saved_facts_give_the_same_findings(tmp_path: Path) -> None:
    root = tmp_path / "webui"
    root.mkdir()
    uis.BUILDERS["a1111"](root)
    saved = tmp_path / "facts.json"
    here = document(doctor(root, "--save-facts", saved, "--json", "--quiet"))
    there = document(doctor("--facts", saved, "--json", cwd=tmp_path))
    assert told(here) == told(there)
    assert here["data"]["launch"] == there["data"]["launch"]
    again = doctor(root, "--save-facts", saved)
    assert again.returncode == 2
    assert "exists already" in again.stderr


@pytest.mark.parametrize("machine", sorted(MACHINES.glob("*.json")), ids=lambda path: path.stem)
def test_captured_machines_read_well_in_every_format(machine: Path) -> None:
    facts = facts_from_json(json.loads(machine.read_text())["facts"])
    report = diagnose(facts, checks(), time.monotonic())
    assert report.crashed == {}
    jsonschema.validate(json.loads(render(report, "json")), schema())
    shown = render(report, "rich", width=200)
    for finding in report.findings:
        assert finding.title in shown
        for command in (command for remedy in finding.remedies for command in remedy.commands):
            assert command.line in shown
    assert not re.search(r"\bNone\b|\{|\}", shown), "a value was printed that is not there"
    assert render(report, "markdown").count("\n### ") >= len(report.findings)


def test_what_leaves_the_process_names_nobody(tmp_path: Path) -> None:
    home = tmp_path / "home" / "hildegard"
    root = home / "webui"
    root.mkdir(parents=True)
    uis.BUILDERS["a1111"](root)
    secrets = {"HOME": str(home), "USER": "hildegard", "HF_TOKEN": "hf_" + "a" * 34}
    for format_name in ("json", "markdown", "junit", "github"):
        text = doctor(root, "--format", format_name, **secrets).stdout
        assert "hf_aaaa" not in text
        assert "hildegard" not in text


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["/nowhere/at/all"], "/nowhere/at/all"),
        (["--only", "torch-cpu"], "no rule 'torch-cpu'"),
        (["--explain", "nonsense-check"], "no rule"),
        (["--yes"], "--fix"),
        (["--facts", "missing.json"], "cannot be read"),
        (["--format", "yaml"], "no output format 'yaml'"),
        (["--fail-on", "sometimes"], "no severity 'sometimes'"),
        (["--json", "--format", "markdown"], "contradicts"),
    ],
)
def test_wrong_use_is_two_and_one_clear_line(arguments: list[str], says: str) -> None:
    result = doctor(*arguments)
    assert result.returncode == 2
    assert says in result.stderr
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""


def test_facts_that_are_not_facts_are_a_clear_error(tmp_path: Path) -> None:
    facts = tmp_path / "facts.json"
    facts.write_text("[]")
    result = doctor("--facts", facts)
    assert (result.returncode, "are not facts" in result.stderr) == (2, True)
    facts.write_text("{" * 100_000)
    assert doctor("--facts", facts).returncode == 2


def test_the_answer_can_go_into_a_new_file_only(tmp_path: Path) -> None:
    answer = tmp_path / "answer.md"
    result = doctor("--format", "markdown", "--output", answer, cwd=tmp_path)
    assert result.stdout == ""
    assert answer.read_text().startswith("## sdops doctor")
    assert doctor("--output", answer, cwd=tmp_path).returncode == 2
    assert [path.name for path in tmp_path.iterdir()] == ["answer.md"]


@pytest.mark.smoke
def test_checks_are_listed_and_explained() -> None:
    listed = doctor("--list-checks").stdout
    for check in checks():
        assert check.rule.id in listed
    one = checks()[0].rule
    assert one.title in doctor("--explain", one.id).stdout


def test_only_runs_only_that_check(tmp_path: Path) -> None:
    found = document(doctor("--only", "tcmalloc-missing", "--json", cwd=tmp_path))
    assert [check["id"] for check in found["data"]["checks"]] == ["tcmalloc-missing"]


def test_windows_users_are_told_how_powershell_wants_a_quoted_program(tmp_path: Path) -> None:
    captured = json.loads((MACHINES / "rtx3060ti-windows-cpu-wheel.json").read_text("utf-8"))
    text = json.dumps(captured["facts"])
    hint = "in PowerShell: & 'C:\\My AI"
    for name, folder in (("plain", "AI"), ("spaces", "My AI")):
        path = tmp_path / f"{name}.json"
        path.write_text(text.replace(r"C:\\AI", rf"C:\\{folder}"), encoding="utf-8")
        shown = doctor("--facts", path).stdout
        assert "installed without GPU support" in shown
        assert (hint in " ".join(shown.split())) == (name == "spaces")
