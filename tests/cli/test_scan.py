"""`sdops scan` as users and programs run it."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import jsonschema
import pytest

from sdops.report.schema import schema

ROOT = Path(__file__).parents[2]


class _Touch:
    """Would make a file if it were ever loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch '{self.path}'",)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    models = tmp_path / "models"
    (models / "Lora").mkdir(parents=True)
    (models / "good.pt").write_bytes(pickle.dumps({"a": 1, "step": 3}))
    (models / "Lora" / "bad.safetensors").write_bytes(pickle.dumps(_Touch(tmp_path / "owned")))
    (models / "notes.txt").write_text("nothing to see\n")
    return models


def run(*arguments: object, cwd: Path = ROOT, stdin: bytes = b"") -> subprocess.CompletedProcess:
    environment = dict(os.environ, PYTHONPATH=str(ROOT), XDG_CACHE_HOME=str(cwd / "cache"))
    environment.pop("FORCE_COLOR", None)
    command = [sys.executable, "-m", "sdops", "scan", *map(str, arguments)]
    return subprocess.run(
        command, cwd=cwd, env=environment, input=stdin, capture_output=True, timeout=600
    )


def answer(done: subprocess.CompletedProcess) -> dict:
    document = json.loads(done.stdout)
    jsonschema.validate(document, schema())
    assert document["exit_code"] == done.returncode
    return document


def verdicts(document: dict) -> dict[str, str]:
    return {Path(file["path"]).name: file["verdict"] for file in document["data"]["files"]}


def test_a_folder_is_walked_and_content_not_names_decides(folder: Path, tmp_path: Path) -> None:
    done = run(folder, "--json", "--no-cache", cwd=tmp_path)
    assert done.returncode == 1
    document = answer(done)
    assert verdicts(document) == {
        "bad.safetensors": "dangerous", "good.pt": "safe"}  # fmt: skip
    assert document["data"]["others"] == 1
    (finding,) = document["findings"]
    assert finding["id"] == "pickle-call"
    assert finding["severity"] == "critical"
    assert "touch" in finding["title"]
    assert finding["location"]["offset"] > 0
    assert not (tmp_path / "owned").exists()


def test_safe_files_exit_with_zero(folder: Path, tmp_path: Path) -> None:
    done = run(folder / "good.pt", "--json", "--no-cache", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, b"")
    assert verdicts(answer(done)) == {"good.pt": "safe"}


def test_what_is_missing_or_unreadable_is_never_a_pass(folder: Path, tmp_path: Path) -> None:
    (folder / "cut.pt").write_bytes(pickle.dumps({"a": "b" * 100})[:40])
    done = run(folder / "cut.pt", folder / "absent.pt", "--json", "--no-cache", cwd=tmp_path)
    document = answer(done)
    assert done.returncode == 1
    assert verdicts(document) == {"cut.pt": "unreadable"}
    assert any("absent.pt does not exist" in fault for fault in document["faults"])


def test_include_and_exclude(folder: Path, tmp_path: Path) -> None:
    only = run(folder, "--include", "*.pt", "--json", "--no-cache", cwd=tmp_path)
    assert verdicts(answer(only)) == {"good.pt": "safe"}
    without = run(folder, "--exclude", "*.safetensors", "--json", "--no-cache", cwd=tmp_path)
    assert set(verdicts(answer(without))) == {"good.pt"}


def test_standard_input_and_lists(folder: Path, tmp_path: Path) -> None:
    bad = (folder / "Lora" / "bad.safetensors").read_bytes()
    document = answer(run("-", "--json", cwd=tmp_path, stdin=bad))
    assert verdicts(document) == {"-": "dangerous"}
    names = tmp_path / "names.txt"
    names.write_text(f"# two files\n{folder / 'good.pt'}\n{folder / 'notes.txt'}\n")
    listed = answer(run("--from-file", names, "--json", "--no-cache", cwd=tmp_path))
    assert set(verdicts(listed)) == {"good.pt", "notes.txt"}
    assert listed["faults"] == []


def test_results_are_remembered_until_the_file_changes(folder: Path, tmp_path: Path) -> None:
    first = answer(run(folder, "--json", cwd=tmp_path))
    again = answer(run(folder, "--json", cwd=tmp_path))
    assert first["data"] == again["data"]
    assert first["findings"] == again["findings"]
    (folder / "good.pt").write_bytes(pickle.dumps(_Touch(tmp_path / "owned")))
    changed = answer(run(folder, "--json", cwd=tmp_path))
    assert verdicts(changed)["good.pt"] == "dangerous"


def test_several_processes_give_the_same_answer(folder: Path, tmp_path: Path) -> None:
    one = answer(run(folder, "--json", "--no-cache", "--jobs", 1, cwd=tmp_path))
    two = answer(run(folder, "--json", "--no-cache", "--jobs", 2, cwd=tmp_path))
    assert one["data"] == two["data"]


