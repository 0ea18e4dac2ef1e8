"""Scans one model file: every pickle in it, in every reading that some loader may take."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import NamedTuple

from sdops.checkpoint import formats
from sdops.checkpoint.files.source import BudgetError, BytesSource, Part, Source
from sdops.checkpoint.formats.contents import Contents
from sdops.checkpoint.formats.zip_reader import has_end_record
from sdops.checkpoint.formats.zips import is_storage
from sdops.checkpoint.scan.judge import Judge, Judgment, Reference, Verdict
from sdops.checkpoint.scan.likely import may_hold
from sdops.checkpoint.scan.policy import Policy
from sdops.checkpoint.trace.streams import may_be_pickle, whole_streams
from sdops.checkpoint.trace.values import Blob, Call, Trace, Value, is_plausible
from sdops.checkpoint.types import Container, Problem

MAX_DEPTH = 6
MAX_PARTS = 5000
_MAX_KEPT = 200
_MAX_NOTED = 1000
_PIECE_BYTES = 1 << 18
_ARCHIVES = frozenset({Container.TAR, Container.ZIP, Container.NPZ, Container.TORCH_ZIP,
                       Container.TORCHSCRIPT, Container.TRUNCATED})  # fmt: skip
# Only torch's own C++ reader knows these; Python's unpickler finds no such modules.
_TORCHSCRIPT_MODULE = "__torch__"


class FileScan(NamedTuple):
    """What was found in one file."""

    path: str
    verdict: Verdict
    container: str
    size_bytes: int
    pickles: int
    references: tuple[Reference, ...]
    judgments: tuple[tuple[str | None, Judgment], ...]
    """With the member that each was made in."""
    problems: tuple[Problem, ...]
    weights: bool = False
    """Whether tensors were found in it that could be saved without running anything."""
    left_out: int = 0
    """Judgments, references and problems beyond the number that is kept."""


def scan_source(path: str, source: Source, policy: Policy) -> FileScan:
    """Looks through the file `path`, which is open as `source`; nothing in it is run."""
    examination = _Examination(policy)
    container = examination.look(source, None, 0)
    examination.other_programs(path, source, container, None)
    return FileScan(
        path=path,
        verdict=_verdict(examination),
        container=container.value,
        size_bytes=source.size,
        pickles=examination.pickles,
        references=tuple(examination.references.values())[:_MAX_KEPT],
        judgments=tuple(examination.judgments[:_MAX_KEPT]),
        problems=tuple(examination.problems[:_MAX_KEPT]),
        weights=examination.weights,
        left_out=sum(
            max(0, len(found) - _MAX_KEPT)
            for found in (examination.references, examination.judgments, examination.problems)
        ),
    )


def _verdict(examination: _Examination) -> Verdict:
    verdicts = [judgment.verdict for _, judgment in examination.judgments]
    for problem in examination.problems:
        if problem.blocking:
            verdicts.append(Verdict.UNREADABLE)
        elif problem.hostile:
            verdicts.append(Verdict.SUSPICIOUS)
        elif problem.unjudged:
            verdicts.append(Verdict.NOT_JUDGED)
    return max(verdicts, default=Verdict.SAFE)


class _Examination:
    """Collects what the file and the files inside it hold."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.pickles = 0
        self.parts = 0
        self.weights = False
        self.references: dict[tuple[str, str, str | None], Reference] = {}
        self.judgments: list[tuple[str | None, Judgment]] = []
        self.problems: list[Problem] = []

    def problem(self, problem_id: str, text: str, member: str | None = None) -> None:
        self.problems.append(Problem(problem_id, text, member, blocking=True))

    def look(self, source: Source, name: str | None, depth: int) -> Container:
        """Reads `source` in every way that makes sense; `name` is its place in the file."""
        self.parts += 1
        if depth > MAX_DEPTH or self.parts > MAX_PARTS:
            limit = "deeper" if depth > MAX_DEPTH else "more"
            self.problem("nesting-limit", f"Files stand in files {limit} than is followed.", name)
            return Container.UNKNOWN
        container = formats.recognize(source)
        contents = formats.read(source, container)
        self._take(contents, name, depth)
        if depth == 0 or container is not Container.UNKNOWN:
            self._other_readings(container, source, name, depth)
        return container

    def _take(self, contents: Contents, name: str | None, depth: int) -> None:
        if contents.container is Container.TORCHSCRIPT:
            text = "This is a TorchScript program, not only weights; sdops cannot judge programs."
            self.problems.append(Problem("torchscript-program", text, name, unjudged=True))
        self.weights |= depth == 0 and bool(contents.tensors or contents.storages)
        for number, trace in enumerate(contents.traces):
            self._trace(trace, number, contents, name, depth)
        for nested in contents.nested:
            if self.parts > MAX_PARTS:
                break  # which is reported by now
            source = nested.unpack()
            if source is not None:
                self._nested(source, contents, name, nested.name, depth)
        if contents.container is Container.HDF5:
            text = "sdops does not read HDF5; it only looked for Keras layers that hold code."
            contents.problems = [Problem("not-readable-here", text, unjudged=True)]
        told = [item for item in contents.problems if depth == 0 or not item.unjudged]
        for problem in sorted(told, key=_is_passable)[:_MAX_NOTED]:
            self.problems.append(problem._replace(member=_place(name, problem.member)))

    def _nested(
        self, source: Source, contents: Contents, name: str | None, member: str, depth: int
    ) -> None:
        place = _place(name, member)
        # Where the directory is lost, what stands in a storage is weights, unless it is whole.
        lost = contents.container is Container.TRUNCATED and is_storage(member)
        if lost and not any(trace.complete and trace.globals for trace in whole_streams(source)):
            return
        container = self.look(source, place, depth + 1)
        if contents.container is not Container.TORCHSCRIPT:
            self.other_programs(member, source, container, place)

    def other_programs(
        self, name: str, source: Source, container: Container, inside: str | None
    ) -> None:
        """Looks for programs that are not pickles, in the kinds of files that have them."""
        if not may_hold(name, source, container):
            return
        from sdops.checkpoint.scan import programs

        self.problems += programs.problems(name, source, container, inside)
        self.judgments += programs.judgments(name, source, container, inside)

    def _other_readings(
        self, container: Container, source: Source, name: str | None, depth: int
    ) -> None:
        """What loaders would find that take the file for something else."""
        head = source.read(0, formats.HEAD_BYTES)
        others = []
        if container is Container.TAR and has_end_record(source):
            self._take(formats.read(source, Container.ZIP), name, depth)  # or a member's own
        elif container not in _ARCHIVES and has_end_record(source):
            others.append(Container.ZIP)
        if container not in formats.TAR.containers:
            others += [found] if (found := formats.TAR.recognize(head, source)) else []
        for other in others:
            text = f"The file is {container} to some readers and {other} to others."
            self.problems.append(Problem("several-formats", text, name, hostile=True))
            self._take(formats.read(source, other), name, depth)
        if container not in formats.PICKLES.containers and may_be_pickle(head):
            traces = whole_streams(source)
            if any(map(_runs_something, traces)):
                text = f"The file is {container} to some readers and a pickle to others."
                self.problems.append(Problem("several-formats", text, name, hostile=True))
                for number, trace in enumerate(traces):
                    self._trace(trace, number, Contents(Container.PICKLE), name, depth)

    def _trace(
        self,
        trace: Trace,
        number: int,
        contents: Contents,
        name: str | None,
        depth: int,
    ) -> None:
        self.pickles += 1
        member = _place(name, trace.member)
        judge = Judge(trace, self.policy, member)
        torchscript = contents.container is Container.TORCHSCRIPT
        for reference in judge.references():
            if not (torchscript and _is_torchscript(reference.module)):
                key = (reference.module, reference.name, member)
                self.references.setdefault(key, reference)
        for judgment in judge.judgments():
            if not (torchscript and _is_torchscript(judgment.module)):
                self.judgments.append((member, judgment))
            if len(self.judgments) > _MAX_NOTED and judgment.verdict is Verdict.DANGEROUS:
                break  # it cannot become worse, and nobody reads more
        self._faults(trace, number, member)
        for call, payload in judge.context.payloads:
            if self.parts <= MAX_PARTS:
                self._payload(call, payload, trace.source, member, depth)

    def _faults(self, trace: Trace, number: int, member: str | None) -> None:
        for text, offset in trace.odd[:3]:
            self.problems.append(Problem("pickle-odd", text, member, offset, hostile=True))
        if not trace.fault:
            return
        eventful = any(map(is_plausible, trace.globals.values()))
        if trace.over_budget:
            self.problems.append(Problem("pickle-budget", trace.fault, member, trace.fault_offset,
                                         blocking=True))  # fmt: skip
        elif number == 0 or eventful:
            self.problems.append(Problem("pickle-damaged", trace.fault, member,
                                         trace.fault_offset, blocking=True))  # fmt: skip
        else:
            text = "After the pickle come bytes that are none."
            self.problems.append(Problem("trailing-bytes", text, member, trace.offset))

    def _payload(
        self, call: Call, payload: Value, source: Source, member: str | None, depth: int
    ) -> None:
        """Looks into bytes that a call would unpickle."""
        name = _place(member, f"(bytes unpickled at {call.offset})")
        try:
            data = _payload_source(payload, source)
        except BudgetError as error:
            self.problem("unpacking-limit", str(error), name)
            return
        except UnicodeError:
            self.problem("payload-unreadable", "Bytes that it unpickles cannot be read.", name)
            return
        self.look(data, name, depth + 1)


