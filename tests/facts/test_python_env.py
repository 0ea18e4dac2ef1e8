"""The patient's Python is read from its files: every layout, every kind of damage, quickly."""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sdops.facts import python_env
from sdops.facts.types import PythonEnv
from tests import pythons

posix_only = pytest.mark.skipif(os.name != "posix", reason="symbolic links and modes of POSIX")


def look(path: Path) -> PythonEnv:
    return python_env.look(path).value


@posix_only
def test_a_venv_on_linux(tmp_path: Path) -> None:
    site_packages = pythons.posix_venv(tmp_path / "venv")
    pythons.torch(site_packages, "2.1.2+cu121", "12.1")
    pythons.install(site_packages, "pip", "23.2.1")
    pythons.install(site_packages, "nvidia-cublas-cu12", "12.1.3.1")
    probed = python_env.look(tmp_path / "venv")
    env = probed.value
    assert probed.gaps == ()
    assert (env.kind, env.version, env.bits, env.machine) == ("venv", "3.10.6", 64, "x86_64")
    assert env.root == env.recorded_root == str(tmp_path / "venv")
    assert env.executable == str(tmp_path / "venv" / "bin" / "python")
    assert env.base == str(tmp_path / "base" / "bin")
    assert env.base_exists is True
    assert env.has_pip is True
    assert env.site_packages == (str(site_packages),)
    assert [each.name for each in env.distributions] == ["nvidia-cublas-cu12", "pip", "torch"]
    assert env.torch is not None
    assert (env.torch.version, env.torch.cuda, env.torch.variant) == (
        "2.1.2+cu121", "12.1", "cu121")  # fmt: skip


@posix_only
def test_the_program_leads_to_the_same_environment_as_its_folder(tmp_path: Path) -> None:
    pythons.posix_venv(tmp_path / "venv")
    assert look(tmp_path / "venv" / "bin" / "python") == look(tmp_path / "venv")


def test_a_venv_made_on_windows(tmp_path: Path) -> None:
    site_packages = pythons.windows_venv(tmp_path / "venv")
    pythons.torch(site_packages, "2.1.2+cpu", None)
    env = look(tmp_path / "venv")
    assert (env.kind, env.version, env.bits, env.machine) == ("venv", "3.10.6", 64, "x86_64")
    assert env.executable.endswith("python.exe")
    assert env.base == r"C:\Python310"
    assert env.torch is not None
    assert env.torch.variant == "cpu"
    if os.name != "nt":
        # Another system's paths cannot be looked up here, and must not count as gone.
        assert env.base_exists is None
        assert env.recorded_root is None


def test_a_32_bit_python(tmp_path: Path) -> None:
    pythons.windows_venv(tmp_path / "venv")
    pythons.program(tmp_path / "venv" / "Scripts" / "python.exe", pythons.PE_X86)
    assert look(tmp_path / "venv").bits == 32


def test_the_embedded_python_of_a_portable_comfyui(tmp_path: Path) -> None:
    site_packages = pythons.embedded(tmp_path / "python_embeded")
    pythons.install(site_packages, "pip", "24.0")
    env = look(tmp_path / "python_embeded")
    assert (env.kind, env.version, env.has_pip) == ("embedded", "3.12", True)
    assert look(tmp_path / "python_embeded" / "python.exe") == env


def test_a_windows_program_states_its_whole_version(tmp_path: Path) -> None:
    # FILEVERSION 3,12,7150,1013, as the resources of CPython 3.12.7's python.exe have it.
    version = struct.pack("<IIHHHH", 0xFEEF04BD, 0x10000, 12, 3, 1013, 7150)
    pythons.embedded(tmp_path)
    pythons.program(tmp_path / "python.exe", pythons.PE_X86_64 + bytes(5000) + version + bytes(40))
    assert look(tmp_path).version == "3.12.7"


