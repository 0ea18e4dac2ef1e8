"""`sdops explain` and the doctor's use of it, as a user starts them."""

from __future__ import annotations

import json
import sys

import jsonschema
import pytest

from sdops.cli.guard import exit_code
from sdops.cli.main import app, main
from sdops.report.schema import schema
from tests import uis

CRASH = """** ComfyUI startup time: 2026-01-01
** Python executable: /home/bob/ComfyUI/venv/bin/python
Traceback (most recent call last):
  File "/home/bob/ComfyUI/main.py", line 9, in <module>
    import torchvision
RuntimeError: Detected that PyTorch and torchvision were compiled with different CUDA major versions. PyTorch has CUDA Version=12.1 and torchvision has CUDA Version=11.8. hf_abcdefghijklmnopqrstuvwxyz0123456789
"""
HEALTHY = "** ComfyUI startup time: 2026-01-01\ngot prompt\nPrompt executed in 3.1 seconds\n"


@pytest.fixture
def run(capfd):
    def call(*arguments):
        code = exit_code(lambda: app(args=list(arguments), prog_name="sdops"), debug=False)
        out, err = capfd.readouterr()
        return code, out, err

    return call


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "console.log"
    path.write_text(CRASH, encoding="utf-8")
    return path


def test_the_cause_is_named_and_the_person_is_not(run, log):
    code, out, _ = run("explain", str(log))
    assert code == 1
    assert "torch-torchvision-cuda-mismatch" in out
    assert "line 6" in out
    assert "bob" not in out
    assert "hf_abc" not in out


@pytest.mark.parametrize("kind", ["json", "markdown", "sarif", "junit", "github", "html"])
def test_every_format_names_the_cause(run, log, kind):
    code, out, _ = run("explain", str(log), "--format", kind)
    assert code == 1
    assert "different CUDA versions" in out
    assert "bob" not in out


def test_json_is_as_the_schema_says(run, log):
    _, out, _ = run("explain", str(log), "--json")
    document = json.loads(out)
    jsonschema.validate(document, schema())
    (match,) = document["data"]["matches"]
    assert (match["signature"], match["role"], match["line"]) == (
        "torch-torchvision-cuda-mismatch",
        "cause",
        6,
    )


def test_standard_input_and_a_healthy_log(log):
    import subprocess

    for text, code in ((CRASH, 1), (HEALTHY, 0), ("", 0)):
        done = subprocess.run(
            [sys.executable, "-m", "sdops", "explain", "--json"],
            input=text.encode("utf-16"),
            capture_output=True,
            check=False,
        )
        assert done.returncode == code
        assert done.stderr == b""


def test_a_folder_s_newest_log_is_read(run, tmp_path):
    root = uis.comfyui(tmp_path / "ComfyUI")
    code, _, err = run("explain", str(root))
    assert code == 2
    assert "no log" in err
    (root / "comfyui.log").write_text(CRASH, encoding="utf-8")
    code, out, _ = run("explain", str(root))
    assert code == 1
    assert "torch-torchvision-cuda-mismatch" in out


def test_what_cannot_be_read_is_said(run, tmp_path):
    code, out, err = run("explain", str(tmp_path / "nothing.log"))
    assert (code, out) == (2, "")
    assert "nothing.log" in err


def test_a_skeleton_is_a_valid_signature(run, tmp_path):
    from sdops.knowledge.signatures import signature

    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    path = tmp_path / "odd.log"
    path.write_text(
        'Traceback (most recent call last):\n  File "/w/odd.py", line 1, in f\nValueError: the "odd" thing\n',
        encoding="utf-8",
    )
    code, out, _ = run("explain", str(path), "--new-signature")
    assert code == 0
    (row,) = tomllib.loads(out)["signature"]
    assert signature(row).hit == ('ValueError: the "odd" thing',)


def test_the_doctor_reads_the_newest_log(run, tmp_path):
    root = uis.comfyui(tmp_path / "ComfyUI")
    _, before, _ = run("doctor", str(root), "--json")
    (root / "comfyui.log").write_text(CRASH, encoding="utf-8")
    code, after, _ = run("doctor", str(root), "--json")
    ids = [{item["id"] for item in json.loads(text)["findings"]} for text in (before, after)]
    assert code == 1
    assert ids[1] - ids[0] == {"torch-torchvision-cuda-mismatch"}
    (root / "comfyui.log").write_text(HEALTHY, encoding="utf-8")
    _, healthy, _ = run("doctor", str(root), "--json")
    assert {item["id"] for item in json.loads(healthy)["findings"]} == ids[0]


def test_a_target_names_the_reason(run, tmp_path):
    root = uis.comfyui(tmp_path / "ComfyUI")
    path = tmp_path / "gpu.log"
    path.write_text(
        "RuntimeError: Torch is not able to use GPU; add --skip-torch-cuda-test\n", encoding="utf-8"
    )
    code, out, _ = run("explain", str(path), "--target", str(root), "--json")
    (finding,) = json.loads(out)["findings"]
    assert code == 1
    assert finding["evidence"]["doctor"]


@pytest.mark.parametrize(
    "arguments", [("doctor", "{log}"), ("RuntimeError: CUDA out of memory",), ("{log}",)]
)
def test_a_log_in_the_wrong_place_is_pointed_to_explain(monkeypatch, capfd, log, arguments):
    monkeypatch.setattr(sys, "argv", ["sdops", *(item.format(log=log) for item in arguments)])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 2
    assert "sdops explain" in capfd.readouterr().err
