# ruff: noqa: E501
"""One sample for each published advisory whose gadget is known.

Sources: the security advisories of mmaitre314/picklescan, trailofbits/fickling,
protectai/modelscan and pytorch/pytorch; JFrog's and ReversingLabs' reports of 2025.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.checkpoint.corpus.sample import (
    COMMAND,
    DANGEROUS,
    SUSPICIOUS,
    SYSTEM,
    Sample,
    call,
    name,
    short,
    stack_name,
    system,
    text,
)

# Advisory: module, name, arguments. Dotted names need protocol 4.
GADGETS = {
    "CVE-2025-1716": ("pip", "main", ("install", "nothing")),
    "GHSA-9m3x-qqw2-h32h": ("torch.utils.bottleneck.__main__", "run_cprofile", ("1", "{}")),
    "GHSA-4whj-rm5r-c2v8": ("torch.utils.bottleneck.__main__", "run_autograd_prof", ("1", "{}")),
    "GHSA-86cj-95qr-2p4f": ("torch._dynamo.guards", "GuardBuilder.get", ("1",)),
    "GHSA-f4x7-rfwp-v3xw": (
        "torch.fx.experimental.symbolic_shapes", "ShapeEnv.evaluate_guards_expression", ("1",)),
    "GHSA-f745-w6jp-hpxx": ("torch.utils.collect_env", "run", (COMMAND,)),
    "GHSA-jhph-76pp-mggw": ("torch.utils.collect_env", "run_and_read_all", (COMMAND,)),
    "GHSA-h3qp-7fh3-f8h4": ("torch.utils.data.datapipes.utils.decoder", "basichandlers", ("pkl",)),
    "GHSA-vr7h-p6mm-wpmh": ("torch.jit.unsupported_tensor_ops", "execWrapper", ("1",)),
    "GHSA-vv6j-3g6g-2pvj": ("torch.utils._config_module", "ConfigModule.load_config", ("x",)),
    "GHSA-5qwp-399c-mjwf": ("trace", "Trace.run", ("1",)),
    "GHSA-g344-hcph-8vgg": ("trace", "Trace.runctx", ("1",)),
    "GHSA-x696-vm39-cp64": ("profile", "Profile.run", ("1",)),
    "GHSA-6vqj-c2q5-j97w": ("profile", "Profile.runctx", ("1",)),
    "GHSA-7wx9-6375-f5wh": ("profile", "run", ("1",)),
    "GHSA-f54q-57x4-jg88": ("lib2to3.pgen2.grammar", "Grammar.loads", ("x",)),
    "GHSA-p9w7-82w4-7q8m": ("lib2to3.pgen2.pgen", "ParserGenerator.make_label", ("x",)),
    "GHSA-3vg9-h568-4w9m": ("idlelib.debugobj", "ObjectTreeItem.SetText", ("x",)),
    "GHSA-6w4w-5w54-rjvr": ("idlelib.autocomplete", "AutoComplete.get_entity", ("x",)),
    "GHSA-7cq8-mj8x-j263": ("idlelib.autocomplete", "AutoComplete.fetch_completions", ("x",)),
    "GHSA-cj3c-v495-4xqh": ("code", "InteractiveInterpreter.runcode", ("x",)),
    "GHSA-8r4j-24qv-fmq9": ("idlelib.calltip", "Calltip.fetch_tip", ("x",)),
    "GHSA-9xph-j2h6-g47v": ("idlelib.calltip", "get_entity", ("x",)),
    "GHSA-xp4f-hrf8-rxw7": ("ensurepip", "_run_pip", ("x",)),
    "GHSA-m869-42cg-3xwr": ("idlelib.run", "Executive.runcode", ("x",)),
    "GHSA-j343-8v2j-ff7w": ("idlelib.pyshell", "ModifiedInterpreter.runcommand", ("x",)),
    "GHSA-3gf5-cxq9-w223": ("idlelib.pyshell", "ModifiedInterpreter.runcode", ("x",)),
    "GHSA-fqq6-7vqf-w3fg": ("doctest", "debug_script", ("1",)),
    "GHSA-9w88-8rmg-7g2p": ("cProfile", "runctx", ("1", "{}", "{}")),
    "GHSA-49gj-c84q-6qm9": ("cProfile", "run", ("1",)),
    "GHSA-q77w-mwjj-7mqx": ("asyncio.unix_events", "_UnixSubprocessTransport._start", ("x",)),
    "GHSA-m273-6v24-x4m4": ("distutils.file_util", "write_file", ("x",)),
    "GHSA-4675-36f9-wf6r": ("ctypes", "CDLL", ("x",)),
    "GHSA-vqmv-47xg-9wpr": ("pty", "spawn", (COMMAND,)),
    "GHSA-r8g5-cgf2-4m4m": ("numpy.f2py.crackfortran", "getlincoef", ("1", "x")),
    "GHSA-v7x6-rv5q-mhwc": ("timeit", "timeit", ("1",)),
    "GHSA-vvpj-8cmc-gx39": ("pkgutil", "resolve_name", ("os:system",)),
    "GHSA-g38g-8gr9-h9xp-uuid": ("uuid", "_get_command_stdout", (COMMAND,)),
    "GHSA-g38g-8gr9-h9xp-osx": ("_osx_support", "_read_output", (COMMAND,)),
    "GHSA-g38g-8gr9-h9xp-aix": ("_aix_support", "_read_cmd_output", (COMMAND,)),
    "GHSA-g38g-8gr9-h9xp-imaplib": ("imaplib", "IMAP4_stream", (COMMAND,)),
    "GHSA-g38g-8gr9-h9xp-pager": ("_pyrepl.pager", "pipe_pager", ("x", COMMAND)),
    "GHSA-g38g-8gr9-h9xp-test": ("test.support.script_helper", "assert_python_ok", ("-c", "1")),
    "GHSA-m6fh-58r7-x697-fork": ("_posixsubprocess", "fork_exec", ("x",)),
    "GHSA-m6fh-58r7-x697-site": ("site", "addsitedir", ("x",)),
    "GHSA-m6fh-58r7-x697-atexit": ("atexit", "register", ("x",)),
    "GHSA-6ggj-6f2q-f7mx": ("_interpreters", "create", ()),
    "GHSA-6ggj-6f2q-f7mx-old": ("_xxsubinterpreters", "run_string", ("0", "1")),
    "picklescan-urlopen": ("urllib.request", "urlopen", ("http://localhost/",)),
    "picklescan-fileio": ("_io", "FileIO", ("/dev/null",)),
    "picklescan-logging": ("logging", "FileHandler", ("/dev/null",)),
    "picklescan-importlib": ("importlib", "import_module", ("os",)),
    "picklescan-marshal": ("marshal", "loads", ("x",)),
    "picklescan-codetype": ("types", "CodeType", ("x",)),
    "picklescan-cloudpickle": ("cloudpickle.cloudpickle", "_make_function", ("x",)),
    "picklescan-venv": ("venv", "create", ("x",)),
    "picklescan-inductor": ("torch._inductor.codecache", "compile_file", ("x", "x", "x")),
    "picklescan-pipepager": ("pydoc", "pipepager", ("x", COMMAND)),
    "picklescan-runpy": ("runpy", "_run_code", ("1", "{}")),
    "picklescan-bdb": ("bdb", "Bdb", ()),
    "picklescan-ssl": ("ssl", "get_server_certificate", ("localhost",)),
    "picklescan-runstring": ("numpy.testing._private.utils", "runstring", ("1", "{}")),
    "picklescan-aiohttp": ("aiohttp.client", "ClientSession", ()),
    "picklescan-httplib": ("httplib", "HTTPSConnection", ("localhost",)),
    "picklescan-commands": ("commands", "getoutput", (COMMAND,)),
    "CVE-2025-32434": ("torch.serialization", "load", ("other.pt",)),
    "torch-hub": ("torch.hub", "load", ("nobody/nothing", "x")),
    "codeop": ("codeop", "compile_command", ("1",)),
    "compileall": ("compileall", "compile_file", ("x",)),
    "linecache": ("linecache", "getlines", ("/dev/null",)),
    "sqlite": ("sqlite3", "connect", (":memory:",)),
    "webbrowser": ("webbrowser", "open", ("http://localhost/",)),
    "generator-trampoline": ("numpy.random._pickle", "__nothing", ("x",)),
    "numpy-load": ("numpy", "load", ("x.npy",)),
    "numpy-memmap": ("numpy", "memmap", ("/dev/null",)),
    "joblib-load": ("joblib.numpy_pickle", "load", ("x",)),
    "pandas": ("pandas.io.pickle", "read_pickle", ("x",)),
    "dill": ("dill._dill", "loads", ("x",)),
    "exec": ("builtins", "exec", ("1",)),
    "eval": ("builtins", "eval", ("1",)),
    "import": ("builtins", "__import__", ("os",)),
    "getattr": ("builtins", "getattr", ("x", "y")),
    "open": ("builtins", "open", ("/dev/null",)),
    "breakpoint": ("builtins", "breakpoint", ()),
    "popen": ("os", "popen", (COMMAND,)),
    "subprocess": ("subprocess", "Popen", (COMMAND,)),
    "nt": ("nt", "system", (COMMAND,)),
    "sys-exit": ("sys", "exit", ()),
    "socket": ("socket", "create_connection", ("localhost",)),
    "shutil": ("shutil", "rmtree", ("/nonexistent",)),
    "partial": ("functools", "partial", ("x",)),
    "methodcaller": ("operator", "methodcaller", ("system", COMMAND)),
}  # fmt: skip


def samples() -> Iterator[Sample]:
    """Each gadget in both ways to import it, then the advisories about parsing."""
    for advisory, (module, attribute, arguments) in GADGETS.items():
        for protocol in (2, 4):
            data = call(module, attribute, *arguments, protocol=protocol)
            yield Sample(f"{advisory}-p{protocol}", data, DANGEROUS)
        # A reference alone is enough for a program that calls what it loads.
        yield Sample(f"{advisory}-ref", b"\x80\x02" + name(module, attribute) + b".", SUSPICIOUS)
    yield from _parsing()


def _parsing() -> Iterator[Sample]:
    # picklescan issue 13: INST was not looked at.
    yield Sample("picklescan-13-inst", b"(S'1'\ni__builtin__\neval\n.", DANGEROUS)
    # picklescan issue 14: PUT and MEMOIZE mixed.
    memo = text("os") + b"q\x00" + text("system") + b"q\x01"
    memo += text("torch._utils") + b"\x94" + text("_rebuild_tensor_v2") + b"\x94"
    yield Sample("picklescan-14-memo",
                 b"\x80\x04" + memo + b"h\x00h\x01\x93" + text(COMMAND) + b"\x85R.", DANGEROUS)  # fmt: skip
    # picklescan issue 22: the safe names are put last.
    put = b"Vos\np2\n0Vsystem\np3\n0Vtorch\np0\n0VLongStorage\np1\n0g2\ng3\n\x93(Vecho\ntR."
    yield Sample("picklescan-22-put", put, DANGEROUS)
    # modelscan issue 85: attributes set with BUILD, then read by a dotted name.
    build = b"\x80\x05" + name("numpy", "prod") + b"N(Va\nVos\nd\x86bN(Vb\nVsystem\nd\x86b0"
    build += name("numpy", "prod.a") + b"p0\n" + name("numpy", "prod.b") + b"p1\n00"
    yield Sample("modelscan-85-build", build + b"g0\ng1\n\x93Vecho\n\x85R.", DANGEROUS)
    # fickling: a call whose result is dropped vanished from the analysis.
    yield Sample("fickling-pop", b"\x80\x02" + SYSTEM + b"0N.", DANGEROUS)
    # fickling pull request 108: OBJ with a function.
    yield Sample("fickling-108-obj", b'(cpty\nspawn\nS"id"\no.', DANGEROUS)
    # nullifAI (ReversingLabs, 2025): the stream breaks after the payload.
    yield Sample("nullifai-broken", b"\x80\x02" + SYSTEM + b"X\xff\xff\xff\xff", DANGEROUS)
    yield Sample("invalid-opcode", b"\x80\x02" + SYSTEM + b"\xff\xff", DANGEROUS)
    # Safe pickles, then a bad one: only the first was looked at.
    yield Sample("second-stream", b"\x80\x02N." + system(), DANGEROUS)
    yield Sample("after-garbage", b"\x80\x02N.\x00\x00\x00\x00" + system(), DANGEROUS)
    # GHSA-9gvj-pp9x-gcfr and the KeyError and type confusion reports on STACK_GLOBAL.
    yield Sample("stack-global-number",
                 b"\x80\x04" + name("os", "system") + text(COMMAND) + b"\x85R0K\x2a" + short("os")
                 + b"\x93.", DANGEROUS)  # fmt: skip
    yield Sample("memo-key-missing", b"\x80\x04" + SYSTEM + b"hc\x93.", DANGEROUS)
    yield Sample("computed-name",
                 b"\x80\x04" + short("os") + name("_codecs", "encode") + short("system")
                 + short("latin1") + b"\x86R\x93" + text(COMMAND) + b"\x85R.", DANGEROUS)  # fmt: skip
    # GHSA-955r-x9j8-7rhh, GHSA-46h3-79wf-xr6c: chains through _operator.
    chain = stack_name("_operator", "methodcaller") + short("system") + short(COMMAND) + b"\x86R"
    chain += stack_name("builtins", "__import__") + short("os") + b"\x85R\x85R."
    yield Sample("operator-chain", b"\x80\x04" + chain, DANGEROUS)
    # Black Hat 2011, "Sour Pickles".
    sour = (
        b"c__builtin__\nglobals\n(tRp100\n0c__builtin__\ncompile\n(S'x=1'\nS''\nS'exec'\ntRp101\n0"
    )
    yield Sample("sour-pickles", sour + b"c__builtin__\neval\n(g101\ng100\ntR.", DANGEROUS)
    # Python 2 names, which are mapped below protocol 3.
    for module, attribute in (("__builtin__", "eval"), ("__builtin__", "apply"),
                              ("commands", "getoutput"), ("cPickle", "loads")):  # fmt: skip
        yield Sample(f"python2-{module}-{attribute}", call(module, attribute, "1"), DANGEROUS)
