"""What onnxruntime and bitsandbytes say in their own files that they were compiled for."""

from __future__ import annotations

from sdops.facts.patient import companion_builds
from sdops.facts.types import CompanionBuild
from tests.pythons import text


def test_both_are_read_from_the_first_folder_that_has_them(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    about = "package_name = 'onnxruntime-gpu'\n__version__ = '1.23.2'\ncuda_version = '12.8'\n"
    text(first / "onnxruntime/capi/build_and_package_info.py", about)
    text(second / "onnxruntime/capi/build_and_package_info.py", about.replace("12.8", "13.0"))
    for name in ("cuda118.so", "cuda128.so", "cuda130.dll", "cpu.so"):
        text(second / "bitsandbytes" / f"libbitsandbytes_{name}", "")
    assert companion_builds.read([str(first), str(second)]) == (
        CompanionBuild("onnxruntime-gpu", ("12.8",)),
        CompanionBuild("bitsandbytes", ("11.8", "12.8", "13.0")),
    )


def test_nothing_is_said_of_what_does_not_say(tmp_path):
    text(tmp_path / "onnxruntime/capi/build_and_package_info.py", "cuda_version = None\n")
    text(tmp_path / "bitsandbytes/__init__.py", "")
    assert companion_builds.read([str(tmp_path), str(tmp_path / "gone")]) == ()