@posix_only
def test_a_conda_environment(tmp_path: Path) -> None:
    pythons.conda(tmp_path / "env")
    env = look(tmp_path / "env")
    assert (env.kind, env.version, env.root) == ("conda", "3.10.14", str(tmp_path / "env"))


@posix_only
@pytest.mark.parametrize("shebang", ["#!{}/bin/python3", "#!/bin/sh\n'''exec' \"{}/bin/python\" x"])
def test_a_moved_venv_still_names_its_old_folder(tmp_path: Path, shebang: str) -> None:
    pythons.posix_venv(tmp_path / "old name")
    pythons.text(tmp_path / "old name/bin/pip", shebang.format(tmp_path / "old name"))
    (tmp_path / "old name").rename(tmp_path / "new")
    assert look(tmp_path / "new").recorded_root == str(tmp_path / "old name")
    (tmp_path / "new/bin/activate").unlink()
    assert look(tmp_path / "new").recorded_root == str(tmp_path / "old name")


@posix_only
def test_a_venv_reached_through_a_link_has_not_moved(tmp_path: Path) -> None:
    pythons.posix_venv(tmp_path / "real")
    (tmp_path / "link").symlink_to("real")
    env = look(tmp_path / "link")
    assert env.recorded_root == env.root


@posix_only
def test_a_venv_whose_base_is_gone(tmp_path: Path) -> None:
    pythons.posix_venv(tmp_path / "venv")
    shutil.rmtree(tmp_path / "base")
    probed = python_env.look(tmp_path / "venv")
    assert probed.value.base_exists is False
    assert probed.value.version == "3.10.6"
    assert [gap.fact for gap in probed.gaps] == ["python.bits"]


def test_a_venv_of_copies_whose_base_is_gone(tmp_path: Path) -> None:
    home = tmp_path / "gone"
    pythons.windows_venv(tmp_path / "venv", home=str(home))
    assert look(tmp_path / "venv").base_exists is False
    pythons.program(home / "python.exe")
    assert look(tmp_path / "venv").base_exists is True


