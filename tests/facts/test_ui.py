"""Each user interface is recognized by its content, and its launch files are read as it does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sdops.errors import UnreadableInputError
from sdops.facts import ui
from sdops.facts.target import resolve
from sdops.facts.types import Argument, UiInstall
from sdops.facts.ui.install import look_as
from sdops.facts.ui.kinds import known
from sdops.facts.ui.recognize import recognize, recognize_around
from tests import pythons, uis
from tests.pythons import posix_venv, text

posix_only = pytest.mark.skipif(os.name != "posix", reason="symbolic links of POSIX")


def look(root: Path, system: str = "linux", environment: dict[str, str] | None = None) -> UiInstall:
    return look_as(root, None, system, environment or {}).value


def flags(install: UiInstall) -> list[tuple[str, str | None]]:
    return [(each.flag, each.value) for each in install.arguments]


def test_every_kind_has_a_builder_here() -> None:
    assert set(uis.BUILDERS) == set(known())


@posix_only
@pytest.mark.parametrize("kind", uis.BUILDERS)
def test_each_kind_is_recognized_by_its_content(tmp_path: Path, kind: str) -> None:
    root = uis.BUILDERS[kind](tmp_path / "some name")
    probed = ui.look(root, None)
    assert (probed.value.kind, probed.value.root, probed.gaps) == (kind, str(root), ())
    kept = known()[kind]
    assert probed.value.known_flags or not kept.argument_files or kind == "invokeai"
    assert probed.value.requirements or not kept.requirement_files
    assert probed.value.model_folders or not kept.model_folders or kind == "kohya"


@posix_only
@pytest.mark.parametrize("system", ["linux", "macos", "windows"])
@pytest.mark.parametrize("kind", uis.BUILDERS)
def test_each_kind_is_read_as_each_system_would(tmp_path: Path, kind: str, system: str) -> None:
    probed = look_as(uis.BUILDERS[kind](tmp_path / "ui"), None, system, {})
    assert (probed.value.kind, probed.gaps) == (kind, ())
    assert all(Path(file).is_file() for file in probed.value.launch_files)


@pytest.mark.parametrize(
    ("kind", "version"),
    [("a1111", "1.10.1"), ("forge", "f2.0.1v1.10.1"), ("sdnext", "2025-06-30"),
     ("comfyui", "0.3.50"), ("kohya", "24.1.7"), ("forge-neo", "2.22"), ("fooocus", "2.5.5"),
     ("a1111-amdgpu", "1.10.1"), ("ai-toolkit", "0.12.26"), ("swarmui", "0.9.8.2")],
)  # fmt: skip
def test_the_version_is_read_from_the_uis_own_file(tmp_path: Path, kind: str, version: str) -> None:
    assert look(uis.BUILDERS[kind](tmp_path)).version == version


@posix_only
def test_the_version_of_an_invokeai_that_pip_installed(tmp_path: Path) -> None:
    install = look(uis.invokeai(tmp_path))
    assert (install.version, install.layout) == ("5.6.0", "pip")


def test_a_folder_inside_a_ui_belongs_to_it(tmp_path: Path) -> None:
    uis.a1111(tmp_path / "webui")
    found = recognize_around(tmp_path / "webui" / "models" / "VAE")
    assert found is not None
    assert found.root == tmp_path / "webui"
    # A folder beside a UI has nothing to do with it, and neither has the one that holds both.
    assert recognize_around(tmp_path) is None
    assert recognize(tmp_path / "webui" / "models") is None


def test_the_user_may_name_the_kind(tmp_path: Path) -> None:
    uis.a1111(tmp_path)
    assert ui.look(tmp_path, "forge").value.kind == "forge"


def test_a_folder_that_is_no_ui_is_a_gap(tmp_path: Path) -> None:
    probed = ui.look(tmp_path, None)
    assert (probed.value.kind, [gap.fact for gap in probed.gaps]) == ("unknown", ["ui"])


# --- A1111 on each system ---------------------------------------------------------------------


def test_webui_user_sh_as_shipped_sets_nothing(tmp_path: Path) -> None:
    install = look(uis.a1111(tmp_path))
    assert install.arguments == ()
    assert install.settings == ()
    assert install.launch_files == (str(tmp_path / "webui-user.sh"),)


def test_webui_user_sh(tmp_path: Path) -> None:
    uis.a1111(tmp_path)
    file = text(
        tmp_path / "webui-user.sh",
        '#!/bin/bash\n#export COMMANDLINE_ARGS="--lowvram"\n'
        'export COMMANDLINE_ARGS="--medvram --port 7861 \\\n --use-cpu vae interrogate"\n'
        "python_cmd='python3.10'\nvenv_dir=\"$HOME/envs/sd\"\n"
        'export TORCH_COMMAND="pip install torch==2.1.2 --index-url https://example.org/cu118"\n'
        'export NO_TCMALLOC="True" # a comment\n',
    )
    install = look(tmp_path, environment={"HOME": "/home/me"})
    assert install.arguments == (
        Argument("--medvram", None, str(file), 3),
        Argument("--port", "7861", str(file), 3),
        Argument("--use-cpu", "vae interrogate", str(file), 3),
    )
    assert install.setting("python_cmd") == "python3.10"
    assert install.setting("venv_dir") == "/home/me/envs/sd"
    assert install.setting("NO_TCMALLOC") == "True"
    assert "torch==2.1.2" in (install.setting("TORCH_COMMAND") or "")
    assert {each.name: each.line for each in install.settings}["venv_dir"] == 6


def test_the_last_assignment_wins_and_may_add_to_the_one_before(tmp_path: Path) -> None:
    uis.a1111(tmp_path)
    text(
        tmp_path / "webui-user.sh",
        'export COMMANDLINE_ARGS="--lowvram"\n'
        'export COMMANDLINE_ARGS="--medvram"\n'
        'COMMANDLINE_ARGS+=" --xformers"\n'
        'COMMANDLINE_ARGS="${COMMANDLINE_ARGS} --listen"\n',
    )
    assert [flag for flag, _ in flags(look(tmp_path))] == ["--medvram", "--xformers", "--listen"]


def test_the_variables_that_the_launch_file_sets(tmp_path: Path) -> None:
    uis.a1111(tmp_path)
    text(tmp_path / "webui-user.sh",
         "python_cmd=python3.10\nexport HSA_OVERRIDE_GFX_VERSION=10.3.0\n"
         "export CUDA_VISIBLE_DEVICES=0\nexport CUDA_VISIBLE_DEVICES=1\n")  # fmt: skip
    assert ui.variables_of(look(tmp_path)) == {
        "HSA_OVERRIDE_GFX_VERSION": "10.3.0", "CUDA_VISIBLE_DEVICES": "1"}  # fmt: skip


def test_a_variable_that_is_not_exported_does_not_reach_the_ui(tmp_path: Path) -> None:
    uis.a1111(tmp_path)
    text(tmp_path / "webui-user.sh", 'COMMANDLINE_ARGS="--listen"\n')
    install = look(tmp_path)
    assert install.arguments == ()
    assert install.setting("COMMANDLINE_ARGS") == "--listen"
    text(tmp_path / "webui-user.sh", 'COMMANDLINE_ARGS="--listen"\nexport COMMANDLINE_ARGS\n')
    assert flags(look(tmp_path)) == [("--listen", None)]


def test_the_users_own_environment_counts_where_no_file_sets_it(tmp_path: Path) -> None:
    uis.a1111(tmp_path)
    environment = {"COMMANDLINE_ARGS": "--share"}
    (argument,) = look(tmp_path, environment=environment).arguments
    assert (argument.flag, argument.file) == ("--share", "(environment)")
    text(tmp_path / "webui-user.sh", 'export COMMANDLINE_ARGS="--listen"\n')
    assert flags(look(tmp_path, environment=environment)) == [("--listen", None)]


def test_webui_user_bat(tmp_path: Path) -> None:
    uis.a1111(tmp_path)
    file = text(
        tmp_path / "webui-user.bat",
        "@echo off\r\n\r\n"
        'set "PYTHON=C:\\Program Files\\Python310\\python.exe"\r\n'
        "set VENV_DIR=D:\\envs\\sd\r\n"
        "@REM set COMMANDLINE_ARGS=--lowvram\r\n"
        ":: set COMMANDLINE_ARGS=--lowvram\r\n"
        "set A1111_HOME=D:/webui\r\n"
        "Set commandline_args=--medvram ^\r\n"
        " --ckpt-dir %A1111_HOME%/models\r\n"
        "set COMMANDLINE_ARGS=%COMMANDLINE_ARGS% --theme=dark\r\n"
        "git pull && call webui.bat --port 7861\r\n",
    )
    install = look(tmp_path, "windows")
    assert install.arguments == (
        Argument("--medvram", None, str(file), 10),
        Argument("--ckpt-dir", "D:/webui/models", str(file), 10),
        Argument("--theme", "dark", str(file), 10),
        Argument("--port", "7861", str(file), 11),
    )
    assert install.setting("PYTHON") == "C:\\Program Files\\Python310\\python.exe"
    assert install.setting("VENV_DIR") == "D:\\envs\\sd"
    # Each system reads its own file.
    assert look(tmp_path, "linux").arguments == ()


def test_webui_user_bat_as_shipped_sets_nothing(tmp_path: Path) -> None:
    install = look(uis.a1111(tmp_path), "windows", {"COMMANDLINE_ARGS": "--share"})
    assert install.arguments == ()  # `set COMMANDLINE_ARGS=` clears the environment's
    assert install.setting("VENV_DIR") == ""


def test_a_space_before_the_equals_sign_sets_another_variable(tmp_path: Path) -> None:
    uis.a1111(tmp_path)
    text(tmp_path / "webui-user.bat", "set COMMANDLINE_ARGS = --xformers\r\ncall webui.bat\r\n")
    assert look(tmp_path, "windows").arguments == ()


def test_on_a_mac_its_own_defaults_come_first(tmp_path: Path) -> None:
    uis.a1111(tmp_path)
    assert flags(look(tmp_path, "macos"))[0] == ("--skip-torch-cuda-test", None)
    text(tmp_path / "webui-user.sh", 'export COMMANDLINE_ARGS="$COMMANDLINE_ARGS --medvram"\n')
    assert flags(look(tmp_path, "macos"))[0] == ("--skip-torch-cuda-test", None)
    assert look(tmp_path, "macos").argument("--medvram") is not None


def test_on_a_mac_ones_own_line_replaces_the_defaults(tmp_path: Path) -> None:
    uis.a1111(tmp_path)
    text(tmp_path / "webui-user.sh", 'export COMMANDLINE_ARGS="--medvram"\n')
    assert flags(look(tmp_path, "macos")) == [("--medvram", None)]


def test_a_quote_that_is_never_closed_is_a_gap(tmp_path: Path) -> None:
    uis.a1111(tmp_path)
    text(tmp_path / "webui-user.bat", 'set COMMANDLINE_ARGS=--xformers "\r\n')
    probed = look_as(tmp_path, None, "windows", {})
    assert [gap.fact for gap in probed.gaps] == ["ui.arguments"]
    assert probed.value.argument("--xformers") is not None


def test_the_package_for_windows_with_its_own_python(tmp_path: Path) -> None:
    uis.a1111(tmp_path / "webui")
    pythons.embedded(tmp_path / "system" / "python")
    text(tmp_path / "environment.bat", "set DIR=%~dp0system\r\nset SKIP_VENV=1\r\n")
    install = look(tmp_path, "windows")
    assert (install.layout, install.root) == ("portable", str(tmp_path / "webui"))
    assert install.setting("DIR") == f"{tmp_path}\\system"
    assert ui.python_of(install) == tmp_path / "system" / "python" / "python.exe"


def test_the_flags_that_the_uis_own_file_defines(tmp_path: Path) -> None:
    known_flags = {each.flag: each for each in look(uis.forge(tmp_path)).known_flags}
    assert known_flags["--listen"].takes_value is False
    assert known_flags["--listen"].help == "answer on all addresses"
    assert known_flags["--port"].takes_value is True
    assert known_flags["--precision"].default == "autocast"
    assert known_flags["--theme"].default == "data_path / 'x'"
    assert "--lora-dir" in known_flags  # from a built-in extension
    assert "--cuda-malloc" in known_flags  # from Forge's second file
    assert known_flags["-f"].help is None


def test_extensions_and_those_that_are_switched_off(tmp_path: Path) -> None:
    uis.a1111(tmp_path)
    for name in ("one", "two", "__pycache__"):
        (tmp_path / "extensions" / name).mkdir()
    text(tmp_path / "config.json", json.dumps({"disabled_extensions": ["two"]}))
    found = {each.name: each.enabled for each in look(tmp_path).extensions}
    assert found == {"one": True, "two": False}
    text(tmp_path / "config.json", json.dumps({"disable_all_extensions": "extra"}))
    assert not any(each.enabled for each in look(tmp_path).extensions)
    text(tmp_path / "config.json", "{broken")
    assert len(look(tmp_path).extensions) == 2


def test_model_folders_that_flags_name(tmp_path: Path) -> None:
    uis.a1111(tmp_path / "ui")
    (tmp_path / "big" / "models").mkdir(parents=True)
    text(tmp_path / "ui" / "webui-user.sh",
         f'export COMMANDLINE_ARGS="--ckpt-dir {tmp_path}/big/models"\n')  # fmt: skip
    folders = look(tmp_path / "ui").model_folders
    assert str(tmp_path / "big" / "models") in folders
    assert str(tmp_path / "ui" / "models" / "VAE") in folders
    assert not any("Lora" in folder for folder in folders)  # it does not exist


def test_requirements_of_another_file_that_a_setting_names(tmp_path: Path) -> None:
    uis.a1111(tmp_path)
    text(tmp_path / "mine.txt", "-r more.txt\n--extra-index-url https://example.org\n"
         "numpy==1.26.4 ; \\\n  python_version < '3.12'  # why\n")  # fmt: skip
    text(tmp_path / "more.txt", "-r mine.txt\nscipy\n")
    text(tmp_path / "webui-user.sh", "export REQS_FILE=mine.txt\n")
    found = [(each.text, each.line) for each in look(tmp_path).requirements]
    assert found == [("scipy", 2), ("numpy==1.26.4 ;   python_version < '3.12'", 3)]


# --- ComfyUI ----------------------------------------------------------------------------------


def test_the_portable_comfyui(tmp_path: Path) -> None:
    package = uis.comfyui_portable(tmp_path)
    install = look(package, "windows")
    assert (install.kind, install.layout) == ("comfyui", "portable")
    assert install.root == str(package / "ComfyUI")
    assert flags(install) == [("--windows-standalone-build", None)]
    assert install.launch_files == (
        str(package / "run_nvidia_gpu.bat"), str(package / "run_cpu.bat"))  # fmt: skip
    assert look(package / "ComfyUI", "windows") == install
    assert ui.python_of(install) == package / "python_embeded" / "python.exe"


def test_the_launcher_that_the_user_changed_is_the_one_in_use(tmp_path: Path) -> None:
    package = uis.comfyui_portable(tmp_path)
    day_before = time.time() - 86_400
    for name in ("run_nvidia_gpu.bat", "run_cpu.bat"):
        os.utime(package / name, (day_before, day_before))
    start = ".\\python_embeded\\python.exe -s ComfyUI\\main.py --listen --port 8190 >log.txt 2>&1"
    text(package / "mine.bat", f"@echo off\r\ncd /d %~dp0\r\n{start}\r\n")
    text(package / "update.bat", "git pull\r\n")
    install = look(package, "windows")
    assert flags(install) == [("--listen", None), ("--port", "8190")]
    assert str(package / "update.bat") not in install.launch_files


@posix_only
def test_a_shell_script_that_starts_comfyui(tmp_path: Path) -> None:
    uis.comfyui(tmp_path / "ui")
    posix_venv(tmp_path / "elsewhere")
    text(
        tmp_path / "ui" / "start.sh",
        f"#!/bin/bash\ncd $(dirname $0)\nsource '{tmp_path}/elsewhere/bin/activate'\n"
        'ARGS="--lowvram --port 8189"\n'
        'nohup python -u main.py $ARGS --listen 0.0.0.0 "$@" > comfyui.log 2>&1 &\n',
    )
    install = look(tmp_path / "ui")
    assert flags(install) == [("--lowvram", None), ("--port", "8189"), ("--listen", "0.0.0.0")]
    assert ui.python_of(install) == tmp_path / "elsewhere"
    text(tmp_path / "ui" / "start.sh", f"exec '{tmp_path}/elsewhere/bin/python3' main.py --cpu\n")
    (tmp_path / "elsewhere/bin/python3").symlink_to("python")
    assert ui.python_of(look(tmp_path / "ui")) == tmp_path / "elsewhere" / "bin" / "python3"


@posix_only
def test_the_desktop_application(tmp_path: Path) -> None:
    install = look(uis.comfyui_desktop(tmp_path / "ComfyUI"))
    assert (install.kind, install.layout) == ("comfyui", "desktop")
    assert flags(install) == [("--lowvram", None), ("--port", "8001")]
    assert ui.python_of(install) == tmp_path / "ComfyUI" / ".venv"


def test_custom_nodes_and_those_that_are_switched_off(tmp_path: Path) -> None:
    uis.comfyui(tmp_path)
    for name in ("one", "two.disabled", ".disabled/three", "__pycache__"):
        (tmp_path / "custom_nodes" / name).mkdir(parents=True)
    found = {each.name: each.enabled for each in look(tmp_path).extensions}
    assert found == {"one": True, "two": False, "three": False}


def test_extra_model_paths(tmp_path: Path) -> None:
    uis.comfyui(tmp_path / "ui")
    (tmp_path / "other" / "models" / "Lora").mkdir(parents=True)
    (tmp_path / "other" / "models" / "LyCORIS").mkdir()
    (tmp_path / "other" / "models" / "Stable-diffusion").mkdir()
    text(
        tmp_path / "ui" / "extra_model_paths.yaml",
        f"#comfyui:\n#  checkpoints: x\na111:\n    base_path: {tmp_path}/other/\n\n"
        "    checkpoints: models/Stable-diffusion  # here\n    loras: |\n"
        "         models/Lora\n         models/LyCORIS\n    vae: models/VAE\n",
    )
    others = [each for each in look(tmp_path / "ui").model_folders if "other" in each]
    names = {Path(each).name for each in others}
    assert names == {"Stable-diffusion", "Lora", "LyCORIS"}


# --- the others -------------------------------------------------------------------------------


@posix_only
def test_invokeai_yaml(tmp_path: Path) -> None:
    install = look(uis.invokeai(tmp_path))
    assert (install.setting("host"), install.setting("port")) == ("0.0.0.0", "9091")
    assert install.setting("precision") == "float16"
    assert install.setting("allow_origins") == "http://one\nhttp://two"
    assert str(tmp_path / "my models") in install.model_folders
    assert ui.python_of(install) == tmp_path / ".venv"


@posix_only
def test_the_nested_invokeai_yaml_of_version_3(tmp_path: Path) -> None:
    uis.invokeai(tmp_path)
    text(tmp_path / "invokeai.yaml",
         "InvokeAI:\n  Web Server:\n    host: 127.0.0.1\n    port: 9095\n"
         "  Generation:\n    precision: \"float32\"\n")  # fmt: skip
    install = look(tmp_path)
    assert (install.setting("port"), install.setting("precision")) == ("9095", "float32")


def test_kohya_on_windows(tmp_path: Path) -> None:
    install = look(uis.kohya(tmp_path), "windows")
    assert flags(install) == [("--listen", "0.0.0.0"), ("--headless", None)]


def test_lora_scripts(tmp_path: Path) -> None:
    install = look(uis.lora_scripts(tmp_path))
    assert flags(install) == [("--host", "0.0.0.0")]
    assert install.setting("HF_HOME") == "huggingface"


def test_logs_newest_first(tmp_path: Path) -> None:
    uis.sdnext(tmp_path)
    for age in range(7):
        file = text(tmp_path / f"sdnext.log.{age}", "x")
        os.utime(file, (1e9 - age, 1e9 - age))
    text(tmp_path / "empty.log", "")
    found = [Path(each).name for each in look(tmp_path).logs]
    assert found == ["sdnext.log", *(f"sdnext.log.{age}" for age in range(4))]


# --- its Python -------------------------------------------------------------------------------


@posix_only
def test_the_venv_that_the_settings_name_wins(tmp_path: Path) -> None:
    uis.a1111(tmp_path / "ui")
    assert ui.python_of(look(tmp_path / "ui")) is None
    posix_venv(tmp_path / "ui" / "venv")
    assert ui.python_of(look(tmp_path / "ui")) == tmp_path / "ui" / "venv"
    posix_venv(tmp_path / "ui" / "other")
    text(tmp_path / "ui" / "webui-user.sh", "venv_dir=other\n")
    assert ui.python_of(look(tmp_path / "ui")) == tmp_path / "ui" / "other"
    text(tmp_path / "ui" / "webui-user.sh", "venv_dir=-\n")
    assert ui.python_of(look(tmp_path / "ui")) is None


@posix_only
def test_without_a_venv_of_its_own_the_active_environment_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uis.comfyui(tmp_path / "ui")
    monkeypatch.delenv("CONDA_PREFIX", raising=False)
    monkeypatch.setenv("VIRTUAL_ENV", sys.prefix)  # the one that runs sdops
    assert ui.python_of(look(tmp_path / "ui")) is None
    pythons.conda(tmp_path / "env")
    monkeypatch.setenv("CONDA_PREFIX", str(tmp_path / "env"))
    assert ui.python_of(look(tmp_path / "ui")) == tmp_path / "env"


# --- a running process ------------------------------------------------------------------------


@pytest.fixture
def running_comfyui(tmp_path: Path) -> Iterator[tuple[Path, int]]:
    root = uis.comfyui(tmp_path / "ComfyUI")
    text(root / "main.py", "print('up', flush=True)\nimport time\ntime.sleep(600)\n")
    process = subprocess.Popen(
        [sys.executable, "main.py", "--port", "8999", "--cpu"], cwd=root, stdout=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        process.stdout.readline()
        yield root, process.pid
    finally:
        process.kill()
        process.communicate()


def test_a_running_process_tells_its_arguments_and_its_python(
    running_comfyui: tuple[Path, int],
) -> None:
    root, pid = running_comfyui
    text(root / "start.sh", "python main.py --lowvram\n")
    install = look(root)
    assert install.running_pid == pid
    assert flags(install) == [("--port", "8999"), ("--cpu", None)]
    assert {each.file for each in install.arguments} == {"(running process)"}
    assert ui.python_of(install) == Path(sys.executable)
    # Another installation's process is not this one's.
    assert look(uis.comfyui(root.parent / "other")).running_pid is None


# --- strangers --------------------------------------------------------------------------------


@posix_only
def test_loops_fifos_and_folders_in_the_place_of_files(tmp_path: Path) -> None:
    uis.a1111(tmp_path)
    (tmp_path / "webui-user.sh").unlink()
    os.mkfifo(tmp_path / "webui-user.sh")
    (tmp_path / "config.json").mkdir()
    (tmp_path / "loop.log").symlink_to("loop.log")
    (tmp_path / "extensions" / "loop").symlink_to("loop")
    (tmp_path / "extensions" / "up").symlink_to("..")
    (tmp_path / "requirements_versions.txt").unlink()
    (tmp_path / "requirements_versions.txt").mkdir()
    text(tmp_path / "modules" / "cmd_args.py", "(" * 100_000)
    start = time.process_time()
    probed = look_as(tmp_path, None, "linux", {})
    assert time.process_time() - start < 5
    assert {gap.fact for gap in probed.gaps} == {"ui.known_flags", "ui.requirements"}


@posix_only
def test_what_may_not_be_read_is_a_gap(unprivileged: Path) -> None:
    uis.a1111(unprivileged / "ui")
    (unprivileged / "ui" / "webui-user.sh").chmod(0)
    (unprivileged / "ui" / "extensions").chmod(0)
    (unprivileged / "ui" / "models").chmod(0)
    probed = look_as(unprivileged / "ui", None, "linux", {})
    assert probed.gaps[0].fact == "ui.arguments"
    end = " may not be read by this user"
    closed = {gap.reason.removesuffix(end) for gap in probed.gaps if gap.fact == "ui"}
    assert {Path(path).name for path in closed} == {"extensions", "models", "webui-user.sh"}
    (unprivileged / "ui").chmod(0)
    try:
        probed = look_as(unprivileged / "ui", None, "linux", {})
        with pytest.raises(UnreadableInputError, match="may not be read"):
            resolve(str(unprivileged / "ui"))
    finally:
        (unprivileged / "ui").chmod(0o755)
    assert [gap.fact for gap in probed.gaps] == ["ui"]


def test_nothing_in_the_folder_is_executed(tmp_path: Path) -> None:
    uis.a1111(tmp_path)
    trap = f"open({str(tmp_path / 'ran')!r}, 'w')\n"
    for name in ("launch.py", "webui.py", "modules/shared.py", "modules/cmd_args.py",
                 "extensions-builtin/Lora/preload.py"):  # fmt: skip
        text(tmp_path / name, trap)
    touch = f"touch '{tmp_path / 'ran'}'"
    text(tmp_path / "webui-user.sh", f'export COMMANDLINE_ARGS="$({touch})"\n`{touch}`\n')
    look(tmp_path)
    assert not (tmp_path / "ran").exists()
