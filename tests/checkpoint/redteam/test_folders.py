"""Folders behind links, loops of links, and an index that names itself."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from sdops.checkpoint.files.walk import walk
from sdops.checkpoint.hash.hashes import hash_file
from sdops.checkpoint.open import open_checkpoint
from sdops.errors import UnreadableInputError


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "model.ckpt").write_bytes(b"N.")
    root = tmp_path / "models"
    root.mkdir()
    try:
        (root / "Lora").symlink_to(elsewhere, target_is_directory=True)
    except OSError:
        pytest.skip("this system makes no links")
    return root


def test_linked_folder_is_walked(tree: Path):
    assert walk([tree]).files == (tree / "Lora" / "model.ckpt",)


def test_loop_ends(tree: Path):
    (tree / "again").symlink_to(tree, target_is_directory=True)
    (tree / "Lora" / "back").symlink_to(tree, target_is_directory=True)
    assert walk([tree]) == walk([tree / "."])
    assert len(walk([tree]).files) == 1


def test_link_out_to_a_folder_around_is_told(tree: Path):
    (tree / "all").symlink_to(tree.parent, target_is_directory=True)
    found = walk([tree])
    assert len(found.files) == 1
    assert "is not followed" in found.faults[0]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_named_pipe_is_not_waited_for(tmp_path: Path):
    os.mkfifo(tmp_path / "model.ckpt")
    with pytest.raises(UnreadableInputError, match="not a file"):
        hash_file(tmp_path / "model.ckpt")


def test_index_of_itself_is_no_loop(tmp_path: Path):
    path = tmp_path / "model.safetensors.index.json"
    path.write_text(json.dumps({"weight_map": {"weight": path.name}}))
    assert any(problem.blocking for problem in open_checkpoint(path).problems)
