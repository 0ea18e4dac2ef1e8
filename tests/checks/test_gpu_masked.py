from __future__ import annotations

from dataclasses import replace

from sdops.facts.types import Setting
from sdops.finding import Severity


def test_fires(machine, judge):
    (finding,) = judge("gpu-masked", machine("rtx4090-linux-masked"))
    assert finding.severity is Severity.ERROR
    assert "CUDA_VISIBLE_DEVICES=-1" in finding.why
    assert finding.remedies[0].commands[0].line == "unset CUDA_VISIBLE_DEVICES"


def test_names_the_launch_file(machine, judge, with_gpu):
    facts = with_gpu(machine("healthy-linux-rtx3060-a1111"), visible=False)
    setting = Setting("CUDA_VISIBLE_DEVICES", "1", "webui-user.sh", 7)
    facts = replace(facts, ui=replace(facts.ui, settings=(setting,)))
    (finding,) = judge("gpu-masked", facts)
    assert (finding.location.path, finding.location.line) == ("webui-user.sh", 7)


def test_quiet_where_another_card_is_left(machine, judge):
    facts = machine("two-gpus-rtx5070-gtx1060")
    one_hidden = replace(facts, gpus=(replace(facts.gpus[0], visible=False), facts.gpus[1]))
    assert not judge("gpu-masked", one_hidden)


def test_quiet_where_the_processor_is_asked_for(machine, judge, launched):
    assert not judge("gpu-masked", launched(machine("rtx4090-linux-masked"), "--cpu"))


def test_quiet(machine, judge):
    assert not judge("gpu-masked", machine("healthy-linux-rtx3060-a1111"))
