"""A file is moved, replaced or removed as a whole, or is left as it was."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

from sdops import moving
from sdops.paths import openable, portable, real

pytestmark = pytest.mark.windows
on_windows = pytest.mark.skipif(sys.platform != "win32", reason="only Windows refuses it")


def file(path: Path, content: bytes = b"model") -> Path:
    path.write_bytes(content)
    return path


def test_a_read_only_file_is_moved_removed_and_replaced(tmp_path: Path) -> None:
    one, two, three = (file(tmp_path / name, name.encode()) for name in ("one", "two", "three"))
    for path in (one, two, three):
        path.chmod(stat.S_IREAD)
    moving.move(one, tmp_path / "moved")
    assert (tmp_path / "moved").read_bytes() == b"one"
    moving.remove(two)
    moving.replace(file(tmp_path / "new", b"new"), three)
    assert three.read_bytes() == b"new"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["moved", "three"]


def test_a_name_that_is_taken_is_left_alone(tmp_path: Path) -> None:
    one, two = file(tmp_path / "one", b"1"), file(tmp_path / "two", b"2")
    with pytest.raises(FileExistsError):
        moving.move(one, two)
    assert (one.read_bytes(), two.read_bytes()) == (b"1", b"2")


def test_a_link_is_moved_and_not_what_it_points_at(tmp_path: Path) -> None:
    model = file(tmp_path / "model")
    link = tmp_path / "link"
    try:
        link.symlink_to(model)
    except OSError:
        pytest.skip("there are no links here")
    if not link.is_symlink():
        pytest.skip("Python does not see links here")  # wine
    (tmp_path / "q").mkdir()
    moving.move(link, tmp_path / "q" / "link")
    assert not link.is_symlink()
    assert model.is_file()
    assert (tmp_path / "q" / "link").resolve() == model.resolve()


@pytest.mark.skipif(os.name != "posix", reason="modes of folders")
def test_what_cannot_be_removed_leaves_no_second_file(unprivileged: Path) -> None:
    folder, quarantine = unprivileged / "models", unprivileged / "q"
    folder.mkdir()
    quarantine.mkdir()
    model = file(folder / "model.ckpt")
    folder.chmod(0o500)
    with pytest.raises(PermissionError):
        moving.move(model, quarantine / model.name)
    assert model.read_bytes() == b"model"
    assert list(quarantine.iterdir()) == []


@on_windows
def test_a_file_that_another_program_holds_open_is_named_so_and_kept(tmp_path: Path) -> None:
    model = file(tmp_path / "model.ckpt")
    (tmp_path / "q").mkdir()
    with model.open("rb"):
        for work in (
            lambda: moving.move(model, tmp_path / "q" / "model.ckpt"),
            lambda: moving.remove(model),
        ):
            with pytest.raises(PermissionError) as caught:
                work()
            assert "another program has it open" in moving.refusal(caught.value)
    assert model.read_bytes() == b"model"
    assert list((tmp_path / "q").iterdir()) == []


@on_windows
def test_a_read_only_file_that_is_held_stays_read_only(tmp_path: Path) -> None:
    model = file(tmp_path / "model.ckpt")
    model.chmod(stat.S_IREAD)
    with model.open("rb"), pytest.raises(PermissionError):
        moving.remove(model)
    assert not model.stat().st_mode & stat.S_IWRITE


def test_a_path_without_end_has_a_real_name(tmp_path: Path) -> None:
    long = str(tmp_path) + f"{os.sep}{'d' * 60}" * 8
    assert real(long).endswith("d" * 60)
    assert real("a\0b").endswith("a\0b")
    assert openable("short.ckpt") == "short.ckpt"
    if sys.platform == "win32":
        assert openable(long) == "\\\\?\\" + long
        assert portable(r"sub\a b.ckpt") == "sub/a b.ckpt"
    else:
        assert openable(long) == long
        assert portable(r"sub\a b.ckpt") == r"sub\a b.ckpt"
