"""Generated model files: every published way to hide code, every container trick, and good files.

Payloads are harmless (`echo`), and no test runs them.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.checkpoint.corpus.sample import Sample


def attacks() -> Iterator[Sample]:
    """Samples that a scanner must not call safe."""
    from tests.checkpoint.corpus import (
        advisories,
        archives,
        arguments,
        denial,
        opcodes,
        readers,
        seven_zip,
    )

    yield from advisories.samples()
    yield from opcodes.samples()
    yield from archives.samples()
    yield from denial.samples()
    yield from seven_zip.samples()
    yield from readers.samples()
    yield from arguments.samples()


def good() -> Iterator[Sample]:
    """Samples that a scanner must call safe."""
    from tests.checkpoint.corpus import benign, readers

    yield from benign.samples()
    yield from readers.good()
