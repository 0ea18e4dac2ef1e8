"""The table of torch releases says which partners fit, and does not guess beyond its date."""

import pytest
from packaging.specifiers import SpecifierSet

from sdops.knowledge import torch_releases
from sdops.knowledge.torch_releases import Pairing, pairing


def test_every_release_fits_its_own_partners():
    for row in torch_releases.releases():
        assert SpecifierSet(row.torchvision_fits).contains(row.torchvision), row.torch
        assert SpecifierSet(row.torchaudio_fits).contains(row.torchaudio), row.torch
        assert row.source
        assert row.default_linux in row.cuda


@pytest.mark.parametrize(
    ("torch", "package", "version", "expected"),
    [
        ("2.13.0+cpu", "torchvision", "0.28.0", Pairing.FITS),
        ("2.13.0", "torchvision", "0.27.0", Pairing.CLASHES),
        ("2.0.0", "torchaudio", "2.0.1", Pairing.FITS),
        ("2.0.1", "torchaudio", "2.0.1", Pairing.CLASHES),
        ("2.15.0", "torchvision", "0.29.1", Pairing.FITS),
        ("2.14.1", "torchvision", "0.29.0", Pairing.CLASHES),
        ("2.14.0", "torchvision", "0.29.0", Pairing.FITS),
        ("2.13.0", "torchaudio", "2.11.0", Pairing.FITS),
        ("2.16.0", "torchvision", "0.28.0", Pairing.CLASHES),
        ("2.16.0", "torchvision", "0.29.2", Pairing.UNKNOWN),
        ("2.16.0", "torchvision", "0.31.0", Pairing.UNKNOWN),
        ("2.16.0.dev20261101", "torchvision", "0.30.0.dev20261101", Pairing.UNKNOWN),
    ],
)
def test_pairing(torch, package, version, expected):
    assert pairing(torch, package, version) is expected


def test_a_release_is_found_whatever_its_label():
    assert torch_releases.release("2.1.2+cu121").torchvision == "0.16.2"
    assert torch_releases.release("2.1.7") is None


def test_variants_differ_by_system():
    row = torch_releases.release("2.8.0")
    assert row.variants("linux") == ("cu129", "cu128", "cu126", "rocm6.4", "rocm6.3", "xpu", "cpu")
    assert row.variants("windows") == ("cu129", "cu128", "cu126", "xpu", "cpu")
    assert row.variants("macos") == ("cpu",)
    assert row.default_variant("linux", "x86_64") == "cu128"
    assert row.default_variant("windows", "x86_64") == "cpu"


def test_newer_than_known():
    assert torch_releases.is_newer_than_known("99.0.0+cu999")
    assert not torch_releases.is_newer_than_known(torch_releases.newest().torch)
    assert not torch_releases.is_newer_than_known("no version")


def test_python_range():
    row = torch_releases.release("2.15.0")
    assert not row.serves_python("3.10.6")
    assert row.serves_python("3.11")
