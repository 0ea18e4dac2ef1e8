"""What commands can say, and the registry of rules: the same ids, both ways."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from sdops import registry, rules
from sdops.errors import UsageError
from sdops.finding import Finding, Location, Report, Severity
from sdops.profile import load, names
from sdops.report import render

ROOT = Path(__file__).resolve().parent.parent
SOURCES = [path for path in sorted(ROOT.glob("sdops/**/*.py")) if path.parent.name != "report"]
SAYS = {
    "Finding": 0, "Fault": 0, "Problem": 0, "problem": 0, "_finding": 1, "PartRules": None,
    "reason": 0, "_bad": 0, "overflow": 0,
}  # fmt: skip
"""Functions that make a finding, or what becomes one, and which argument is the id."""
NOT_IDS = {"neutral"}
KEBAB = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)+")

pytestmark = pytest.mark.skipif(
    not (ROOT / "pyproject.toml").is_file(), reason="looks at the checkout, which is not here"
)


def calls() -> list[tuple[str, ast.expr]]:
    """Every expression that stands where an id is said, with its place."""
    found = []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            function = ast.unparse(node.func).rpartition(".")[2]
            if function not in SAYS:
                continue
            place = SAYS[function]
            said = [word.value for word in node.keywords if word.arg in ("rule", "problem_id")]
            said += node.args if place is None else node.args[place : place + 1]
            found += [(f"{path.relative_to(ROOT)}:{node.lineno}", value) for value in said[:3]]
    return found


def literal(node: ast.expr) -> str | None:
    value = node.value if isinstance(node, ast.Constant) else None
    return value if isinstance(value, str) and KEBAB.fullmatch(value) else None


def test_every_id_that_is_said_has_a_rule() -> None:
    said = {id_: place for place, node in calls() if (id_ := literal(node)) is not None}
    assert len(said) > 60
    said |= {row["id"]: "profiles/bench/infotext" for row in load("bench/infotext")["parameter"]}
    lacking = {id_: place for id_, place in said.items() if not rules.is_known(id_)}
    assert {k: v for k, v in lacking.items() if k not in NOT_IDS} == {}, (
        "a new id is one row in profiles/rules/"
    )


def test_no_id_is_made_of_pieces() -> None:
    assert [place for place, node in calls() if isinstance(node, ast.JoinedStr | ast.BinOp)
            and "-" in ast.unparse(node) and " " not in ast.unparse(node)] == []  # fmt: skip


def test_every_rule_is_said_somewhere() -> None:
    text = "\n".join(path.read_text("utf-8") for path in SOURCES)
    text += (ROOT / "profiles/bench/infotext.toml").read_text("utf-8")
    rows = [row["id"] for name in names("rules") for row in load(name)["rule"]]
    assert [id_ for id_ in rows if f'"{id_}"' not in text] == []
    assert len(rows) == len(set(rows))
    assert not {*rows} & {check.rule.id for check in registry.checks()}


def test_checks_say_their_own_id() -> None:
    others = []
    for path in sorted((ROOT / "checks").glob("[a-z]*.py")):
        own = path.stem.replace("_", "-")
        tree = ast.parse(path.read_text("utf-8"))
        constants = {
            ast.unparse(node.targets[0]): node.value.value
            for node in tree.body
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        }
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Call) and ast.unparse(node.func) == "Finding"):
                continue
            said = [word.value for word in node.keywords if word.arg == "rule"] or node.args[:1]
            value = literal(said[0]) or constants.get(ast.unparse(said[0]))
            if value != own:
                others.append(f"{path.name}:{node.lineno} says {ast.unparse(said[0])}")
    assert others == []


def test_every_rule_is_documented_in_full() -> None:
    bare = [
        rule.id
        for rule in rules.every()
        if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", rule.id)
        or not all((rule.title, rule.explanation, rule.fix, rule.source, rule.severities))
    ]
    assert bare == []


def test_an_unknown_id_gets_the_nearest_one_only_where_there_is_one() -> None:
    with pytest.raises(UsageError) as error:
        rules.find("pickle-cal")
    assert "pickle-call" in error.value.hint
    with pytest.raises(UsageError) as error:
        rules.find("quantum-flux")
    assert "mean" not in error.value.hint


def test_machine_formats_take_their_texts_from_here() -> None:
    finding = Finding("pickle-call", Severity.CRITICAL, "t", location=Location("a.pt"))
    report = Report("scan", "a.pt", "2026-11-20T12:00:00+00:00", findings=(finding,))
    log = json.loads(render(report, "sarif"))
    (rule,) = log["runs"][0]["tool"]["driver"]["rules"]
    assert rule["shortDescription"]["text"] == rules.find("pickle-call").title
    assert rules.find("pickle-call").fix in rule["help"]["text"]


def test_the_command_lists_and_explains() -> None:
    def sdops(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "sdops", "rules", *arguments],
            capture_output=True, text=True, check=False, timeout=600, encoding="utf-8",
        )  # fmt: skip

    listed = sdops().stdout.splitlines()
    assert [line.split()[0] for line in listed] == [rule.id for rule in rules.every()]
    told = sdops("smoke-vae-headroom").stdout
    for part in ("Why: ", "Fix: ", "Severity: error", "Source: "):
        assert part in told
    document = json.loads(sdops("--json", "driver-too-old").stdout)
    assert document[0]["id"] == "driver-too-old"
    assert document[0]["severities"]
    assert sdops("no-such").returncode == 2
