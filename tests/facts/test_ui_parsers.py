"""The parsers of launch files take anything: they end, they do not raise, they do not swell."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdops.facts.ui import argument_file, arguments, batch, requirements, shell, yaml_file
from tests.pythons import text

pieces = st.sampled_from(
    ["export ", "set ", "COMMANDLINE_ARGS=", "A", "=", '"', "'", "\\", "\n", "\r\n", "^", "%",
     "%A%", "$A", "${A}", "${A:-x}", "$(", ")", "`", "#", ";", "&", "&&", "|", ">", "2>&1", "<<E",
     "@", "rem ", "call webui.bat", "python main.py", " --listen", " ", "\t", "(", "if ", "[", "]",
     ":", "- ", "\x00", "\ufeff", "é"]
)  # fmt: skip
scripts = st.one_of(st.lists(pieces, max_size=60).map("".join), st.text(max_size=200))


@settings(max_examples=300, deadline=None)
@given(scripts)
def test_shell_scripts(script: str) -> None:
    found = shell.read(script, {"A": "from outside"})
    lines = script.replace("\r\n", "\n").count("\n") + 1
    assert all(1 <= each.line <= lines for each in (*found.assignments, *found.commands))
    assert all(each.words for each in found.commands)


@settings(max_examples=300, deadline=None)
@given(scripts)
def test_batch_files(script: str) -> None:
    found = batch.read(script, {"A": "from outside"}, r"C:\ui")
    lines = len(script.splitlines())
    assert all(1 <= each.line <= lines for each in (*found.assignments, *found.commands))
    assert all(each.words for each in found.commands)


@settings(deadline=None)
@given(scripts)
def test_yaml(content: str) -> None:
    try:
        found = yaml_file.read(content)
    except ValueError:
        return
    assert all(each.path and each.line >= 1 for each in found)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('models_dir: "D:\\\\AI models #2"  # mine', [("models_dir", "D:\\AI models #2", 1)]),
        ("a: 'it''s # not a comment'", [("a", "it's # not a comment", 1)]),
        ("web: {host: 0.0.0.0, port: 9090}", [("host", "0.0.0.0", 1), ("port", "9090", 1)]),
        ("\n\nlist:\n  - a\n  - 'b c'\n", [("list", "a\nb c", 3)]),
        ("base: &b\n  port: 1\nweb:\n  <<: *b\n  host: x\n",
         [("port", "1", 2), ("port", "1", 2), ("host", "x", 5)]),
        ("a: !!python/object/apply:os.system [ls]", [("a", "ls", 1)]),
        ("a: null\nb: ~\nc:\nd: |\n  one\n  two\n", [("d", "one\ntwo\n", 4)]),
    ],
)  # fmt: skip
def test_yaml_of_all_kinds(content: str, expected: list[tuple[str, str, int]]) -> None:
    found = [(each.path[-1], each.value, each.line) for each in yaml_file.read(content)]
    assert found == expected


def test_yaml_that_is_made_of_aliases_ends() -> None:
    laughs = "a0: &a0 {x: lol}\n" + "".join(
        f"a{n}: &a{n} {{{', '.join(f'k{i}: *a{n - 1}' for i in range(9))}}}\n" for n in range(1, 12)
    )
    start = time.process_time()
    assert len(yaml_file.read(laughs)) <= 1000
    assert yaml_file.read("&a [*a, {x: *a}]") == ()
    assert time.process_time() - start < 5


@pytest.mark.parametrize("content", ["a: [1, 2", "a: 'x", "\t- x", "a: b: c", "[" * 5000, "\x00"])
def test_what_is_not_yaml_is_said_without_quoting_it(content: str) -> None:
    with pytest.raises(ValueError, match="not YAML"):
        yaml_file.read(content)


@settings(deadline=None)
@given(
    st.one_of(
        scripts,
        st.sampled_from(
            [
                "(" * 5000,
                "p.add_argument('--a', action=x[0])",
                "p.add_argument(*names)",
                "p.add_argument('--a', **k)",
            ]
        ),
    )
)
def test_argument_files(source: str) -> None:
    try:
        found = list(argument_file.definitions(source))
    except ValueError:
        return
    assert all(each.flag.startswith("-") for each in found)


@given(st.lists(st.text(max_size=9)))
def test_arguments(words: list[str]) -> None:
    grouped = arguments.group(words, frozenset({"--listen"}), "file", 1)
    assert all(each.flag.startswith("-") for each in grouped)


@settings(deadline=None)
@given(content=scripts)
def test_requirements(content: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("r") / "requirements.txt"
    path.write_text(content, encoding="utf-8")
    assert all(each.text.strip() for each in requirements.read([path]).value)


@pytest.mark.parametrize("language", ["shell", "batch"])
def test_a_variable_that_doubles_itself_does_not_fill_memory(language: str) -> None:
    if language == "shell":
        script = "A=xxxxxxxx\n" + 'A="$A$A$A$A"\n' * 400 + 'B="' + "$A" * 60_000 + '"\n'
        start = time.process_time()
        found = shell.read(script, {})
    else:
        script = "set A=xxxxxxxx\n" + "set A=%A%%A%%A%%A%\n" * 400 + "set B=" + "%A%" * 60_000
        start = time.process_time()
        found = batch.read(script, {}, "C:\\")
    assert time.process_time() - start < 30
    assert sum(len(each.value) for each in found.assignments) < 20_000_000


SHELL_SCRIPTS = [
    "export A='one two' B=\"three  four\" C=five\\ six\n",
    'A=1; export A\nB="$A$A"; export B\n',
    'export A="a\\\nb" # comment\n#export A=no\n',
    "export A='it''s' B=\"say \\\"hi\\\"\" C='a#b' D=x#y\n",
    "A=1\nexport A\nA=2\nunset B\nexport B=${MISSING:-default}\n",
    'export A="${MISSING}" B="$UNSET_VARIABLE--x"\n',
    "if true; then export A=yes; fi\n",
    'set -e && export A="tab\there"\n',
    "{ export A=1; } >/dev/null 2>&1\n",
    "A+=x; A+=y; export A\n",
]


@pytest.mark.skipif(shutil.which("bash") is None, reason="compares with a real bash")
@pytest.mark.parametrize("script", SHELL_SCRIPTS)
def test_a_real_bash_exports_the_same(script: str, tmp_path: Path) -> None:
    path = text(tmp_path / "script.sh", script + "\nenv -0\n")
    output = subprocess.run(
        ["/bin/bash", str(path)], env={"PATH": "/usr/bin:/bin"}, capture_output=True, check=True
    )
    pairs = (item.partition("=") for item in output.stdout.decode().split("\0"))
    real = {name: value for name, _, value in pairs if name in "ABCD" and name}
    found = shell.read(script, {"PATH": "/usr/bin:/bin"})
    mine = {each.name: each.value for each in found.assignments if each.exported}
    mine = {name: value for name, value in mine.items() if name in real or value}
    assert mine == real


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("set A=one two", "one two"),
        ('set "A=one & two"', "one & two"),
        ("set A=one & echo two", "one"),
        ("SET a=one", "one"),
        ("@set A=100%%", "100%"),
        ("set A=%~dp0models", "C:\\ui\\models"),
        ("set A=%MISSING%x", "x"),
        ("set A=%USERPROFILE%\\x", "%USERPROFILE%\\x"),
        ("set A=one^&two", "one&two"),
        ("(set A=one", "one"),
        ("set A=one ^\n  two", "one two"),
    ],
)
def test_batch_values(line: str, value: str) -> None:
    (found,) = batch.read(line, {}, r"C:\ui").assignments
    assert (found.name.upper(), found.value) == ("A", value)


@pytest.mark.parametrize(
    "line", ["rem set A=1", ":: set A=1", "REM", "if exist x set A=1", "echo set A=1"]
)
def test_batch_lines_that_set_nothing_for_sure(line: str) -> None:
    assert batch.read(line, {}, "C:\\").assignments == ()


def test_requirement_lines_as_pip_reads_them(tmp_path: Path) -> None:
    for name in ("more.txt", "with space.txt", "limits.txt"):
        text(tmp_path / name, "idna==3.4\n" if name == "limits.txt" else f"from-{name[:4]}\n")
    text(tmp_path / "sub" / "setup.py", "from setuptools import setup\nsetup(name='library')\n")
    text(
        tmp_path / "requirements.txt",
        "-rmore.txt\n--requirement='with space.txt'\n-c limits.txt\n"
        "one==1 --hash=sha256:aa \\\n  --hash=sha256:bb\n"
        "torch==2.1.2+cu118 torchvision==0.16.2+cu118 --index-url https://a.example/whl\n"
        "-e ./sub\n-e git+https://a.example/x/diffusers.git@1ffa423#egg=diffusers\n"
        "git+https://a.example/x/guessed.git@main\n"
        "https://a.example/pydantic-1.10.15-py3-none-any.whl\n"
        "extra[b,c]>=2 ; python_version < '3'\nname @ https://a.example/n.zip\n"
        "not a requirement !!\n-r missing.txt\n",
    )
    probed = requirements.read([tmp_path / "requirements.txt"])
    found = {each.text: each for each in probed.value}
    assert list(found) == [
        "from-more", "from-with", "idna==3.4", "one==1", "torch==2.1.2+cu118",
        "torchvision==0.16.2+cu118", "library", "diffusers", "guessed", "pydantic",
        "extra[b,c]>=2 ; python_version < '3'", "name",
    ]  # fmt: skip
    assert found["idna==3.4"].constraint
    assert found["library"].install[0] == "-e"
    assert not found["guessed"].name_is_known
    assert [gap.reason.rpartition("/")[2] for gap in probed.gaps] == [
        "requirements.txt, line 13: 'not a requirement !!' cannot be read",
        "missing.txt: No such file or directory",
    ]
