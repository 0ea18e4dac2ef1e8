"""Walks one extension from the files that its UI loads to all that those surely load in turn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from sdops.facts.sources.folders import Folders, names_below
from sdops.facts.sources.host_tree import HostTree
from sdops.facts.sources.source import Import, Source, read, skim
from sdops.facts.types import SourceFault

_FILES = 400


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the code of an extension may import besides its own files."""

    importable: frozenset[str] | None
    """Top-level modules of the environment; None where they are not known."""
    host: HostTree
    folders: Folders
    python: tuple[int, int] | None


@dataclass
class Pack:
    """One folder of code, and what is loaded of it."""

    root: Path
    entries: tuple[Path, ...]
    around: Surroundings
    skimmed: bool = False
    """Whether its files are skimmed for imports, which is fast and may see some that are none."""
    sources: dict[Path, Source] = field(default_factory=dict)
    unread: list[Path] = field(default_factory=list)

    def load(self) -> None:
        """Reads all that is surely loaded, from the entries on."""
        waiting = list(self.entries)
        while waiting and len(self.sources) < _FILES:
            path = waiting.pop()
            if path in self.sources:
                continue
            try:
                source = skim(path) if self.skimmed else self._read(path)
            except OSError:
                self.unread.append(path)
                continue
            self.sources[path] = source
            for each in source.imports:
                if each.at_load and not each.guarded:
                    waiting += self._own(path, each)

    def _read(self, path: Path) -> Source:
        return read(path, self.around.host.hosts_wanted, self.around.python)

    def confirmed(self) -> Iterator[SourceFault]:
        """The faults of a pack that was skimmed, after their files were read."""
        for path in dict.fromkeys(Path(fault.file) for fault in self.faults()):
            self.sources[path] = self._read(path)
        yield from self.faults()

    @property
    def installs(self) -> bool:
        """Whether any of its files runs pip when it is loaded."""
        return any(source.installs for source in self.sources.values())

    def faults(self) -> Iterator[SourceFault]:
        """What surely fails, when the pack is loaded or when its functions run."""
        for path, source in self.sources.items():
            if source.fault is not None:
                line, message = source.fault
                yield SourceFault("syntax", message, str(path), line, at_load=True)
            for each in source.imports:
                yield from self._import_fault(path, each)
            yield from self._use_faults(source)

    def _import_fault(self, path: Path, each: Import) -> Iterator[SourceFault]:
        if each.guarded:
            return
        top = each.module.partition(".")[0]
        if each.level:
            if each.at_load and each.module and not self._is_own(path, each):
                yield self._fault("file", "." * each.level + each.module, path, each)
        elif top in self.around.host.hosts_wanted:
            yield from self._host_fault(path, each)
        elif each.at_load and not self.installs and self._is_nowhere(top):
            yield self._fault("module", top, path, each)

    def _host_fault(self, path: Path, each: Import) -> Iterator[SourceFault]:
        host = self.around.host
        if self._is_own(path, each):
            return
        has = host.has(each.module)
        if has is False:
            yield self._fault("host-module", each.module, path, each)
        elif has and each.name not in (None, "*"):
            names = host.names(each.module)
            dotted = f"{each.module}.{each.name}"
            if each.name not in names.known and not names.open and not host.has(dotted):
                yield self._fault("host-name", dotted, path, each)

    def _use_faults(self, source: Source) -> Iterator[SourceFault]:
        host = self.around.host
        seen = set()
        for use in source.uses:
            module, name = host.resolve(use.dotted)
            if not module or name is None or name.startswith("__"):
                continue
            names = host.names(module)
            dotted = f"{module}.{name}"
            if name in names.known:
                signature = names.known[name]
                if use.positional is None or signature is None or dotted != use.dotted:
                    continue
                refused = signature.refuses(use.positional, use.keywords)
                if refused and dotted not in source.patched:
                    yield SourceFault(
                        "host-call", dotted, str(source.path), use.line, detail=refused
                    )
            elif not names.open and name not in source.texts and dotted not in seen:
                seen.add(dotted)
                yield SourceFault("host-name", dotted, str(source.path), use.line)

    def _fault(self, kind: str, subject: str, path: Path, each: Import) -> SourceFault:
        return SourceFault(kind, subject, str(path), each.line, at_load=each.at_load)

    def _is_nowhere(self, top: str) -> bool:
        known = self.around.importable
        return known is not None and top not in known and top not in self._names_inside

    @cached_property
    def _names_inside(self) -> frozenset[str]:
        """Every module name anywhere in the pack: it may put any of its folders on the path."""
        return frozenset(names_below(self.root))

    def _is_own(self, path: Path, each: Import) -> bool:
        base = self._base(path, each)
        return base is None or self.around.folders.has(base)

    def _base(self, path: Path, each: Import) -> Path | None:
        """Where the module of `each` is, without its suffix; None if that is outside the pack."""
        if each.level:
            folder = path.parent
            for _ in range(each.level - 1):
                folder = folder.parent
            if folder != self.root and self.root not in folder.parents:
                return None
        else:
            folder = self.root
        return folder.joinpath(*each.module.split(".")) if each.module else folder

    def _own(self, path: Path, each: Import) -> Iterable[Path]:
        """The files of the pack that `each` loads."""
        base = self._base(path, each)
        if base is None or (not each.level and not self._is_own(path, each)):
            return
        wanted = [base]
        if each.name is not None and each.name != "*":
            wanted.append(base / each.name)
        if not each.level:
            parts = each.module.split(".")
            wanted += [self.root.joinpath(*parts[:count]) for count in range(1, len(parts))]
        yield from filter(None, map(self.around.folders.file_of, wanted))
