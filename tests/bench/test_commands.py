"""`sdops smoke`, `sdops bench` and `sdops doctor --prove` as users and programs run them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import jsonschema
import pytest
import torch
from junitparser import JUnitXml
from PIL import Image
from safetensors.torch import save_file

from sdops.dialect.infotext import parse
from sdops.dialect.metadata.texts import read_texts
from sdops.report.schema import schema
from tests.uis import a1111

from . import models

ROOT = Path(__file__).parents[2]


def sdops(
    *arguments: object, path: str = str(ROOT), python: tuple[str, ...] = (), **variables: str
):
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("FORCE_COLOR", "PYTHONHOME", "COMMANDLINE_ARGS")
    } | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1", **variables}
    return subprocess.run(
        [sys.executable, *python, "-m", "sdops", *map(str, arguments)],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=800,
    )  # fmt: skip


def answer(done) -> dict:
    document = json.loads(done.stdout, parse_constant=_refuse_constant)
    jsonschema.validate(document, schema())
    assert document["exit_code"] == done.returncode, done.stderr
    return document


def _refuse_constant(word: str) -> None:
    raise AssertionError(f"{word} is no JSON")


def refused(done, *words: str) -> None:
    assert done.returncode == 2
    assert done.stdout == ""
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    for word in words:
        assert word in lines[0]


def test_smoke_makes_pictures_and_a_contact_sheet(tmp_path):
    folder = tmp_path / "pictures"
    done = sdops(
        "smoke", "--device", "cpu", "--json", "--output-dir", folder, "--grid", "sampler,steps",
        "--prompt", "a ((cat:1.2) AND [a dog",
        "--x", "Euler a, ddim", "--y", "2-4 (+2)",
    )  # fmt: skip
    document = answer(done)
    assert done.returncode == 0
    assert done.stderr == ""
    assert document["verdict"] == "pass"
    assert 0 < document["duration_s"] < 800
    assert document["data"]["launch"]["flags"] == []
    names = ["smoke.png", "001.png", "002.png", "003.png", "004.png", "grid.png"]
    assert [Path(path).name for path in document["data"]["images"]] == names
    first, last = (
        parse(read_texts(folder / name).named.get("parameters", ""))
        for name in ("smoke.png", "004.png")
    )
    assert first.prompt == "a ((cat:1.2) AND [a dog"
    assert str(first) == document["data"]["infotext"]
    written = last.parameters
    assert (written["Sampler"], written["Steps"]) == ("DDIM", "4")
    sheet = Image.open(folder / "grid.png")
    assert sheet.width > 2 * 64
    assert sheet.height > 2 * 64
    refused(sdops("smoke", "--output-dir", folder), "not empty")


def test_smoke_of_an_ill_checkpoint_ends_with_one(tmp_path):
    path = models.checkpoint(tmp_path / "ill.safetensors", models.vae_overflows_fp16)
    done = sdops("smoke", path, "--device", "cpu")
    assert done.returncode == 1
    assert "--no-half-vae" in done.stdout
    document = answer(sdops("smoke", path, "--device", "cpu", "--json", "--ui", "comfyui"))
    assert document["data"]["launch"]["line"] == "--fp32-vae"
    remedy = document["findings"][0]["remedies"][0]
    assert remedy["add_flags"] == ["--fp32-vae"]
    _fails_in_ci(path)


def test_numbers_that_are_none_are_null(tmp_path):
    path = models.checkpoint(tmp_path / "ill.safetensors", models.only_the_average_is_healthy)
    document = answer(sdops("smoke", path, "--device", "cpu", "--json"))
    measured = {step["name"]: step["measured"] for step in document["data"]["steps"]}
    assert measured["checkpoint"]["noise_likeness"] is None


def _fails_in_ci(ill: Path) -> None:
    done = sdops("smoke", ill, "--device", "cpu", "--format", "junit")
    assert done.returncode == 1
    (suite,) = JUnitXml.fromstring(done.stdout.encode())
    failed = {case.name for case in suite if case.result}
    assert failed == {"VAE"}
    assert {case.result[0].type for case in suite if case.result} == {"smoke-vae-half-precision"}
    assert {case.name for case in suite} - failed >= {"UNet", "text encoder", "picture"}


def test_smoke_refuses_in_a_line(tmp_path):
    lora = tmp_path / "lora.safetensors"
    save_file({"lora_unet_down_blocks_0.lora_down.weight": torch.zeros(4, 4)}, lora)
    refused(sdops("smoke", lora), "lora", "sdops info")
    whole = models.checkpoint(tmp_path / "whole.safetensors")
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    (finding,) = answer(sdops("smoke", cut, "--json"))["findings"]
    assert finding["id"] == "broken-model-files"
    refused(sdops("smoke", tmp_path / "none.safetensors"), "none.safetensors")
    refused(sdops("smoke", "--architecture", "tiny-sd51"), "Did you mean", "tiny-sd")
    refused(sdops("smoke", "--device", "cuda:99"), "cuda:99", "cpu")
    refused(sdops("smoke", "--precision", "fp61"), "fp16")
    refused(sdops("smoke", "--attention", "flsh"), "flash")
    refused(sdops("smoke", "--ui", "comfy"), "comfyui")
    refused(sdops("smoke", "--x", "1-3"), "--grid")
    refused(sdops("smoke", "--memory-limit", "nan"), "--memory-limit")
    refused(sdops("smoke", "--prompt", "a [dog:(cat:1.2.3):2] AND b"), "1.2.3", "(words:1.2)")
    refused(sdops("smoke", "--ema"), "checkpoint")
    refused(sdops("smoke", "--output-dir", tmp_path / "o", "--grid", "sampler"), "two axes")


@pytest.fixture(scope="module")
def without_torch(tmp_path_factory) -> str:
    """A path to import from that holds all that is installed here, but torch."""
    folder = tmp_path_factory.mktemp("site")
    for place in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}:
        for entry in Path(place).iterdir():
            if not entry.name.startswith("torch") and not (folder / entry.name).exists():
                (folder / entry.name).symlink_to(entry)
    return f"{ROOT}{os.pathsep}{folder}"


@pytest.mark.parametrize("command", ["smoke", "bench"])
def test_without_torch_it_says_how_to_install_it_here(without_torch, command):
    done = sdops(command, path=without_torch, python=("-S",))
    refused(done, "PyTorch", "-m pip install torch==", sys.executable)


def test_bench_saves_exports_and_compares(tmp_path):
    saved, gha, pytest_file = (
        tmp_path / name for name in ("a.json", "b.gha.json", "c.pytest.json")
    )
    done = sdops(
        "bench", "--device", "cpu", "--protocol", "tiny", "--json", "--save", saved,
        "--export", gha, "--export", pytest_file,
    )  # fmt: skip
    document = answer(done)
    runs = document["data"]["runs"]
    assert [run["architecture"] for run in runs] == ["tiny-sd15", "tiny-sdxl"]
    assert all(0 < run["mfu"] < 5 and run["repeats"] >= 3 for run in runs)
    assert json.loads(gha.read_text())
    assert json.loads(pytest_file.read_text())["benchmarks"]
    refused(sdops("bench", "--save", saved), "exists already")
    _compares_with(saved, tmp_path)


def _compares_with(saved: Path, tmp_path: Path) -> None:
    """A result faster by far is lost; one from another torch is refused before any work."""
    document = json.loads(saved.read_text())
    for run in document["runs"]:
        run["loop_rates"] = [1e9] * len(run["loop_rates"])
    document["conditions"]["torch"] = "1.13"
    faster = tmp_path / "faster.json"
    faster.write_text(json.dumps(document))
    told = sdops("bench", "--device", "cpu", "--protocol", "tiny", "--compare", faster)
    refused(told, "torch", "1.13", "--compare-anyway")
    checkpoint = models.checkpoint(tmp_path / "model.safetensors")
    anyway = ("--compare", faster, "--compare-anyway")
    refused(sdops("bench", checkpoint, "--device", "cpu", *anyway), "in common", "tiny-sdxl")
    done = sdops(
        "bench", "--device", "cpu", "--protocol", "tiny", "--json", "--compare", faster,
        "--compare-anyway", "--max-regression", "25%", "--channels-last",
    )  # fmt: skip
    slower = answer(done)
    assert done.returncode == 1
    assert {finding["id"] for finding in slower["findings"]} == {"bench-regression"}
    assert slower["data"]["baseline"]["changed"] == {
        "torch": ["1.13", torch.__version__],
        "layout": ["channels first", "channels last"],
    }
    assert slower["data"]["runs"][0]["mode"] == "fp32, sdpa, eager, channels last"


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--protocol", "quik"), "quick"),
        (("--max-regression", "much"), "10%"),
        (("--compare", "none.json"), "none.json"),
        (("--device", "cpu", "--cuda-graphs"), "NVIDIA"),
        (("--device", "cpu", "--protocol", "tiny", "--attention", "cudnn"), "cudnn"),
        (("--export", "x.xml"), "gha.json"),
        (("--save", "no/such/folder/x.json"), "no/such/folder"),
    ],
)
def test_bench_refuses_in_a_line(arguments, word):
    refused(sdops("bench", *arguments), word)


def test_bench_says_what_compiling_needs(tmp_path):
    home = tmp_path / "my programs"
    home.mkdir()
    (home / "torch").symlink_to(Path(torch.__file__).parent)
    done = sdops(
        "bench", "--device", "cpu", "--protocol", "tiny", "--compile", CXX=str(tmp_path / "none"),
        path=os.pathsep.join((str(home), str(ROOT))), TORCHINDUCTOR_CACHE_DIR=str(tmp_path),
    )  # fmt: skip
    refused(done, "InvalidCxxCompiler", "--compile", "g++", "a space in its path", str(home))


def test_doctor_proves(tmp_path):
    root = a1111(tmp_path / "webui")
    document = answer(sdops("doctor", root, "--prove", "--json", "--fail-on", "never"))
    assert document["data"]["launch"]["ui"] == "a1111"
    steps = {step["name"]: step["ok"] for step in document["data"]["proof"]["steps"]}
    assert steps["UNet"] is True
    assert steps["picture"] is True
    assert not [f for f in document["findings"] if f["id"].startswith("smoke-")]
    refused(sdops("doctor", "--prove", "--facts", tmp_path / "f.json"), "--prove")