@pytest.mark.slow
def test_real_venvs_of_each_python_at_hand(tmp_path: Path) -> None:
    pyenv = pythons.HOME / ".pyenv" / "versions"
    programs = {Path(sys.executable), *pyenv.glob("3.[89].*/bin/python3"),
                *pyenv.glob("3.1?.*/bin/python3")}  # fmt: skip
    for program in programs:
        root = tmp_path / program.parent.parent.name
        subprocess.run([program, "-m", "venv", "--without-pip", root], check=True)
        says = subprocess.run(
            [root / "bin" / "python", "-c", "import platform; print(platform.python_version())"],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        env = look(root)
        assert env.version == says.stdout.strip()
        assert env.recorded_root == str(root)
        assert env.base_exists is True
        assert env.has_pip is False


def test_a_release_that_only_version_py_labels(tmp_path: Path) -> None:
    site_packages = pythons.windows_venv(tmp_path)
    pythons.torch(site_packages, "2.13.0+cu130", "13.0", dist_version="2.13.0")
    env = look(tmp_path)
    assert env.torch is not None
    assert env.torch.variant == "cu130"
    torch = env.distribution("torch")
    assert torch is not None
    assert torch.version == "2.13.0"


@pytest.mark.parametrize(
    ("source", "variant"),
    [
        ("__version__ = '1.12.1+cu113'\ndebug = False\ncuda = '11.3'\nhip = None\n", "cu113"),
        ("__version__ = '2.0.1+rocm5.4.2'\ncuda = None\nhip = '5.4.22803-474e8620'\n", "rocm5.4"),
        ("__version__ = '2.6.0+xpu'\ncuda: Optional[str] = None\nxpu: Optional[str] = '20250000'\n",
         "xpu"),
        ("__version__ = '2.1.0'\ncuda = None\nhip = None\n", "cpu"),
    ],
)  # fmt: skip
def test_every_form_of_torch_version_py(tmp_path: Path, source: str, variant: str) -> None:
    site_packages = pythons.windows_venv(tmp_path)
    pythons.text(site_packages / "torch" / "version.py", source)
    build = look(tmp_path).torch
    assert build is not None
    assert build.variant == variant


@pytest.mark.parametrize(
    ("version", "cuda", "hip"),
    [("0.28.0+cu130", "13.0", None), ("0.16.0+cu118", "11.8", None), ("0.16.0+cpu", None, None),
     ("0.21.0+rocm6.2.4", None, "6.2.4"), ("0.16.0", None, None)],
)  # fmt: skip
def test_torchvision_tells_its_build_by_its_label(
    tmp_path: Path, version: str, cuda: str | None, hip: str | None
) -> None:
    site_packages = pythons.windows_venv(tmp_path)
    pythons.text(
        site_packages / "torchvision" / "version.py",
        f"__version__ = '{version}'\nfrom torchvision.extension import _check_cuda_version\n"
        "if _check_cuda_version() > 0:\n    cuda = _check_cuda_version()\n",
    )
    build = look(tmp_path).torchvision
    assert build is not None
    assert (build.version, build.cuda, build.hip) == (version, cuda, hip)


def test_torchvision_without_a_label_tells_it_by_the_library_it_loads(tmp_path: Path) -> None:
    site_packages = pythons.windows_venv(tmp_path)
    pythons.text(site_packages / "torchvision" / "version.py", "__version__ = '0.19.0a0+b9e1e2c'\n")
    library = site_packages / "torchvision" / "_C.so"
    library.write_bytes(bytes(5000) + b"\0libtorch.so\0libcudart.so.12\0libc10_cuda.so\0")
    build = look(tmp_path).torchvision
    assert build is not None
    assert (build.cuda, build.variant) == ("12", "cu12")


def test_xformers_tells_what_it_was_built_for(tmp_path: Path) -> None:
    site_packages = pythons.windows_venv(tmp_path)
    pythons.text(site_packages / "xformers" / "__init__.py", "")
    pythons.text(site_packages / "xformers" / "version.py", '__version__ = "0.0.35"\n')
    record = {
        "version": {"cuda": 1208, "hip": None, "torch": "2.10.0+cu128", "python": "3.10.19"},
        "env": {"TORCH_CUDA_ARCH_LIST": "7.5 8.0+PTX 9.0a", "PYTORCH_ROCM_ARCH": None},
    }
    pythons.text(site_packages / "xformers" / "cpp_lib.json", json.dumps(record))
    build = look(tmp_path).xformers
    assert build is not None
    assert (build.version, build.torch, build.cuda) == ("0.0.35", "2.10.0+cu128", "12.8")
    assert (build.python, build.hip) == ("3.10.19", None)
    assert build.architectures == ("7.5", "8.0+PTX", "9.0a")


def test_distributions_of_every_kind(tmp_path: Path) -> None:
    site_packages = pythons.windows_venv(tmp_path / "venv")
    info = pythons.install(
        site_packages, "Pillow_SIMD", "9.0.0.post1",
        "Requires-Python: >=3.7\nRequires-Dist: olefile\n"
        "Requires-Dist: pytest ; extra == 'tests'\n",
    )  # fmt: skip
    url = {"url": "https://user:token@example.org/a.git", "vcs_info": {"vcs": "git"}}
    pythons.text(info / "direct_url.json", json.dumps(url))
    edited = pythons.install(site_packages, "mine", "0.1")
    url = {"url": "file:///home/me/mine", "dir_info": {"editable": True}}
    pythons.text(edited / "direct_url.json", json.dumps(url))
    pythons.text(site_packages / "old.egg-info" / "PKG-INFO", "Name: old\nVersion: 1\n\nwords")
    pythons.text(site_packages / "older-2-py3.10.egg-info", "Name: older\nVersion: 2\n")
    pythons.text(site_packages / "oldest-3.egg" / "EGG-INFO" / "PKG-INFO",
                 "Name: oldest\nVersion: 3\n")  # fmt: skip
    pythons.text(site_packages / "linked-pkg.egg-link", f"{tmp_path / 'sources'}\n.")
    pythons.text(tmp_path / "sources" / "linked_pkg.egg-info" / "PKG-INFO",
                 "Name: linked-pkg\nVersion: 4\n")  # fmt: skip
    env = look(tmp_path / "venv")
    assert {each.name: each.version for each in env.distributions} == {
        "pillow-simd": "9.0.0.post1", "mine": "0.1", "old": "1", "older": "2", "oldest": "3",
        "linked-pkg": "4"}  # fmt: skip
    pillow = env.distribution("pillow-simd")
    assert pillow is not None
    assert (pillow.requires, pillow.requires_python) == (("olefile",), ">=3.7")
    assert pillow.direct_url is not None
    assert "token" not in pillow.direct_url
    assert "example.org/a.git" in pillow.direct_url
    assert {each.name for each in env.distributions if each.editable} == {"mine", "linked-pkg"}


def test_junk_in_site_packages_costs_only_itself(tmp_path: Path) -> None:
    site_packages = pythons.windows_venv(tmp_path)
    pythons.install(site_packages, "good", "1.0")
    (site_packages / "latin-1.dist-info").mkdir()
    (site_packages / "latin-1.dist-info" / "METADATA").write_bytes(
        b"Name: latin\nVersion: 1\nAuthor: Ren\xe9\n\n"
    )
    (site_packages / "empty-1.dist-info").mkdir()
    (site_packages / "folder-1.dist-info" / "METADATA").mkdir(parents=True)
    pythons.text(site_packages / "nothing-1.dist-info" / "METADATA", "")
    pythons.text(site_packages / "binary-1.dist-info" / "METADATA", "\0\1\2" * 9999)
    pythons.text(site_packages / "huge-1.dist-info" / "METADATA",
                 "X-Junk: y\n" * 3_000_000 + "Name: huge\nVersion: 1\n")  # fmt: skip
    pythons.text(site_packages / "escape-1.dist-info" / "METADATA", "Name: \x1b[31m\nVersion: 1\n")
    pythons.text(site_packages / "dup-1.dist-info" / "METADATA", "Name: dup\nVersion: 1\n")
    pythons.text(site_packages / "dup-2.dist-info" / "METADATA", "Name: dup\nVersion: 2\n")
    pythons.text(site_packages / "file.dist-info", "")
    if hasattr(os, "mkfifo"):
        (site_packages / "fifo-1.dist-info").mkdir()
        os.mkfifo(site_packages / "fifo-1.dist-info" / "METADATA")
        (site_packages / "loop-1.dist-info").symlink_to("loop-1.dist-info")
    start = time.process_time()
    env = look(tmp_path)
    assert time.process_time() - start < 1
    found = [(each.name, each.version) for each in env.distributions]
    assert found == [("dup", "1"), ("dup", "2"), ("good", "1.0"), ("latin", "1")]
    expected = {"empty-1.dist-info", "folder-1.dist-info", "nothing-1.dist-info", "file.dist-info",
                "binary-1.dist-info", "huge-1.dist-info", "escape-1.dist-info"}  # fmt: skip
    assert expected <= set(env.unreadable_metadata)


def test_leftovers_of_a_half_done_uninstall(tmp_path: Path) -> None:
    site_packages = pythons.windows_venv(tmp_path)
    (site_packages / "~orch").mkdir()
    (site_packages / "~umpy-1.26.4.dist-info").mkdir()
    env = look(tmp_path)
    assert env.leftovers == ("~orch", "~umpy-1.26.4.dist-info")
    assert env.unreadable_metadata == ()


def test_several_owners_of_one_module(tmp_path: Path) -> None:
    site_packages = pythons.windows_venv(tmp_path)
    for name in ("opencv-python", "opencv-python-headless", "onnxruntime", "onnxruntime-gpu"):
        info = pythons.install(site_packages, name, "1.0")
        pythons.text(info / "RECORD", f"{name.split('-')[0]}/__init__.py,sha256=x,1\n")
    for name in ("opencv_python", "opencv_python_headless"):
        record = site_packages / f"{name}-1.0.dist-info" / "RECORD"
        pythons.text(record, "cv2/__init__.py,sha256=x,1\n")
    pythons.install(site_packages, "pillow", "10.0")
    # A package of that name that does not install the module is no owner of it.
    pythons.text(
        site_packages / "onnxruntime_gpu-1.0.dist-info" / "RECORD", "other/__init__.py,,\n"
    )
    owners = {each.module: each.distributions for each in look(tmp_path).module_owners}
    assert owners == {"cv2": ("opencv-python", "opencv-python-headless")}


def test_pth_files_that_execute_code(tmp_path: Path) -> None:
    site_packages = pythons.windows_venv(tmp_path)
    pythons.text(site_packages / "paths.pth", "../sources\n# import this\nimportant\n")
    path = pythons.text(site_packages / "runs.pth", "../a\nimport os; os.getpid()\nimport\tsys\n")
    (found,) = look(tmp_path).executable_pth
    assert (found.path, found.lines) == (str(path), ("import os; os.getpid()", "import\tsys"))


def test_no_torch_at_all(tmp_path: Path) -> None:
    pythons.windows_venv(tmp_path)
    probed = python_env.look(tmp_path)
    assert probed.value.torch is None
    assert probed.value.xformers is None
    assert probed.gaps == ()


@pytest.mark.parametrize("source", ["", "def broken(:\n", "__version__ = compute()\n"])
def test_a_version_py_that_tells_nothing_is_a_gap(tmp_path: Path, source: str) -> None:
    site_packages = pythons.windows_venv(tmp_path)
    pythons.text(site_packages / "torch" / "version.py", source)
    probed = python_env.look(tmp_path)
    assert probed.value.torch is None
    (gap,) = probed.gaps
    assert gap.fact == "python.torch"
    assert "version.py" in gap.reason


@posix_only
def test_an_unreadable_site_packages_is_a_gap(unprivileged: Path) -> None:
    site_packages = pythons.posix_venv(unprivileged / "venv")
    pythons.install(site_packages, "numpy", "1.0")
    site_packages.chmod(0)
    probed = python_env.look(unprivileged / "venv")
    site_packages.chmod(0o755)
    assert probed.value.version == "3.10.6"
    assert [gap.fact for gap in probed.gaps] == ["python.distributions"]
    assert "Permission denied" in probed.gaps[0].reason


def test_a_folder_without_python_is_a_gap(tmp_path: Path) -> None:
    probed = python_env.look(tmp_path)
    assert [gap.fact for gap in probed.gaps] == ["python"]


def test_the_python_that_runs_this_test() -> None:
    env = look(Path(sys.executable))
    assert env.version is not None
    assert env.version.startswith(f"{sys.version_info[0]}.{sys.version_info[1]}")
    assert env.bits == (64 if sys.maxsize > 2**32 else 32)
    assert env.distribution("pytest") is not None


def test_300_distributions_are_read_far_faster_than_a_second(tmp_path: Path) -> None:
    site_packages = pythons.windows_venv(tmp_path)
    description = "A line of a long description.\n" * 500
    for number in range(300):
        requires = "".join(f"Requires-Dist: other-{i} >=1.{i}\n" for i in range(20))
        pythons.install(site_packages, f"dist-{number}", "1.0", f"{requires}\n{description}")
    look(tmp_path)
    start = time.process_time()
    env = look(tmp_path)
    assert time.process_time() - start < 0.5
    assert len(env.distributions) == 300
