"""What must work wherever sdops is installed: also without torch, also without the checkout."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from sdops import profile, registry
from sdops.report.schema import schema
from sdops.version import __version__

pytestmark = pytest.mark.smoke


def sdops(*argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sdops", *argv], capture_output=True, text=True, timeout=600
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
    with pytest.raises(Exception, match="no profile"):
        profile.load("no/such/profile")


def test_every_profile_can_be_read():
    folders = ("gpus", "pci", "rules", "signatures")
    known = (name for folder in folders for name in profile.names(folder))
    uis = (f"uis/{kind}/ui" for kind in profile.folders("uis"))
    tables = [profile.load(name) for name in (*known, *uis)]
    assert len(tables) >= 20
    assert all(tables)


def test_doctor_looks_at_this_machine():
    done = sdops("doctor", "--json", "--fail-on", "never")
    report = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr
    assert report["crashed"] == {}
    assert report["data"]["facts"]["python"]["version"].startswith("3.")
    jsonschema.validate(report, schema())


def test_doctor_judges_a_machine_that_was_captured_elsewhere(tmp_path):
    captured = Path(__file__).parent / "machines" / "rtx5090-windows-a1111-cu121.json"
    machine = json.loads(captured.read_text("utf-8"))
    facts = tmp_path / "facts.json"
    facts.write_text(json.dumps(machine["facts"]))
    done = sdops("doctor", "--facts", str(facts), "--json")
    found = {finding["id"] for finding in json.loads(done.stdout)["findings"]}
    assert done.returncode == 1, done.stderr
    assert set(machine["must"]) <= found


def test_a_plan_for_an_environment_is_made_without_torch():
    done = sdops("env", "plan", sys.executable, "--json")
    assert done.returncode == 0, done.stderr
    jsonschema.validate(json.loads(done.stdout), schema())
