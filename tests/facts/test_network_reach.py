"""What can be reached, tried on real servers and proxies of this machine."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from sdops.facts import network
from sdops.facts.network import outside, proxies


class Index(BaseHTTPRequestHandler):
    """An index, and, asked for a whole address, a proxy that wants no password."""

    seen: list[str]

    def do_GET(self):
        type(self).seen.append(self.path)
        status = 407 if self.path.startswith("http://locked") else 200
        self.send_response(status)
        self.end_headers()

    def do_CONNECT(self):
        type(self).seen.append(f"CONNECT {self.path}")
        self.send_error(403, "not through here")

    def log_message(self, format, *args):  # noqa: A002  (the library's name)
        pass


@pytest.fixture
def server() -> Iterator[HTTPServer]:
    handler = type("Handler", (Index,), {"seen": []})
    with HTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield running
        running.shutdown()


@pytest.fixture
def quiet(monkeypatch, server):
    """The code host stands on this machine too, so that no test leaves it."""
    monkeypatch.setattr(outside, "CODE_HOST", f"http://127.0.0.1:{server.server_port}/code")
    monkeypatch.setattr(outside, "TIMEOUT_S", 5.0)
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "PIP_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)


def by_name(environment):
    probed = network.reach(environment)
    return {item.name: item for item in probed.value}, probed.gaps


def test_index_as_pip_is_configured(server, quiet):
    url = f"http://127.0.0.1:{server.server_port}/simple/"
    found, gaps = by_name({"PIP_INDEX_URL": url})
    assert found["package-index"].ok
    assert found["package-index"].target == url
    assert found["package-index"].through_proxy is None
    assert found["code-host"].ok
    assert found["dns"].ok
    assert gaps == ()
    assert sorted(server.RequestHandlerClass.seen) == ["/code", "/simple/"]


def test_proxy_is_used_and_its_password_is_not_shown(server, quiet):
    proxy = f"http://me:secret@127.0.0.1:{server.server_port}"
    environment = {
        "PIP_INDEX_URL": "http://index.invalid/simple/",
        "http_proxy": proxy,
        "no_proxy": "127.0.0.1",
    }
    found, _ = by_name(environment)
    assert found["proxy"].ok
    assert found["package-index"].ok
    assert found["package-index"].through_proxy == proxy.replace("me:secret", "[redacted]")
    assert found["code-host"].through_proxy is None
    assert "http://index.invalid/simple/" in server.RequestHandlerClass.seen
    assert "secret" not in repr(found)


def test_proxy_that_does_not_answer(quiet):
    environment = {"PIP_INDEX_URL": "http://index.invalid/simple/", "http_proxy": "127.0.0.1:9"}
    found, _ = by_name(environment)
    assert not found["proxy"].ok
    assert "does not answer" in found["proxy"].detail
    assert not found["package-index"].ok
    assert found["package-index"].through_proxy == "http://127.0.0.1:9"


def test_the_proxy_of_git(server, quiet, tmp_path, monkeypatch):
    settings = tmp_path / "gitconfig"
    settings.write_text(f"[http]\n\tproxy = 127.0.0.1:{server.server_port}\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    monkeypatch.setattr(outside, "CODE_HOST", "http://code.invalid/")
    found, _ = by_name({"PIP_INDEX_URL": f"http://127.0.0.1:{server.server_port}/simple/"})
    assert found["code-host"].ok
    assert found["code-host"].through_proxy == f"http://127.0.0.1:{server.server_port}"
    assert found["package-index"].through_proxy is None


def test_proxy_that_wants_a_password(server, quiet):
    environment = {
        "PIP_INDEX_URL": "http://locked.invalid/simple/",
        "http_proxy": f"http://127.0.0.1:{server.server_port}",
    }
    found, _ = by_name(environment)
    assert not found["package-index"].ok
    assert found["package-index"].detail == "HTTP 407"


def test_proxy_that_refuses_to_tunnel(server, quiet):
    environment = {
        "PIP_INDEX_URL": "https://index.invalid/simple/",
        "https_proxy": f"http://127.0.0.1:{server.server_port}",
    }
    found, _ = by_name(environment)
    assert not found["package-index"].ok
    assert "403" in found["package-index"].detail
    assert "CONNECT index.invalid:443" in server.RequestHandlerClass.seen


def test_name_that_does_not_exist_and_a_server_without_tls(server, quiet):
    tried = network.reach({"PIP_INDEX_URL": "https://index.invalid/simple/"}).value
    failed = {item.name for item in tried if not item.ok}
    assert {"dns", "tls", "package-index"} <= failed
    plain = f"https://127.0.0.1:{server.server_port}/simple/"
    found, _ = by_name({"PIP_INDEX_URL": plain})
    assert not found["tls"].ok
    assert found["tls"].detail


@pytest.mark.parametrize("proxy", ["nonsense//", "http://[", "http://:0", "http://host:99999"])
def test_nonsense_in_place_of_a_proxy(quiet, proxy):
    environment = {"PIP_INDEX_URL": "http://index.invalid/", "http_proxy": proxy}
    found, _ = by_name(environment)
    assert not found["proxy"].ok
    assert not found["package-index"].ok


@pytest.mark.parametrize(
    ("url", "environment", "expected"),
    [
        ("https://a.example/", {"HTTPS_PROXY": "http://p:1"}, "http://p:1"),
        ("https://a.example/", {"https_proxy": "p:1", "HTTPS_PROXY": "q:1"}, "http://p:1"),
        ("http://a.example/", {"https_proxy": "p:1"}, None),
        ("http://a.example/", {"ALL_PROXY": "socks5://p:1"}, "socks5://p:1"),
        ("https://a.example/", {"https_proxy": "p:1", "no_proxy": "b.example, .example"}, None),
        ("https://a.example/", {"https_proxy": "p:1", "NO_PROXY": "*"}, None),
        ("https://notexample/", {"https_proxy": "p:1", "no_proxy": "example"}, "http://p:1"),
        ("https://a.example/", {"https_proxy": ""}, None),
    ],
)
def test_which_proxy(url, environment, expected):
    proxy = proxies.for_url(url, environment)
    assert (proxy.url if proxy else None) == expected
