# ruff: noqa: E501
"""Finds out what loading a file would really reach, by loading it where nothing can happen.

A child process loads each sample with the C unpickler, the Python one, torch, numpy and zipfile.
Whatever is outside the policy is replaced by a stand-in that only notes what was done to it, and an
audit hook refuses every effect on the system. `Oracle.events(data)` are the notes:

    reference  something outside the policy was imported
    call       something outside the policy was called, or something that may only be referred to
    state      a class, function or loader's object was changed
    effect     the system was asked for something; refused
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import json
import os
import struct
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

_ROOT = Path(__file__).parents[2]
_TIMEOUT_S = 30


class Oracle:
    """A child process that loads samples."""

    def __init__(self) -> None:
        self._start()

    def _start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "tests.checkpoint.oracle"],
            cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def events(self, data: bytes) -> list[list[str]] | None:
        """What happened, each as [kind, module, name, loader]; None if the child was lost."""
        try:
            assert self._process.stdin
            assert self._process.stdout
            self._process.stdin.write(struct.pack("<I", len(data)) + data)
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = b""
        if not line:
            self.close()
            self._start()
            return None
        return json.loads(line)

    def close(self) -> None:
        self._process.kill()
        self._process.communicate(timeout=_TIMEOUT_S)


def must_be(events: list[list[str]]) -> str:
    """The least verdict that these events ask for."""
    kinds = {event[0] for event in events}
    if kinds & {"call", "state", "effect"}:
        return "unfamiliar" if _only_makes(events) else "dangerous"
    return "unfamiliar" if kinds else "safe"


def _only_makes(events: list[list[str]]) -> bool:
    """Whether all that was called are classes, by their names."""
    called = [event for event in events if event[0] != "reference"]
    return all(kind == "call" and name.strip("'_")[:1].isupper() for kind, _, name, _ in called)


# What follows runs in the child ----------------------------------------------------------------


def _child() -> None:
    import resource

    reply = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    loaders = _loaders()
    _sandbox()
    # What is loaded already, and room for a sample; far memo indexes ask for many gigabytes.
    limit = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize() + (
        1 << 30
    )
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    while head := sys.stdin.buffer.read(4):
        data = sys.stdin.buffer.read(struct.unpack("<I", head)[0])
        events: set[tuple[str, str, str, str]] = set()
        for label, loader in loaders.items():
            with contextlib.suppress(_StopError):  # it may ring while it is being switched off
                _watched(label, loader, data, events)
        reply.write(json.dumps(sorted(events)).encode() + b"\n")
        reply.flush()


_current: tuple[str, set] | None = None


class _StopError(BaseException):
    """The time for one load is up."""


def _watched(label, loader, data, events) -> None:
    import signal

    def ring(*_):
        if _current is not None:
            raise _StopError

    global _current
    _current = (label, events)
    # Of processor time: how busy the machine is must not decide what is reached.
    signal.signal(signal.SIGPROF, ring)
    signal.setitimer(signal.ITIMER_PROF, 0.5)
    try:
        loader(data)
    except BaseException:
        pass
    finally:
        _current = None
        signal.setitimer(signal.ITIMER_PROF, 0)


def _note(kind: str, module: str, name: str) -> None:
    if _current is not None:
        label, events = _current
        if len(events) < 100:
            events.add((kind, ascii(module)[:80], ascii(name)[:80], label))


def _sandbox() -> None:
    refused = ("os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.startfile",
               "os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.chmod",
               "os.kill", "os.truncate", "os.putenv", "subprocess.Popen", "socket.connect",
               "socket.bind", "socket.getaddrinfo", "shutil.", "ctypes.dlopen", "webbrowser.open",
               "urllib.Request", "sqlite3.connect", "pty.spawn", "ftplib.",
               "smtplib.")  # fmt: skip

    def hook(event: str, args: tuple) -> None:
        if _current is None:
            return
        write = event == "open" and isinstance(args[1], str) and set(args[1]) & set("wax+")
        # torch unpacks its tar format into a temporary folder; an open file is only wrapped.
        if event in ("os.remove", "os.rmdir") and args[1] != -1:
            return  # the temporary folder is emptied
        if args and (isinstance(args[0], int) or str(args[0]).startswith(_TEMPORARY)):
            return
        if event.startswith(refused) or write:
            _note("effect", event, repr(args)[:60])
            raise PermissionError(event)
        if event == "pickle.find_class" and not _allowed(*args):
            _note_reference(*map(str, args))
            raise PermissionError(event)

    sys.addaudithook(hook)


_TEMPORARY = str(Path(tempfile.gettempdir(), "tmp"))


def _policy():
    from sdops.checkpoint.scan.policy import load_policy

    return load_policy().entries


_ENTRIES: dict = {}


def _mapped(module: str, name: str) -> tuple[str, str]:
    from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING

    if (module, name) in NAME_MAPPING:
        return NAME_MAPPING[(module, name)]
    return IMPORT_MAPPING.get(module, module), name


def _allowed(module: str, name: str) -> bool:
    return (module, name) in _ENTRIES or _mapped(module, name) in _ENTRIES


class _Reached(type):
    """The class of stand-ins: notes what is done to the imported thing itself."""

    def __call__(cls, *args, **kwargs):
        if not cls.may_call and _exists(cls.reached[0].partition(".")[0]):
            _note("call", *cls.reached)
        return object.__new__(cls)

    def _changed(cls):
        def change(*_):
            _note("state", *cls.reached)

        return change

    __setstate__ = append = extend = add = property(_changed)

    def __setitem__(cls, key, value):
        _note("state", *cls.reached)


def _stand_in(module: str, name: str, may_call: bool) -> type:
    def new(cls, *args, **kwargs):
        if not may_call and _exists(module.partition(".")[0]):
            _note("call", module, name)
        return object.__new__(cls)

    def call(self, *args, **kwargs):
        if _exists(module.partition(".")[0]):
            _note("call", f"the result of {module}", name)
        return self

    def accept(self, *args):
        return None

    body = {"__new__": new, "__call__": call, "__setstate__": accept, "append": accept,
            "extend": accept, "add": accept, "__setitem__": accept, "may_call": may_call,
            "reached": (module, name), "__hash__": lambda self: 1,
            "__eq__": lambda self, other: self is other}  # fmt: skip
    return _Reached("StandIn", (), body)


def _find(module: str, name: str, protocol: int | None):
    """The entry of the policy for a name, and the name itself as it would be imported."""
    candidates = [(module, name), _mapped(module, name)]
    if protocol is not None:
        candidates = candidates[:1] if protocol >= 3 else candidates[1:]
    for candidate in candidates:
        if candidate in _ENTRIES:
            return _ENTRIES[candidate], candidate
    return None, candidates[-1]


@cache
def _exists(package: str) -> bool:
    if package.startswith("the loader's"):
        return True
    try:
        return importlib.util.find_spec(package) is not None
    except (ImportError, ValueError):
        return False


def _note_reference(module: str, name: str) -> None:
    """A module that is not there runs nothing when it is imported."""
    package = module.partition(".")[0]
    if package.isidentifier() and _exists(package):
        _note("reference", module, name)


def _all_stand_ins(unpickler, module, name):
    entry, real = _find(module, name, getattr(unpickler, "proto", None))
    if entry is None:
        _note_reference(*real)
    return _stand_in(*real, entry is not None and entry.callable)


def _real_where_allowed(unpickler, module, name):
    import importlib

    entry, real = _find(module, name, getattr(unpickler, "proto", None))
    if entry is None:
        _note_reference(*real)
        return _stand_in(*real, False)
    if real == ("torch.storage", "_load_from_bytes"):
        return _load_from_bytes
    try:
        return getattr(importlib.import_module(real[0]), real[1])
    except (ImportError, AttributeError):
        return _stand_in(*real, entry.callable)


def _load_from_bytes(data):
    import io

    import torch

    return torch.load(io.BytesIO(data), weights_only=False, pickle_module=_PICKLE)


def _persistent(_unpickler, identity):
    if isinstance(identity, tuple) and 3 <= len(identity) <= 4 and isinstance(identity[-3], type):
        return identity[-3]
    return object.__new__(_stand_in("the loader's object", str(type(identity)), False))


def _unpicklers():
    import pickle

    made = {}
    for base_label, base in (("c", pickle.Unpickler), ("python", pickle._Unpickler)):
        for mode, find in (("noted", _all_stand_ins), ("real", _real_where_allowed)):
            body = {"find_class": find, "persistent_load": _persistent}
            made[f"{base_label}-{mode}"] = type("Unpickler", (base,), body)
    return made


class _PickleModule:
    """What torch and numpy take for the module pickle."""

    __name__ = "pickle"
    HIGHEST_PROTOCOL = 5

    def __init__(self, unpickler):
        import pickle

        self.Unpickler = unpickler
        self.UnpicklingError = pickle.UnpicklingError
        self.Pickler = pickle.Pickler
        self.dump, self.dumps = pickle.dump, pickle.dumps

    def load(self, file, **kwargs):
        kwargs.pop("fix_imports", None)
        return self.Unpickler(file, **kwargs).load()

    def loads(self, data, **kwargs):
        import io

        return self.load(io.BytesIO(data), **kwargs)


_PICKLE: _PickleModule | None = None


def _loaders():
    global _PICKLE
    import io
    import pickle
    import zipfile

    import numpy as np
    import numpy.lib._format_impl
    import numpy.lib._npyio_impl
    import torch

    _ENTRIES.update(_policy())
    for module in {entry.module for entry in _ENTRIES.values()}:
        with contextlib.suppress(ImportError):  # what a module does when it is imported is known
            importlib.import_module(module)
    classes = _unpicklers()
    _PICKLE = _PickleModule(type("Unpickler", (classes["c-real"],), {"persistent_load": None}))
    del _PICKLE.Unpickler.persistent_load
    numpy.lib._format_impl.pickle = numpy.lib._npyio_impl.pickle = _PICKLE

    def streams(unpickler, wrap):
        def load(data):
            file = wrap(io.BytesIO(data))
            while True:
                unpickler(file, encoding="utf-8").load()

        return load

    def from_zip(data):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for name in archive.namelist():
                if name.lower().endswith("pkl"):
                    streams(classes["python-noted"], lambda file: file)(archive.read(name))

    loaders = {label: streams(unpickler, lambda file: file) for label, unpickler in classes.items()}
    loaders["c-peek"] = streams(classes["c-noted"], io.BufferedReader)
    loaders["plain"] = lambda data: pickle.load(io.BytesIO(data))
    loaders["zipfile"] = from_zip

    def from_torch(data):
        # Only from a real file does torch try its tar format.
        with os.fdopen(os.memfd_create("sample"), "w+b") as file:
            file.write(data)
            file.seek(0)
            torch.load(file, weights_only=False, pickle_module=_PICKLE, map_location="cpu")

    loaders["torch"] = from_torch
    loaders["numpy"] = lambda data: np.load(io.BytesIO(data), allow_pickle=True)["x"]
    return loaders


if __name__ == "__main__":
    _child()