def test_quarantine_moves_and_never_overwrites(folder: Path, tmp_path: Path) -> None:
    jail = tmp_path / "jail"
    jail.mkdir()
    (jail / "bad.safetensors").write_bytes(b"mine")
    bad = folder / "Lora" / "bad.safetensors"
    content = bad.read_bytes()
    done = run(folder, "--quarantine", jail, "--json", "--no-cache", cwd=tmp_path)
    moved = [file.get("quarantined") for file in answer(done)["data"]["files"]]
    assert [path for path in moved if path] == [str(jail / "bad.safetensors.1")]
    assert not bad.exists()
    assert (jail / "bad.safetensors").read_bytes() == b"mine"
    assert (jail / "bad.safetensors.1").read_bytes() == content
    assert (folder / "good.pt").exists()


def test_quarantine_inside_the_model_folder_is_refused(folder: Path, tmp_path: Path) -> None:
    done = run(folder, "--quarantine", folder / "jail", cwd=tmp_path)
    assert done.returncode == 2
    assert b"lies inside" in done.stderr
    assert (folder / "Lora" / "bad.safetensors").exists()


def test_a_policy_allows_by_name_and_shows_it(tmp_path: Path) -> None:
    model = tmp_path / "model.pt"
    model.write_bytes(b"\x80\x02cmy.models\nThing\n)\x81}b.")
    refused = run(model, "--json", "--no-cache", cwd=tmp_path)
    assert refused.returncode == 1
    policy = tmp_path / "policy.toml"
    row = '[[allow]]\nmodule = "my.models"\nname = "Thing"\nclass = "call"\nreason = "{}"\n'
    policy.write_text(row.format("our trainer writes it"))
    document = answer(run(model, "--policy", policy, "--json", "--no-cache", cwd=tmp_path))
    assert verdicts(document) == {"model.pt": "safe"}
    assert [finding["id"] for finding in document["findings"]] == ["allowed-by-policy"]
    policy.write_text(row.format(""))
    assert run(model, "--policy", policy, cwd=tmp_path).returncode == 2
    policy.write_text(row.format("why not").replace("my.models", "os").replace("Thing", "system"))
    gadget = run(model, "--policy", policy, cwd=tmp_path)
    assert gadget.returncode == 2
    assert b"os.system" in gadget.stderr


def test_a_policy_among_the_scanned_files_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "model.pt").write_bytes(b"\x80\x02cmy.models\nThing\n)\x81.")
    (tmp_path / "sdops.toml").write_text(
        '[[scan.allow]]\nmodule = "my.models"\nname = "Thing"\nclass = "call"\nreason = "x"\n'
    )
    passed_over = run(tmp_path, "--json", "--no-cache", cwd=tmp_path)
    assert passed_over.returncode == 1
    assert b"passed over" in passed_over.stderr
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "sdops.toml").rename(elsewhere / "sdops.toml")
    allowed = run(tmp_path / "model.pt", "--json", "--no-cache", cwd=elsewhere)
    assert allowed.returncode == 0


@pytest.mark.parametrize("name", ["rich", "markdown", "sarif", "junit", "github"])
def test_every_format_shows_the_danger_and_nothing_that_is_obeyed(name, tmp_path: Path) -> None:
    hostile = tmp_path / "::error::x\x1b[31m%0A.pt"
    hostile.write_bytes(pickle.dumps(_Touch(tmp_path / "o::stop\n::set-output name=a::b")))
    done = run(hostile, "--format", name, "--no-cache", cwd=tmp_path)
    text = done.stdout.decode()
    assert done.returncode == 1
    assert "touch" in text
    assert "\x1b" not in text
    commands = [line for line in text.splitlines() if line.startswith("::")]
    assert all(line.startswith(("::error file=", "::notice", "::warning")) for line in commands)
    assert name == "github" or not commands
    if name == "junit":
        assert ET.fromstring(text).find("testsuite").get("failures") == "1"


def test_decompile_shows_python(folder: Path, tmp_path: Path) -> None:
    bad = folder / "Lora" / "bad.safetensors"
    document = answer(run(bad, "--decompile", "--json", "--no-cache", cwd=tmp_path))
    (text,) = document["data"]["files"][0]["decompiled"]
    assert "system" in text["python"]
    assert not (tmp_path / "owned").exists()


def test_bad_usage_is_one_clear_line(tmp_path: Path) -> None:
    for arguments in ([], ["--format", "xml", "x"], ["--policy", "none.toml", "x"]):
        done = run(*arguments, cwd=tmp_path)
        assert done.returncode == 2
        assert done.stdout == b""
        assert len(done.stderr.decode().strip().splitlines()) == 1


def test_the_short_way_in_gives_the_same_answer(folder: Path, tmp_path: Path) -> None:
    def told(*arguments: object) -> tuple:
        done = run(*arguments, "--no-cache", cwd=tmp_path)
        document = answer(done)
        return done.returncode, document["findings"], document["data"], document["faults"]

    paths = (folder, folder / "absent.pt")
    assert told(*paths, "--json") == told(*paths, "--format", "json")
    plain = run(*paths, "--no-cache", cwd=tmp_path)
    whole = run(*paths, "--no-cache", "--format", "rich", cwd=tmp_path)
    assert (plain.returncode, plain.stdout) == (whole.returncode, whole.stdout)
    nothing = run("--json", cwd=tmp_path)
    assert (nothing.returncode, nothing.stdout) == (2, b"")
