"""What must work wherever sdops is installed: also without torch, also without the checkout."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from sdops import profile, registry
from sdops.report.schema import schema
from sdops.version import __version__

pytestmark = pytest.mark.smoke


def sdops(*argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sdops", *argv], capture_output=True, text=True, timeout=120
    )


def test_version():
    done = sdops("--version")
    assert (done.returncode, done.stdout.strip()) == (0, f"sdops {__version__}")


def test_help_names_the_commands():
    done = sdops("--help")
    assert done.returncode == 0
    assert "schema" in done.stdout


def test_schema_is_the_one_of_the_library():
    assert json.loads(sdops("schema").stdout) == schema()


def test_an_unknown_command_is_a_usage_error_in_plain_words():
    done = sdops("frobnicate")
    assert done.returncode == 2
    assert "frobnicate" in done.stderr
    assert "Traceback" not in done.stderr


def test_checks_are_found():
    ids = [check.rule.id for check in registry.checks()]
    assert ids == sorted(set(ids))
    assert all(re.fullmatch(r"[a-z0-9-]+", rule_id) for rule_id in ids)


def test_a_missing_profile_is_said_so():
    with pytest.raises(Exception, match="no profile named"):
        profile.load("no/such/profile")
