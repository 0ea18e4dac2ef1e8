"""Verification says in plain words what became of a file, whatever form the expectation has."""

import hashlib
import json
import subprocess
import sys
import threading
import zlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdops.checkpoint.verify.manifest import parse
from sdops.report.schema import schema
from tests.checkpoint import fabricate

GOOD = fabricate.lora(768)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return fabricate.safetensors(tmp_path / "my model.safetensors", GOOD)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def verify(*arguments: object) -> tuple[int, dict[str, Any], str]:
    result = subprocess.run(
        [sys.executable, "-m", "sdops", "verify", *map(str, arguments), "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in result.stderr
    document = json.loads(result.stdout) if result.stdout else {}
    if document:
        jsonschema.validate(document, schema())
    return result.returncode, document, result.stderr


def ids(document: dict[str, Any]) -> list[str]:
    return [finding["id"] for finding in document["findings"]]


def as_sha256sum(model: Path) -> str:
    return f"{digest(model)}  {model.name}\n"


def as_bsd(model: Path) -> str:
    return f"SHA256 ({model.name}) = {digest(model).upper()}\n"


def as_short_name(model: Path) -> str:
    return f"{model.stem} [{digest(model)[:10]}]\n"


def as_lfs_pointer(model: Path) -> str:
    size = model.stat().st_size
    head = "version https://git-lfs.github.com/spec/v1\n"
    return f"{head}oid sha256:{digest(model)}\nsize {size}\n"


def as_a1111_cache(model: Path) -> str:
    entry = {"mtime": 1.0, "sha256": digest(model)}
    return json.dumps({"hashes": {f"checkpoint/{model.name}": entry, "checkpoint/x": None}})


@pytest.mark.parametrize(
    "form", [as_sha256sum, as_bsd, as_short_name, as_lfs_pointer, as_a1111_cache]
)
def test_every_form_of_list_accepts_the_file_and_refuses_an_altered_one(
    tmp_path: Path, model: Path, form: Any
) -> None:
    listing = tmp_path / "expected.list"
    listing.write_text(form(model))
    code, document, _ = verify(model, "--against", listing)
    assert (code, document["data"]["files"][0]["match"]) == (0, True)
    data = bytearray(model.read_bytes())
    data[-1] ^= 1
    model.write_bytes(data)
    code, document, _ = verify(model, "--against", listing)
    assert (code, ids(document)) == (1, ["verify-altered"])


def test_a_list_stands_for_the_files_that_it_names(tmp_path: Path, model: Path) -> None:
    listing = tmp_path / "sums.txt"
    listing.write_text(as_sha256sum(model) + f"{'0' * 64} *gone.ckpt\n")
    code, document, _ = verify(listing)
    assert code == 1
    assert ids(document) == ["verify-missing"]
    assert [file["match"] for file in document["data"]["files"]] == [True, False]


@pytest.mark.parametrize("name", ["my model.safetensors.sha256", "my model.sha256"])
def test_a_sidecar_is_found(tmp_path: Path, model: Path, name: str) -> None:
    (tmp_path / name).write_text(digest(model))
    assert verify(model)[0] == 0
    (tmp_path / name).write_text("1" * 64)
    assert verify(model)[0] == 1


@pytest.mark.parametrize("length", [8, 10, 12, 64])
def test_expect_takes_every_kind_of_hash(tmp_path: Path, model: Path, length: int) -> None:
    data = model.read_bytes()
    tensors = data[8 + int.from_bytes(data[:8], "little") :]
    known = {
        8: f"{zlib.crc32(data):08x}",
        10: digest(model)[:10],
        12: hashlib.sha256(tensors).hexdigest()[:12],
    }
    assert verify(model, "--expect", known.get(length, digest(model)))[0] == 0
    assert verify(model, "--expect", "f" * length)[0] == 1


def test_a_name_in_the_hugging_face_cache_is_a_hash(tmp_path: Path, model: Path) -> None:
    blobs = tmp_path / "models--a--b" / "blobs"
    snapshot = tmp_path / "models--a--b" / "snapshots" / "1"
    blobs.mkdir(parents=True)
    snapshot.mkdir(parents=True)
    good, bad = blobs / digest(model), blobs / ("0" * 64)
    good.write_bytes(model.read_bytes())
    bad.write_bytes(model.read_bytes())
    (snapshot / "model.safetensors").symlink_to(good)
    assert verify(snapshot)[0] == 0
    (snapshot / "other.safetensors").symlink_to(bad)
    assert ids(verify(snapshot)[1]) == ["verify-altered"]


POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'a' * 64}\nsize 4265146304\n"


@pytest.mark.parametrize(
    ("content", "rule", "says"),
    [
        (POINTER.encode(), "broken-model-files", "4265146304"),
        (
            b"<!DOCTYPE html><html><body>Please log in</body></html>",
            "broken-model-files",
            "web page",
        ),
        (b'{"error": "Invalid credentials"}', "broken-model-files", "JSON"),
        (b"", "broken-model-files", "0 bytes"),
    ],
)
def test_what_was_never_downloaded_is_said(
    tmp_path: Path, content: bytes, rule: str, says: str
) -> None:
    file = tmp_path / "model.safetensors"
    file.write_bytes(content)
    code, document, _ = verify(file)
    assert (code, ids(document)) == (1, [rule])
    assert says in document["findings"][0]["why"]


def test_a_truncated_file_says_by_how_much(tmp_path: Path, model: Path) -> None:
    model.write_bytes(model.read_bytes()[:-1000])
    code, document, _ = verify(model)
    assert (code, ids(document)) == (1, ["broken-model-files"])
    assert "1000 bytes are missing" in document["findings"][0]["why"]


def test_a_truncated_file_of_known_size_says_exactly_by_how_much(tmp_path: Path, model: Path):
    whole = model.read_bytes()
    pointer = tmp_path / "pointer"
    pointer.write_text(
        "version https://git-lfs.github.com/spec/v1\n"
        f"oid sha256:{hashlib.sha256(whole).hexdigest()}\nsize {len(whole)}\n"
    )
    model.write_bytes(whole[:-1000])
    code, document, _ = verify(model, "--against", pointer)
    assert (code, ids(document)) == (1, ["broken-model-files"])
    assert (
        f"of the {len(whole)} that it should have; 1000 bytes are missing"
        in document["findings"][0]["why"]
    )


@pytest.mark.parametrize("form", [as_sha256sum, as_bsd])
def test_a_list_is_known_by_its_content(tmp_path: Path, model: Path, form) -> None:
    sums = tmp_path / "SHA256SUMS"
    sums.write_text(form(model))
    code, document, _ = verify(sums)
    assert (code, [file["match"] for file in document["data"]["files"]]) == (0, [True])


def test_a_well_known_name_with_other_content_is_noticed(tmp_path: Path) -> None:
    file = fabricate.safetensors(tmp_path / "sd_xl_base_1.0.safetensors", GOOD)
    code, document, _ = verify(file)
    assert (code, ids(document)) == (1, ["verify-altered"])
    assert "Stable Diffusion XL 1.0 base" in document["findings"][0]["why"]


def test_nothing_known_is_no_failure(model: Path) -> None:
    code, document, _ = verify(model)
    assert (code, ids(document)) == (0, ["verify-nothing-known"])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--expect", "not-a-hash"], "is not a hash"),
        (["--against", "missing.txt"], "cannot be read"),
        (["--format", "yaml"], "no output format"),
    ],
)
def test_wrong_use_is_two(model: Path, arguments: list[str], says: str) -> None:
    code, _, stderr = (
        verify(model, *arguments) if "--format" not in arguments else _plain(model, *arguments)
    )
    assert code == 2
    assert says in stderr


