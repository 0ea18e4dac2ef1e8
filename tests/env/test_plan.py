from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import jsonschema
import pytest
from typer.testing import CliRunner

from sdops.cli.main import app
from sdops.env.plan import plan, report
from sdops.facts.codec import facts_from_json
from sdops.facts.types import Facts
from sdops.report import render
from sdops.report.schema import schema

MACHINES = Path(__file__).parent.parent / "machines"


def machine(name: str) -> Facts:
    document = json.loads((MACHINES / f"{name}.json").read_text("utf-8"))
    return facts_from_json(document["facts"])


@pytest.mark.parametrize(
    ("name", "variants", "device"),
    [
        ("rtx5090-windows-a1111-cu121", ("cu128", "cu130"), "cuda"),
        ("healthy-linux-rtx3060-a1111", ("cu121", "cu124", "cu126"), "cuda"),
        ("gtx1060-linux-comfyui-cu130", ("cu118", "cu121", "cu124", "cu126"), "cuda"),
        ("healthy-linux-rx6800-comfyui", ("rocm",), "cuda"),
        ("rx6800-windows-a1111-upstream", ("cpu",), "cpu"),
        ("cpu-only-server-a1111", ("cpu",), "cpu"),
        ("healthy-mac-m1-a1111", ("cpu",), "mps"),
        ("healthy-windows-arc-a770-comfyui", ("xpu",), "xpu"),
    ],
)
def test_build_fits_the_card(name, variants, device):
    made = plan(machine(name))
    assert made.variant is not None
    assert made.variant.startswith(variants)
    assert made.device == device
    assert [package.name for package in made.packages][:2] == ["torch", "torchvision"]
    assert all(package.reason for package in made.packages)


def test_xformers_is_planned_only_where_it_computes():
    names = [package.name for package in plan(machine("healthy-linux-rtx3060-a1111")).packages]
    assert "xformers" in names
    names = [package.name for package in plan(machine("cpu-only-server-a1111")).packages]
    assert "xformers" not in names


def test_an_interface_without_python_is_planned_for_the_one_that_suits_it():
    facts = dataclasses.replace(machine("healthy-linux-rtx3060-a1111"), python=None)
    made = plan(facts)
    assert made.python == "3.10"
    assert made.packages


def test_alpine_gets_a_reason_and_no_packages():
    made = report(plan_target := machine("alpine-cpu-a1111"))
    assert plan_target.host.libc is not None
    assert made.data.packages == ()
    assert "musl" in made.faults[0]
    assert made.exit_code == 2


def test_report_obeys_the_schema_and_shows_the_command():
    made = report(machine("rtx5090-windows-a1111-cu121"))
    jsonschema.validate(json.loads(render(made, "json")), schema())
    text = render(made, "rich")
    assert made.data.command in text
    assert "--index-url https://download.pytorch.org/whl/cu" in text


@pytest.mark.parametrize(("version", "told"), [("3.10.6", False), ("3.13.1", True)])
def test_a_python_that_the_interface_is_not_meant_for_is_told(version, told):
    facts = machine("healthy-linux-rtx3060-a1111")
    assert facts.python is not None
    changed = dataclasses.replace(facts.python, version=version)
    notes = plan(dataclasses.replace(facts, python=changed)).notes
    assert any("meant for Python" in note for note in notes) is told


def test_facts_of_another_machine_are_planned_for(tmp_path):
    document = json.loads((MACHINES / "rtx5090-windows-a1111-cu121.json").read_text("utf-8"))
    saved = tmp_path / "facts.json"
    saved.write_text(json.dumps(document["facts"]), "utf-8")
    answer = CliRunner().invoke(app, ["env", "plan", "--facts", str(saved), "--json"])
    assert answer.exit_code == 0, answer.output
    assert json.loads(answer.stdout)["data"]["variant"].startswith("cu")
    answer = CliRunner().invoke(app, ["env", "plan", str(tmp_path), "--facts", str(saved)])
    assert answer.exit_code != 0


def test_amd_on_windows_is_planned_from_the_makers_own_index():
    facts = machine("rx6800-windows-a1111-upstream")
    assert facts.python is not None
    newer = dataclasses.replace(facts.python, version="3.12.7")
    made = report(dataclasses.replace(facts, python=newer))
    assert "torch[device-gfx1030]==2.13.0+rocm10.0.0" in made.data.command
    jsonschema.validate(json.loads(render(made, "json")), schema())
