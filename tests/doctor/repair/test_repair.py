"""Plans and repairs on a real environment: real pip, a package index in a folder, real files."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from sdops.doctor.repair import apply, plan
from sdops.errors import SdopsError
from sdops.facts import python_env
from sdops.facts.types import Facts, Host, UiInstall
from sdops.finding import Action, Command, Finding, Platform, Remedy, Report, Severity
from tests.wheels import make_wheel


@pytest.fixture(scope="module")
def wheels(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("package index")
    for name, version in [
        ("torch", "2.13.0"),
        ("torchvision", "0.20.0"),
        ("torchvision", "0.28.0"),
    ]:
        make_wheel(folder, name, version)
    return folder


@pytest.fixture(scope="module")
def template(tmp_path_factory, wheels) -> Path:
    root = tmp_path_factory.mktemp("patient template") / "venv"
    venv.create(root, with_pip=True)
    return root


@pytest.fixture
def patient(template, wheels, tmp_path, monkeypatch) -> Facts:
    """Facts of a venv with torch 2.13.0 beside the torchvision of another release."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", wheels.as_uri())
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    pip(template, "uninstall", "--yes", "torch", "torchvision")
    pip(template, "install", "torch==2.13.0", "torchvision==0.20.0")
    return facts_of(template)


def pip(root: Path, *argv: str) -> None:
    python = root / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    subprocess.run([python, "-m", "pip", "-q", *argv], check=True, capture_output=True)


def facts_of(root: Path, ui: UiInstall | None = None) -> Facts:
    host = Host(os="linux", os_version="test", machine="x86_64")
    python = python_env.look(root).value
    return Facts("2026-11-20T10:00:00+00:00", host, python=python, ui=ui)


def versions(facts: Facts) -> dict[str, str]:
    assert facts.python is not None
    found = python_env.look(Path(facts.python.root)).value
    return {dist.name: dist.version for dist in found.distributions}


def finding(*remedies: Remedy, severity: Severity = Severity.ERROR, rule: str = "rule") -> Finding:
    return Finding(rule, severity, "Something is wrong.", remedies=remedies)


def report(*findings: Finding) -> Report:
    return Report("doctor", "test", "2026-11-20T10:00:00+00:00", findings=findings)


def reinstall(facts: Facts, *requirements: str) -> Remedy:
    assert facts.python is not None
    argv = (facts.python.executable, "-m", "pip", "install", *requirements)
    return Remedy("Install what fits.", Action.REINSTALL, (Command(argv),), automatic=True)


def yes(text: str) -> bool:
    return bool(text)


def test_mismatched_packages_are_repaired_and_the_note_leads_back(patient):
    told: list[str] = []
    shown: list[str] = []
    repair = plan(report(finding(reinstall(patient, "torchvision==0.28.0"))), patient)
    done = apply(repair, lambda text: bool(shown.append(text)) or True, told.append)
    assert done is not None
    assert done.steps == 1
    assert versions(patient)["torchvision"] == "0.28.0"
    assert "pip install torchvision==0.28.0" in shown[0]
    assert told[-1] == "Step 1 of 1: Install what fits."
    note = done.note.read_text()
    listed = done.backup / "packages.txt"
    assert str(listed) in note
    assert "torchvision==0.20.0" in listed.read_text().splitlines()
    assert patient.python is not None
    pip(Path(patient.python.root), "install", "--no-deps", "-r", str(listed))
    assert versions(patient)["torchvision"] == "0.20.0"


def test_a_no_changes_nothing(patient, tmp_path):
    repair = plan(report(finding(reinstall(patient, "torchvision==0.28.0"))), patient)
    assert apply(repair, lambda _: False, lambda _: None) is None
    assert versions(patient)["torchvision"] == "0.20.0"
    assert not (tmp_path / "state").exists()


