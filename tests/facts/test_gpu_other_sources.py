"""nvidia-smi as a real program; Windows, macOS and the kernel log as they were recorded."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from sdops.facts.gpu import apple, nvidia_smi, windows, xids
from sdops.programs.process import ProbeError
from tests.machine import record

ROOT = Path(__file__).parents[2]
CSV = """\
index, name, uuid, pci.bus_id, pci.device_id, driver_version, memory.total [MiB], \
memory.free [MiB], temperature.gpu, power.draw [W], power.limit [W], compute_cap
0, NVIDIA GeForce RTX 3060, GPU-5a1b2c3d-0000, 00000000:01:00.0, 0x250310DE, 535.183.01, 12288, \
11850, 43, 14.52, 170.00, 8.6
1, NVIDIA GeForce GT 1030, GPU-6a1b2c3d-0000, 00000000:02:00.0, 0x1D0110DE, 535.183.01, 2048, \
2000, 35, [N/A], [N/A], 6.1
"""
BANNER = (
    "| NVIDIA-SMI 535.183.01             Driver Version: 535.183.01   CUDA Version: 12.2     |\n"
)
PYTHON = os.path.realpath(sys.executable)
"""The interpreter by a path without spaces, which a `#!` line cannot hold."""
SMI = f"""#!{PYTHON}
import sys, time
if "compute_cap" in " ".join(sys.argv) and OLD:
    print('Field "compute_cap" is not a valid field to query.')
    sys.exit(2)
