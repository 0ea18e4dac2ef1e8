from __future__ import annotations

import pytest
from packaging.requirements import Requirement

from sdops.finding import Severity
from sdops.knowledge.bad_packages import combinations

LINUX, WINDOWS = "healthy-linux-rtx3060-a1111", "gtx1060-windows-a1111"
FORGE, COMFYUI = "healthy-windows-rtx4070-forge", "healthy-linux-rtx5090-comfyui"

BAD = [
    ("clip-cannot-be-built", LINUX, {"clip": None}),
    ("basicsr-with-new-torchvision", LINUX, {"basicsr": "1.4.2", "torchvision": "0.18.0"}),
    ("pytorch-lightning-2", LINUX, {"pytorch_lightning": "2.0.1"}),
    ("httpx-with-old-httpcore", LINUX, {"httpx": "0.27.0", "httpcore": "0.17.3"}),
    ("pydantic-with-gradio-4", FORGE,
     {"pydantic": "2.11.7", "gradio": "4.40.0", "gradio_client": "1.2.0"}),
    ("hub-1-with-gradio-4", FORGE, {"huggingface_hub": "1.0.1", "gradio": "4.40.0"}),
    ("pydantic-2-with-old-fastapi", LINUX, {"pydantic": "2.0", "fastapi": "0.94.0"}),
    ("moviepy-with-pillow-10", LINUX, {"moviepy": "1.0.3", "pillow": "10.0.0"}),
    ("diffusers-with-new-hub", COMFYUI, {"huggingface_hub": "0.26.0", "diffusers": "0.25.1"}),
    ("diffusers-with-old-safetensors", COMFYUI, {"diffusers": "0.42.0", "safetensors": "0.7.0"}),
    ("starlette-1-with-gradio-4", FORGE, {"gradio": "4.40.0", "starlette": "1.0.1"}),
    ("peft-with-transformers-5", COMFYUI, {"peft": "0.17.1", "transformers": "5.24.0"}),
    ("lightning-without-pkg-resources", COMFYUI,
     {"pytorch_lightning": "2.2.0", "setuptools": "84.2.1"}),
    ("insightface-without-onnxruntime", COMFYUI, {"insightface": "0.7.3"}),
    ("protobuf-with-old-onnx", COMFYUI, {"protobuf": "4.25.0", "onnx": "1.12.0"}),
    ("protobuf-with-old-tensorboard", COMFYUI, {"protobuf": "5.0", "tensorboard": "2.11.0"}),
    ("onnx-with-old-protobuf", COMFYUI, {"protobuf": "3.19.6", "onnx": "1.14.0"}),
    ("xformers-0-0-18", COMFYUI, {"xformers": "0.0.18"}),
    ("bitsandbytes-on-windows", WINDOWS, {"bitsandbytes": "0.41.1"}),
    ("torch-2-4-0-on-windows", WINDOWS, {"torch": "2.4.0+cu121"}),
    ("comfy-shadows-comfyui", COMFYUI, {"comfy": "0.1"}),
    ("malicious-ultralytics", COMFYUI, {"ultralytics": "8.3.41"}),
    ("malicious-litellm", COMFYUI, {"litellm": "1.82.8"}),
]  # fmt: skip
FINE = [
    (LINUX, {"basicsr": "1.4.2", "torchvision": "0.16.2"}),
    (LINUX, {"pytorch_lightning": "1.9.4"}),
    (COMFYUI, {"pytorch_lightning": "2.4.0", "setuptools": "84.2.1"}),
    (COMFYUI, {"insightface": "0.7.3", "onnxruntime": "1.23.0"}),
    (COMFYUI, {"peft": "0.18.0", "transformers": "5.24.0"}),
    (COMFYUI, {"gradio": "6.17.3", "starlette": "1.0.1"}),
    (FORGE, {"pydantic": "2.10.6", "gradio": "4.40.0", "gradio_client": "1.2.0"}),
    (LINUX, {"bitsandbytes": "0.41.1"}),
    (LINUX, {"comfy": "0.1"}),
    (COMFYUI, {"ultralytics": "8.3.43"}),
    (COMFYUI, {"transformers": "5.0", "huggingface_hub": "1.1.0", "safetensors": "0.8.0"}),
    (COMFYUI, {"transformers": "no version", "huggingface_hub": "1.1.0"}),
]


@pytest.fixture
def named(machine, judge, with_packages):
    def run(name, packages):
        findings = judge("known-bad-packages", with_packages(machine(name), **packages))
        return {finding.evidence["combination"]: finding for finding in findings}

    return run


@pytest.mark.parametrize(("row", "name", "packages"), BAD, ids=[row[0] for row in BAD])
def test_fires(named, row, name, packages):
    finding = named(name, packages)[row]
    assert finding.remedies[0].text


@pytest.mark.parametrize(("name", "packages"), FINE)
def test_quiet(named, name, packages):
    assert not named(name, packages)


def test_the_python_counts(machine, judge, with_python, with_packages):
    old = with_packages(machine(COMFYUI), setuptools="65.5.0")
    found = {item.evidence["combination"] for item in judge("known-bad-packages", old)}
    assert "setuptools-too-old-for-python" in found
    newer = with_python(old, version="3.11.9")
    assert not judge("known-bad-packages", newer)


def test_commands_use_the_patients_own_python(named):
    finding = named(COMFYUI, {"comfy": "0.1"})["comfy-shadows-comfyui"]
    assert finding.remedies[0].commands[0].argv == (
        "/home/user/ComfyUI/venv/bin/python", "-m", "pip", "uninstall", "-y", "comfy",
    )  # fmt: skip


def test_a_thief_is_not_started_again(named):
    finding = named(COMFYUI, {"litellm": "1.82.8"})["malicious-litellm"]
    assert finding.severity is Severity.CRITICAL
    assert finding.remedies[0].commands == ()


def test_every_row_is_tried_and_names_its_source():
    tried = {row[0] for row in BAD} | {
        "setuptools-too-old-for-python",
        "setuptools-without-pkg-resources",
    }
    assert {row.id for row in combinations()} == tried
    assert all(row.source for row in combinations())


def test_what_is_to_be_installed_can_be_read_by_pip():
    for row in combinations():
        for arguments in row.install:
            for argument in arguments:
                if not argument.startswith(("-", "https://")):
                    assert Requirement(argument).name
