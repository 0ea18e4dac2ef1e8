"""The script that compares the tables with an index, on an index of a few small wheels."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sdops.knowledge import torch_releases, xformers
from tests.wheels import make_wheel

SCRIPT = Path(__file__).parent.parent / "scripts" / "compare_tables.py"
NEWEST = torch_releases.newest()


@pytest.fixture
def index(tmp_path) -> Path:
    """The releases that the table knows: of the newest rows only the newest is there."""
    folder = tmp_path / "simple"
    for name, version, *requires in (
        ("torch", NEWEST.torch),
        ("torchvision", NEWEST.torchvision, f"torch=={NEWEST.torch}"),
        ("torchaudio", NEWEST.torchaudio),
        ("xformers", xformers.releases()[0].xformers),
    ):
        (folder / name).mkdir(parents=True)
        wheel = make_wheel(folder / name, name, version, requires=requires)
        page = f'<a href="{wheel.name}">{wheel.name}</a>'
        (folder / name / "index.html").write_text(f"<html><body>{page}</body></html>")
    return folder


def compare(index: Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    environment |= {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": index.as_uri()}
    return subprocess.run(
        [sys.executable, str(SCRIPT), "--recent", "1"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_names_what_the_index_has_and_the_table_has_not(index):
    wheel = make_wheel(index / "torchaudio", "torchaudio", "99.1")
    page = index / "torchaudio" / "index.html"
    page.write_text(f'{page.read_text()}<a href="{wheel.name}">{wheel.name}</a>')
    answer = compare(index)
    assert answer.returncode == 1, answer.stderr
    assert "torchaudio 99.1 is out" in answer.stdout
    assert f"torch {NEWEST.torch}:" not in answer.stdout  # that row is as its wheels say
    assert torch_releases.dated() in answer.stdout


def test_an_index_that_does_not_answer_is_no_agreement(tmp_path):
    answer = compare(tmp_path)
    assert answer.returncode == 2
    assert "did not answer" in answer.stderr
