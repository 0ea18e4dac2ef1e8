"""The benchmark's figures, its files, and what it calls slower than before."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from statistics import median

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from sdops.bench.device import choose
from sdops.bench.smoke.step import Need
from sdops.bench.smoke.steps.attention import gain
from sdops.bench.speed import compare, result, run
from sdops.bench.speed.export import export
from sdops.bench.speed.flops import flops_per_step, peak_flops
from sdops.bench.speed.measure import measure
from sdops.bench.speed.protocol import Case, Protocol, protocol
from sdops.bench.speed.result import Result, Run, median_absolute_deviation, percentile
from sdops.bench.subject import Subject
from sdops.errors import SdopsError, UnreadableInputError, UsageError
from sdops.sampler.attention import BACKENDS, backend, set_attention
from sdops.sampler.configuration import architecture
from sdops.sampler.graphs import Execution
from sdops.sampler.pipeline import Options

CASE = Case("tiny-sd15", 64, 64, 1, 4, "Euler a", 7.0)
QUICK = Protocol("test", "a test", 1, 4, 300.0, (CASE,))
TIMES = st.lists(st.floats(1e-6, 1e6), min_size=2, max_size=50)


@given(TIMES, st.integers(1, 99))
def test_percentiles_are_those_of_numpy(values, share):
    assert percentile(values, share) == pytest.approx(np.percentile(values, share))


def test_one_outlier_does_not_move_the_spread():
    assert median_absolute_deviation([1.0, 1.1, 0.9, 1.0, 50.0]) == pytest.approx(0.1)


def test_flops_are_those_of_a_real_call():
    subject = Subject("tiny-sdxl")
    case = replace(CASE, architecture="tiny-sdxl", batch=2)
    unet = subject.pipeline().parts.unet
    set_attention(unet, backend("math"))
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        shifts = unet.time_shifts(torch.zeros(4), torch.zeros(4, unet.config.vector_dim))
        keys_values = unet.prompt_keys_values(torch.zeros(4, 77, unet.config.context_dim))
        before = counter.get_total_flops()
        unet.predict(torch.zeros(4, 4, 8, 8), shifts, keys_values)
    assert flops_per_step(architecture("tiny-sdxl"), case) == counter.get_total_flops() - before


def test_flops_of_the_real_unet_are_the_known_ones():
    # 0.80 TFLOP for one row at 512 × 512 (stable-fast and others); a CFG step has two.
    case = protocol("quick").cases[0]
    assert flops_per_step(architecture("sd15"), case) == pytest.approx(2 * 0.80e12, rel=0.05)


def test_measuring_repeats_as_the_protocol_says():
    device = choose("cpu")
    taken = measure(CASE, QUICK, Subject("tiny-sd15"), Options(), device, 1e12)
    assert len(taken.seconds) == len(taken.loop_rates) == 4
    assert all(3 / rate < s for rate, s in zip(taken.loop_rates, taken.seconds, strict=True))
    assert taken.warm_up_seconds > 0
    assert taken.load_seconds > 0
    assert taken.peak_vram_bytes is None
    assert taken.peak_ram_bytes > 50 * 2**20
    assert taken.whole_rates[0] == pytest.approx(4 / taken.seconds[0])
    assert taken.mfu == pytest.approx(taken.flops_per_step * median(taken.loop_rates) / 1e12)


def test_measuring_stops_when_time_is_over():
    device = choose("cpu")
    short = replace(QUICK, repeats=1000, seconds=0.0)
    taken = measure(CASE, short, Subject("tiny-sd15"), Options(), device, 1e12)
    assert len(taken.seconds) == 3


def test_matmul_peak_is_that_of_a_computer():
    assert 1e8 < peak_flops(choose("cpu"), torch.float32) < 1e14


def made(rates=(10.0, 10.1, 9.9), whole=(8.0, 8.1, 7.9), **conditions) -> Result:
    run = Run(
        "tiny-sd15 64x64 batch 1", "tiny-sd15", 64, 64, 1, 4, tuple(rates), tuple(whole),
        (0.5, 0.51, 0.49), 1.0, 2.0, None, 2**28, 10**8, 0.1, {"throttle_reasons": []},
    )  # fmt: skip
    known = {"device": "a GPU", "driver": "1", "torch": "2"} | conditions
    return Result("tiny", "2026-11-21T00:00:00+00:00", known, 1e12, (run,))


@pytest.mark.parametrize(
    ("now", "found"),
    [
        (made(), 0),
        (made(rates=(9.2, 9.1, 9.0)), 0),  # within 10 %
        (made(rates=(8.0, 8.1, 7.9)), 1),
        (made(rates=(8.0, 12.0, 5.0)), 0),  # within the spread
        (made(rates=(20.0, 21.0, 22.0)), 0),
        (made(rates=(5.0, 5.0, 5.0), whole=(4.0, 4.0, 4.0)), 2),
    ],
)
def test_slower_is_what_is_slower_by_more_than_the_spread(now, found):
    assert len(list(compare.findings(made(), now, 0.10))) == found


def test_finding_says_what_changed():
    now = made(rates=(5.0, 5.0, 5.0), torch="3", driver="2")
    finding = next(compare.findings(made(), now, 0.10))
    assert "50% slower" in finding.title
    assert "torch (2 then, 3 now)" in finding.why
    assert finding.evidence["changed"] == {"driver": ["1", "2"], "torch": ["2", "3"]}


def test_other_conditions_are_refused():
    compare.refuse_unlike(made().conditions, made().conditions)
    with pytest.raises(UsageError, match="a GPU then, another now") as refused:
        compare.refuse_unlike(made().conditions, made(device="another").conditions)
    assert "--compare-anyway" in refused.value.hint


def test_results_are_read_back_as_written(tmp_path):
    result.write(made(), tmp_path / "a.json")
    assert result.read(tmp_path / "a.json") == made()
    with pytest.raises(UsageError, match="exists already"):
        result.write(made(), tmp_path / "a.json")


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"schema": "sdops.bench/2"}', "[" * 100_000, '{"schema": "sdops.bench/1"}',
     '{"schema": "sdops.bench/1", "runs": [], "conditions": {}}'],
)  # fmt: skip
def test_other_files_are_refused_in_a_line(tmp_path, text):
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(UnreadableInputError, match="is no result of sdops bench"):
        result.read(path)


def damaged(change) -> dict:
    document = {"schema": result.SCHEMA, **json.loads(json.dumps(_plain(made())))}
    change(document["runs"][0])
    return document


def _plain(value: Result) -> dict:
    from dataclasses import asdict

    return asdict(value)


@pytest.mark.parametrize(
    "change",
    [
        lambda run: run.pop("batch"),
        lambda run: run.update(loop_rates=[]),
        lambda run: run.update(loop_rates=["fast"]),
        lambda run: run.update(loop_rates=[0.0]),
        lambda run: run.update(surprise=1),
    ],
)
def test_damaged_results_are_refused(tmp_path, change):
    path = tmp_path / "a.json"
    path.write_text(json.dumps(damaged(change)))
    with pytest.raises(UnreadableInputError):
        result.read(path)


def test_export_to_github_action_benchmark(tmp_path: Path):
    export(made(), tmp_path / "x.gha.json")
    rows = json.loads((tmp_path / "x.gha.json").read_text())
    assert [row["value"] for row in rows] == [10.0, 8.0]
    assert all(row.keys() == {"name", "unit", "value", "range", "extra"} for row in rows)


def test_export_to_pytest_benchmark(tmp_path: Path):
    export(made(), tmp_path / "pytest.json")
    document = json.loads((tmp_path / "pytest.json").read_text())
    stats = document["benchmarks"][0]["stats"]
    assert stats["median"] == 0.5
    assert stats["rounds"] == 3
    assert stats["data"] == [0.5, 0.51, 0.49]
    with pytest.raises(UsageError, match="does not tell a format"):
        export(made(), tmp_path / "x.json")


@pytest.mark.parametrize("name", ["quick", "standard", "tiny"])
def test_every_protocol_can_be_asked_for(name):
    for case in protocol(name).cases:
        case.request(1).check()
        assert architecture(case.architecture).unet.in_channels == 4


def test_names_are_what_is_known_however_they_are_typed():
    plan = run.planned(None, "TINY", " CPU", " FP16 ", "Sub-Quadratic", "eager")
    assert (plan.device.name, plan.precision, plan.attention) == ("cpu", "fp16", "sub-quadratic")


def test_unknown_protocol_is_refused_with_the_nearest():
    with pytest.raises(UsageError) as refused:
        protocol("quik")
    assert "quick" in refused.value.hint


@pytest.mark.parametrize(
    ("times", "capability", "need"),
    [
        ({"math": 2.0, "sdpa": 1.0}, (8, 6), Need.ATTENTION_SDPA),
        ({"math": 2.0, "sdpa": 1.0, "xformers": 0.8}, (8, 6), Need.ATTENTION_XFORMERS),
        ({"math": 2.0, "sdpa": 1.0, "xformers": 0.8}, (12, 0), Need.ATTENTION_SDPA),
        ({"math": 2.0, "sdpa": 1.0, "xformers": 0.8}, (5, 2), Need.ATTENTION_SDPA),
        ({"math": 1.0, "sdpa": 1.0}, (8, 6), None),
        ({}, None, None),
    ],
)
def test_a_measured_gain_knows_what_a1111_offers(times, capability, need):
    assert [found.need for found in gain(times, capability)] == ([need] if need else [])


@pytest.mark.gpu
def test_quick_protocol_on_a_gpu():
    if not torch.cuda.is_available():
        pytest.skip("no GPU that torch can use")
    device = choose("cuda")
    steps = replace(protocol("quick"), repeats=3)
    taken = measure(steps.cases[0], steps, Subject("sd15"), Options("cuda"), device, 1e14)
    assert taken.peak_vram_bytes > 2 * 2**30
    assert taken.gpu["clock_mhz_highest"] > 100


def test_a_case_that_does_not_fit_is_told_and_the_others_are_timed(monkeypatch):
    large = replace(CASE, architecture="tiny-sdxl", width=256, height=256)
    steps = replace(QUICK, cases=(large, CASE), repeats=3)
    plan = run.Plan(steps, choose("cpu"), "fp32", "sub-quadratic", Execution.EAGER)

    def needs_much(q, k, v):
        if q.shape[2] > 64:
            raise torch.OutOfMemoryError("no room for so many tokens")
        return BACKENDS["math"](q, k, v)

    monkeypatch.setitem(BACKENDS, "sub-quadratic", needs_much)
    made_here = run.bench(plan)
    assert [done.name for done in made_here.runs] == [CASE.name]
    assert large.name in made_here.faults[0]
    assert run.report(plan, made_here, None, 0.0).exit_code == 2
    with pytest.raises(SdopsError, match="does not fit"):
        run.bench(replace(plan, protocol=replace(steps, cases=(large,))))
