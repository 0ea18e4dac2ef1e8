"""What runs on what: machine code within a major, PTX forward, arch-specific code nowhere else."""

import pytest

from sdops.knowledge.architectures import build_of, runs_on, runs_well_on


@pytest.mark.parametrize(
    ("architectures", "capability", "expected"),
    [
        (("8.6",), (8, 9), True),
        (("8.6",), (8, 0), False),
        (("8.6",), (9, 0), False),
        (("5.0",), (5, 2), True),
        (("9.0a",), (9, 0), True),
        (("10.0a",), (10, 3), False),
        (("8.0+PTX",), (12, 0), True),
        (("12.0+PTX",), (12, 1), True),
        (("sm_90", "compute_90"), (12, 0), True),
        (("compute_90",), (8, 9), False),
        (("sm_120",), (12, 0), True),
        (("sm_90a",), (10, 0), False),
        (("gfx1030",), (10, 3), False),
        ((), (8, 6), False),
    ],
)
def test_runs_on(architectures, capability, expected):
    assert runs_on(architectures, capability) is expected


@pytest.mark.parametrize(
    ("torch", "variant", "os", "capability", "expected"),
    [
        ("2.4.1+cu121", "cu121", "linux", (12, 0), False),
        ("2.7.0", "cu128", "linux", (12, 0), True),
        ("2.13.0", "cu130", "windows", (6, 1), False),
        ("2.13.0", "cu126", "windows", (6, 1), True),
        ("2.9.1", "cu128", "linux", (7, 0), True),
        ("2.9.1", "cu128", "windows", (7, 0), False),
        ("2.11.0", "cu128", "linux", (7, 0), False),
        ("2.1.2", "cu118", "linux", (3, 7), True),
    ],
)
def test_official_builds(torch, variant, os, capability, expected):
    build = build_of(torch, variant, os)
    assert runs_on(build.architectures, capability) is expected
    assert build.source


def test_an_unlisted_build_is_unknown():
    assert build_of("2.99.0", "cu150", "linux") is None


def test_intermediate_code_of_an_older_major_is_no_good_service():
    windows_cu118 = build_of("2.1.2", "cu118", "windows").architectures
    assert runs_on(windows_cu118, (12, 0))
    assert not runs_well_on(windows_cu118, (12, 0))
    assert runs_well_on(("12.0+PTX",), (12, 1))
