"""Model files on web servers and the Hugging Face Hub, read by ranges: headers and pickles only.

No cookies and no credentials are sent, and what is fetched is bounded in bytes, requests and time.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sdops.checkpoint.policy import Policy
from sdops.checkpoint.scan import scan_source
from sdops.checkpoint.scan_files import Outcome
from sdops.checkpoint.source import Allowance
from sdops.errors import UnreadableInputError
from sdops.version import __version__

if TYPE_CHECKING:
    import requests

_BLOCK = 1 << 17
_MOST_BYTES = 256 << 20
_MOST_REQUESTS = 2000
_MOST_BLOCKS = 128
_MOST_SECONDS = 600
_TIMEOUTS_S = (10, 30)
_MOST_REDIRECTS = 5
_MOST_LISTING_BYTES = 16 << 20
_HUB = "https://huggingface.co"
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)$")
_HF = re.compile(
    r"hf://(?P<kind>datasets/|spaces/)?(?P<repo>[\w.-]+/[\w.-]+?)(@(?P<revision>[^/]+))?"
    r"(/(?P<path>.+))?$"
)


def scan_address(address: str, policy: Policy) -> Iterator[Outcome]:
    """Scans the file at `address`, or every file of the repository it names on the Hub."""
    try:
        with _session() as session:
            for name, url in _files(address, session):
                yield _scan(name, url, session, policy)
    except UnreadableInputError as error:
        yield Outcome(address, fault=error.message)


def _scan(name: str, url: str, session: requests.Session, policy: Policy) -> Outcome:
    try:
        return Outcome(name, scan_source(name, HttpSource(session, url), policy))
    except UnreadableInputError as error:
        return Outcome(name, fault=error.message)
    except (Exception, RecursionError) as error:
        return Outcome(name, crash=f"{type(error).__name__}: {error}")


def _session() -> requests.Session:
    import requests
    from requests.utils import get_environ_proxies

    session = requests.Session()
    # The environment may hold a .netrc; only its proxies and certificates are wanted.
    session.trust_env = False
    session.proxies.update(get_environ_proxies(_HUB))
    session.verify = os.environ.get("REQUESTS_CA_BUNDLE") or True
    session.max_redirects = _MOST_REDIRECTS
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.headers.update({"User-Agent": f"sdops/{__version__}", "Accept-Encoding": "identity"})
    return session


def _files(address: str, session: requests.Session) -> Iterator[tuple[str, str]]:
    """The name and the URL of each file that `address` stands for."""
    if not address.startswith("hf://"):
        yield address, address
        return
    found = _HF.match(address)
    if found is None:
        raise UnreadableInputError(f"{address} is not of the form hf://owner/name/file.")
    hub = os.environ.get("HF_ENDPOINT", _HUB).rstrip("/")
    kind, repo = found["kind"] or "", found["repo"]
    revision, path = quote(found["revision"] or "main", safe=""), found["path"]
    base = f"{hub}/{kind}{repo}/resolve/{revision}/"
    if path:
        yield address, base + quote(path)
        return
    listing = _listing(f"{hub}/api/{kind or 'models/'}{repo}/revision/{revision}", session)
    for name in listing:
        yield f"{address}/{name}", base + quote(name)


def _listing(url: str, session: requests.Session) -> list[str]:
    import json

    source = HttpSource(session, url)
    data = source.read(0, min(source.size, _MOST_LISTING_BYTES))
    try:
        return [str(file["rfilename"]) for file in json.loads(data)["siblings"]]
    except (ValueError, KeyError, TypeError):
        raise UnreadableInputError(f"{url} does not list the files of a repository.") from None


class HttpSource:
    """A file on a web server, read by range requests through a cache of blocks."""

    costly = True

    def __init__(self, session: requests.Session, url: str) -> None:
        """Asks for the first block.

        Raises:
            UnreadableInputError: the server does not answer with the file.
        """
        self._session, self._url = session, url
        self._blocks: dict[int, bytes] = {}
        self._deadline = time.monotonic() + _MOST_SECONDS
        self._fetched = self._requests = 0
        self._etag: str | None = None
        self.size = 0
        self._whole: bytes | None = None
        self._fetch(0, 0)
        self.allowance = Allowance(self.size)

    def read(self, offset: int, length: int) -> bytes:
        """Up to `length` bytes from `offset`."""
        length = min(length, self.size - offset)
        if offset < 0 or length <= 0:
            return b""
        if self._whole is not None:
            return self._whole[offset : offset + length]
        first, last = offset // _BLOCK, (offset + length - 1) // _BLOCK
        parts = []
        number = first
        while number <= last:
            if number not in self._blocks:
                end = number
                while end < last and end + 1 not in self._blocks and end - number < 31:
                    end += 1
                self._fetch(number, end)
            parts.append(self._blocks[number])
            number += 1
        start = offset - first * _BLOCK
        return b"".join(parts)[start : start + length]

    def _fetch(self, first: int, last: int) -> None:
        import requests

        self._requests += 1
        if self._requests > _MOST_REQUESTS or self._fetched > _MOST_BYTES:
            raise UnreadableInputError(f"{self._url}: more would be fetched than is allowed.")
        if time.monotonic() > self._deadline:
            raise UnreadableInputError(f"{self._url}: the server is too slow.")
        start, stop = first * _BLOCK, (last + 1) * _BLOCK - 1
        try:
            with self._session.get(
                self._url,
                headers={"Range": f"bytes={start}-{stop}"},
                stream=True,
                timeout=_TIMEOUTS_S,
            ) as response:
                self._take(response, start, stop)
        except requests.RequestException as error:
            reason = type(error).__name__
            raise UnreadableInputError(f"{self._url} cannot be fetched: {reason}.") from None

    def _take(self, response: Any, start: int, stop: int) -> None:
        if response.status_code == 200:
            self._take_whole(response)
            return
        found = _RANGE.match(response.headers.get("Content-Range", ""))
        if response.status_code == 416 and self.size == 0:
            self._whole = b""
            return
        if response.status_code != 206 or found is None or int(found[1]) != start:
            raise UnreadableInputError(
                f"{self._url} cannot be fetched: the server answers {response.status_code}."
            )
        size, etag = int(found[3]), response.headers.get("ETag")
        if self._fetched and (size, etag) != (self.size, self._etag):
            raise UnreadableInputError(f"{self._url} changed while it was read.")
        self.size, self._etag = size, etag
        data = self._body(response, min(stop + 1, size) - start)
        for place in range(0, len(data), _BLOCK):
            self._blocks[(start + place) // _BLOCK] = data[place : place + _BLOCK]
        for number in list(self._blocks)[:-_MOST_BLOCKS]:
            if not start <= number * _BLOCK <= stop:
                del self._blocks[number]

    def _take_whole(self, response: Any) -> None:
        """A server without ranges sends everything: taken only if that is not much."""
        claimed = int(response.headers.get("Content-Length") or _MOST_BYTES)
        if self._fetched or claimed > _MOST_BYTES:
            raise UnreadableInputError(f"{self._url}: the server does not send parts of files.")
        pieces = []
        for piece in response.iter_content(_BLOCK):
            pieces.append(piece)
            self._fetched += len(piece)
            if self._fetched > _MOST_BYTES or time.monotonic() > self._deadline:
                raise UnreadableInputError(f"{self._url}: more is sent than is allowed.")
        self._whole = b"".join(pieces)
        self.size = len(self._whole)

    def _body(self, response: Any, expected: int) -> bytes:
        data = b""
        for piece in response.iter_content(_BLOCK):
            data += piece
            if len(data) > expected or time.monotonic() > self._deadline:
                raise UnreadableInputError(f"{self._url}: the server sends something else.")
        if len(data) != expected:
            raise UnreadableInputError(f"{self._url}: the server sent too little.")
        self._fetched += len(data)
        return data
