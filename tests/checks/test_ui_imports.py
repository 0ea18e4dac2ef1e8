from __future__ import annotations

import pytest

from sdops.finding import Severity
from tests import pythons
from tests.comfy import Comfy

RULE = "ui-imports"


@pytest.fixture
def comfy(tmp_path):
    return Comfy(tmp_path)


def test_a_module_that_used_to_come_along(comfy, judge):
    pythons.text(comfy.root / "app" / "frontend.py", "import os\nimport requests\n")
    pythons.text(comfy.root / "server.py", "import aiohttp\nfrom app.frontend import x\n")
    (finding,) = judge(RULE, comfy.facts())
    assert finding.severity is Severity.ERROR
    assert "requests" in finding.title
    assert finding.location.path.endswith("frontend.py")
    assert "requests" in finding.remedies[0].commands[0].argv
    comfy.install("requests", "2.32.5")
    assert judge(RULE, comfy.facts()) == ()


def test_what_the_list_names_is_said_elsewhere(comfy, judge):
    pythons.text(comfy.root / "server.py", "import yaml\n")
    pythons.text(comfy.root / "requirements.txt", "pyyaml\n")
    assert judge(RULE, comfy.facts()) == ()
    assert judge("unmet-requirements", comfy.facts())


@pytest.mark.parametrize(
    "code",
    [
        "try:\n    import requests\nexcept ImportError:\n    pass\n",
        "def f():\n    import requests\n",
        "import comfy.utils, folder_paths, execution\n",
    ],
)
def test_quiet(comfy, judge, code):
    pythons.text(comfy.root / "server.py", code)
    assert judge(RULE, comfy.facts()) == ()


def test_quiet_where_an_editable_install_provides_it(comfy, judge):
    pythons.text(comfy.root / "server.py", "import linked\nimport mapped\n")
    pythons.text(comfy.root.parent / "src" / "linked" / "__init__.py", "")
    pythons.text(comfy.site_packages / "linked.pth", f"{comfy.root.parent / 'src'}\n")
    finder = "MAPPING: dict[str, str] = {'mapped': '/somewhere/mapped'}\n"
    pythons.text(comfy.site_packages / "__editable___mapped_1_0_finder.py", finder)
    assert judge(RULE, comfy.facts()) == ()
