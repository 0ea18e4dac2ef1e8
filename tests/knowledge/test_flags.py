"""The flag tables answer for the table's version and for the version in the folder."""

from __future__ import annotations

import pytest

from sdops.facts.types import FlagDefinition, UiInstall
from sdops.knowledge.flag_meanings import instead_of, meanings
from sdops.knowledge.flags import FlagStatus, flags_of, full_name, status_of
from sdops.uis import kinds


def ui(kind: str, *known: FlagDefinition) -> UiInstall:
    return UiInstall(kind=kind, root="/ui", known_flags=known)


@pytest.mark.parametrize("name", kinds())
def test_every_table_reads_and_names_its_source(name: str) -> None:
    table = flags_of(name)
    if table is None:
        return
    assert table.rows
    for row in table.rows.values():
        assert row.source
        assert row.takes in {"none", "one", "optional", "many", "any"}
        assert row.instead is None or row.instead in table.rows
        assert row.needs is None or row.needs in table.rows
    for group in table.exclusive:
        assert len(group.flags) > 1
        assert set(group.flags) <= set(table.rows)


def test_a_kind_without_a_table_has_none() -> None:
    assert flags_of("onetrainer") is None
    assert status_of(ui("onetrainer"), "--listen") is FlagStatus.UNKNOWN


@pytest.mark.parametrize(
    ("kind", "flag", "expected"),
    [
        ("a1111", "--medvram", FlagStatus.ACTIVE),
        ("a1111", "--deepdanbooru", FlagStatus.IGNORED),
        ("a1111", "--always-gpu", FlagStatus.UNKNOWN),
        ("forge", "--medvram", FlagStatus.REMOVED),
        ("forge", "--no-half", FlagStatus.IGNORED),
        ("forge", "--always-gpu", FlagStatus.ACTIVE),
        ("forge", "--theme", FlagStatus.ACTIVE),
        ("reforge", "--no-half", FlagStatus.ACTIVE),
        ("reforge", "--no-half-vae", FlagStatus.IGNORED),
        ("reforge", "--gpu-device-id", FlagStatus.UNKNOWN),
        ("comfyui", "--medvram", FlagStatus.UNKNOWN),
        ("comfyui", "--vram-headroom", FlagStatus.UNVERIFIED),
        ("comfyui", "--disable-ipex-optimize", FlagStatus.REMOVED),
    ],
)
def test_status_by_the_table(kind: str, flag: str, expected: FlagStatus) -> None:
    assert status_of(ui(kind), flag) is expected


def test_the_folders_own_argument_file_is_trusted_over_the_table() -> None:
    here = ui(
        "comfyui",
        FlagDefinition("--listen"),
        FlagDefinition("--vram-headroom"),
        FlagDefinition("--old", help="Does not do anything."),
    )
    assert status_of(here, "--vram-headroom") is FlagStatus.ACTIVE
    assert status_of(here, "--cache-lru") is FlagStatus.UNKNOWN
    assert status_of(here, "--old") is FlagStatus.IGNORED


def test_defined_but_never_read_stays_ignored() -> None:
    assert status_of(ui("forge", FlagDefinition("--no-half")), "--no-half") is FlagStatus.IGNORED


def test_flags_of_bundled_extensions_are_known() -> None:
    assert status_of(ui("a1111", FlagDefinition("--port")), "--lora-dir") is FlagStatus.ACTIVE


@pytest.mark.parametrize(
    ("kind", "typed", "meant"),
    [
        ("a1111", "--med-vram", "--medvram"),
        ("a1111", "--nohalf", "--no-half"),
        ("comfyui", "--low-vram", "--lowvram"),
        ("a1111", "--zzzzzzzz", None),
        ("comfyui", "--xformers", None),  # never --disable-xformers
        ("comfyui", "--medvram", None),
        ("comfyui", "--normalvrm", "--normalvram"),
        ("comfyui", "--autolaunch", "--auto-launch"),
        ("forge", "--fp32-vae", "--vae-in-fp32"),
        ("comfyui", "--no-half-vae", "--fp32-vae"),
        ("comfyui", "--device-id", "--cuda-device"),
        ("kohya", "--port", "--server_port"),
        ("a1111", "--cors-header", None),
        ("comfyui", "--enable-cors", None),
    ],
)
def test_nearest_name(kind: str, typed: str, meant: str | None) -> None:
    assert instead_of(ui(kind), typed).flag == meant


def test_unambiguous_beginnings_count_as_the_flag() -> None:
    assert full_name(ui("a1111"), "--autol") == "--autolaunch"
    assert full_name(ui("a1111"), "--no-half") == "--no-half"
    assert full_name(ui("a1111"), "--opt") == "--opt"


def test_what_a_meaning_offers_is_a_flag_there() -> None:
    for meaning in meanings():
        assert meaning.source
        for kind, words in meaning.words.items():
            table = flags_of(kind)
            for word in words:
                assert table is None or word.split()[0] in table.rows, (meaning.id, kind, word)
