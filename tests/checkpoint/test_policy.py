"""The policy's tables name real things, exactly, and let nothing pass that fickling finds."""

from __future__ import annotations

import importlib
import io
from pathlib import Path

import pytest

from sdops.checkpoint.files.source import BytesSource
from sdops.checkpoint.scan.argument_rules import RULES
from sdops.checkpoint.scan.file import scan_source
from sdops.checkpoint.scan.policy import load_policy
from sdops.checkpoint.trace.gadgets import gadget
from sdops.checkpoint.trace.values import Global, real_name
from sdops.errors import UsageError
from sdops.profile import own_json
from tests.checkpoint.corpus import advisories

_INSTALLED = ("torch", "numpy", "collections", "builtins", "copyreg", "datetime", "uuid", "decimal",
              "argparse", "types", "typing", "_codecs", "joblib", "omegaconf")  # fmt: skip
# Names of other torch, numpy and Python versions.
_ELSEWHERE = {"_rebuild_nested_tensor", "_UntypedStorage", "_TypedStorage", "NoneType",
              "float4_e2m1fn_x2", "float8_e8m0fnu", "_rebuild_sparse_csr_tensor",
              "ComplexHalfStorage"}  # fmt: skip


def test_every_allowed_name_exists_where_its_package_is_installed():
    pytest.importorskip("torch")
    missing = []
    for module, name in load_policy().entries:
        if module.partition(".")[0] not in _INSTALLED or name in _ELSEWHERE or "." in name:
            continue
        try:
            getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError):
            missing.append(f"{module}.{name}")
    # cuda's tensors need a GPU build; `numpy.core` is gone from numpy 2, `torch.tensor` from torch.
    known = ("torch.cuda.", "torch.tensor.", "numpy.core.")
    assert [name for name in missing if not name.startswith(known)] == []


def test_every_rule_that_is_named_exists_and_is_used():
    used = {row["rule"] for row in own_json("pickle/allowed")["allow"] if "rule" in row}
    assert used == set(RULES)


def test_only_constants_have_dotted_names():
    torch = pytest.importorskip("torch")
    for (module, name), entry in load_policy().entries.items():
        assert "*" not in name
        if "." in name:
            assert not any((entry.callable, entry.build, entry.fill, entry.rule))
            found = importlib.import_module(module)
            for part in name.split("."):
                found = getattr(found, part)
            assert type(found) is torch.memory_format


def test_what_may_be_called_is_no_known_gadget_unless_it_has_a_rule():
    for (module, name), entry in load_policy().entries.items():
        known = gadget(module, name)
        exact = known is not None and known.name == name
        assert not exact or entry.rule, f"{module}.{name}"


@pytest.mark.parametrize(
    ("protocol", "name", "real"),
    [
        (2, ("__builtin__", "set"), ("builtins", "set")),
        (3, ("__builtin__", "set"), ("__builtin__", "set")),
        (0, ("copy_reg", "_reconstructor"), ("copyreg", "_reconstructor")),
        (2, ("itertools", "imap"), ("builtins", "map")),
        (2, ("commands", "getoutput"), ("subprocess", "getoutput")),
    ],
)
def test_python_2_names_are_mapped_below_protocol_3(protocol, name, real):
    assert real_name(Global(*name, 0, "GLOBAL", protocol)) == real


def test_the_version_changes_with_the_users_policy(tmp_path: Path):
    path = tmp_path / "policy.toml"
    path.write_text('[[allow]]\nmodule = "a"\nname = "b"\nclass = "call"\nreason = "c"\n')
    assert load_policy().version == load_policy().version
    assert load_policy((path,)).version != load_policy().version


@pytest.mark.parametrize(
    "text",
    [
        "allow = 1",
        "[[allow]]\nmodule = 'a'",
        "[[allow]]\nmodule = 'a'\nname = 'b'\nclass = 'anything'\nreason = 'c'",
        "[[allow]]\nmodule = 'subprocess'\nname = 'Popen'\nclass = 'call'\nreason = 'c'",
        "[[allow]]\nmodule = 'torch'\nname = 'os.system'\nclass = 'call'\nreason = 'c'",
        "[[allow]]\nmodule = 'a.b'\nname = 'os'\nclass = 'reference'\nreason = 'c'",
        "[[allow]]\nmodule = 'a'\nname = 'b.c'\nclass = 'call'\nreason = 'c'",
        "[[allow]]\nmodule = 'torch._inductor.codecache'\nname = 'x'\nclass = 'call'\nreason = 'c'",
        "not toml",
    ],
)
def test_a_wrong_policy_is_refused(tmp_path: Path, text: str):
    path = tmp_path / "policy.toml"
    path.write_text(text)
    with pytest.raises(UsageError):
        load_policy((path,))


def test_fickling_finds_nothing_that_is_called_safe():
    fickle = pytest.importorskip("fickling.fickle")
    analysis = pytest.importorskip("fickling.analysis")
    agreed = 0
    for sample in advisories.samples():
        try:
            result = analysis.check_safety(fickle.Pickled.load(io.BytesIO(sample.data)))
        except Exception:  # fickling fails in many ways on hostile input
            continue
        if result.severity >= analysis.Severity.SUSPICIOUS:
            found = scan_source("x", BytesSource(sample.data), load_policy())
            assert found.verdict.word != "safe", sample.name
            agreed += 1
    assert agreed > 100