def _plain(*arguments: object) -> tuple[int, dict[str, Any], str]:
    command = [sys.executable, "-m", "sdops", "verify", *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return result.returncode, {}, result.stderr


@given(st.text(), st.text())
def test_no_text_breaks_the_reader_of_lists(text: str, prefix: str) -> None:
    for expected in parse(prefix + text, "x"):
        assert all(character in "0123456789abcdefABCDEF" for character in expected.digest)


class Hub(BaseHTTPRequestHandler):
    """What Civitai and Hugging Face answer, for one known file."""

    known = ""

    def do_GET(self) -> None:
        wanted = self.path.rpartition("/")[2]
        if wanted != self.known:
            self.send_error(404)
            return
        files = [{"hashes": {"SHA256": self.known.upper(), "AutoV2": self.known[:10]}}]
        body = json.dumps({"name": "v1", "model": {"name": "Cats"}, "files": files}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_HEAD(self) -> None:
        if self.path != "/org/repo/resolve/main/my%20model.safetensors":
            self.send_error(404)
            return
        self.send_response(302)
        self.send_header("Location", "/elsewhere")
        self.send_header("X-Linked-Etag", f'"{self.known}"')
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def hub() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_civitai_is_asked_by_hash(model: Path, hub: str) -> None:
    Hub.known = digest(model)
    code, document, _ = verify(model, "--online", "--civitai-url", hub)
    assert (code, document["data"]["files"][0]["match"]) == (0, True)
    Hub.known = "0" * 64
    assert ids(verify(model, "--online", "--civitai-url", hub)[1]) == ["verify-nothing-known"]


def test_hugging_face_is_asked_by_name(model: Path, hub: str) -> None:
    Hub.known = digest(model)
    arguments = ("--online", "--repo", "org/repo", "--hub-url", hub, "--civitai-url", hub)
    assert verify(model, *arguments)[0] == 0
    Hub.known = "0" * 64
    code, document, _ = verify(model, *arguments)
    assert (code, ids(document)) == (1, ["verify-altered"])


def test_a_hub_that_does_not_answer_is_incomplete(model: Path) -> None:
    code, document, _ = verify(model, "--online", "--civitai-url", "http://127.0.0.1:9")
    assert (code, document["verdict"]) == (2, "incomplete")
    assert "cannot be reached" in document["faults"][0]
