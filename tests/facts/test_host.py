"""The host as a whole, and its smaller parts, on recorded machines and on this one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sdops.facts import host
from sdops.facts.codec import to_json
from sdops.facts.host import disks, environment, processor, system
from sdops.facts.tree import REAL
from sdops.facts.types import Libc
from sdops.programs.process import ProbeError
from tests.machine import record

ROOT = Path(__file__).parents[2]
RYZEN = """\
processor\t: 0
model name\t: AMD Ryzen 9 5900X 12-Core Processor
physical id\t: 0
core id\t\t: 0
flags\t\t: fpu sse sse2 ssse3 fma sse4_1 sse4_2 avx f16c avx2

processor\t: 1
model name\t: AMD Ryzen 9 5900X 12-Core Processor
physical id\t: 0
core id\t\t: 1
flags\t\t: fpu sse sse2 ssse3 fma sse4_1 sse4_2 avx f16c avx2

processor\t: 2
physical id\t: 0
core id\t\t: 1
"""
ATHLON = "processor: 0\nmodel name: AMD Phenom(tm) II X4 955 Processor\nflags: fpu sse sse2 sse4a\n"
GRAVITON = "processor\t: 0\nFeatures\t: fp asimd evtstrm aes fphp asimdhp sve bf16\n"
M1 = """\
machdep.cpu.brand_string: Apple M1 Pro
hw.physicalcpu: 10
hw.optional.neon: 1
hw.optional.arm.FEAT_BF16: 0
"""
UBUNTU = 'NAME="Ubuntu"\nID=ubuntu\nPRETTY_NAME="Ubuntu 22.04.4 LTS"\n# a comment\nBROKEN\n'


def test_processors(tmp_path):
    tree = record(tmp_path, {"/sys/firmware/devicetree/base/model": "Raspberry Pi 5\0"})
    ryzen = processor.from_cpuinfo(RYZEN, tree, 3)
    assert ryzen.name == "AMD Ryzen 9 5900X 12-Core Processor"
    assert (ryzen.logical_cores, ryzen.physical_cores) == (3, 2)
    assert {"avx2", "fma", "f16c", "sse4_2"} <= set(ryzen.features)
    assert "avx" not in processor.from_cpuinfo(ATHLON, tree, 4).features
    arm = processor.from_cpuinfo(GRAVITON, tree, 64)
    assert arm.name == "Raspberry Pi 5"
    assert {"neon", "sve", "bf16"} <= set(arm.features)
    apple = processor.from_sysctl(M1, 10)
    assert (apple.name, apple.physical_cores, apple.features) == ("Apple M1 Pro", 10, ("neon",))
    assert processor.from_cpuinfo("", record(tmp_path / "none", {}), None).features == ()


@pytest.mark.parametrize(
    ("release", "version"),
    [
        ("4.4.0-19041-Microsoft", 1),
        ("5.15.90.1-microsoft-standard-WSL2", 2),
        ("6.5.0-41-generic", None),
    ],
)
def test_wsl(tmp_path, release, version):
    tree = record(tmp_path, {"/proc/sys/kernel/osrelease": f"{release}\n"})
    assert system.wsl(tree) == version
    assert system.kernel(tree) == release


def test_wsl_with_a_kernel_of_ones_own(tmp_path):
    files = {
        "/proc/sys/kernel/osrelease": "6.6.1-custom",
        "/proc/sys/fs/binfmt_misc/WSLInterop": "enabled",
    }
    assert system.wsl(record(tmp_path, files)) == 2


def test_os_release(tmp_path):
    tree = record(tmp_path, {"/etc/os-release": UBUNTU})
    assert system.distribution(tree) == "ubuntu"
    assert system.os_release(tree)["PRETTY_NAME"] == "Ubuntu 22.04.4 LTS"
    assert system.os_release(record(tmp_path / "none", {})) == {}


def test_mounts():
    table = (
        "36 35 98:0 / / rw - ext4 /dev/sda1 rw\n"
        r"40 36 0:40 / /mnt/my\040disk rw shared:2 - fuseblk /dev/sdb1 rw" + "\n"
        "garbage\n"
    )
    assert disks.mounted(table) == {"/": "ext4", "/mnt/my disk": "fuseblk"}


def test_disks_of_paths_that_do_not_exist_yet(tmp_path):
    measured = disks.measure({"cache": str(tmp_path / "not" / "yet")}, REAL)
    (disk,) = measured.value
    assert disk.purpose == "cache"
    assert disk.path == str(tmp_path / "not" / "yet")
    assert 0 < disk.free_bytes <= disk.total_bytes
    assert measured.gaps == ()


def test_where_downloads_are_kept():
    named = {"HF_HOME": "/big/hf", "XDG_CACHE_HOME": "/other"}
    assert disks.cache_folder(named) == "/big/hf"
    assert disks.cache_folder({"XDG_CACHE_HOME": "/other"}) == "/other"
    assert Path(disks.cache_folder({})).name in (".cache", "Caches")


def test_environment_keeps_what_matters():
    kept = environment.relevant(
        {
            "CUDA_VISIBLE_DEVICES": "",
            "HSA_OVERRIDE_GFX_VERSION": "10.3.0",
            "PYTORCH_CUDA_ALLOC_CONF": "expandable_segments:True",
            "https_proxy": "http://me:pw@proxy:1",
            "HF_TOKEN": "hf_abc",
            "SECRET_DIARY": "x",
            "USER": "alice",
            "GIT_AUTHOR_NAME": "Alice",
            "LD_PRELOAD": "libtcmalloc.so.4",
            "AWS_SECRET_ACCESS_KEY": "x",
        }
    )
    assert kept == {
        "CUDA_VISIBLE_DEVICES": "",
        "HF_TOKEN": "hf_abc",
        "HSA_OVERRIDE_GFX_VERSION": "10.3.0",
        "LD_PRELOAD": "libtcmalloc.so.4",
        "PYTORCH_CUDA_ALLOC_CONF": "expandable_segments:True",
        "https_proxy": "http://me:pw@proxy:1",
    }


def test_this_machine(tmp_path):
    probed = host.look({"ui": str(tmp_path), "home": str(Path.home())})
    seen = probed.value
    assert seen.os in ("linux", "windows", "macos")
    assert seen.os_version
    assert seen.machine in ("x86_64", "arm64")
    assert seen.ram_total_bytes
    assert seen.ram_available_bytes is not None
    assert seen.cpu is not None
    assert seen.cpu.name
    assert len(seen.disks) == 2
    assert [gap for gap in probed.gaps if gap.fact != "host.tcmalloc"] == []


@pytest.mark.skipif(sys.platform != "linux", reason="recorded trees are Linux's")
def test_a_machine_that_shows_nothing(tmp_path):
    probed = host.look({}, record(tmp_path, {}))
    assert probed.value.os == "linux"
    assert probed.value.container is None
    assert probed.value.wsl is None
    assert to_json(probed.value)["disks"] == []


NAKED = "from sdops.facts import host, gpu, network\nfor probed in (host.look({'home': '~'}), \
gpu.look({}), network.look()):\n    print(type(probed.value).__name__, probed.gaps)"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows needs SystemRoot")
def test_empty_environment():
    output = subprocess.run(
        [sys.executable, "-c", NAKED], env={}, cwd=ROOT, capture_output=True, text=True
    )
    assert output.returncode == 0, output.stderr
    assert [line.split()[0] for line in output.stdout.splitlines()] == [
        "Host",
        "GpuFacts",
        "Network",
    ]


def test_admin_is_what_the_system_says():
    if os.name != "posix":
        pytest.skip("POSIX only")
    assert system.is_admin() == (os.geteuid() == 0)


BARE = """
import os, sys
import encodings.utf_8_sig, psutil  # this user may not read the interpreter's own folder
from sdops.facts import gpu, host, network
from sdops.facts.redact import redact
os.environ.clear()
try:
    os.setgroups([])
    os.setgid(54321)
    os.setuid(54321)
