from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from sdops.knowledge.specifiers import compatible
from tests.comfy import Comfy

RULE = "extension-conflicts"


@pytest.fixture
def comfy(tmp_path):
    return Comfy(tmp_path)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("timm<=0.9.5", "timm>=1.0"),
        ("transformers==4.38.0", "transformers==4.40.0"),
        ("protobuf<5", "protobuf~=5.29"),
        ("Pillow==9.*", "pillow>10"),
    ],
)
def test_both_are_named_and_no_command_pretends(comfy, judge, first, second):
    comfy.node("One", init="", requirements=f"{first}\n")
    comfy.node("Two", init="", requirements=f"einops\n{second}\n")
    (finding,) = judge(RULE, comfy.facts())
    assert "One and Two" in finding.title
    assert {str(Requirement(text).specifier) for text in (first, second)} <= set(
        finding.evidence.values()
    )
    assert all(not remedy.commands for remedy in finding.remedies)


def test_against_the_list_of_the_ui_itself(comfy, judge):
    comfy.node("Old", init="", requirements="aiohttp<3.9\n")
    (finding,) = judge(RULE, comfy.facts())
    assert finding.title.startswith("The UI itself and Old")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("timm", "timm>=1.0"),
        ("numpy>=1.26,<2.3", "numpy!=2.0"),
        ("a>1.0", "a<1.0.1"),
        ("a~=1.4", "a==1.5.*"),
        ('a==1; sys_platform == "win32"', "a==2"),
    ],
)
def test_quiet_where_one_version_serves_both(comfy, judge, first, second):
    comfy.node("One", init="", requirements=f"{first}\n")
    comfy.node("Two", init="", requirements=f"{second}\n")
    assert judge(RULE, comfy.facts()) == ()


VERSIONS = st.lists(st.integers(0, 4), min_size=1, max_size=3).map(
    lambda parts: ".".join(map(str, parts))
)
RANGES = st.lists(
    st.builds(
        lambda sign, version: sign + version,
        st.sampled_from(["<", "<=", ">", ">=", "==", "!="]),
        VERSIONS,
    ),
    min_size=1,
    max_size=3,
).map(lambda parts: SpecifierSet(",".join(parts)))


@given(RANGES, RANGES, st.lists(VERSIONS, max_size=30))
def test_what_a_version_satisfies_is_compatible(first, second, versions):
    if any(Version(each) in first and Version(each) in second for each in versions):
        assert compatible(first, second)
