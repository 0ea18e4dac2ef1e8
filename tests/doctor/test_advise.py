"""Launch plans for many machines, and the lines that come out of them."""

from __future__ import annotations

import json
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
from sdops.launch import LaunchPlan
from sdops.typed_json import json_schema, to_json

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
    if facts.host.os == "windows" or plan.ui == "comfyui":
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
    assert advise(replace(facts, ui=replace(facts.ui, kind="kohya"))) is None


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
