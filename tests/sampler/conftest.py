"""Small models with random weights, made once; nothing is collected where torch is missing."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

NEEDED = ("torch", "ftfy", "regex", "PIL")
collect_ignore_glob = [] if all(map(find_spec, NEEDED)) else ["test_*.py"]
TINY = ("tiny-sd15", "tiny-sd21", "tiny-sdxl")


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    import torch

    torch.set_num_threads(1)  # small tensors: threads would only wait for each other


@pytest.fixture(autouse=True)
def _no_gradients():
    import torch

    torch.manual_seed(0)
    with torch.no_grad():
        yield


@pytest.fixture(scope="session", params=TINY)
def parts(request):
    from sdops.sampler.configuration import architecture
    from sdops.sampler.random_weights import randomize
    from sdops.sampler.weights import build

    from .oracles import strengthen

    return strengthen(randomize(build(architecture(request.param)), seed=1))


@pytest.fixture(scope="session")
def pipeline():
    from .oracles import random_pipeline

    return random_pipeline("tiny-sd15")


@pytest.fixture(scope="session")
def xl_pipeline():
    from .oracles import random_pipeline

    return random_pipeline("tiny-sdxl")
