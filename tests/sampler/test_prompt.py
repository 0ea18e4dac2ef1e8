"""The prompt language, statement by statement of the specification."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdops.dialect.prompt import BREAK, Steps, parse_attention, schedule, split_and
from sdops.errors import UsageError

ATTENTION = [
    ("normal text", [("normal text", 1.0)]),
    ("", [("", 1.0)]),
    ("(an important word)", [("an important word", 1.1)]),
    ("((twice))", [("twice", 1.1 * 1.1)]),
    ("[less]", [("less", 1 / 1.1)]),
    ("(a:1.5) b", [("a", 1.5), (" b", 1.0)]),
    ("(a : 1.5 )", [("a ", 1.5)]),
    ("(a:-.5)", [("a", -0.5)]),
    ("(a:+2)", [("a", 2.0)]),
    (r"\(literal\] \[brackets\)", [("(literal] [brackets)", 1.0)]),
    (r"a \\ b", [("a \\ b", 1.0)]),
    (r"a \b", [("a b", 1.0)]),  # a lone backslash is dropped
    ("(unbalanced", [("unbalanced", 1.1)]),
    ("[unbalanced", [("unbalanced", 1 / 1.1)]),
    ("un)bal]anced", [("un)bal]anced", 1.0)]),
    ("a:1.2)", [("a:1.2)", 1.0)]),
    ("a : b", [("a : b", 1.0)]),
    ("(a [b] c:2)", [("a ", 2.0), ("b", 2 / 1.1), (" c", 2.0)]),
    ("(a (b:1.2) c)", [("a ", 1.1), ("b", 1.2 * 1.1), (" c", 1.1)]),
    ("((a)b(", [("a", 1.1 * 1.1), ("b", 1.1)]),
    ("(un[bal)anced]", [("un", 1.1), ("bal", 1.1 / 1.1), ("anced", 1 / 1.1)]),
    ("a BREAK b", [("a", 1.0), BREAK, ("b", 1.0)]),
    ("a  BREAK\nb", [("a", 1.0), BREAK, ("b", 1.0)]),
    ("BREAK", [("", 1.0), BREAK, ("", 1.0)]),
    ("BREAKING break", [("BREAKING break", 1.0)]),
    ("(a BREAK b:1.2)", [("a", 1.2), ("BREAK", -1.2), ("b", 1.2)]),
    (
        "a (((house:1.3)) [on] a (hill:0.5), sun, (((sky))).",
        [
            ("a ", 1.0), ("house", 1.5730000000000004), (" ", 1.1), ("on", 1.0), (" a ", 1.1),
            ("hill", 0.55), (", sun, ", 1.1), ("sky", 1.4641000000000006), (".", 1.1),
        ],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("text", "pieces"), ATTENTION)
def test_attention(text, pieces):
    parsed = parse_attention(text)
    assert [piece for piece, _ in parsed] == [piece for piece, _ in pieces]
    assert [weight for _, weight in parsed] == pytest.approx([weight for _, weight in pieces])


def test_a_weight_that_is_no_number():
    with pytest.raises(UsageError, match=r"1\.2\.3"):
        parse_attention("(a:1.2.3)")


SCHEDULES = [
    ("test", 10, [(10, "test")]),
    ("a [b:3]", 10, [(3, "a "), (10, "a b")]),
    ("a [b: 3]", 10, [(3, "a "), (10, "a b")]),
    ("a [[[b]]:2]", 10, [(2, "a "), (10, "a [[b]]")]),
    ("[(a:2):3]", 10, [(3, ""), (10, "(a:2)")]),
    ("a [b : c : 1] d", 10, [(1, "a b  d"), (10, "a  c  d")]),
    ("a[b:[c:d:2]:1]e", 10, [(1, "abe"), (2, "ace"), (10, "ade")]),
    ("a [unbalanced", 10, [(10, "a [unbalanced")]),
    ("a [b:.5] c", 10, [(5, "a  c"), (10, "a b c")]),
    ("a [{b|d{:.5] c", 10, [(10, "a [{b|d{:.5] c")]),  # a stray bar makes all of it literal
    ("((a][:b:c [d:3]", 10, [(3, "((a][:b:c "), (10, "((a][:b:c d")]),
    ("[a|(b:1.1)]", 10, [(i, ("a", "(b:1.1)")[(i - 1) % 2]) for i in range(1, 11)]),
    ("[fe|]male", 10, [(i, ("female", "male")[(i - 1) % 2]) for i in range(1, 11)]),
    (
        "[fe|||]male",
        10,
        [(i, ("female", "male", "male", "male")[(i - 1) % 4]) for i in range(1, 11)],
    ),
    ("[a:b:3]", 20, [(3, "a"), (20, "b")]),
    ("[a:b:0.5]", 20, [(10, "a"), (20, "b")]),
    ("[a:b:1.0]", 20, [(20, "a")]),
    ("[a:b:1]", 20, [(1, "a"), (20, "b")]),
    ("[a:b:99]", 20, [(20, "a")]),
    ("[a:b:0]", 20, [(20, "b")]),
    ("[a:b:-3]", 20, [(20, "b")]),
    ("[a:b:+3]", 20, [(3, "a"), (20, "b")]),
    ("[a::5]", 20, [(5, "a"), (20, "")]),
    ("[:b:5]", 20, [(5, ""), (20, "b")]),
    ("[b:5] x [c:0.25]", 20, [(5, " x "), (20, "b x c")]),
    ("[a:b:c:5]", 20, [(20, "[a:b:c:5]")]),
    ("[a:b:x]", 20, [(20, "[a:b:x]")]),
    (r"\[a:b:3]", 20, [(20, r"\[a:b:3]")]),
    (r"[a\:b:3]", 20, [(3, ""), (20, r"a\:b")]),
    ("(a:[b:c:3]:1)", 20, [(3, "(a:b:1)"), (20, "(a:c:1)")]),
    ("[[a|b]:c:2]", 4, [(1, "a"), (2, "b"), (3, "c"), (4, "c")]),
    ("[[a:b:1]|c]", 4, [(1, "a"), (2, "c"), (3, "b"), (4, "c")]),
    ("[a:b:0.5]]", 10, [(5, "a]"), (10, "b]")]),
    ("a | b [c:3]", 10, [(10, "a | b [c:3]")]),
    ("[c:3] \\", 10, [(10, "[c:3] \\")]),
    ("[]", 10, [(10, "[]")]),
]


@pytest.mark.parametrize(("prompt", "steps", "expected"), SCHEDULES)
def test_schedules(prompt, steps, expected):
    assert schedule(prompt, Steps(steps)) == expected


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("[a:b:0.5]", [(10, "b")]),  # over within the first pass
        ("[a:b:1.5]", [(5, "a"), (10, "b")]),
        ("[a:b:10]", [(10, "b")]),
        ("[a:b:25]", [(5, "a"), (10, "b")]),
    ],
)
def test_schedules_go_on_in_the_second_pass(prompt, expected):
    assert schedule(prompt, Steps(10, first_pass=20)) == expected


def test_numbers_beyond_all_steps():
    assert schedule("[a:b:1e999] [c:d:-1e999]", Steps(20)) == [(20, "a d")]


def test_old_timelines():
    assert schedule("[a:b:1.5]", Steps(20, old_timelines=True)) == [(1, "a"), (20, "b")]
    assert schedule("[a:b:.25]", Steps(20, old_timelines=True)) == [(5, "a"), (20, "b")]


@pytest.mark.parametrize(
    ("prompt", "parts"),
    [
        ("a cat", [("a cat", 1.0)]),
        ("a cat :1.2 AND a dog", [("a cat", 1.2), (" a dog", 1.0)]),
        ("a AND b:-.5 AND c : 2", [("a", 1.0), (" b", -0.5), (" c", 2.0)]),
        ("HANDS and ANDY", [("HANDS and ANDY", 1.0)]),
        ("(a:1.2)", [("(a:1.2)", 1.0)]),
        ("", [("", 1.0)]),
    ],
)
def test_and(prompt, parts):
    assert split_and(prompt) == parts


@given(st.text(alphabet="ab()[]:|\\ .015\n", max_size=60))
@settings(max_examples=300, deadline=None)
def test_any_prompt_is_read(prompt):
    """No prompt crashes; schedules rise to the last step; without groups the text stays."""
    entries = schedule(prompt, Steps(8))
    ends = [end for end, _ in entries]
    assert ends == sorted(set(ends))
    assert ends[-1] == 8
    for _, text in entries:
        try:
            parse_attention(text)
        except UsageError:
            assert ":" in text
    if not set(prompt) & set("[|"):
        assert entries == [(8, prompt)]


def test_deep_nesting_is_read():
    deep = 5000
    assert schedule("(" * deep + "a" + ")" * deep, Steps(2)) == [(2, "(" * deep + "a" + ")" * deep)]
    assert schedule("[" * deep + "a" + ":1]" * deep, Steps(2))[-1] == (2, "a")
