"""A command that is pasted into its shell gives the program the words that were meant."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdops import shells
from sdops.finding import Command, Platform, Remedy

SHOW = "import json, sys; print(json.dumps(sys.argv[1:]))"
WORDS = (
    "plain", "a b", "it's", 'say "yes"', "R&D", "wow!", "100%", "%PATH%", "50%PATH%x y", "$HOME",
    "`id`", "a^b", "(x86)", "a|b", "<in>", "C:\\dir\\", "C:\\my dir\\", "C:\\100% %\\", "", "*",
    "é – 日本", "a;b", "#c", "~", "@x", "{a,b}", "[1]", "x=y", "numpy<2", "a\\\"b", "‘curly’", "--",
    "-x", "-x.y", "--a=b.c", "-x:y", "~/x", ".\\a",
)  # fmt: skip
pytestmark = pytest.mark.windows
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12)


@pytest.mark.skipif(os.name != "posix", reason="sh")
@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_sh_and_bash_give_every_word_back(shell: str) -> None:
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"there is no {shell} here")
    line = shells.sh_line([sys.executable, "-c", SHOW, *WORDS])
    done = subprocess.run([program, "-c", line], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == list(WORDS)


def typed_into_cmd(line: str) -> str:
    """What the Command Prompt makes of a line typed there: its rules, one after the other.

    Source: David Deley, "How Command Line Parameters Are Parsed"; dbenham and jeb, "How does the
    Windows Command Interpreter parse scripts?", phases 1 and 2 at the prompt.
    """
    known = {"PATH": r"C:\Windows", "USERNAME": "me"}
    pieces, rest = "", line
    while "%" in rest:
        before, _, after = rest.partition("%")
        name, closed, behind = after.partition("%")
        if closed and name.upper() in known:
            pieces, rest = f"{pieces}{before}{known[name.upper()]}", behind
        else:
            pieces, rest = f"{pieces}{before}%", after
    plain, quoted, escaped = "", False, False
    for sign in pieces + rest:
        if escaped:
            plain, escaped = plain + sign, False
        elif sign == "^" and not quoted:
            escaped = True
        else:
            assert quoted or sign not in "&|<>()", f"{sign} means something to cmd in {line}"
            quoted ^= sign == '"'
            plain += sign
    return plain


def argv_of(line: str) -> list[str]:
    """How Microsoft's C runtime splits a command line.

    Source: Microsoft Learn, "Parsing C command-line arguments".
    """
    words: list[str] = []
    word, quoted, backslashes, begun = "", False, 0, False
    for sign in line + " ":
        if sign == "\\":
            backslashes, begun = backslashes + 1, True
            continue
        if sign == '"':
            word += "\\" * (backslashes // 2)
            if backslashes % 2:
                word += '"'
            else:
                quoted = not quoted
            begun = True
        elif sign in " \t" and not quoted:
            word += "\\" * backslashes
            if begun:
                words.append(word)
            word, begun = "", False
        else:
            word, begun = f"{word}{chr(92) * backslashes}{sign}", True
        backslashes = 0
    return words


@pytest.mark.parametrize("word", WORDS)
def test_the_command_prompt_gives_every_word_back(word: str) -> None:
    assert argv_of(typed_into_cmd(shells.cmd_line(["x.exe", word, "end"]))) == [
        "x.exe",
        word,
        "end",
    ]


@given(st.lists(TEXT, max_size=4))
def test_the_command_prompt_gives_any_words_back(words: list[str]) -> None:
    assert argv_of(typed_into_cmd(shells.cmd_line(["x.exe", *words]))) == ["x.exe", *words]


@pytest.mark.parametrize("word", WORDS)
def test_a_batch_file_gives_every_word_back(word: str) -> None:
    line = shells.batch_line(["x.exe", word])
    assert "%" not in line.replace("%%", "")
    assert argv_of(typed_into_cmd(line.replace("%%", "\0")).replace("\0", "%")) == ["x.exe", word]


def powershell(name: str) -> str:
    """The path of Windows' own PowerShell, or of the new one, if it is here and runs."""
    beside = Path(__file__).resolve().parents[2] / "shared/tools/pwsh" / name
    program = shutil.which(name) or (str(beside) if beside.is_file() and os.name != "nt" else None)
    if program is None:
        pytest.skip(f"there is no {name} here")
    try:
        done = subprocess.run(
            [program, "-NoProfile", "-Command", "1 + 1"],
            capture_output=True, timeout=120, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except OSError as error:
        pytest.skip(f"{program} does not start: {error}")
    if done.stdout.strip() != b"2":
        pytest.skip(f"{program} is not PowerShell")  # wine's does nothing
    return program


@pytest.mark.parametrize("name", ["powershell", "pwsh"])
def test_powershell_gives_every_word_back(name: str, tmp_path: Path) -> None:
    shell = powershell(name)
    place = tmp_path / "it's [x] & y"
    place.mkdir()
    show = place / "show.py"
    show.write_text(SHOW, encoding="utf-8")
    script = tmp_path / "line.ps1"
    words = [word for word in WORDS if '"' not in word]  # 5.1 loses them, and no path has them
    line = shells.powershell_line([sys.executable, str(show), *words])
    script.write_text(line + "\n", encoding="utf-8-sig")
    done = subprocess.run(
        [shell, "-NoProfile", "-ExecutionPolicy", "Bypass", "-File", script],
        capture_output=True, timeout=120, check=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert json.loads(done.stdout) == words


def test_powershell_calls_a_program_whose_path_has_spaces() -> None:
    argv = (r"C:\My AI\python.exe", "-m", "pip", "install", "numpy<2")
    command = Command(argv, Platform.WINDOWS)
    assert command.line == r'"C:\My AI\python.exe" -m pip install "numpy<2"'
    assert command.powershell == r"& 'C:\My AI\python.exe' -m pip install 'numpy<2'"
    remedy = Remedy("Install it again.", commands=(command,))
    assert remedy.in_powershell == (command.powershell,)


def test_what_both_shells_of_windows_read_alike_is_shown_once() -> None:
    command = Command((r"C:\AI\python.exe", "-m", "pip", "check"), Platform.WINDOWS)
    assert Remedy("Look.", commands=(command,)).in_powershell == ()
    other = Command(("/a b/python", "-m", "pip", "check"), Platform.LINUX)
    assert Remedy("Look.", commands=(other,)).in_powershell == ()