except OSError as error:
    sys.exit(f"no other user can be had: {error}")
for probed in (host.look({"home": "/", "ui": "/root/x/y"}), gpu.look({}), network.look()):
    print(type(probed.value).__name__, [(gap.fact, gap.reason) for gap in probed.gaps])
print(redact("/home/zoe"))
"""


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="only root may change")
def test_a_user_number_without_an_account_and_without_rights():
    output = subprocess.run(
        [sys.executable, "-c", BARE], cwd=ROOT, capture_output=True, text=True, timeout=600
    )
    if "no other user can be had" in output.stderr:
        pytest.skip(output.stderr)
    assert output.returncode == 0, output.stderr
    first, *others, last = output.stdout.splitlines()
    assert first == "Host []"
    assert [line.split()[0] for line in others] == ["GpuFacts", "Network"]
    assert last == "/home/use"


@pytest.mark.skipif(sys.platform != "linux", reason="musl is a library of Linux")
def test_musl(tmp_path):
    loader = "#!/bin/sh\necho 'musl libc (x86_64)\nVersion 1.2.4' >&2; exit 1\n"
    tree = record(tmp_path, {"/lib/ld-musl-x86_64.so.1": loader})
    tree.path("/lib/ld-musl-x86_64.so.1").chmod(0o755)
    assert system.musl(tree) == Libc("musl", "1.2.4")
    assert system.musl(record(tmp_path / "none", {})) is None
    tree.path("/lib/ld-musl-x86_64.so.1").write_text("#!/bin/sh\necho nothing\n")
    with pytest.raises(ProbeError, match="does not tell its version"):
        system.musl(tree)
