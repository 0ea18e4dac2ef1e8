"""Text from outside can neither command a terminal nor a workflow runner."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from sdops.report.plain import guard_commands, neutralize, one_line


@given(st.text())
def test_neutralized_text_holds_no_control_or_format_character(text: str) -> None:
    shown = neutralize(text)
    assert all(
        character in "\n\t" or unicodedata.category(character) not in {"Cc", "Cf", "Cs"}
        for character in shown
    )


def test_escape_sequences_stay_visible() -> None:
    assert neutralize("\x1b[31mred\x07") == "\\x1b[31mred\\x07"
    assert neutralize("safe\u202elmth.exe") == "safe\\u202elmth.exe"


def test_long_text_is_cut_and_says_so() -> None:
    assert neutralize("a" * 5000, limit=10) == "aaaaaaaaaa… (4990 more characters)"


def test_one_line_keeps_words_apart() -> None:
    assert one_line("two\r\n  lines") == "two lines"


@given(st.lists(st.sampled_from(["::error::x", "  ::warning::y", "##[group]z", "a::b", "\n"])))
def test_no_line_can_start_a_workflow_command(parts: list[str]) -> None:
    lines = guard_commands("\n".join(parts)).splitlines()
    assert not any(line.lstrip(" ").startswith(("::", "##[")) for line in lines)