def test_what_pip_cannot_do_is_known_before_anything_changes(patient, tmp_path, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")  # and its words are read nevertheless
    impossible = finding(reinstall(patient, "torch==99"))
    first = finding(reinstall(patient, "torchvision==0.28.0"), severity=Severity.CRITICAL)
    repair = plan(report(first, impossible), patient)
    with pytest.raises(SdopsError, match=r"Step 1 cannot be done: .*torch==99"):
        apply(repair, yes, lambda _: None)
    assert versions(patient)["torchvision"] == "0.20.0"
    assert not (tmp_path / "state").exists()


def test_an_index_that_is_silent_is_not_replaced_by_what_lies_around(patient, monkeypatch):
    monkeypatch.delenv("PIP_NO_INDEX")
    index = ("--index-url", "http://127.0.0.1:9/whl/cpu")  # nothing listens on the discard port
    wish = finding(reinstall(patient, "torchvision==0.28.0", *index))
    with pytest.raises(SdopsError, match="cannot be reached"):
        apply(plan(report(wish), patient), yes, lambda _: None)
    assert versions(patient)["torchvision"] == "0.20.0"


def test_a_failure_stops_and_says_how_to_go_back(patient, wheels, tmp_path):
    wheel = make_wheel(wheels, "torch", "2.14.0")
    wheel.write_bytes(wheel.read_bytes().replace(b"cuda = None", b"cuda = Nine"))  # wrong CRC
    broken = finding(reinstall(patient, "torch==2.14.0"), severity=Severity.CRITICAL)
    later = finding(reinstall(patient, "torchvision==0.28.0"))
    repair = plan(report(later, broken), patient)
    with pytest.raises(SdopsError, match=r"Step 1 of 2 failed: .*torch==2.14.0") as caught:
        apply(repair, yes, lambda _: None)
    wheel.unlink()
    assert versions(patient)["torchvision"] == "0.20.0"
    note = Path(caught.value.hint.rpartition(" written in ")[2])
    assert note.is_file()
    assert note.is_relative_to(tmp_path / "state")


def test_leftovers_go_to_a_backup_before_packages_change(patient):
    assert patient.python is not None
    site = Path(patient.python.site_packages[0])
    (site / "~orch").mkdir()
    (site / "~orch" / "left.py").write_text("x = 1\n")
    leftover = Remedy("Move it away.", move_away=(str(site / "~orch"),), automatic=True)
    findings = (
        finding(reinstall(patient, "torchvision==0.28.0"), severity=Severity.CRITICAL),
        finding(leftover, severity=Severity.WARNING),
        finding(leftover, severity=Severity.WARNING, rule="other"),
    )
    repair = plan(report(*findings), patient)
    assert [type(step).__name__ for step in repair.steps] == ["MoveAway", "RunPip"]
    done = apply(repair, yes, lambda _: None)
    assert done is not None
    assert not (site / "~orch").exists()
    (kept,) = Path(patient.python.root).glob("sdops-backup/*/~orch/left.py")
    assert kept.read_text() == "x = 1\n"
    assert f"{kept.parent} back to {site / '~orch'}" in done.note.read_text()


@pytest.mark.parametrize("name", ["torch", "../torch", "~x/../torch"])
def test_only_leftovers_of_pip_may_be_moved(patient, name):
    assert patient.python is not None
    path = f"{patient.python.site_packages[0]}/{name}"
    repair = plan(report(finding(Remedy("Away.", move_away=(path,), automatic=True))), patient)
    assert repair.steps == ()
    assert "not a leftover" in repair.left[0]


def test_only_the_patients_own_pip_may_be_run(patient):
    command = Command(("/bin/rm", "-rf", "/tmp/x"))
    repair = plan(report(finding(Remedy("Go.", commands=(command,), automatic=True))), patient)
    assert repair.steps == ()
    assert "/bin/rm -rf /tmp/x" in repair.left[0]


@pytest.mark.parametrize(
    "word", ["https://example.org/clip.zip", "clip @ https://example.org/clip.zip", "./wheel.whl"]
)
def test_nothing_is_installed_from_an_address_and_a_remedy_is_done_whole(patient, word):
    first = reinstall(patient, "torchvision==0.28.0").commands[0]
    second = Command((*first.argv[:-1], word))
    remedy = Remedy("Install both.", commands=(first, second), automatic=True)
    repair = plan(report(finding(remedy)), patient)
    assert repair.steps == ()
    assert "not a package of the index" in repair.left[0]


def test_one_wish_is_done_once_and_a_second_wish_for_a_package_waits(patient):
    first, second = "torchvision==0.28.0", "Torchvision==0.20.0"
    findings = [finding(reinstall(patient, wish)) for wish in (first, first, second)]
    repair = plan(report(*findings), patient)
    assert [step.command.argv[-1] for step in repair.steps] == [first]
    assert "run the doctor again" in repair.left[0]


def test_commands_for_other_systems_are_left_out(patient):
    ours = reinstall(patient, "torchvision==0.28.0").commands[0]
    theirs = Command((*ours.argv[:-1], "torchvision==0.20.0"), Platform.WINDOWS)
    remedy = Remedy("Install.", commands=(theirs, ours), automatic=True)
    repair = plan(report(finding(remedy)), patient)
    assert [step.command for step in repair.steps] == [ours]


def test_what_is_not_automatic_is_no_step(patient):
    assert plan(report(finding(Remedy("Buy a card."))), patient).steps == ()


@pytest.fixture
def interface(template, tmp_path) -> Facts:
    script = tmp_path / "web ui" / "webui-user.sh"
    script.parent.mkdir()
    script.write_text('#!/bin/bash\nexport COMMANDLINE_ARGS="--no-half --listen"\n')
    script.chmod(0o755)
    ui = UiInstall("a1111", str(script.parent), launch_files=(str(script),))
    return facts_of(template, ui)


def test_launch_flags_change_with_a_copy_kept(interface, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert interface.ui is not None
    script = Path(interface.ui.launch_files[0])
    before = script.read_text()
    wishes = (
        finding(Remedy("Less memory.", add_flags=("--medvram",), automatic=True)),
        finding(Remedy("Half is fine.", remove_flags=("--no-half",), automatic=True)),
    )
    repair = plan(report(*wishes), interface)
    assert len(repair.steps) == 1
    assert '+export COMMANDLINE_ARGS="--listen --medvram"' in repair.preview()
    done = apply(repair, yes, lambda _: None)
    assert done is not None
    assert script.read_text() == '#!/bin/bash\nexport COMMANDLINE_ARGS="--listen --medvram"\n'
    assert stat.S_IMODE(script.stat().st_mode) == 0o755
    assert (done.backup / "webui-user.sh").read_text() == before
    assert sorted(path.name for path in script.parent.iterdir()) == ["webui-user.sh"]


def test_an_unusual_launch_file_is_left_to_its_owner(interface):
    assert interface.ui is not None
    Path(interface.ui.launch_files[0]).write_text('export COMMANDLINE_ARGS="$(cat args)"\n')
    wish = finding(Remedy("Less memory.", add_flags=("--medvram",), automatic=True))
    repair = plan(report(wish), interface)
    assert repair.steps == ()
    assert "too unusual" in repair.left[0]


def test_nothing_changes_while_the_interface_runs(interface, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert interface.ui is not None
    ui = UiInstall("a1111", interface.ui.root, launch_files=interface.ui.launch_files,
                   running_pid=os.getpid())  # fmt: skip
    facts = Facts(interface.taken_at, interface.host, python=interface.python, ui=ui)
    wish = finding(Remedy("Less memory.", add_flags=("--medvram",), automatic=True))
    with pytest.raises(SdopsError, match=f"running .process {os.getpid()}"):
        apply(plan(report(wish), facts), yes, lambda _: None)
    assert "--medvram" not in Path(ui.launch_files[0]).read_text()


def test_a_flag_that_stands_elsewhere_is_left_to_the_user(interface):
    wish = finding(Remedy("Away with it.", remove_flags=("--lowvram",), automatic=True))
    repair = plan(report(wish), interface)
    assert repair.steps == ()
    assert "not set in" in repair.left[0]
