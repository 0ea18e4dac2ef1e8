"""Scanning over HTTP fetches headers and pickles only, within limits, and sends no cookies."""

from __future__ import annotations

import json
import re
import struct
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from sdops.checkpoint.files import http as http_source
from sdops.checkpoint.scan import remote
from sdops.checkpoint.scan.policy import load_policy
from tests.checkpoint.corpus.sample import SYSTEM, make_zip, system

WEIGHTS = bytes(range(256)) * 40_000  # 10 MB
_STORAGE = (b"(X\x07\0\0\0storagectorch\nByteStorage\nX\x01\0\0\x000X\x03\0\0\0cpuJ"
            + struct.pack("<i", len(WEIGHTS)) + b"tQ")  # fmt: skip
TENSOR = b"ctorch._utils\n_rebuild_tensor_v2\n(" + _STORAGE + b"K\0K\1\x85K\1\x85\x89NtR"
CLEAN = b"\x80\x02}X\x01\0\0\0w" + TENSOR + b"s."
EVIL = b"\x80\x02]" + TENSOR + b"a" + SYSTEM + b"a."
FILES = {
    "/clean.pt": make_zip({"x/data.pkl": CLEAN, "x/data/0": WEIGHTS, "x/version": b"3\n"}),
    "/evil.pt": make_zip({"x/data.pkl": EVIL, "x/data/0": WEIGHTS}),
    "/small.pkl": system(),
    "/empty.pt": b"",
}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        state = self.server.state
        state["requests"] += 1
        state["cookies"] += [self.headers[name] for name in ("Cookie", "Authorization")
                             if self.headers[name]]  # fmt: skip
        path = self.path
        if path.startswith("http://"):  # it is asked as a proxy
            path = {"http://outside.test/in": f"/to/http://127.0.0.1:{self.server.server_port}/clean.pt",
                    "http://outside.test/file": "/to/file:///etc/passwd",
                    "http://outside.test/clean.pt": "/clean.pt"}[path]  # fmt: skip
        if self._answers_oddly(path):
            return None
        if path.startswith("/jump"):
            target = "/jump" if path == "/jump/forever" else "/clean.pt"
            self.send_response(302)
            self.send_header("Location", path if path == "/jump/forever" else target)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return None
        if path.startswith("/api/"):
            return self._send(200, json.dumps({"siblings": [
                {"rfilename": "clean.pt"}, {"rfilename": "evil.pt"}]}).encode())  # fmt: skip
        plain = path.startswith("/plain")
        data = FILES.get("/" + path.rpartition("/")[2])
        if data is None:
            return self._send(404, b"no")
        wanted = re.match(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if plain or wanted is None:
            return self._send(200, data)
        start, end = int(wanted[1]), min(int(wanted[2]) + 1, len(data))
        if start >= len(data):
            return self._send(416, b"")
        if path.startswith("/short"):
            end = max(start + 1, end - 5)
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(data)}")
        self.send_header("Content-Length", str(end - start))
        self.send_header("ETag", f'"{state["requests"]}"' if "/moving" in path else '"1"')
        self.send_header("Set-Cookie", "session=1")
        self.end_headers()
        state["bytes"] += end - start
        self.wfile.write(data[start:end])
        return None

    def _answers_oddly(self, path: str) -> bool:
        kind = path.split("/")[1]
        headers = {
            "to": {"Location": path[4:], "Content-Length": "0"},
            "drip": {"Content-Range": "bytes 0-99/100", "Content-Length": "100"},
            "packed": {"Content-Range": "bytes 0-99/100", "Content-Length": "100",
                       "Content-Encoding": "gzip"},
            "nonsense": {"Content-Length": "many"},
        }.get(kind)  # fmt: skip
        if headers is None:
            return False
        self.send_response({"to": 302, "nonsense": 200}.get(kind, 206))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        for _ in range(100 if kind in ("drip", "packed") else 0):
            self.wfile.write(b"x")
            time.sleep(0.5 if kind == "drip" else 0)
        self.close_connection = True
        return True

    def _send(self, status: int, data: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Set-Cookie", "session=1")
        self.end_headers()
        self.server.state["bytes"] += len(data)
        self.wfile.write(data)


@pytest.fixture
def server():
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    httpd.state = {"requests": 0, "bytes": 0, "cookies": []}
    thread = threading.Thread(target=httpd.serve_forever, daemon=True)
    thread.start()
    yield httpd
    httpd.shutdown()
    httpd.server_close()


def _scan(server, path: str):
    address = f"http://127.0.0.1:{server.server_port}{path}"
    return list(remote.scan_address(address, load_policy()))


def test_weights_are_not_fetched(server):
    for name, verdict in (("clean", "safe"), ("evil", "dangerous")):
        server.state["bytes"] = 0
        (outcome,) = _scan(server, f"/{name}.pt")
        assert outcome.scan is not None, outcome
        assert outcome.scan.verdict.word == verdict
        assert outcome.scan.size_bytes == len(FILES[f"/{name}.pt"])
        assert server.state["bytes"] < 700_000


def test_neither_cookies_nor_credentials_are_sent(server, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    _scan(server, "/clean.pt")
    assert server.state["requests"] > 1
    assert server.state["cookies"] == []


def test_redirects_are_followed_a_few_times(server):
    (good,) = _scan(server, "/jump/once")
    assert good.scan is not None
    (forever,) = _scan(server, "/jump/forever")
    assert "redirects again and again" in forever.fault


def test_a_server_without_ranges_is_read_if_the_file_is_small(server, monkeypatch):
    (small,) = _scan(server, "/plain/small.pkl")
    assert small.scan.verdict.word == "dangerous"
    monkeypatch.setattr(http_source, "_MOST_BYTES", 1_000_000)
    (large,) = _scan(server, "/plain/clean.pt")
    assert "does not send parts" in large.fault


@pytest.mark.parametrize(
    "path",
    [
        "/absent.pt",
        "/short/clean.pt",
        "/moving/clean.pt",
        "/packed",
        "/nonsense",
        "/to/file:///etc/passwd",
    ],
)
def test_what_cannot_be_read_to_the_end_is_a_fault(server, path):
    (outcome,) = _scan(server, path)
    assert outcome.scan is None
    assert outcome.fault


def test_budgets_of_bytes_and_requests_hold(server, monkeypatch):
    monkeypatch.setattr(http_source, "_MOST_REQUESTS", 1)
    (outcome,) = _scan(server, "/clean.pt")
    assert "more would be fetched" in outcome.fault


def test_a_server_that_drips_does_not_hold_the_scan_up(server, monkeypatch):
    monkeypatch.setattr(remote, "_MOST_SECONDS", 1)
    begin = time.monotonic()
    (outcome,) = _scan(server, "/drip/x.pt")
    assert "too slow" in outcome.fault
    assert time.monotonic() - begin < 30  # of the 50 that it takes to the end


def test_a_redirect_from_outside_does_not_lead_in(server, monkeypatch):
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    policy = load_policy()
    (good,) = remote.scan_address("http://outside.test/clean.pt", policy)
    assert good.scan is not None
    for name in ("in", "file"):
        (outcome,) = remote.scan_address(f"http://outside.test/{name}", policy)
        assert "not followed" in outcome.fault


def test_an_empty_file_is_told_as_such(server):
    (outcome,) = _scan(server, "/empty.pt")
    assert outcome.scan.container == "empty"


def test_a_repository_on_the_hub_is_scanned_file_by_file(server, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    found = list(remote.scan_address("hf://owner/name", load_policy()))
    verdicts = {outcome.path: outcome.scan.verdict.word for outcome in found}
    assert verdicts == {
        "hf://owner/name/clean.pt": "safe", "hf://owner/name/evil.pt": "dangerous"}  # fmt: skip
    (one,) = remote.scan_address("hf://owner/name@v1/evil.pt", load_policy())
    assert one.scan.verdict.word == "dangerous"
    (wrong,) = remote.scan_address("hf://nothing", load_policy())
    assert "hf://owner/name/file" in wrong.fault


def test_a_server_that_is_not_there_is_a_fault():
    (outcome,) = remote.scan_address("http://127.0.0.1:9/x.pt", load_policy())
    assert "cannot be fetched" in outcome.fault
