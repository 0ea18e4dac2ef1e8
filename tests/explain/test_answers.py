"""Which failure is on top, whose it is, and what is said where nothing is known."""

from __future__ import annotations

import pytest

from tests.explain.reading import causes, read, unknown

PACK = r"C:\ai\ComfyUI_windows_portable\ComfyUI\custom_nodes\ComfyUI-Odd"
IMPORT_FAILED = rf"""** Python executable: C:\ai\ComfyUI_windows_portable\python_embeded\python.exe
Traceback (most recent call last):
  File "C:\ai\ComfyUI_windows_portable\ComfyUI\nodes.py", line 2129, in load_custom_node
    module_spec.loader.exec_module(module)
  File "<frozen importlib._bootstrap_external>", line 999, in exec_module
  File "{PACK}\__init__.py", line 1, in <module>
    from .nodes import NODES
  File "{PACK}\nodes.py", line 7, in <module>
    import oddlib
ModuleNotFoundError: No module named 'oddlib'

Cannot import {PACK} module for custom nodes: No module named 'oddlib'

Import times for custom nodes:
   0.0 seconds (IMPORT FAILED): {PACK}
"""

EXTENSION = """*** Error loading script: odd.py
    Traceback (most recent call last):
      File "/w/modules/scripts.py", line 515, in load_scripts
        script_module = script_loading.load_module(scriptfile.path)
      File "/w/extensions/sd-webui-odd/scripts/odd.py", line 3, in <module>
        from oddlib import thing
    ImportError: cannot import name 'thing' from 'oddlib' (unknown location)

---
"""

EXECUTION = """got prompt
!!! Exception during processing !!! list index out of range
Traceback (most recent call last):
  File "/w/ComfyUI/execution.py", line 327, in execute
    output_data = get_output_data(obj)
  File "/w/ComfyUI/custom_nodes/odd-pack/py/nodes.py", line 88, in run
    return values[3]
IndexError: list index out of range

Prompt executed in 0.12 seconds
"""

INVOKE = """[2025-03-26 09:14:15,726]::[InvokeAI]::ERROR --> Error while invoking session 1, invocation 2 (denoise_latents): odd
[2025-03-26 09:14:15,726]::[InvokeAI]::ERROR --> Traceback (most recent call last):
  File "C:\\i\\.venv\\Lib\\site-packages\\invokeai\\app\\services\\session_processor\\session_processor_default.py", line 129, in run_node
    output = invocation.invoke_internal(context=context, services=self._services)
  File "C:\\i\\.venv\\Lib\\site-packages\\invokeai\\app\\invocations\\denoise_latents.py", line 12, in invoke
    raise AssertionError("odd")
AssertionError: odd
"""

SDNEXT = """22:02:35-140121 ERROR    Load model: file="/m/x.safetensors" odd failure
╭───────────────────── Traceback (most recent call last) ─────────────────────╮
│ /home/a/sdnext/modules/sd_models.py:222 in load_diffuser                    │
│                                                                             │
│   221 │   try:                                                              │
│ ❱ 222 │   │   model = load(x)                                               │
│                                                                             │
│ /home/a/sdnext/venv/lib/python3.11/site-packages/oddlib/loading.py:12 in lo │
│ ad                                                                          │
╰─────────────────────────────────────────────────────────────────────────────╯
KeyError: 'odd.weight'
"""

KOHYA = """steps:   0%|          | 0/300 [00:00<?, ?it/s]Traceback (most recent call last):
  File "/k/sd-scripts/train_network.py", line 1000, in <module>
    trainer.train(args)
  File "/k/sd-scripts/library/train_util.py", line 12, in step
    raise ZeroDivisionError
ZeroDivisionError: division by zero
Traceback (most recent call last):
  File "/k/venv/bin/accelerate", line 8, in <module>
    sys.exit(main())
  File "/k/venv/lib/python3.10/site-packages/accelerate/commands/launch.py", line 637, in simple_launcher
    raise subprocess.CalledProcessError(returncode=process.returncode, cmd=cmd)
subprocess.CalledProcessError: Command '['/k/venv/bin/python', 'train_network.py']' returned non-zero exit status 1.
"""

