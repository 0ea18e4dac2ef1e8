from __future__ import annotations

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdops.doctor.repair.launch_file import BATCH, SHELL, UneditableError, edit

TEMPLATE = """\
#!/bin/bash
# Commandline arguments for webui.py, for example: export COMMANDLINE_ARGS="--medvram --opt-split-attention"
#export COMMANDLINE_ARGS=""
export TORCH_COMMAND="pip install torch==1.12.1"
"""  # noqa: E501
WINDOWS = "@echo off\r\n\r\nset PYTHON=\r\nset COMMANDLINE_ARGS=\r\n\r\ncall webui.bat\r\n"


def value_in_bash(text: str) -> str:
    script = text + '\nprintf %s "$COMMANDLINE_ARGS"'
    return subprocess.run(["/bin/bash", "-c", script], capture_output=True, text=True).stdout


@pytest.mark.parametrize(
    ("before", "add", "remove", "after"),
    [
        ('export COMMANDLINE_ARGS="--medvram"\n', ["--xformers"], [], "--medvram --xformers"),
        ('export COMMANDLINE_ARGS="--port 7 --x"\n', [], ["--port"], "--x"),
        ('export COMMANDLINE_ARGS="--port=7 --x"\n', [], ["--port"], "--x"),
        ('COMMANDLINE_ARGS="--a"   # mine\n', ["--b 2"], ["--a"], "--b 2"),
        ("export COMMANDLINE_ARGS='--a'\n", ["--a"], [], "--a"),
        ('export COMMANDLINE_ARGS="--port 1"\n', ["--port 2"], [], "--port 2"),
        ('export COMMANDLINE_ARGS="--d \'/my models\' --x"\n', [], ["--x"], "--d '/my models'"),
        ('export COMMANDLINE_ARGS="--a"\nexport COMMANDLINE_ARGS="$COMMANDLINE_ARGS --b"\n',
         ["--c"], ["--a"], " --b --c"),
        (TEMPLATE, ["--medvram"], [], "--medvram"),
        (TEMPLATE.rstrip("\n"), ["--medvram"], [], "--medvram"),
        (TEMPLATE, [], ["--medvram"], ""),
    ],
)  # fmt: skip
def test_bash_reads_what_was_meant(before, add, remove, after):
    edited = edit(before, SHELL, add, remove)
    assert value_in_bash(edited) == after
    assert edit(edited, SHELL, add, remove) == edited


def test_lines_of_others_stay_byte_for_byte():
    edited = edit(WINDOWS, BATCH, ["--xformers"], ["--medvram"])
    assert edited == WINDOWS.replace("ARGS=\r\n", "ARGS=--xformers\r\n")


def test_batch_file_without_a_line_gets_one_before_the_call():
    edited = edit("@echo off\r\ncall webui.bat\r\n", BATCH, ["--medvram"], [])
    assert edited == "@echo off\r\nset COMMANDLINE_ARGS=--medvram\r\ncall webui.bat\r\n"


def test_batch_values_with_spaces_stay_whole():
    line = 'set COMMANDLINE_ARGS=--ckpt-dir "C:\\my models" --lowvram\r\n'
    assert edit(line, BATCH, [], ["--lowvram"]) == line.replace(" --lowvram", "")
    assert edit(line, BATCH, [], ["--ckpt-dir"]) == "set COMMANDLINE_ARGS=--lowvram\r\n"


@pytest.mark.parametrize(
    ("line", "dialect"),
    [
        ('export COMMANDLINE_ARGS="--a $(nproc)"\n', SHELL),
        ('export COMMANDLINE_ARGS="--a \\\n', SHELL),
        ('COMMANDLINE_ARGS+=" --a"\n', SHELL),
        ('export A=1 COMMANDLINE_ARGS="--a"\n', SHELL),
        ('if [ -n "$GPU" ]; then export COMMANDLINE_ARGS="--a"; fi\n', SHELL),
        ('export COMMANDLINE_ARGS="--name \'one"\n', SHELL),
        ('set "COMMANDLINE_ARGS=--a"\r\n', BATCH),
        ('set COMMANDLINE_ARGS=--a "b\r\n', BATCH),
        ("set COMMANDLINE_ARGS=--a & del x\r\n", BATCH),
        ("if exist x set COMMANDLINE_ARGS=--a\r\n", BATCH),
    ],
)
def test_unusual_lines_are_left_to_their_owner(line, dialect):
    with pytest.raises(UneditableError):
        edit(line, dialect, ["--b"], ["--a"])


@pytest.mark.parametrize("flag", ["--a; rm -rf ~", '--a "', "--a $HOME", "x", "--a `b`", "--a\n"])
def test_flags_that_need_quoting_are_refused(flag):
    with pytest.raises(UneditableError):
        edit(TEMPLATE, SHELL, [flag], [])


FLAGS = st.sampled_from(["--a", "--b 1", "--c=x", "--listen", "--port 7860"])


@given(
    st.text(alphabet="ab-=\"' \t\r\n#$%\\`(){}export CMDLINE_ARGS", max_size=120),
    st.lists(FLAGS, max_size=3),
    st.lists(FLAGS, max_size=3),
    st.sampled_from([SHELL, BATCH]),
)
def test_any_text_is_edited_once_or_refused(text, add, remove, dialect):
    try:
        once = edit(text, dialect, add, remove)
    except UneditableError:
        return
    assert edit(once, dialect, add, remove) == once
    assert all(flag in once for flag in add)
