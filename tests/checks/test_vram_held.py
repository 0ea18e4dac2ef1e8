from __future__ import annotations

from dataclasses import replace

from sdops.facts.types import GpuProcess
from sdops.finding import Action
from sdops.knowledge.units import GIB


def test_other_programs_are_named(machine, judge, with_gpu):
    game = GpuProcess(11, "game", 3 * GIB, True)
    (finding,) = judge(
        "vram-held", with_gpu(machine("healthy-linux-rtx3060-a1111"), processes=(game,))
    )
    assert "game (process 11)" in finding.why
    assert finding.remedies[0].commands[0].line == "ps -fp 11"


def test_the_ui_itself_and_a_desktop_are_not_others(machine, judge, with_gpu):
    facts = machine("healthy-linux-rtx3060-a1111")
    own = GpuProcess(11, f"{facts.ui.root}/venv/bin/python", 9 * GIB, True)
    desktop = GpuProcess(12, "/usr/lib/xorg/Xorg", GIB // 2, True)
    assert not judge("vram-held", with_gpu(facts, processes=(own, desktop)))
    running = replace(facts, ui=replace(facts.ui, running_pid=13))
    by_pid = GpuProcess(13, None, 9 * GIB, True)
    assert not judge("vram-held", with_gpu(running, processes=(by_pid,)))


def test_memory_of_a_program_that_is_gone(machine, judge, with_gpu, with_host):
    gone = GpuProcess(11, None, 9 * GIB, alive=False)
    facts = with_gpu(machine("healthy-h100-server-comfyui"), processes=(gone,))
    (finding,) = judge("vram-held", facts)
    assert finding.remedies[0].action is Action.RESET_GPU
    assert not judge("vram-held", with_host(facts, container="docker"))


def test_windows_does_not_name_the_holders(machine, judge, with_gpu):
    facts = machine("healthy-windows-rtx4070-forge")
    processes = (GpuProcess(11, "game.exe", None, True),)
    total = facts.gpus[0].vram_total_bytes
    busy = with_gpu(facts, processes=processes, vram_free_bytes=total // 3)
    (finding,) = judge("vram-held", busy)
    assert "although the UI does not run" in finding.title
    running = replace(busy, ui=replace(facts.ui, running_pid=5))
    assert not judge("vram-held", running)
    assert not judge("vram-held", with_gpu(facts, processes=processes))