UNKNOWN = {
    "import": (IMPORT_FAILED, "ModuleNotFoundError", "ComfyUI-Odd", "launch", 10),
    "extension": (EXTENSION, "ImportError", "sd-webui-odd", "launch", 7),
    "execution": (EXECUTION, "IndexError", "odd-pack", "generate", 8),
    "invoke": (INVOKE, "AssertionError", "InvokeAI", "generate", 7),
    "sdnext": (SDNEXT, "KeyError", "webui", "load", 11),
    "kohya": (KOHYA, "ZeroDivisionError", "sd-scripts", "train", 6),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_an_unknown_failure_has_exception_owner_stage_and_line(name):
    log, exception, owner, stage, line = UNKNOWN[name]
    assert causes(log) == [f"?{exception}"]
    (found,) = unknown(log)
    assert (found.owner.name, found.unit.stage, found.line) == (owner, stage, line)


def test_a_fingerprint_is_the_same_elsewhere_and_another_for_another_place():
    elsewhere = EXECUTION.replace("/w/", "/home/bob/").replace("line 88", "line 90")
    other = EXECUTION.replace("in run", "in other")
    (one,), (same,), (different,) = unknown(EXECUTION), unknown(elsewhere), unknown(other)
    assert one.fingerprint == same.fingerprint != different.fingerprint


def test_two_owners_are_two_problems():
    second = IMPORT_FAILED.replace("ComfyUI-Odd", "ComfyUI-Even").replace("oddlib", "evenlib")
    assert len(causes(IMPORT_FAILED + second)) == 2


def test_the_last_failing_run_decides():
    early = (
        '** ComfyUI startup time: 1\nTraceback (most recent call last):\n  File "/w/main.py", line 1, in <module>\n'
        "    import torch\nModuleNotFoundError: No module named 'torch'\nPress any key to continue . . .\n"
    )
    late = "** ComfyUI startup time: 2\n" + "got prompt\n" * 10 + EXECUTION
    assert causes(early + late) == ["?IndexError"]
    both = read(early + late, every_run=True).diagnosis
    assert both.runs == 2
    assert len(both.causes) == 2


def test_the_cause_comes_before_what_follows_from_it():
    log = (
        "WARNING: Retrying (Retry(total=0)) after connection broken by 'ProxyError('Cannot connect to proxy.')': /simple/torch/\n"
        "ERROR: Could not find a version that satisfies the requirement torch==2.1.2 (from versions: none)\n"
        "ERROR: No matching distribution found for torch==2.1.2\n"
        "RuntimeError: Couldn't install torch.\n"
    )
    found = read(log).diagnosis.causes
    assert [cause.failure.signature.id for cause in found] == ["pip-proxy-unreachable"]
    assert {item.signature.id for item in found[0].consequences} >= {
        "torch-no-matching-distribution"
    }


@pytest.mark.parametrize(
    "line",
    [
        "Launching Web UI with arguments: --no-half-vae --xformers",
        'Command: "python" -m pip install git+https://github.com/TencentARC/GFPGAN.git',
        "Running on local URL:  http://127.0.0.1:7860",
        'Namespace(ckpt="CUDA out of memory.ckpt")',
        "C:\\sd>python launch.py --skip-torch-cuda-test",
    ],
)
def test_a_command_line_proves_nothing(line):
    assert causes(line) == []


def test_commands_are_those_of_the_installation():
    from sdops.explain.remedies import remedies

    log = IMPORT_FAILED.replace("oddlib", "insightface") + "\n"
    numpy = "** Python executable: C:\\ai\\python_embeded\\python.exe\n** Python version: 3.12.7\nRuntimeError: Numpy is not available\n"
    found = read(numpy)
    (first, *_) = remedies(found.diagnosis.causes[0].failure, found.facts)
    assert first.commands[0].line == '.\\python_embeded\\python.exe -s -m pip install "numpy<2"'
    newer = read(numpy.replace("3.12.7", "3.14.0"))
    assert remedies(newer.diagnosis.causes[0].failure, newer.facts)[0].commands == ()
    assert causes(log) == ["insightface-missing"]
