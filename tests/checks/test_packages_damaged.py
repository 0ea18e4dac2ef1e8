from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from sdops.facts import python_env
from sdops.facts.types import Facts, Host
from sdops.finding import Severity
from tests import pythons

RULE = "packages-damaged"
HOST = Host("linux", "Ubuntu 24.04", "x86_64")
posix = pytest.mark.skipif(os.name == "nt", reason="the layout of Linux")


def judged(judge, root: Path):
    return judge(RULE, Facts("", HOST, python=python_env.look(root).value))


def wheel(site_packages: Path, name: str, version: str, files: dict[str, str]) -> None:
    """A package as pip leaves it: its files, and RECORD with their sizes."""
    folder = pythons.install(site_packages, name, version)
    rows = [f"{folder.name}/METADATA,,", f"{folder.name}/RECORD,,", "../../../bin/tool,,5"]
    for path, content in files.items():
        pythons.text(site_packages / path, content)
        rows.append(f"{path},sha256=x,{len(content)}")
    pythons.text(folder / "RECORD", "\n".join(rows))


@pytest.fixture
def env(tmp_path):
    site_packages = pythons.posix_venv(tmp_path / "venv")
    wheel(site_packages, "numpy", "1.26.4", {
        "numpy/__init__.py": "", "numpy/core/_umath.cpython-310-x86_64-linux-gnu.so": "so",
        "numpy/core/tests/_test.so": "so", "numpy/tests/__init__.py": "", "numpy/deep/er/x.py": "",
    })  # fmt: skip
    wheel(site_packages, "open_clip_torch", "2.20.0", {"open_clip/__init__.py": ""})
    wheel(site_packages, "basicsr", "1.4.2", {"basicsr/__init__.py": "", "basicsr/train.py": ""})
    wheel(site_packages, "torch", "2.9.1+cu130", {
        "torch/__init__.py": "", "torch/lib/libcudnn.so.9": "nine", "torch/lib/libtorch.so": "t",
        "torch/version.py": "__version__ = '2.9.1+cu130'\ncuda = '13.0'\nhip = None\n",
    })  # fmt: skip
    return site_packages


@posix
def test_whole_packages_are_quiet(env, judge):
    assert judged(judge, env.parents[2]) == ()
    shutil.rmtree(env / "numpy" / "tests")
    shutil.rmtree(env / "numpy" / "core" / "tests")
    shutil.rmtree(env / "numpy" / "deep")
    assert judged(judge, env.parents[2]) == ()


@posix
def test_a_package_without_its_folder(env, judge):
    shutil.rmtree(env / "basicsr")
    shutil.rmtree(env / "open_clip")
    found = judged(judge, env.parents[2])
    assert [each.evidence["package"] for each in found] == ["basicsr", "open-clip-torch"]
    assert all(each.severity is Severity.ERROR for each in found)
    assert "basicsr==1.4.2" in found[0].remedies[0].commands[-1].argv


@posix
def test_compiled_code_that_a_scanner_took_away(env, judge):
    next((env / "numpy" / "core").glob("*.so")).unlink()
    (finding,) = judged(judge, env.parents[2])
    assert "_umath" in finding.why


@posix
def test_copied_cudnn_files(env, judge):
    (env / "torch" / "lib" / "libcudnn.so.9").write_text("eight!")
    (env / "torch" / "lib" / "cudnn64_8.dll").write_text("x")
    (env / "torch" / "lib" / "mine.txt").write_text("x")
    (finding,) = judged(judge, env.parents[2])
    assert finding.severity is Severity.WARNING
    assert finding.evidence["changed"] == ["torch/lib/libcudnn.so.9", "torch/lib/cudnn64_8.dll"]
    assert "cu130" in finding.remedies[0].commands[-1].line


@posix
@pytest.mark.parametrize("record", ["", "a,b\n", "\0,,\n", "x" * 99_999, '"open\n', "a,,1e9\n"])
def test_records_that_tell_nothing(env, judge, record):
    next(env.glob("numpy-*")).joinpath("RECORD").write_text(record)
    shutil.rmtree(env / "numpy")
    assert judged(judge, env.parents[2]) == ()


@posix
def test_a_real_environment_is_whole(tmp_path, judge):
    venv.create(tmp_path / "real", with_pip=False, symlinks=True)
    target = next((tmp_path / "real" / "lib").glob("python3*")) / "site-packages"
    own = Path(sys.executable).parent.parent
    source = next((own / "lib").glob("python3*/site-packages"))
    for pattern in ("numpy*", "safetensors*", "psutil*"):
        for each in source.glob(pattern):
            subprocess.run(["cp", "-r", str(each), str(target)], check=True)
    assert judged(judge, tmp_path / "real") == ()