print(CSV if len(sys.argv) > 1 else BANNER)
"""
HANGS = f"#!{PYTHON}\nimport time; time.sleep(60)"
TALKS_ON = f"#!{PYTHON}\nwhile True: print('x' * 100000)"
ASK = """
import json, sys
from sdops.facts.gpu import nvidia_smi
from sdops.facts.codec import to_json
json.dump(to_json(nvidia_smi.read(float(sys.argv[1]))), sys.stdout)
"""

needs_scripts = pytest.mark.skipif(sys.platform == "win32", reason="the programs are scripts")


def script(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "nvidia-smi"
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    return path


def ask(folder: Path, cwd: Path, limit_s: float = 60) -> dict:
    """What the probe says in a process of its own, with `folder` on its PATH."""
    cwd.mkdir(exist_ok=True)
    output = subprocess.run(
        [sys.executable, "-c", ASK, str(limit_s)],
        env={**os.environ, "PATH": f"{folder}{os.pathsep}.", "PYTHONPATH": str(ROOT)},
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    return json.loads(output.stdout)


@pytest.fixture(autouse=True)
def no_real_nvidia_smi():
    if any(Path(folder, "nvidia-smi").exists() for folder in ("/usr/bin", "/usr/local/bin")):
        pytest.skip("this machine has an nvidia-smi of its own")


@needs_scripts
@pytest.mark.parametrize("old", [False, True])
def test_nvidia_smi(tmp_path, old):
    script(
        tmp_path / "bin",
        f"{SMI}".replace("import sys, time", f"import sys\n{CSV=}\n{BANNER=}\nOLD={old}"),
    )
    told = ask(tmp_path / "bin", tmp_path.parent / "elsewhere")
    first, second = told["gpus"]
    assert first["name"] == "NVIDIA GeForce RTX 3060"
    assert (first["pci_id"], first["pci_bus"]) == ("10de:2503", "0000:01:00.0")
    assert first["compute_capability"] == [8, 6]
    assert first["vram_total_bytes"] == 12288 * 1024**2
    assert first["power_limit_w"] == 170.0
    assert second["power_w"] is None
    assert (told["driver"]["version"], told["driver"]["cuda"]) == ("535.183.01", "12.2")
    assert told["gaps"] == []


@needs_scripts
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (HANGS, "did not answer within"),
        (f"#!{PYTHON}\nprint('\\x00\\xff garbage, and more\\n1,2,3')", "unexpected"),
        (f"#!{PYTHON}\n", "unexpected"),
        (
            f"#!{PYTHON}\nprint('NVIDIA-SMI has failed because ...'); raise SystemExit(9)",
            "NVIDIA-SMI has failed",
        ),
        ("#!/nonexistent/interpreter\n", "cannot be started"),
        (f"#!{PYTHON}\nprint('index, name')", "no GPU"),
        (TALKS_ON, "did not answer"),
    ],
)
def test_nvidia_smi_that_fails_is_a_gap(tmp_path, text, reason):
    script(tmp_path / "bin", text)
    never_ends = text in (HANGS, TALKS_ON)
    told = ask(tmp_path / "bin", tmp_path.parent / "elsewhere", 1.5 if never_ends else 60)
    assert told["gpus"] == []
    (gap,) = told["gaps"]
    assert gap["fact"] == "gpu.nvidia-smi"
    assert reason in gap["reason"]


@needs_scripts
def test_nvidia_smi_in_the_current_folder_is_never_run(tmp_path):
    planted = f"#!{PYTHON}\nopen({str(tmp_path / 'ran')!r}, 'w')\n"
    script(tmp_path / "here", planted)
    for folder in (tmp_path / "here", tmp_path / "empty"):
        told = ask(folder, tmp_path / "here")
        assert told == {"gpus": [], "driver": None, "gaps": []}
    assert not (tmp_path / "ran").exists()


def test_lost_gpu_in_nvidia_smi():
    row = "0, NVIDIA A100, [GPU is lost], [GPU is lost], [Unknown Error]"
    told = nvidia_smi.interpret(f"index, name, uuid, pci.bus_id, memory.total [MiB]\n{row}", "")
    assert told.gpus[0].lost
    assert told.gpus[0].pci_bus is None


WINDOWS = {
    "controllers": [
        {
            "Name": "NVIDIA GeForce RTX 4070",
            "PNPDeviceID": "PCI\\VEN_10DE&DEV_2786&SUBSYS_88FF1043&REV_A1\\4&2283F625&0&0019",
            "AdapterRAM": 4293918720,
            "DriverVersion": "31.0.15.3623",
            "ConfigManagerErrorCode": 0,
            "CurrentHorizontalResolution": 2560,
        },
        {
            "Name": "AMD Radeon RX 6700 XT",
            "PNPDeviceID": "PCI\\VEN_1002&DEV_73DF&SUBSYS_E4451DA2&REV_C1\\6&2",
            "AdapterRAM": 4293918720,
            "DriverVersion": "31.0.21912.14",
            "ConfigManagerErrorCode": 43,
            "CurrentHorizontalResolution": None,
        },
        {"Name": "Microsoft Remote Display Adapter", "PNPDeviceID": "SWD\\REMOTEDISPLAYENUM\\X"},
        {"Name": "Parsec Virtual Display", "PNPDeviceID": None},
    ],
    "adapters": [
        {"MatchingDeviceId": "PCI\\VEN_10DE&DEV_2786&SUBSYS_88FF1043", "Memory": 12878610432},
        {"MatchingDeviceId": "PCI\\VEN_1002&DEV_73DF&REV_C1", "Memory": [0, 0, 0, 0, 3, 0, 0, 0]},
        {"MatchingDeviceId": None, "Memory": [1, 2]},
    ],
}


def test_windows():
    found = windows.interpret("\ufeff" + json.dumps(WINDOWS))
    nvidia, amd = found.gpus
    assert (nvidia.name, nvidia.pci_id) == ("NVIDIA GeForce RTX 4070", "10de:2786")
    assert nvidia.vram_total_bytes == 12878610432  # the registry's, not CIM's 32 bits
    assert nvidia.compute_capability == (8, 9)
    assert nvidia.display_attached is True
    assert (amd.gfx, amd.vram_total_bytes) == ("gfx1031", 12 * 1024**3)
    by_vendor = {driver.vendor: driver for driver in found.drivers}
    assert by_vendor["nvidia"].version == "536.23"
    assert by_vendor["nvidia"].loaded is True
    assert by_vendor["amd"].version == "31.0.21912.14"
    assert by_vendor["amd"].loaded is False
    assert "43" in (by_vendor["amd"].fault or "")


@pytest.mark.parametrize(
    ("windows_version", "nvidia"),
    [("31.0.15.5222", "552.22"), ("32.0.15.6094", "560.94"), ("27.21.14.5671", "456.71")],
)
def test_nvidia_version_on_windows(windows_version, nvidia):
    assert windows.nvidia_version(windows_version) == nvidia


@pytest.mark.parametrize("text", ["", "Get-CimInstance : Access denied", "[]", "{}", "null"])
def test_windows_garbage(text):
    with pytest.raises(ProbeError):
        windows.interpret(text)


M1 = {
    "SPDisplaysDataType": [
        {
            "_name": "Apple M1 Pro",
            "spdisplays_mtlgpufamilysupport": "spdisplays_metal3",
            "spdisplays_ndrvs": [{"_name": "Color LCD"}],
            "spdisplays_vendor": "sppci_vendor_Apple",
            "sppci_cores": "16",
            "sppci_model": "Apple M1 Pro",
        }
    ]
}
INTEL_MAC = {
    "SPDisplaysDataType": [
        {
            "_name": "kHW_IntelUHDGraphics630Item",
            "spdisplays_vendor": "Intel",
            "spdisplays_device-id": "0x3e9b",
            "spdisplays_vendor-id": "0x8086",
            "spdisplays_vram_shared": "1536 MB",
            "sppci_model": "Intel UHD Graphics 630",
        },
        {
            "_name": "kHW_AMDRadeonPro5500MItem",
            "spdisplays_vendor": "sppci_vendor_amd (0x1002)",
            "spdisplays_device-id": "0x7340",
            "spdisplays_vram": "4 GB",
            "sppci_model": "AMD Radeon Pro 5500M",
        },
    ]
}


def test_mac():
    (m1,) = apple.interpret(json.dumps(M1))
    assert (m1.vendor, m1.name, m1.integrated) == ("apple", "Apple M1 Pro", True)
    assert m1.vram_total_bytes is None
    assert m1.display_attached is True
    intel, amd = apple.interpret(json.dumps(INTEL_MAC))
    assert (intel.vendor, intel.integrated, intel.pci_id) == ("intel", True, "8086:3e9b")
    assert (amd.vendor, amd.integrated, amd.pci_id) == ("amd", False, "1002:7340")
    assert amd.vram_total_bytes == 4 * 1024**3


@pytest.mark.parametrize("text", ["", "[]", '{"SPDisplaysDataType": 3}', "\x00"])
def test_mac_garbage(text):
    with pytest.raises(ProbeError):
        apple.interpret(text)


KMSG = (
    "6,1201,5000000,-;usb 1-1: new device\n"
    " SUBSYSTEM=usb\n"
    "3,1300,100000000,-;NVRM: Xid (PCI:0000:01:00): 79, pid=1234, name=python, GPU has fallen "
    "off the bus.\n"
    "3,1301,160000000,-;NVRM: Xid (PCI:0000:41:00.0): 31, pid='<unknown>', name=<unknown>, "
    "Ch 00000008\n"
    "4,1302,170000000,-;NVRM: GPU at PCI:0000:01:00: GPU-5a1b\n"
)


def test_xids_in_the_kernel_log():
    fallen, fault = xids.from_kmsg(KMSG, 200.0)
    assert (fallen.code, fallen.pci_bus, fallen.age_s) == (79, "0000:01:00.0", 100.0)
    assert fallen.message.endswith("GPU has fallen off the bus.")
    assert (fault.code, fault.pci_bus, fault.age_s) == (31, "0000:41:00.0", 40.0)


def test_xids_in_the_journal():
    line = (
        "1700000000.123456 box kernel: NVRM: Xid (PCI:0000:01:00): 13, pid=77, Graphics Exception"
    )
    (xid,) = xids.from_journal(f"-- Boot 1 --\n{line}\n", 1700000060.5)
    assert (xid.code, xid.age_s) == (13, 60.4)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel log of Linux")
def test_xids_read_from_a_recorded_log(tmp_path):
    tree = record(tmp_path, {"/dev/kmsg": KMSG})
    assert [xid.code for xid in xids.look(tree)] == [79, 31]


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel log of Linux")
def test_unreadable_kernel_log_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    if Path("/usr/bin/journalctl").exists() or Path("/bin/journalctl").exists():
        pytest.skip("this machine has a journal")
    with pytest.raises(ProbeError, match="may not be read"):
        xids.look(record(tmp_path, {}))
