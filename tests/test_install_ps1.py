"""install.ps1: parsed by PowerShell itself where there is one, else by its grammar."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = ROOT / "install.ps1"
PARSE = """
$errors = $null
[void][System.Management.Automation.Language.Parser]::ParseFile($args[0], [ref]$null, [ref]$errors)
$errors | ForEach-Object { "$($_.Extent.StartLineNumber): $($_.Message)" }
"""

pytestmark = pytest.mark.skipif(not SCRIPT.is_file(), reason="needs the checkout")


def faults(source: bytes) -> list[str]:
    """The places that PowerShell's grammar does not allow."""
    grammar = pytest.importorskip("tree_sitter_pwsh")
    tree_sitter = pytest.importorskip("tree_sitter")
    parser = tree_sitter.Parser(tree_sitter.Language(grammar.language()))
    found, nodes = [], [parser.parse(source).root_node]
    while nodes:
        node = nodes.pop()
        if node.is_error or node.is_missing:
            found.append(f"line {node.start_point[0] + 1}: {node.type}")
        nodes += node.children
    return found


def test_grammar_allows_every_line():
    assert faults(SCRIPT.read_bytes()) == []
    assert faults(b"if ($x { 1 }\n") != []


def test_powershell_itself_parses_it(tmp_path):
    pwsh = shutil.which("pwsh") or shutil.which("powershell")
    if pwsh is None:
        pytest.skip("there is no PowerShell here")
    check = tmp_path / "parse.ps1"
    check.write_text(PARSE)
    done = subprocess.run(
        [pwsh, "-NoProfile", "-ExecutionPolicy", "Bypass", "-File", check, SCRIPT],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stdout + done.stderr


def test_it_is_ascii_since_windows_powershell_guesses_encodings():
    SCRIPT.read_bytes().decode("ascii")
    assert b"\t" not in SCRIPT.read_bytes()


@pytest.mark.parametrize("newer", [r"&&", r"\?\?", r"\|\|", r"\$IsWindows", "-Parallel"])
def test_nothing_newer_than_windows_powershell_is_used(newer):
    code = "\n".join(
        line for line in SCRIPT.read_text("ascii").splitlines() if not line.lstrip().startswith("#")
    )
    assert re.search(newer, code) is None


def options(text: str) -> list[str]:
    return re.findall(r"^  (--[a-z-]+.*)$", text, re.M)


def test_both_installers_offer_the_same():
    ours, theirs = options(SCRIPT.read_text("ascii")), options((ROOT / "install.sh").read_text())
    assert ours == theirs
    assert len(ours) == 5


def test_both_installers_do_the_same_with_pip():
    steps = re.compile(r"--upgrade|--editable|\.\[bench\]|install-torch|--group")
    assert steps.findall(SCRIPT.read_text("ascii")) == steps.findall(
        (ROOT / "install.sh").read_text()
    )