def _is_passable(problem: Problem) -> bool:
    return not problem.blocking


def _payload_source(payload: Value, source: Source) -> Source:
    """The bytes that a pickle in `source` holds as bytes, or as text of latin-1 characters."""
    if isinstance(payload, Blob) and payload.encoding is None:
        return Part(source, payload.offset, payload.size)
    if isinstance(payload, Blob):
        from sdops.checkpoint.formats.unpacking import spool

        text = Part(source, payload.offset, payload.size)
        return spool(_recoded(text, payload.encoding or ""), source.allowance)
    data = payload.encode("latin-1") if isinstance(payload, str) else payload
    return BytesSource(data, source.allowance)


def _recoded(text: Source, encoding: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding.replace("-", "_"))()
    for offset in range(0, text.size, _PIECE_BYTES):
        last = offset + _PIECE_BYTES >= text.size
        yield decoder.decode(text.read(offset, _PIECE_BYTES), last).encode("latin-1")


def _runs_something(trace: Trace) -> bool:
    """Whether a pickle imports or calls; one that stops early counts by what has a real name."""
    if trace.complete:
        return bool(trace.calls or trace.computed or trace.globals)
    return trace.over_budget or any(is_plausible(call.callee) for call in trace.calls)


def _is_torchscript(module: str) -> bool:
    return module.partition(".")[0] == _TORCHSCRIPT_MODULE


def _place(outer: str | None, inner: str | None) -> str | None:
    if outer is None or inner is None:
        return outer or inner
    return f"{outer} › {inner}"
