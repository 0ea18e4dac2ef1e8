"""NVML, read from a real shared library in a real child process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sdops.facts.codec import to_json
from sdops.facts.gpu import nvml

ROOT = Path(__file__).parents[2]
PROBE = """
import json, os, sys
from sdops.facts import gpu
from sdops.facts.codec import to_json
from sdops.facts.gpu import nvml
from sdops.facts.tree import Tree
from pathlib import Path
nvml.TIMEOUT_S = float(os.environ.get("LIMIT_S", "60"))
probed = gpu.look(os.environ, Tree(Path(sys.argv[1])))
json.dump(to_json(probed), sys.stdout)
"""


@pytest.fixture
def look(fake_nvml, tmp_path):
    """Looks at the GPUs in a process whose NVML has the personality asked for."""

    def run(personality, **more):
        output = subprocess.run(
            [sys.executable, "-c", PROBE, str(tmp_path)],
            env={**fake_nvml(personality), "PYTHONPATH": str(ROOT), **more},
            capture_output=True,
            text=True,
            timeout=300,
            check=True,
        )
        document = json.loads(output.stdout)
        return document["value"], document["gaps"]

    return run


def test_gtx_1660(look):
    facts, gaps = look("gtx1660")
    (gpu,) = facts["gpus"]
    assert gpu["name"] == "NVIDIA GeForce GTX 1660"
    assert gpu["compute_capability"] == [7, 5]
    assert (gpu["pci_id"], gpu["pci_bus"]) == ("10de:2184", "0000:01:00.0")
    assert gpu["vram_total_bytes"] == 6 * 1024**3
    assert gpu["power_limit_w"] == 120.0
    assert gpu["pcie"] == {"generation": 1, "width": 16, "max_generation": 3, "max_width": 16}
    assert gpu["memory_errors"] is None
    assert gpu["visible"]
    assert not gpu["lost"]
    (driver,) = facts["drivers"]
    assert (driver["version"], driver["cuda"], driver["loaded"]) == ("550.120", "12.4", True)
    assert [gap for gap in gaps if gap["fact"] != "gpu.xids"] == []


def test_h100_with_memory_errors(look):
    (gpu,) = look("h100-ecc")[0]["gpus"]
    assert gpu["memory_errors"] == {
        "ecc_enabled": True,
        "uncorrected_since_boot": 3,
        "uncorrected_lifetime": 17,
        "corrected_lifetime": 204,
        "remapped_rows_correctable": 1,
        "remapped_rows_uncorrectable": 2,
        "remap_pending": True,
        "remap_failed": False,
        "retired_pages_pending": None,
        "inforom_valid": True,
    }
    assert gpu["recovery_action"] == "reset"
    assert gpu["throttle_reasons"] == ["hw_slowdown", "hw_thermal_slowdown"]
    assert gpu["temperature_c"] > gpu["slowdown_temperature_c"]
    assert gpu["persistence_mode"] is True
    assert gpu["mig"] is False
    (process,) = gpu["processes"]
    assert (process["pid"], process["name"]) == (4194000, "python3.10")
    assert process["vram_bytes"] == 9 * 1024**3


def test_power_limit_below_default(look):
    (gpu,) = look("rtx5090")[0]["gpus"]
    assert gpu["compute_capability"] == [12, 0]
    assert (gpu["power_limit_w"], gpu["power_limit_default_w"]) == (400.0, 575.0)
    assert gpu["recovery_action"] == "none"


def test_lost_gpu_keeps_what_is_known(look):
    facts, gaps = look("lost")
    (gpu,) = facts["gpus"]
    assert gpu["lost"]
    assert gpu["name"] == "NVIDIA GeForce RTX 3090"
    assert gpu["vram_total_bytes"] is None
    assert any("GPU is lost" in gap["reason"] for gap in gaps)


def test_two_unequal_gpus_and_a_mask(look):
    facts, gaps = look("two", CUDA_VISIBLE_DEVICES="0")
    # CUDA numbers the faster card first.
    assert [(gpu["name"][-4:], gpu["visible"]) for gpu in facts["gpus"]] == [
        ("1660", False),
        ("5090", True),
    ]
    assert any(gap["fact"] == "gpu.cuda_order" for gap in gaps)
    facts, gaps = look("two", CUDA_VISIBLE_DEVICES="0", CUDA_DEVICE_ORDER="PCI_BUS_ID")
    assert [gpu["visible"] for gpu in facts["gpus"]] == [True, False]
    assert not any(gap["fact"] == "gpu.cuda_order" for gap in gaps)


@pytest.mark.parametrize(
    ("personality", "fault", "loaded"),
    [
        ("mismatch", "Driver/library version mismatch", True),
        ("not-loaded", "Driver Not Loaded", False),
        ("broken", "Unknown Error", None),
    ],
)
def test_driver_that_fails_says_why(look, personality, fault, loaded):
    facts, gaps = look(personality)
    (driver,) = facts["drivers"]
    assert (driver["fault"], driver["loaded"]) == (fault, loaded)
    assert {"fact": "gpu.nvml", "reason": fault} in gaps
    assert facts["gpus"] == []


def test_every_call_on_a_gpu_failing_leaves_the_driver_known(look):
    facts, gaps = look("broken-gpu")
    assert facts["drivers"][0]["version"] == "550.120"
    assert facts["gpus"][0]["name"] == "NVIDIA GPU"
    assert not facts["gpus"][0]["lost"]
    (gap,) = [gap for gap in gaps if gap["fact"] == "gpu.nvml.0"]
    assert gap["reason"].startswith("Unknown Error (name, uuid, pci and ")


def test_crash_is_a_gap(look):
    facts, gaps = look("crash")
    assert facts["gpus"] == []
    assert any("ended with status" in gap["reason"] for gap in gaps)


def test_hang_is_a_gap_and_loses_nothing_said_before(look):
    facts, gaps = look("hang-gpu", LIMIT_S="6")
    assert facts["gpus"][0]["name"] == "NVIDIA GeForce RTX 4090"
    assert facts["gpus"][0]["temperature_c"] is None
    assert {"fact": "gpu.nvml", "reason": "NVML did not answer within 6 s"} in gaps


def test_hang_at_the_start_is_a_gap(look):
    facts, gaps = look("hang", LIMIT_S="1")
    assert facts["gpus"] == []
    assert {"fact": "gpu.nvml", "reason": "NVML did not answer within 1 s"} in gaps


def test_no_library_on_a_machine_without_nvidia_is_no_gap(tmp_path):
    output = subprocess.run(
        [sys.executable, "-c", PROBE, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "PATH": "/nonexistent"},
        capture_output=True,
        text=True,
        check=True,
    )
    document = json.loads(output.stdout)
    if document["value"]["drivers"]:
        pytest.skip("this machine has an NVIDIA driver")
    assert document["gaps"] == []


def test_half_a_line_is_passed_over():
    text = (
        '{"gpu": null, "call": "init", "value": null}\n'
        '{"gpu": null, "call": "driver", "value": "535.54"}\n'
        '{"gpu": 0, "call": "name", "va'
    )
    told = nvml.interpret(text, "NVML ended with status -11")
    assert told.driver is not None
    assert told.driver.version == "535.54"
    assert told.gaps[0].reason == "NVML ended with status -11"
    assert to_json(told.gpus) == []


def test_corrupt_inforom_is_a_finding_not_a_gap():
    lines = [
        {"gpu": None, "call": "init", "value": None},
        {"gpu": 0, "call": "name", "value": "NVIDIA A100"},
        {"gpu": 0, "call": "inforom", "error": 14, "text": "infoROM is corrupted"},
    ]
    told = nvml.interpret("\n".join(json.dumps(line) for line in lines))
    errors = told.gpus[0].memory_errors
    assert errors is not None
    assert errors.inforom_valid is False
    assert told.gaps == ()


def test_mask_in_a_launch_file_counts(fake_nvml, tmp_path):
    (tmp_path / "webui-user.sh").write_text("export CUDA_VISIBLE_DEVICES=-1\n")
    (tmp_path / "webui.sh").write_text("")
    output = subprocess.run(
        [sys.executable, "-m", "sdops", "doctor", str(tmp_path), "--ui", "a1111", "--json"],
        env=fake_nvml("rtx4090"),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    (gpu,) = json.loads(output.stdout)["data"]["facts"]["gpus"]
    assert gpu["visible"] is False
