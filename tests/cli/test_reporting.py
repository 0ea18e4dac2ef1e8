"""The options that every command shares: formats, files, ids, exit codes."""

from __future__ import annotations

import inspect
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Annotated, NamedTuple

import pytest
import typer
from typer.testing import CliRunner

from sdops.cli.answer import Answer, Private
from sdops.cli.main import app
from sdops.cli.reporting import reporting
from sdops.errors import UsageError
from sdops.finding import Finding, Report, Severity
from sdops.report import FORMATS

FINDINGS = (
    Finding("pickle-call", Severity.ERROR, "The first is wrong."),
    Finding("gpu-hot", Severity.WARNING, "The second is doubtful."),
)


class Both(NamedTuple):
    left: Annotated[bool, typer.Option("--left")] = False
    right: Annotated[int, typer.Option("--right")] = 3


def a_report(*findings: Finding, subject: str = "x") -> Report:
    return Report("example", subject, "2026-11-20T12:00:00+00:00", findings=findings)


def give(told: object, **changes: object) -> int:
    shared = {
        "format_name": None, "json": False, "output": None, "save_report": None,
        "fail_on": "error", "exit_zero": False, "only": None, "ignore": None, "quiet": False,
        **changes,
    }  # fmt: skip
    with pytest.raises(SystemExit) as stop:
        Answer.of(**shared).give(told)  # type: ignore[arg-type]
    return int(stop.value.code or 0)


def commands(group: object, path: str = "") -> dict[str, object]:
    children = getattr(group, "commands", {})
    if not children:
        return {path: group}
    found = {}
    for name, child in children.items():
        found |= commands(child, f"{path} {name}".strip())
    return found


REPORTING = {
    path: command
    for path, command in commands(typer.main.get_command(app)).items()
    if any("--format" in item.opts for item in command.params)
}


def test_all_commands_but_a_few_report() -> None:
    silent = set(commands(typer.main.get_command(app))) - set(REPORTING)
    assert silent == {"schema", "rules", "env install-torch"}


@pytest.mark.parametrize("path", REPORTING)
def test_every_reporting_command_has_every_shared_option(path: str) -> None:
    options = {name for item in REPORTING[path].params for name in item.opts}
    assert options >= {
        "--format", "--json", "--output", "-o", "--save-report", "--fail-on", "--exit-zero",
        "--only", "--ignore", "--quiet", "-q",
    }  # fmt: skip


def test_a_group_stands_for_its_options_and_comes_after_the_commands_own() -> None:
    seen = []

    @reporting
    def example(answer: Answer, both: Both, own: Annotated[str, typer.Option()] = "o") -> Report:
        seen.append((answer.quiet, both, own))
        return a_report()

    assert list(inspect.signature(example).parameters)[:3] == ["own", "left", "right"]
    program = typer.Typer()
    program.command()(example)
    result = CliRunner().invoke(program, ["--left", "--own", "mine", "-q"])
    assert result.exit_code == 0, result.output
    assert seen == [(True, Both(left=True, right=3), "mine")]


