from __future__ import annotations

import pytest

from sdops.finding import Severity
from tests.comfy import Comfy

RULE = "extension-broken"


@pytest.fixture
def comfy(tmp_path):
    return Comfy(tmp_path)


@pytest.mark.parametrize(
    ("code", "word"),
    [
        ("import cv2\n", "opencv-python-headless"),
        ("from skimage import io\n", "scikit-image"),
        ("with open('x') as f:\n    import insightface\n", "insightface"),
        ("try:\n    import yaml\nfinally:\n    pass\n", "pyyaml"),
        ("from . import nodes\n", "gguf>=0.13"),
        ("import imp\n", None),
        ("import frobnicate\n", None),
    ],
)
def test_an_import_that_nothing_provides(comfy, judge, code, word):
    comfy.node("Pack", init=code, nodes="import gguf\n", requirements="gguf>=0.13\n")
    (finding,) = judge(RULE, comfy.facts())
    assert finding.severity is Severity.ERROR
    assert "Pack" in finding.title
    if word:
        line = finding.remedies[0].commands[0].line
        assert word in line
        assert "torch==2.9.1+cu130" in line
        assert "numpy==2.2.6" in line
    else:
        assert "description" in finding.remedies[-1].text


@pytest.mark.parametrize(
    "code",
    [
        "try:\n    import cv2\nexcept ImportError:\n    cv2 = None\n",
        "try:\n    import cv2\nexcept (OSError, ModuleNotFoundError):\n    cv2 = None\n",
        "try:\n    from comfy.utils import new\nexcept Exception:\n    new = None\n",
        "def run():\n    import cv2\n",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import cv2\n",
        "import sys\nif sys.platform == 'win32':\n    import winreg\n",
        "import subprocess, sys\nsubprocess.run(['py', '-m', 'pip', 'install', 'x'])\nimport x\n",
        "import sys, os\nsys.path.append(os.path.dirname(__file__) + '/deep')\nimport inner\n",
        "import json, os, torch, aiohttp, folder_paths\nfrom nodes import MAX_RESOLUTION\n",
        "import comfy.utils\nbar = comfy.utils.ProgressBar(3)\n",
        "import comfy.utils as u\nu.load_torch_file('x', safe_load=True)\n",
        "from comfy.ldm.attention import KSampler, fast, optimized\n",
        "import comfy.ldm.attention\nimport comfy.samplers\n",
        "import comfy.lazy\ncomfy.lazy.whatever()\nfrom comfy.lazy import more\n",
        "import comfy.utils\nif hasattr(comfy.utils, 'new'):\n    comfy.utils.new()\n",
        "import comfy.utils\ncomfy.utils.new = print\n",
        "import comfy.utils\ntry:\n    comfy.utils.other()\nexcept AttributeError:\n    pass\n",
        "import nodes\ndef f(nodes):\n    return nodes.append(1)\n",
        "from comfy.utils import *\nimport comfy.utils\ncomfy.utils.ProgressBar(*[1, 2, 3])\n",
        "import comfy.utils\ncomfy.utils.load_torch_file(**{'a': 1})\n",
        "from . import missing_or_not\n",
        "import importlib\nimportlib.import_module('.nowhere', __name__)\n",
        "import comfy\nprint(comfy.__path__)\n",
    ],
)
def test_quiet_where_it_works_or_is_asked_for(comfy, judge, code):
    comfy.node("Pack", init=code, **{"deep/inner": ""})
    assert judge(RULE, comfy.facts()) == ()


def test_a_disabled_node_is_left_alone(comfy, judge):
    comfy.node(".disabled/Old", init="import cv2\n", requirements="cv2\n")
    comfy.node("Off.disabled", init="import cv2\n", requirements="cv2\n")
    assert judge(RULE, comfy.facts()) == ()
    assert judge("extension-requirements", comfy.facts()) == ()


