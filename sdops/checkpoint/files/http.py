"""Files on web servers, read by range requests, within limits of bytes, requests and time.

No cookies and no credentials are sent. A redirect may lead neither from the open internet into
this machine's own network, where a request can do something, nor from https to plain http.
"""

from __future__ import annotations

import ipaddress
import os
import re
import socket
import time
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from sdops.checkpoint.files.source import Allowance
from sdops.errors import UnreadableInputError
from sdops.version import __version__

if TYPE_CHECKING:
    import requests

_BLOCK = 1 << 17
_MOST_BYTES = 256 << 20
_MOST_REQUESTS = 2000
_MOST_BLOCKS = 128
_MOST_AT_ONCE = 32
"""Blocks asked for in one request."""
_TIMEOUTS_S = (10, 30)
_MOST_REDIRECTS = 5
_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})$")


def open_session() -> requests.Session:
    """A session that sends nothing of the user's."""
    import requests

    session = requests.Session()
    # The environment may hold a .netrc; only its proxies and certificates are wanted.
    session.trust_env = False
    session.verify = os.environ.get("REQUESTS_CA_BUNDLE") or True
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.headers.update({"User-Agent": f"sdops/{__version__}", "Accept-Encoding": "identity"})
    return session


def _get(session: requests.Session, url: str, wanted: str) -> requests.Response:
    """The answer to a request for the bytes `wanted`, after redirects."""
    from requests.utils import get_environ_proxies

    for _ in range(_MOST_REDIRECTS + 1):
        response = session.get(
            url,
            headers={"Range": wanted},
            stream=True,
            timeout=_TIMEOUTS_S,
            allow_redirects=False,
            proxies=get_environ_proxies(url),
        )
        if not response.is_redirect:
            return response
        response.close()
        target = urljoin(url, response.headers["Location"])
        _check_redirect(url, target)
        url = target
    raise UnreadableInputError(f"{url} cannot be fetched: it redirects again and again.")


def _reason(error: Exception) -> str:
    """What went wrong, for people."""
    import requests

    if isinstance(error, requests.Timeout):
        return "the server does not answer in time"
    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate is not trusted"
    if isinstance(error, requests.ConnectionError):
        return "the server cannot be reached, or stopped in the middle"
    return f"the answer makes no sense ({type(error).__name__})"


def _check_redirect(url: str, target: str) -> None:
    here, there = urlsplit(url), urlsplit(target)
    allowed = ("https",) if here.scheme == "https" else ("http", "https")
    if there.scheme not in allowed:
        raise UnreadableInputError(f"{url} redirects to {target}, which is not followed.")
    if _is_inward(there.hostname) and not _is_inward(here.hostname):
        raise UnreadableInputError(
            f"{url} redirects into this machine's own network ({target}), which is not followed."
        )


def _is_inward(host: str | None) -> bool:
    """Whether `host` is this machine or one in its own network, as far as is known."""
    try:
        found = {entry[4][0] for entry in socket.getaddrinfo(host, None)}
    except (OSError, UnicodeError):
        return False  # a proxy may know it
    return any(not ipaddress.ip_address(str(address)).is_global for address in found)


class HttpSource:
    """A file on a web server, read by range requests through a cache of blocks."""

    costly = True

    def __init__(self, session: requests.Session, url: str, deadline: float) -> None:
        """Asks for the first block; nothing is asked for after the monotonic time `deadline`.

        Raises:
            UnreadableInputError: the server does not answer with the file.
        """
        self._session, self._url = session, url
        self._blocks: dict[int, bytes] = {}
        self._deadline = deadline
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
                while (
                    end < last and end + 1 not in self._blocks and end - number < _MOST_AT_ONCE - 1
                ):
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
            with _get(self._session, self._url, f"bytes={start}-{stop}") as response:
                self._take(response, start, stop)
        except (requests.RequestException, ValueError) as error:
            reason = _reason(error)
            raise UnreadableInputError(f"{self._url} cannot be fetched: {reason}.") from None

    def _take(self, response: Any, start: int, stop: int) -> None:
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise UnreadableInputError(f"{self._url}: the server packs what it sends.")
        if response.status_code == 200:
            self._take_whole(response)
            return
        found = _RANGE.match(response.headers.get("Content-Range", ""))
        if response.status_code == 416 and self.size == 0:
            self._whole = b""
            return
        if response.status_code != 206 or found is None or int(found[1]) != start:
            raise UnreadableInputError(
                f"{self._url} cannot be fetched: the server answers {response.status_code}.",
                "Check the address. A model that asks for a login must be downloaded first.",
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