@pytest.mark.parametrize(
    ("changes", "code", "told"),
    [
        ({}, 1, ["pickle-call", "gpu-hot"]),
        ({"ignore": ["pickle-call"]}, 0, ["gpu-hot"]),
        ({"ignore": ["pickle-call, gpu-hot"]}, 0, []),
        ({"only": ["gpu-hot"], "fail_on": "warning"}, 1, ["gpu-hot"]),
        ({"only": ["gpu-hot", "pickle-call"], "ignore": ["pickle-call"]}, 0, ["gpu-hot"]),
        ({"fail_on": "never"}, 0, ["pickle-call", "gpu-hot"]),
        ({"exit_zero": True}, 0, ["pickle-call", "gpu-hot"]),
    ],
)
def test_only_and_ignore_choose_findings(
    changes: dict, code: int, told: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert give(a_report(*FINDINGS), json=True, **changes) == code
    document = json.loads(capsys.readouterr().out)
    assert [finding["id"] for finding in document["findings"]] == told
    ignored = {"pickle-call", "gpu-hot"} & set(",".join(changes.get("ignore", [])).split(","))
    assert ignored <= set(document["skipped"])


def test_one_run_writes_every_format_by_its_suffix(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [tmp_path / f"report{kind.suffix}" for kind in FORMATS.values() if kind.suffix]
    assert give(a_report(*FINDINGS), save_report=files) == 1
    assert "The first is wrong." in capsys.readouterr().out
    assert len(files) == len(set(files)) >= 5
    for file in files:
        assert "pickle-call" in file.read_text("utf-8")
    assert json.loads((tmp_path / "report.json").read_text("utf-8"))["exit_code"] == 1
    assert (tmp_path / "report.sarif").read_text("utf-8").startswith("{")
    assert (tmp_path / "report.xml").read_text("utf-8").startswith("<?xml")


def test_what_is_saved_or_machine_read_is_the_answer_that_may_be_passed_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = Private(lambda: a_report(*FINDINGS, subject="own"),
                   lambda: a_report(*FINDINGS, subject="abroad"))  # fmt: skip
    saved = tmp_path / "a.json"
    give(told, save_report=[saved])
    give(told, json=True)
    assert json.loads(saved.read_text("utf-8"))["subject"] == "abroad"
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["subject"] == "abroad"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"save_report": [Path("report.yaml")]}, "suffix"),
        ({"save_report": [Path("no-such-folder/report.json")]}, "no folder"),
        ({"save_report": [Path("a.json"), Path("a.json")]}, "two reports"),
        ({"output": Path("a.json"), "save_report": [Path("a.json")]}, "two reports"),
        ({"save_report": [Path(__file__).with_name("there.xml")]}, "exists"),
        ({"format_name": "yaml"}, "no output format"),
        ({"format_name": "sarif", "json": True}, "contradicts"),
        ({"fail_on": "fatal"}, "no severity"),
        ({"ignore": ["gpu-hot,nonsense-rule"]}, "no rule 'nonsense-rule'"),
    ],
)
def test_bad_options_are_refused_before_any_work(
    changes: dict, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if message == "exists":
        (tmp_path / "there.xml").touch()
        changes = {"save_report": [tmp_path / "there.xml"]}
    with pytest.raises(UsageError, match=message):
        give(a_report(), **changes)
    assert [path.name for path in tmp_path.iterdir()] in ([], ["there.xml"])


def test_a_run_for_console_and_upload(tmp_path: Path) -> None:
    (tmp_path / "m.pt").write_bytes(b"\x80\x02cposix\nsystem\nU\x02id\x85R.")
    arguments = ["scan", "m.pt", "--save-report", "r.sarif", "--save-report", "r.xml"]
    done = subprocess.run(
        [sys.executable, "-m", "sdops", *arguments], cwd=tmp_path, capture_output=True,
        text=True, check=False, timeout=600,
    )  # fmt: skip
    assert done.returncode == 1
    assert "pickle-call" in done.stdout
    assert json.loads((tmp_path / "r.sarif").read_text("utf-8"))["runs"][0]["results"]
    assert "<failure" in (tmp_path / "r.xml").read_text("utf-8")


@pytest.mark.parametrize(
    "arguments",
    [("info",), ("hash", "--no-cache"), ("verify",), ("convert", "--dry-run", "--out", "out"),
     ("prune", "--dry-run", "--out", "out"), ("scan", "--no-cache"), ("explain",)],
    ids=lambda arguments: arguments[0],
)  # fmt: skip
def test_junit_has_a_case_for_each_file(
    arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.safetensors", "b.safetensors"):
        tensor = {"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}
        header = json.dumps(tensor).encode()
        Path(name).write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
        Path(f"{name}.log").write_text("Loading weights took 0.3 seconds\n", encoding="utf-8")
    suffix = ".log" if arguments == ("explain",) else ""
    names = ["."] if "--out" in arguments else [f"{x}.safetensors{suffix}" for x in "ab"]
    done = CliRunner().invoke(app, [*arguments, *names, "--format", "junit", "--quiet"])
    cases = re.findall(r'<testcase name="([^"]*)"', done.stdout)
    assert sorted(Path(case).name for case in cases) == [f"{x}.safetensors{suffix}" for x in "ab"]