@pytest.mark.parametrize(
    ("code", "subject", "severity"),
    [
        ("from comfy.utils import new\n", "comfy.utils.new", Severity.ERROR),
        ("import comfy.quant\n", "comfy.quant", Severity.ERROR),
        ("from comfy_api.latest import io\n", "comfy_api.latest", Severity.ERROR),
        ("from nodes import Gone\n", "nodes.Gone", Severity.ERROR),
        ("def f():\n    from comfy.utils import new\n", "comfy.utils.new", Severity.WARNING),
        ("import comfy.utils\ndef f():\n    comfy.utils.new(1)\n", "utils.new", Severity.WARNING),
        ("import folder_paths as p\ndef f():\n    return p.gone()\n", "gone", Severity.WARNING),
        ("from comfy import utils\ndef f():\n    utils.load_torch_file('x', metadata=True)\n",
         "named metadata", Severity.WARNING),
        ("from comfy.utils import ProgressBar\ndef f():\n    ProgressBar(1, node_id=2)\n",
         "node_id", Severity.WARNING),
        ("from comfy.utils import ProgressBar\ndef f():\n    ProgressBar(1, 2)\n",
         "by position", Severity.WARNING),
        ("from comfy.ldm.attention import optimized\ndef f():\n    optimized(1, 2, 3, 4)\n",
         "mask", Severity.WARNING),
    ],
)  # fmt: skip
def test_what_this_version_of_the_ui_does_not_have(comfy, judge, code, subject, severity):
    comfy.node("Pack", init="from .work import *\n", work=f"import torch\n{code}")
    (finding,) = judge(RULE, comfy.facts())
    assert finding.severity is severity
    assert subject in finding.why
    assert finding.location.path.endswith("work.py")
    assert finding.location.line >= 2
    assert "newer version of the UI" in finding.remedies[0].text


def test_what_the_node_says_itself_decides(comfy, judge):
    folder = comfy.node("Pack", init="from comfy.utils import new\n")
    project = folder / "pyproject.toml"
    project.write_text('[tool.comfy]\nrequires-comfyui = ">=0.3.70"  # why\n', "utf-8")
    (finding,) = judge(RULE, comfy.facts())
    assert ">=0.3.70" in finding.remedies[0].text
    project.write_text('[tool.comfy]\nrequires-comfyui = ">=0.3.60"\n', "utf-8")
    (finding,) = judge(RULE, comfy.facts())
    assert "Most often" in finding.remedies[0].text


def test_syntax_errors_and_files_that_are_missing(comfy, judge):
    comfy.node("Merge", init="from .a import x\n", a="<<<<<<< HEAD\nx = 1\n")
    comfy.node("Half", init="from .sub.module import x\n")
    merge, half = sorted(judge(RULE, comfy.facts()), key=lambda each: "Half" in each.title)
    assert "not valid" in merge.title
    assert ".sub.module" in half.title


def test_python_that_is_newer_than_ours_may_know_more(tmp_path, judge):
    newer = Comfy(tmp_path, "3.99.0")
    newer.node("Pack", init="from .a import x\n", a="let x = 1\n")
    assert judge(RULE, newer.facts()) == ()


def test_a_sparse_tree_says_nothing_of_modules_that_it_lacks(comfy, judge):
    for name in ("utils", "samplers", "lazy"):
        (comfy.root / "comfy" / f"{name}.py").unlink()
    comfy.node("Pack", init="import comfy.model_management\nfrom comfy.samplers import x\n")
    assert judge(RULE, comfy.facts()) == ()


def test_without_torch_nothing_is_said(comfy, judge, with_python):
    comfy.node("Pack", init="import cv2\n", requirements="cv2\n")
    bare = with_python(comfy.facts(), torch=None, distributions=())
    assert judge(RULE, bare) == ()
    assert judge("extension-requirements", bare) == ()


def test_names_of_files_are_no_markup_and_code_is_not_run(comfy, judge, tmp_path):
    mark = tmp_path / "ran"
    comfy.node("[red]x", init=f"open({str(mark)!r}, 'w')\nimport cv2\n")
    assert judge(RULE, comfy.facts())
    assert not mark.exists()
