"""Metadata and program headers from strangers never raise, whatever their bytes are."""

from __future__ import annotations

import re
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from sdops.facts.patient import executable_header, metadata, xformers_build
from tests import pythons

lines = st.one_of(
    st.binary(max_size=80),
    st.sampled_from([b"Name: torch", b"Version: 2.1.2+cu121", b"Requires-Dist: numpy", b"",
                     b"name:", b"Version: \xff", b"Name: ../../x", b"Requires-Python: >=3.8"]),
)  # fmt: skip


@given(st.lists(lines, max_size=30), st.sampled_from([b"\n", b"\r\n"]))
def test_metadata_is_read_or_refused(content: list[bytes], ending: bytes) -> None:
    found = metadata.parse(ending.join(content))
    if found is not None:
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", found.name)
        assert found.version.isprintable()


def test_the_description_is_not_the_header() -> None:
    found = metadata.parse(b"Name: a\r\nVersion: 1\r\n\r\nName: b\r\nRequires-Dist: c\r\n")
    assert found == metadata.Metadata("a", "1", (), None)


@given(st.sampled_from([b"", b"\x7fELF", b"MZ", b"\xca\xfe\xba\xbe", b"\xcf\xfa\xed\xfe"]),
       st.binary(max_size=200))  # fmt: skip
def test_program_headers_are_read_or_refused(magic: bytes, rest: bytes) -> None:
    found = executable_header.parse(magic + rest)
    assert found is None or found.bits in (32, 64, None)


def test_program_headers() -> None:
    assert executable_header.parse(pythons.ELF_X86_64) == executable_header.Header(64, "x86_64")
    assert executable_header.parse(pythons.PE_X86) == executable_header.Header(32, "x86")
    mach = b"\xcf\xfa\xed\xfe\x0c\x00\x00\x01" + bytes(24)
    assert executable_header.parse(mach) == executable_header.Header(64, "arm64")
    assert executable_header.parse(b"#!/bin/sh\n") is None


@settings(max_examples=50)
@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=9),
        lambda inner: st.dictionaries(
            st.sampled_from(["version", "env", "cuda", "torch", "TORCH_CUDA_ARCH_LIST"]), inner
        ),
        max_leaves=9,
    )
)
def test_a_strange_cpp_lib_json_is_no_fault(record: object) -> None:
    import json
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        site_packages = Path(folder)
        pythons.text(site_packages / "xformers" / "__init__.py", "")
        pythons.text(site_packages / "xformers" / "cpp_lib.json", json.dumps(record))
        build = xformers_build.read(site_packages, "0.0.35")
    assert build is not None
    assert build.version == "0.0.35"
