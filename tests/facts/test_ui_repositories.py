from __future__ import annotations

from sdops.facts.ui.extensions import repositories
from sdops.facts.ui.kinds import known

COMMIT = "cf1d67a6fd5ea1aa600c4df58e5b47da45f6bdbf"


def test_clones_are_read_with_their_commit(tmp_path):
    clone = tmp_path / "repositories" / "stable-diffusion-stability-ai"
    (clone / ".git").mkdir(parents=True)
    (clone / ".git" / "HEAD").write_text(COMMIT + "\n")
    (tmp_path / "repositories" / "half-made").mkdir()
    found = {item.name: item for item in repositories(known()["a1111"], tmp_path)}
    assert found["stable-diffusion-stability-ai"].git.commit == COMMIT
    assert found["half-made"].git is None


def test_a_ui_before_its_first_start_has_none(tmp_path):
    assert repositories(known()["a1111"], tmp_path) == ()


def test_a_ui_that_clones_nothing_is_not_looked_at(tmp_path):
    assert repositories(known()["comfyui"], tmp_path) is None
