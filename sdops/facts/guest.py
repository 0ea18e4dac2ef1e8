"""Runs inside the patient's own Python, piped in through standard input; prints one line of JSON.

It is the only part of sdops that the patient ever executes. It needs Python 3.8 and its standard
library alone, imports what it is asked to import, and reports what became of it.

    python -B - MARKER SECONDS interpreter
    python -B - MARKER SECONDS import NAME
    python -B - MARKER SECONDS devices
    python -B - MARKER SECONDS kernels DEVICE
"""

import importlib
import json
import os
import sys
import time
import traceback
import warnings

TEXT_LIMIT = 4000
MATRIX_SIDE = 256
IMAGE_SIDE = 32
CHANNELS = 16
TOLERANCE = {"float32": 1e-2, "float16": 3e-2}
"""Relative errors that only a wrong computation exceeds: TensorFloat-32 rounds to 2**-11 and half
precision to 2**-11 at each step, which leaves less than 0.002 in these two operations."""


def failure(error):
    """What an exception says of itself."""
    text = str(error) or traceback.format_exception_only(type(error), error)[-1].strip()
    cause = error.__cause__
    while cause is not None and len(text) < TEXT_LIMIT:
        text += " (caused by %s: %s)" % (type(cause).__name__, cause)
        cause = cause.__cause__
    return {"ok": False, "exception": type(error).__name__, "message": text[:TEXT_LIMIT]}


def import_module(name):
    """Imports the module `name`."""
    started = time.time()
    try:
        importlib.import_module(name)
    except BaseException as error:  # SystemExit and KeyboardInterrupt are answers too
        result = failure(error)
    else:
        result = {"ok": True}
        top = sys.modules.get(name.split(".")[0])
        version = getattr(top, "__version__", None)
        result["version"] = str(version)[:100] if version is not None else None
    result["seconds"] = round(time.time() - started, 3)
    return result


def interpreter():
    """What this Python is."""
    return {"python": "%d.%d.%d" % sys.version_info[:3], "executable": sys.executable}


def devices():
    """Which devices torch sees, and what it says where it sees none."""
    import torch

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        available = torch.cuda.is_available()
        count = torch.cuda.device_count() if available else 0
    result = {"cuda_available": available, "device_count": count, "devices": ["cpu"]}
    result["device_names"] = [torch.cuda.get_device_name(index) for index in range(count)]
    result["devices"] += ["cuda:%d" % index for index in range(count)]
    if not available and (torch.version.cuda or getattr(torch.version, "hip", None)):
        result["cuda_error"] = "; ".join(str(each.message) for each in caught)[:TEXT_LIMIT]
        if not result["cuda_error"]:
            result["cuda_error"] = init_error(torch)
    if hasattr(torch.cuda, "get_arch_list"):
        result["arch_list"] = list(torch.cuda.get_arch_list())
    if torch.backends.cudnn.is_available():
        result["cudnn"] = str(torch.backends.cudnn.version())
    mps = getattr(torch.backends, "mps", None)
    if mps is not None and mps.is_available():
        result["devices"].append("mps")
    xpu = getattr(torch, "xpu", None)
    if xpu is not None and xpu.is_available():
        result["devices"] += ["xpu:%d" % index for index in range(xpu.device_count())]
        result["device_names"] += [xpu.get_device_name(i) for i in range(xpu.device_count())]
    return result


def init_error(torch):
    """The text of the exception that starting CUDA raises."""
    try:
        torch.cuda.init()
    except Exception as error:
        return str(error)[:TEXT_LIMIT]
    return None


def kernels(device):
    """One matrix product and one convolution on `device`, in single and in half precision."""
    import torch

    torch.manual_seed(0)
    left = torch.randn(MATRIX_SIDE, MATRIX_SIDE, dtype=torch.float64)
    right = torch.randn(MATRIX_SIDE, MATRIX_SIDE, dtype=torch.float64)
    image = torch.randn(1, CHANNELS, IMAGE_SIDE, IMAGE_SIDE, dtype=torch.float64)
    kernel = torch.randn(CHANNELS, CHANNELS, 3, 3, dtype=torch.float64)
    operations = (
        ("matmul", torch.matmul, left, right),
        ("conv2d", torch.nn.functional.conv2d, image, kernel),
    )
    results = []
    for name, operation, first, second in operations:
        exact = operation(first, second)
        for dtype in ("float32", "float16"):
            result = {"operation": name, "dtype": dtype, "device": device}
            try:
                kind = getattr(torch, dtype)
                got = operation(first.to(kind).to(device), second.to(kind).to(device))
                result.update(compared(torch, got.cpu().double(), exact, TOLERANCE[dtype]))
            except Exception as error:
                result.update(failure(error))
            results.append(result)
    return {"kernels": results}


def compared(torch, got, exact, tolerance):
    """How far a computed tensor is from the exact one."""
    if not bool(torch.isfinite(got).all()):
        return {"ok": False, "message": "the result holds values that are not finite"}
    error = float((got - exact).norm() / exact.norm())
    result = {"ok": error <= tolerance, "relative_error": error}
    if not result["ok"]:
        result["message"] = "the result is wrong: relative error %.3g" % error
    return result


def main(marker, seconds, task, *rest):
    """Does one task and prints its result behind `marker` on a standard output kept from others.

    After `seconds` the process tells where it hangs, and ends: nobody else may be left to end it.
    """
    import faulthandler

    # What the imports print, from Python or from C, goes to standard error.
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    faulthandler.enable()
    faulthandler.dump_traceback_later(float(seconds), exit=True)
    # Some packages read the command line when they are imported.
    sys.argv[:] = [""]
    # `python -` puts the current folder first.
    sys.path[:] = [path for path in sys.path if path not in ("", ".")]
    tasks = {"import": import_module, "interpreter": interpreter, "devices": devices,
             "kernels": kernels}  # fmt: skip
    try:
        result = tasks[task](*rest)
    except BaseException as error:
        result = failure(error)
    answer.write("\n" + marker + json.dumps(result) + "\n")
    answer.flush()
    # Whatever a broken library does at exit does not matter any more.
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
