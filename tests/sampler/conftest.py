"""Small models with random weights, made once."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from sdops.sampler.configuration import architecture  # noqa: E402
from sdops.sampler.pipeline import Pipeline  # noqa: E402
from sdops.sampler.weights import build, randomize  # noqa: E402

from .oracles import strengthen  # noqa: E402

torch.set_num_threads(1)  # small tensors: threads would only wait for each other

TINY = ("tiny-sd15", "tiny-sd21", "tiny-sdxl")


@pytest.fixture(autouse=True)
def _no_gradients():
    with torch.inference_mode(False), torch.no_grad():
        yield


@pytest.fixture(scope="session", params=TINY)
def parts(request):
    return strengthen(randomize(build(architecture(request.param)), seed=1))


@pytest.fixture(scope="session")
def pipeline():
    return Pipeline.from_architecture("tiny-sd15")


@pytest.fixture(scope="session")
def xl_pipeline():
    return Pipeline.from_architecture("tiny-sdxl")
