from __future__ import annotations

import pytest

from sdops.finding import Severity
from tests.comfy import Comfy

RULE = "extension-requirements"


@pytest.fixture
def comfy(tmp_path):
    return Comfy(tmp_path)


def test_what_is_missing_is_installed_beside_torch(comfy, judge):
    comfy.node("Pack", init="", requirements="gguf>=0.13.0\naiohttp\nsentencepiece\n")
    (finding,) = judge(RULE, comfy.facts())
    assert finding.severity is Severity.WARNING
    assert "Pack" in finding.title
    assert finding.remedies[0].commands[0].argv[1:] == (
        "-m", "pip", "install", "gguf>=0.13.0", "sentencepiece", "torch==2.9.1+cu130",
        "numpy==2.2.6",
    )  # fmt: skip
    assert finding.location.line == 1


def test_another_version_that_is_wanted(comfy, judge):
    comfy.node("Pack", init="", requirements="aiohttp<3\n")
    (finding,) = judge(RULE, comfy.facts())
    assert "other versions" in finding.title


@pytest.mark.parametrize("line", ["torch==2.1.2", "numpy<2", "numpy==1.26.4", "torch<=2.8"])
def test_lines_that_would_replace_torch_or_numpy(comfy, judge, line):
    comfy.node("Pack", init="", requirements=f"aiohttp\n{line}\n")
    (finding,) = judge(RULE, comfy.facts())
    assert "replace" in finding.title
    assert finding.remedies[0].commands == ()
    assert finding.location.line == 2


@pytest.mark.parametrize(
    "lines",
    [
        "torch\nnumpy\naiohttp>=3.11\n",
        "torch>=2.0\nnumpy>=1.26,<3\n",
        'pywin32; sys_platform == "win32"\n',
        "# insightface\n\n",
        "git+https://github.com/some/where.git\n",
        "--extra-index-url https://example.org/simple\n",
    ],
)
def test_quiet_where_all_is_met(comfy, judge, lines):
    comfy.node("Pack", init="", requirements=lines)
    assert judge(RULE, comfy.facts()) == ()


def test_what_cannot_be_loaded_is_said_once(comfy, judge):
    comfy.node("Pack", init="import gguf\n", requirements="gguf\n")
    assert judge(RULE, comfy.facts()) == ()
    assert judge("extension-broken", comfy.facts())
