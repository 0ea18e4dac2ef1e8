"""Drivers: a floor below which nothing starts, a paired driver, and where a generation ends."""

import pytest

from sdops.facts.types import Host
from sdops.knowledge import drivers


def test_floor_and_paired_driver():
    need = drivers.need("12.8", "linux")
    assert (need.floor, need.paired) == ("525.60.13", "570.26")
    assert drivers.need("12.8", "windows").floor == "528.33"


def test_an_unlisted_minor_takes_the_floor_of_its_major():
    need = drivers.need("12.2", "linux")
    assert (need.floor, need.paired) == ("525.60.13", None)
    assert drivers.need("19.0", "linux") is None
    assert drivers.need("12.8", "macos") is None


@pytest.mark.parametrize(
    ("driver", "os", "expected"),
    [
        ("535.129.03", "linux", "12.1"),
        ("580.65.06", "linux", "13.0"),
        ("572.80", "windows", "12.8"),
        ("390.157", "linux", None),
    ],
)
def test_newest_cuda(driver, os, expected):
    assert drivers.newest_cuda(driver, os) == expected


def test_versions_compare_as_numbers():
    assert drivers.older("470.256.02", "525.60.13")
    assert not drivers.older("1000.0", "525.60.13")
    assert not drivers.older("unknown", "525.60.13")


def test_caps():
    assert drivers.cap((3, 5), "linux").newest_cuda == "11.4"
    assert drivers.cap((6, 1), "windows").last_driver == "580"
    assert drivers.cap((7, 5), "linux") is None


def test_cuda_of_a_build():
    assert drivers.cuda_of("cu121") == "12.1"
    assert drivers.cuda_of("cpu") is None
    assert drivers.cuda_of("rocm6.1") is None


def test_wsl_counts_windows_drivers():
    assert drivers.driver_os(Host("linux", "Ubuntu", "x86_64", wsl=2)) == "windows"
    assert drivers.driver_os(Host("linux", "Ubuntu", "x86_64")) == "linux"
