from __future__ import annotations

from dataclasses import replace

import pytest

from sdops.facts.types import Distribution
from sdops.finding import Severity

RULE = "packages-clash"


@pytest.fixture
def with_distributions(machine, with_python):
    def make(*rows):
        """Each row: name, version, and its Requires-Dist lines."""
        facts = machine("healthy-linux-rtx5090-comfyui")
        assert facts.python is not None
        new = tuple(Distribution(name, version, "x", lines) for name, version, *lines in rows)
        named = {dist.name for dist in new}
        kept = tuple(dist for dist in facts.python.distributions if dist.name not in named)
        return with_python(facts, distributions=(*new, *kept))

    return make


@pytest.mark.parametrize(
    ("rows", "wanted"),
    [
        ([("transformers", "4.48.3"), ("huggingface-hub", "0.23.4"), ("tokenizers", "0.21.0")],
         "huggingface-hub<1.0,>=0.24.0"),
        ([("transformers", "4.46.0"), ("huggingface-hub", "0.30.0"), ("tokenizers", "0.21.4")],
         "tokenizers<0.21,>=0.20"),
        ([("transformers", "9.9", "huggingface_hub>=8,<9"), ("huggingface-hub", "7.0")],
         "huggingface-hub<9,>=8"),
        ([("pydantic", "2.11.7", "pydantic-core==2.33.2"), ("pydantic-core", "2.50.5")],
         "pydantic-core==2.33.2"),
        ([("gradio", "6.17.3", "starlette<2.0,>=1.0.1"), ("starlette", "0.41.0")],
         "starlette<2.0,>=1.0.1"),
        ([("fastapi", "0.110.0", "starlette<0.37.0,>=0.36.3"), ("gradio", "5.0", "starlette<1"),
          ("starlette", "1.0.0")], "starlette<0.37.0,<1,>=0.36.3"),
        ([("lightning", "2.5.0", "lightning-utilities <2.0,>=0.10.0")],
         "lightning-utilities<2.0,>=0.10.0"),
    ],
)  # fmt: skip
def test_what_breaks_at_import(with_distributions, judge, rows, wanted):
    (finding,) = judge(RULE, with_distributions(*rows))
    assert finding.severity is Severity.ERROR
    assert wanted in finding.remedies[0].commands[0].argv


def test_two_that_no_version_suits_get_no_command(with_distributions, judge):
    facts = with_distributions(
        ("fastapi", "0.110.0", "starlette<0.37"),
        ("gradio", "6.17.3", "starlette>=1.0.1"),
        ("starlette", "0.40.0"),
    )
    (finding,) = judge(RULE, facts)
    assert finding.remedies[0].commands == ()


def test_the_rest_is_a_note(with_distributions, judge):
    facts = with_distributions(("kornia", "0.8.1", "einops>=9", "frobnicate", "x; extra == 'all'"))
    (finding,) = judge(RULE, facts)
    assert finding.severity is Severity.INFO
    assert "frobnicate" in finding.why
    assert "extra" not in finding.why


@pytest.mark.parametrize(
    "rows",
    [
        [("transformers", "4.48.3"), ("huggingface-hub", "0.34.4"), ("tokenizers", "0.21.4")],
        [("transformers", "77.0"), ("huggingface-hub", "0.1")],
        [("transformers", "5.17.0"), ("huggingface-hub", "1.9"), ("safetensors", "0.8.0")],
        [("kornia", "0.8.1", "torch>=9", "numpy<1")],  # for other checks to say
        [("kornia", "0.8.1", 'frobnicate; sys_platform == "win32"', "not a requirement !!")],
    ],
)
def test_quiet(with_distributions, judge, rows):
    assert judge(RULE, with_distributions(*rows)) == ()


def test_the_distribution_that_python_finds_first_counts(with_distributions, judge):
    facts = with_distributions(("transformers", "4.48.3"), ("huggingface-hub", "0.34.4"))
    assert facts.python is not None
    second = Distribution("huggingface-hub", "0.1", "later")
    python = replace(facts.python, distributions=(*facts.python.distributions, second))
    assert judge(RULE, replace(facts, python=python)) == ()
