"""What the doctor says of a model folder that it may not look into."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sdops.doctor.model_files import look
from sdops.facts.types import UiInstall


@pytest.mark.skipif(os.name != "posix", reason="file modes of POSIX")
def test_a_closed_model_folder_is_a_gap(unprivileged: Path) -> None:
    (unprivileged / "models" / "mine").mkdir(parents=True)
    (unprivileged / "models" / "empty.ckpt").write_bytes(b"")
    (unprivileged / "models" / "mine").chmod(0)
    interface = UiInstall("a1111", str(unprivileged), model_folders=(f"{unprivileged}/models",))
    probed = look(interface)
    assert [file.container for file in probed.value] == ["empty"]
    (gap,) = probed.gaps
    assert gap.fact == "model_files"
    assert "mine cannot be read" in gap.reason
