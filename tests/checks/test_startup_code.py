from __future__ import annotations

import pytest

from sdops.facts.types import PthFile
from sdops.finding import Severity

DISTUTILS = (
    "import os; var = 'SETUPTOOLS_USE_DISTUTILS'; enabled = os.environ.get(var, 'local') == "
    "'local'; enabled and __import__('_distutils_hack')"
)
KNOWN = [
    ("distutils-precedence.pth", DISTUTILS),
    ("protobuf-3.20.3-nspkg.pth", "import sys, types, os;has_mfs = sys.version_info > (3, 5);p=1"),
    ("__editable__.x-1.pth", "import __editable___x_1_finder; __editable___x_1_finder.install()"),
    ("_virtualenv.pth", "import _virtualenv"),
    ("pytest-cov.pth", "import os, sys;exec('if \"COV_CORE_SOURCE\" in os.environ: pass')"),
    ("a1_coverage.pth", "import sys; exec('import coverage; coverage.process_startup()')"),
]  # fmt: skip


@pytest.fixture
def started(machine, with_python):
    def make(name, *lines):
        file = PthFile(f"/home/user/venv/lib/python3.10/site-packages/{name}", lines)
        return with_python(machine("healthy-linux-rtx3060-a1111"), executable_pth=(file,))

    return make


@pytest.mark.parametrize(("name", "line"), KNOWN)
def test_quiet_for_what_is_known(started, judge, name, line):
    assert not judge("startup-code", started(name, line))


def test_a_payload_is_critical(started, judge):
    facts = started("litellm_init.pth", "import base64; exec(base64.b64decode('aW1wb3J0'))")
    (finding,) = judge("startup-code", facts)
    assert finding.severity is Severity.CRITICAL
    assert all(not remedy.commands for remedy in finding.remedies)


def test_a_known_name_does_not_excuse_other_lines(started, judge):
    facts = started("distutils-precedence.pth", DISTUTILS, "import subprocess, urllib.request")
    (finding,) = judge("startup-code", facts)
    assert finding.severity is Severity.CRITICAL


def test_one_sign_is_a_warning(started, judge):
    (finding,) = judge("startup-code", started("x.pth", "import subprocess"))
    assert finding.severity is Severity.WARNING


def test_unknown_is_information(started, judge):
    (finding,) = judge("startup-code", started("my_tool.pth", "import my_tool_hook"))
    assert finding.severity is Severity.INFO


def test_quiet(machine, judge):
    assert not judge("startup-code", machine("healthy-linux-rtx3060-a1111"))
