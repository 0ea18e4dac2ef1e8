"""GPU models are recognized by capability, target or name, and carry their half-precision traps."""

import pytest

from sdops.facts.types import Gpu
from sdops.knowledge import gpus


def gpu(name, vendor="nvidia", **more):
    return Gpu(index=0, vendor=vendor, name=name, source="nvml", **more)


@pytest.mark.parametrize(
    ("card", "architecture", "fp16"),
    [
        (gpu("NVIDIA GeForce GTX 1660 SUPER", compute_capability=(7, 5)), "Turing", "unreliable"),
        (gpu("NVIDIA GeForce RTX 2060", compute_capability=(7, 5)), "Turing", "full"),
        (gpu("NVIDIA Card of tomorrow", compute_capability=(7, 5)), "Turing", "full"),
        (gpu("Tesla T4"), "Turing", "full"),
        (gpu("NVIDIA GeForce GTX 1060 6GB", compute_capability=(6, 1)), "Pascal", "slow"),
        (gpu("NVIDIA RTX 4000 Ada Generation"), "Ada Lovelace", "full"),
        (gpu("Quadro RTX 4000"), "Turing", "full"),
        (gpu("AMD Radeon RX 6700 XT", "amd"), "RDNA2", "full"),
        (gpu("whatever", "amd", gfx="gfx1010"), "RDNA1", "unreliable"),
        (gpu("Intel(R) Arc(TM) A770 Graphics", "intel"), "Arc", "full"),
        (gpu("Apple M3 Max", "apple"), "Apple silicon", "full"),
    ],
)
def test_model(card, architecture, fp16):
    model = gpus.model(card)
    assert (model.architecture, model.fp16) == (architecture, fp16)
    assert model.source


def test_the_longest_name_decides():
    assert gpus.model(gpu("AMD Radeon RX 7700S", "amd")).gfx == "gfx1102"
    assert gpus.model(gpu("AMD Radeon RX 7700 XT", "amd")).gfx == "gfx1101"


def test_unknown_cards_are_unknown():
    assert gpus.model(gpu("NVIDIA Card of tomorrow")) is None
    assert gpus.model(gpu("x", compute_capability=(19, 0))) is None
    assert gpus.model(gpu("Matrox", "other")) is None


def test_overrides_are_for_cards_without_kernels_of_their_own():
    assert gpus.model(gpu("x", "amd", gfx="gfx1031")).hsa_override == "10.3.0"
    assert gpus.model(gpu("x", "amd", gfx="gfx1030")).hsa_override is None
