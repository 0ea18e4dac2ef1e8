"""One Report, every format: nothing is lost, nothing is obeyed, and JSON keeps its schema."""

import json

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdops.errors import ExitCode, UsageError
from sdops.finding import Action, Command, Finding, Location, Platform, Remedy, Report, Severity
from sdops.report import FORMATS, render
from sdops.report.blocks import Table
from sdops.report.rich_text import _table
from sdops.report.schema import schema

HOSTILE = "\x1b]0;owned\x07 [bold]not bold[/bold] <script>alert(1)</script> `tick`\n::error::no"


def a_report(**changes: object) -> Report:
    finding = Finding(
        rule="torch-cpu-build",
        severity=Severity.ERROR,
        title="Your graphics card is not used",
        why=f"torch was built without CUDA {HOSTILE}",
        evidence={"torch": "2.13.0+cpu"},
        location=Location("/home/me/My UI/venv", line=3),
        remedies=(
            Remedy(
                "Install the build for your card",
                Action.REINSTALL,
                (Command(("/home/me/My UI/venv/bin/python", "-m", "pip"), Platform.LINUX),),
                add_flags=("--xformers",),
                remove_flags=("--no-half",),
                move_away=("/venv/lib/~orch",),
                automatic=True,
            ),
        ),
    )
    values: dict[str, object] = {
        "command": "example",
        "subject": "/home/me/My UI",
        "started_at": "2026-11-20T12:00:00+00:00",
        "findings": (finding,),
        "skipped": {"tcmalloc-missing": "not Linux"},
        **changes,
    }
    return Report(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize("format_name", ["rich", "markdown"])
def test_human_formats_show_what_is_wrong_and_what_to_type(format_name: str) -> None:
    text = render(a_report(), format_name)
    for part in ("Your graphics card is not used", "torch-cpu-build", "'/home/me/My UI/venv/bin/",
                 "~orch"):  # fmt: skip
        assert part in text.replace("\\", "")


@pytest.mark.parametrize("format_name", FORMATS)
def test_hostile_text_is_never_obeyed(format_name: str) -> None:
    text = render(a_report(), format_name)
    assert "\x1b" not in text
    assert "\x07" not in text
    assert not any(line.lstrip().startswith("::error::no") for line in text.splitlines())


def test_markdown_escapes_html() -> None:
    assert "<script>" not in render(a_report(), "markdown")


def test_long_commands_are_never_wrapped() -> None:
    long = Command(tuple(f"argument-number-{n}" for n in range(30)))
    finding = Finding("x", Severity.INFO, "t", remedies=(Remedy("do", commands=(long,)),))
    assert long.line in render(a_report(findings=(finding,)), "rich", width=40)


PATH = "/home/somebody/stable-diffusion-webui/models/Stable-diffusion/sdxl/a-very-long-name.ckpt"


@pytest.mark.parametrize("width", [20, 40, 60, 100, 200])
def test_at_any_width_every_word_is_there_whole(width: int) -> None:
    words = f"The file {PATH} is not what its name says, so --no-half-vae does not help here"
    remedy = Remedy(words, add_flags=("--no-half-vae",), move_away=(PATH,))
    place = Location(PATH, "archive/data.pkl", 7)
    finding = Finding("gpu-hot", Severity.ERROR, words, words, location=place, remedies=(remedy,))
    report = a_report(findings=(finding,), faults=(words,))
    shown = render(report, "rich", width=width)
    for word in (*words.split(), "archive/data.pkl,"):
        assert word in shown
    assert shown.count(PATH) >= 6
    for line in shown.splitlines():
        indent = len(line) - len(line.lstrip())
        assert len(line) <= max(width, 28) or len(line.split()) <= 1 + (indent >= 8) * 2


@pytest.mark.parametrize("width", [20, 40, 100])
def test_a_table_keeps_each_cell(width: int) -> None:
    rows = (("smoke-vae-half-precision", PATH, "fails"), ("x", "", "one two three " * 8))
    lines = list(_table(Table(rows, ("Rule", "File", "What")), width))
    text = " ".join(" ".join(lines).split())
    for cell in (cell for row in rows for cell in row):
        assert cell.strip() in text
    assert all(title in text for title in ("Rule", "File", "What"))


def test_color_only_when_asked_for() -> None:
    assert "\x1b[" in render(a_report(findings=()), "rich", color=True)
    assert "\x1b[" not in render(a_report(findings=()), "rich")


@given(title=st.text(min_size=1), why=st.text())
def test_json_obeys_the_schema_whatever_the_text(title: str, why: str) -> None:
    finding = Finding("some-rule", Severity.INFO, title, why)
    document = json.loads(render(a_report(findings=(finding,)), "json"))
    jsonschema.validate(document, schema())
    assert document["findings"][0]["title"] == title


def test_json_round_trips_a_remedy() -> None:
    remedy = json.loads(render(a_report(), "json"))["findings"][0]["remedies"][0]
    assert remedy["action"] == "reinstall"
    assert remedy["commands"][0]["line"] == "'/home/me/My UI/venv/bin/python' -m pip"
    assert remedy["add_flags"] == ["--xformers"]


def test_unknown_format_names_the_known_ones() -> None:
    with pytest.raises(UsageError, match="no output format 'yaml'"):
        render(a_report(), "yaml")


@pytest.mark.parametrize(
    ("changes", "code", "verdict"),
    [
        ({"findings": ()}, ExitCode.OK, "pass"),
        ({}, ExitCode.FOUND, "fail"),
        ({"fail_on": Severity.CRITICAL}, ExitCode.OK, "pass"),
        ({"fail_on": None, "faults": ("x",)}, ExitCode.INCOMPLETE, "incomplete"),
        ({"findings": (), "crashed": {"a": "KeyError"}}, ExitCode.INCOMPLETE, "incomplete"),
        ({"faults": ("unreadable",)}, ExitCode.FOUND, "fail"),
    ],
)
def test_found_wins_over_could_not(
    changes: dict[str, object], code: ExitCode, verdict: str
) -> None:
    report = a_report(**changes)
    assert (report.exit_code, report.verdict) == (code, verdict)


def test_windows_commands_are_quoted_for_windows() -> None:
    command = Command((r"C:\My UI\python.exe", "-m", "pip"), Platform.WINDOWS)
    assert command.line == r'"C:\My UI\python.exe" -m pip'
    command = Command((r"C:\AI&co\python.exe", "numpy<2", "a|b\\", "plain"), Platform.WINDOWS)
    assert command.line == r'"C:\AI&co\python.exe" "numpy<2" "a|b\\" plain'
