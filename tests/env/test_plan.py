from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import jsonschema
import pytest

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
    assert made.data["packages"] == []
    assert "musl" in made.faults[0]
    assert made.exit_code == 2


def test_report_obeys_the_schema_and_shows_the_command():
    made = report(machine("rtx5090-windows-a1111-cu121"))
    jsonschema.validate(json.loads(render(made, "json")), schema())
    text = render(made, "rich")
    assert made.data["command"] in text
    assert "--index-url https://download.pytorch.org/whl/cu" in text


@pytest.mark.parametrize(("version", "told"), [("3.10.6", False), ("3.13.1", True)])
def test_a_python_that_the_interface_is_not_meant_for_is_told(version, told):
    facts = machine("healthy-linux-rtx3060-a1111")
    assert facts.python is not None
    changed = dataclasses.replace(facts.python, version=version)
    notes = plan(dataclasses.replace(facts, python=changed)).notes
    assert any("meant for Python" in note for note in notes) is told
