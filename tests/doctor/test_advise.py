"""Launch plans for many machines, and the lines that come out of them."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sdops.doctor.advise import advise
from sdops.facts.codec import facts_from_json
from sdops.facts.types import Argument, Facts, FlagDefinition, TorchBuild, XformersBuild
from sdops.knowledge.launch_rules import rules_of
from sdops.launch import LaunchPlan
from sdops.typed_json import json_schema, to_json
from sdops.uis import kinds, trait

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

HERE = Path(__file__).parent
MACHINES = HERE.parent / "machines"
TABLE = tomllib.loads((HERE / "launch_table.toml").read_text("utf-8"))["machine"]
PLANNED_UIS = ("a1111", "forge", "reforge", "comfyui")


def captured(name: str) -> Facts:
    document = json.loads((MACHINES / f"{name}.json").read_text("utf-8"))
    return facts_from_json(document["facts"])


def arguments(texts: list[str]) -> tuple[Argument, ...]:
    parts = [text.partition(" ") for text in texts]
    return tuple(
        Argument(flag, value or None, "webui-user", line + 1)
        for line, (flag, _, value) in enumerate(parts)
    )


def varied(facts: Facts, changes: dict[str, Any]) -> Facts:
    """`facts` with the differences that a row of the table states."""
    ui, host, python, gpus = facts.ui, facts.host, facts.python, facts.gpus
    assert ui is not None
    if "ui" in changes:
        ui = replace(ui, kind=changes["ui"], layout="git", launch_files=(), known_flags=())
    if "arguments" in changes:
        ui = replace(ui, arguments=arguments(changes["arguments"]))
    if "known_flags" in changes:
        ui = replace(ui, known_flags=tuple(map(FlagDefinition, changes["known_flags"])))
    if "gpu" in changes:
        gpu = dict(changes["gpu"])
        gpu["vram_total_bytes"] = int(gpu.pop("vram_gib") * 2**30)
        if "compute_capability" in gpu:
            gpu["compute_capability"] = tuple(gpu["compute_capability"])
        gpus = (replace(gpus[0], **gpu),)
    if "swap_gpus" in changes:
        gpus = (replace(gpus[1], index=0), replace(gpus[0], index=1))
    if "environment" in changes:
        host = replace(host, environment={**host.environment, **changes["environment"]})
    if "container" in changes:
        host = replace(host, container=changes["container"] or None)
    if "torch" in changes:
        version = changes["torch"]
        cuda = "12.1" if "+cu" in version else None
        python = replace(python, torch=TorchBuild("torch", version, cuda=cuda))
    if changes.get("xformers") == "":
        python = replace(python, xformers=None)
    remote = changes.get("remote", facts.network.remote_session)
    network = replace(facts.network, remote_session=remote)
    if changes.get("stopped"):
        network = replace(network, listeners=())
    return replace(facts, ui=ui, host=host, python=python, gpus=gpus, network=network)


def test_the_table_is_large_and_its_names_differ() -> None:
    assert len({row["name"] for row in TABLE}) == len(TABLE) >= 30


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row["name"])
def test_plan(row: dict[str, Any]) -> None:
    plan = advise(varied(captured(row["facts"]), row.get("with", {})))
    assert plan is not None
    flags = [f"{item.flag} {item.value or ''}".strip() for item in plan.flags]
    assert sorted(flags) == sorted(row["flags"])
    assert sorted(item.flag for item in plan.remove) == sorted(row.get("remove", []))
    assert plan.changes is row.get("changes", True)
    if "line" in row:
        assert plan.line == row["line"]
    for item in (*plan.flags, *plan.remove):
        assert item.reason.endswith(".")
        assert len(item.reason) < 200


@pytest.mark.parametrize("file", sorted(MACHINES.glob("*.json")), ids=lambda file: file.stem)
def test_every_plan_fits_the_schema_and_is_stable(file: Path) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    facts = captured(file.stem)
    plan = advise(facts)
    if plan is None:
        assert facts.ui is None or facts.ui.kind not in PLANNED_UIS
        return
    jsonschema.validate(to_json(plan), json_schema(LaunchPlan))
    if facts.host.os == "windows" or trait(plan.ui, "launch_style") != "variable":
        return
    words = plan.line.partition("=")[2]
    (pasted,) = shlex.split(words)
    own = arguments_of_line(shlex.split(pasted))
    again = advise(replace(facts, ui=replace(facts.ui, arguments=own)))
    assert again is not None
    assert not again.changes
    assert not again.remove


def arguments_of_line(words: list[str]) -> tuple[Argument, ...]:
    found: list[list[str]] = []
    for word in words:
        if word.startswith("-"):
            found.append([word])
        else:
            found[-1].append(word)
    return arguments([" ".join(words) for words in found])


def test_no_plan_without_a_ui_or_for_one_without_rules() -> None:
    facts = captured("healthy-linux-rtx3060-a1111")
    assert advise(replace(facts, ui=None)) is None
    assert advise(replace(facts, ui=replace(facts.ui, kind="unknown"))) is None


HOSTILE = ["a b", 'q"uote', "it's", "$HOME", "`id`", "back\\slash", "end\\", "100%", "&calc", "!x"]


@pytest.mark.parametrize("value", HOSTILE)
def test_bash_and_shlex_read_back_the_users_own_values(value: str) -> None:
    facts = captured("healthy-linux-rtx3060-a1111")
    own = (Argument("--theme", value, "f", 1), Argument("--xformers", None, "f", 1))
    plan = advise(replace(facts, ui=replace(facts.ui, arguments=own)))
    assert plan is not None
    script = f'{plan.line}\nprintf %s "$COMMANDLINE_ARGS"'
    run = subprocess.run(["/bin/bash", "-c", script], capture_output=True, text=True, check=True)
    assert shlex.split(run.stdout) == ["--theme", value, "--xformers"]


@pytest.mark.parametrize("value", [value for value in HOSTILE if value != "100%"])
def test_shlex_reads_back_a_batch_file_s_values(value: str) -> None:
    facts = captured("gtx1660-windows-a1111-no-flags")
    own = (Argument("--theme", value, "f", 1),)
    plan = advise(replace(facts, ui=replace(facts.ui, arguments=own)))
    assert plan is not None
    assert shlex.split(plan.line.partition("=")[2])[:2] == ["--theme", value]


def test_a_percent_sign_is_doubled_in_a_batch_file() -> None:
    facts = captured("gtx1660-windows-a1111-no-flags")
    own = (Argument("--theme", "100%", "f", 1),)
    plan = advise(replace(facts, ui=replace(facts.ui, arguments=own)))
    assert plan is not None
    assert '--theme "100%%"' in plan.line


def test_hidden_secrets_are_pointed_out() -> None:
    facts = captured("healthy-linux-rtx3060-a1111")
    own = (Argument("--gradio-auth", "[redacted]", "f", 1),)
    plan = advise(replace(facts, ui=replace(facts.ui, arguments=own)))
    assert plan is not None
    assert "your own secrets" in plan.place


def test_xformers_build_decides_by_its_kernels() -> None:
    facts = captured("healthy-linux-rtx3060-a1111")
    build = XformersBuild("0.0.23.post1", torch="2.1.2", cuda="12.1", architectures=("9.0",))
    plan = advise(replace(facts, python=replace(facts.python, xformers=build)))
    assert plan is not None
    assert [item.flag for item in plan.remove] == ["--xformers"]


@pytest.mark.parametrize(
    ("layout", "launch_files", "line", "place"),
    [
        ("desktop", (), "--cpu", "the settings of ComfyUI Desktop, page Server-Config"),
        ("git", ("/srv/run.sh",), "main.py --cpu", "/srv/run.sh, in place of the line"),
        ("git", (), "main.py --cpu", "a terminal opened in"),
    ],
)
def test_comfyui_is_started_in_many_ways(layout, launch_files, line, place) -> None:
    facts = varied(captured("cpu-only-server-a1111"), {"ui": "comfyui", "arguments": []})
    plan = advise(replace(facts, ui=replace(facts.ui, layout=layout, launch_files=launch_files)))
    assert plan is not None
    assert plan.line.endswith(line)
    assert plan.place.startswith(place)


def test_every_kind_of_ui_has_a_plan_in_its_own_words() -> None:
    facts = captured("healthy-linux-rtx5090-comfyui")
    assert facts.ui is not None
    for kind in kinds():
        ui = replace(facts.ui, kind=kind, arguments=(), known_flags=(), launch_files=())
        plan = advise(replace(facts, ui=ui))
        assert plan is not None, kind
        assert plan.place, kind
        assert plan.flags or plan.note or kind in ("a1111", "a1111-amdgpu"), kind


def test_invokeai_is_told_in_its_file() -> None:
    facts = captured("healthy-linux-rtx4090-invokeai")
    plan = advise(facts, wish="low-memory")
    assert plan is not None
    assert plan.line == "enable_partial_loading: true"
    assert plan.place.endswith("invokeai.yaml")


def test_alike_cards_get_an_instance_each() -> None:
    facts = captured("healthy-linux-rtx5090-comfyui")
    one = facts.gpus[0]
    two = replace(facts, gpus=(one, replace(one, index=1, uuid="GPU-2")))
    plan = advise(two)
    assert plan is not None
    assert [line.split("main.py ")[1] for line in plan.instances] == [
        "--cuda-device 0 --port 8188", "--cuda-device 1 --port 8189",
    ]  # fmt: skip
    only = advise(facts)
    assert only is not None
    assert only.instances == ()


@pytest.mark.parametrize(
    ("wish", "flag"),
    [("low-memory", "--medvram"), ("quality", "--no-half-vae"), ("speed", "--opt-channelslast")],
)
def test_a_wish_is_granted(wish: str, flag: str) -> None:
    facts = captured("healthy-linux-rtx3060-a1111")
    plan = advise(facts, wish=wish)
    assert plan is not None
    assert flag in [each.flag for each in plan.flags]
    assert len([each for each in plan.flags if each.flag == flag]) == 1


def test_remote_access_begins_with_a_tunnel() -> None:
    plan = advise(captured("healthy-linux-rtx3060-a1111"), wish="remote")
    assert plan is not None
    assert "ssh -L 7860:127.0.0.1:7860" in plan.note
    assert "--gradio-auth-path" in [each.flag for each in plan.flags]
    comfy = advise(captured("healthy-linux-rtx5090-comfyui"), wish="remote")
    assert comfy is not None
    assert "no login of its own" in comfy.note
    assert "--listen" not in [each.flag for each in comfy.flags]


@pytest.mark.parametrize("kind", kinds())
def test_a_reason_states_only_what_its_conditions_hold(kind: str) -> None:
    rules = rules_of(kind)
    assert rules is not None
    for rule in (*rules.needs, *rules.drops, *rules.fatals, *rules.wishes):
        where = (kind, rule.flag, rule.reason)
        assert rule.source, where
        absent = re.search(r"(?:package )?([\w-]+), which is not installed", rule.reason)
        there = re.search(r"\b(?!that\b)([\w-]+) is installed", rule.reason)
        assert not absent or rule.lacks == absent[1], where
        sure = rule.needs_package or ("xformers" if rule.xformers == ("fits",) else None)
        assert not there or sure == there[1], where
        if "has no graphics card" in rule.reason:
            assert rule.device == ("cpu",), where
        if "although there is a graphics card" in rule.reason:
            assert rule.device, where
            assert "cpu" not in rule.device, where
        if "GTX 16" in rule.reason:
            assert rule.fp16, where
        if "has too little" in rule.reason:
            assert rule.vram_below_gib, where
