from __future__ import annotations

from dataclasses import replace

import pytest

from sdops.facts.types import DeepProbe, ImportProbe, TorchBuild
from sdops.finding import Severity


@pytest.fixture
def imported(machine):
    def make(*probes, name="healthy-linux-rtx5090-comfyui"):
        return replace(machine(name), deep=DeepProbe(imports=probes))

    return make


def failed(module, message, exception="ImportError"):
    return ImportProbe(module, False, exception=exception, message=message)


def test_torch(imported, judge):
    words = "libcudnn.so.9: cannot open shared object file: No such file or directory"
    (finding,) = judge("import-failures", imported(failed("torch", words)))
    assert finding.severity is Severity.ERROR
    assert words in finding.why
    assert any("torch==2.8.0" in c.argv for r in finding.remedies for c in r.commands)


def test_an_extra_is_a_warning(imported, judge):
    words = "libGL.so.1: cannot open shared object file: No such file or directory"
    (finding,) = judge("import-failures", imported(failed("cv2", words)))
    assert finding.severity is Severity.WARNING
    assert "libgl1" in finding.remedies[0].text


def test_what_follows_from_torch_is_not_repeated(imported, judge):
    facts = imported(failed("torch", "x"), failed("torchvision", "x"), failed("xformers", "x"))
    assert len(judge("import-failures", facts)) == 1


def test_quiet_where_the_versions_explain_it(imported, judge, with_python):
    facts = imported(
        failed("torchvision", "operator torchvision::nms does not exist", "RuntimeError")
    )
    cuda = TorchBuild("torchvision", "0.23.0+cu118", cuda="11.8")
    assert judge("import-failures", facts)
    assert not judge("import-failures", with_python(facts, torchvision=cuda))


def test_quiet_for_what_is_not_installed(imported, judge):
    absent = failed("xformers", "No module named 'xformers'", "ModuleNotFoundError")
    assert not judge("import-failures", imported(absent))
    lacking = failed("xformers", "No module named 'triton'", "ModuleNotFoundError")
    assert judge("import-failures", imported(lacking))


def test_quiet(imported, judge, machine):
    assert not judge("import-failures", imported(ImportProbe("torch", True, "2.8.0")))
    assert not judge("import-failures", machine("healthy-linux-rtx5090-comfyui"))


def test_the_version_that_the_message_asks_for_is_installed(machine, judge):
    message = (
        "huggingface-hub>=0.24.0,<1.0 is required for a normal functioning of this module, but "
        "found huggingface-hub==0.23.4."
    )
    probe = ImportProbe("transformers", ok=False, exception="ImportError", message=message)
    facts = replace(machine("healthy-linux-rtx5090-comfyui"), deep=DeepProbe(imports=(probe,)))
    (finding,) = judge("import-failures", facts)
    assert "huggingface-hub>=0.24.0,<1.0" in finding.remedies[0].commands[0].argv
