"""What training programs keep beside weights is no finding, at any protocol."""

from __future__ import annotations

import collections
import datetime
import decimal
import io
import pathlib
import pickle
import random
import types
import uuid

import pytest

from sdops.checkpoint.files.source import BytesSource
from sdops.checkpoint.scan.file import scan_source
from sdops.checkpoint.scan.policy import load_policy

np = pytest.importorskip("numpy")
torch = pytest.importorskip("torch")

_GENERATORS = ("MT19937", "PCG64", "PCG64DXSM", "SFC64", "Philox")
_VALUES = {
    "generators": [np.random.Generator(getattr(np.random, name)(1)) for name in _GENERATORS],
    "random-states": [random.Random(1).getstate(), np.random.RandomState(1).get_state(),
                      np.random.SeedSequence(5)],
    "numbers": [np.float16(1), np.bool_(True), np.complex64(1j), np.str_("x"), np.longdouble(1),
                np.datetime64("2020-01-01"), np.zeros(0, dtype=object), 1 << 200, b"", bytearray()],
    "constants": [..., NotImplemented, slice(1, 2), range(3), frozenset("ab"), {1}],
    "containers": [collections.Counter("aab"), collections.deque([1], maxlen=3),
                   collections.defaultdict(list, {1: [2]}), types.SimpleNamespace(a=1)],
    "other": [datetime.datetime(2026, 1, 2, 3, 4, 5, 6, datetime.timezone.utc),
              datetime.timedelta(1), uuid.UUID(int=5),
              decimal.Decimal("1.5"), pathlib.PurePosixPath("/a"), pathlib.PureWindowsPath("c:/x")],
}  # fmt: skip


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("label", _VALUES)
def test_value_is_safe(label: str, protocol: int):
    data = pickle.dumps(_VALUES[label], protocol)
    found = scan_source("model", BytesSource(data), load_policy())
    assert found.verdict.word == "safe", found.judgments


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
@pytest.mark.parametrize("name", ["Adam", "AdamW", "SGD", "Adagrad", "RMSprop", "RAdam", "ASGD"])
def test_optimizer_is_safe(name: str, zipped: bool):
    model = torch.nn.Linear(2, 2)
    optimizer = getattr(torch.optim, name)(model.parameters(), lr=0.1)
    model(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    file = io.BytesIO()
    state = {"state_dict": model.state_dict(), "optimizer_states": [optimizer.state_dict()]}
    torch.save(state, file, _use_new_zipfile_serialization=zipped)
    found = scan_source("model", BytesSource(file.getvalue()), load_policy())
    assert found.verdict.word == "safe", found.judgments
