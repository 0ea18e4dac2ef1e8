"""Whether the package index and the code host can be reached (`--net` only)."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from sdops.facts.bounded import Pending
from sdops.facts.credentials import hide_credentials
from sdops.facts.host.settings import git_settings, pip_settings
from sdops.facts.network import proxies
from sdops.facts.network.proxies import Proxy
from sdops.facts.probe import Probed
from sdops.facts.tree import REAL
from sdops.facts.types import Gap, Reach

TIMEOUT_S = 8.0
MAX_LAYERS = 8
CODE_HOST = "https://github.com/"
"""Where every UI that sdops knows keeps its code."""

_MODELS_FILE = Path("_internal/models/index.py")
"""Where pip itself keeps the address of its default index."""


@dataclass(frozen=True, slots=True)
class _Site:
    name: str
    url: str
    proxy: Proxy | None
    certificates: str | None


def reach(environment: Mapping[str, str]) -> Probed[tuple[Reach, ...]]:
    """Tries names, TLS, the package index as pip is configured, the code host, and the proxies.

    Args:
        environment: the environment that the patient runs in; its proxies are used.
    """
    pip = dict(pip_settings(environment.get("VIRTUAL_ENV"), REAL))
    index = _index_url(environment, pip)
    sites = [_code_host(environment)]
    gaps: tuple[Gap, ...] = ()
    if index is None:
        gaps = (Gap("network.reach.package-index", "no pip here that names its index"),)
    else:
        sites.insert(0, _package_index(index, environment, pip))
    nothing: tuple[Reach, ...] = ()
    pending = [
        Pending(f"network.reach.{name}", look, nothing, 2 * TIMEOUT_S)
        for name, look in _attempts(sites)
    ]
    answers = [probe.result() for probe in pending]
    found = tuple(item for answer in answers for item in answer.value)
    return Probed(found, (*gaps, *(gap for answer in answers for gap in answer.gaps)))


def _attempts(
    sites: list[_Site],
) -> Iterator[tuple[str, Callable[[], Probed[tuple[Reach, ...]]]]]:
    for proxy in {site.proxy for site in sites if site.proxy is not None}:
        yield "proxy", partial(_try_proxy, proxy)
    for site in sites:
        if site.url.startswith("file:"):
            continue
        if site.proxy is None:  # behind a proxy, names are the proxy's business
            yield "dns", partial(_try_name, site)
            if site.url.startswith("https:"):
                yield "tls", partial(_try_tls, site)
        yield site.name, partial(_try_site, site)


def _package_index(url: str, environment: Mapping[str, str], pip: Mapping[str, str]) -> _Site:
    named = environment.get("PIP_PROXY") or _pip_setting(pip, "proxy")
    proxy = proxies.named(named) if named else proxies.for_url(url, environment)
    certificates = environment.get("PIP_CERT") or _pip_setting(pip, "cert")
    return _Site("package-index", url, proxy, certificates or _certificates(environment))


def _code_host(environment: Mapping[str, str]) -> _Site:
    git = dict(git_settings(REAL))
    named = git.get("http.proxy")
    proxy = proxies.named(named) if named else proxies.for_url(CODE_HOST, environment)
    certificates = environment.get("GIT_SSL_CAINFO") or git.get("http.sslcainfo")
    return _Site("code-host", CODE_HOST, proxy, certificates or _certificates(environment))


def _certificates(environment: Mapping[str, str]) -> str | None:
    names = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
    return next((environment[name] for name in names if environment.get(name)), None)


def _pip_setting(pip: Mapping[str, str], name: str) -> str | None:
    return pip.get(f"install.{name}") or pip.get(f"global.{name}")


def _index_url(environment: Mapping[str, str], pip: Mapping[str, str]) -> str | None:
    configured = environment.get("PIP_INDEX_URL") or _pip_setting(pip, "index-url")
    if configured:
        return configured if "://" in configured else None
    spec = find_spec("pip")
    if spec is None or spec.origin is None:
        return None
    try:
        text = (Path(spec.origin).parent / _MODELS_FILE).read_text("utf-8")
    except OSError:
        return None
    found = re.search(r"PyPI\s*=\s*PackageIndex\(\s*[\"'](https?://[^\"']+)[\"']", text)
    return found[1] + "simple/" if found else None


def _try_proxy(proxy: Proxy) -> Probed[tuple[Reach, ...]]:
    target = hide_credentials(proxy.url)
    if not proxy.host or not proxy.port:
        return _answer("proxy", target, False, "this is not the address of a proxy", target)
    try:
        socket.create_connection((proxy.host, proxy.port), TIMEOUT_S).close()
    except OSError as error:
        return _answer("proxy", target, False, f"the proxy does not answer: {_why(error)}", target)
    return _answer("proxy", target, True, "", target)


def _try_name(site: _Site) -> Probed[tuple[Reach, ...]]:
    host = urlsplit(site.url).hostname or ""
    try:
        addresses = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        return _answer("dns", host, False, f"the name cannot be resolved: {_why(error)}")
    return _answer("dns", host, True, f"{len(addresses)} addresses")


def _try_tls(site: _Site) -> Probed[tuple[Reach, ...]]:
    import ssl

    parts = urlsplit(site.url)
    host, port = parts.hostname or "", parts.port or 443
    try:
        context = ssl.create_default_context(cafile=site.certificates)
        with (
            socket.create_connection((host, port), TIMEOUT_S) as plain,
            context.wrap_socket(plain, server_hostname=host) as secured,
        ):
            return _answer("tls", host, True, secured.version() or "")
    except (OSError, ValueError) as error:
        return _answer("tls", host, False, _why(error))


def _try_site(site: _Site) -> Probed[tuple[Reach, ...]]:
    import requests

    target = hide_credentials(site.url)
    through = hide_credentials(site.proxy.url) if site.proxy else None
    session = requests.Session()
    session.trust_env = False
    if site.proxy is not None:
        session.proxies = {"http": site.proxy.url, "https": site.proxy.url}
    try:
        with session.get(
            site.url,
            timeout=TIMEOUT_S,
            stream=True,
            verify=site.certificates or True,
            headers={"Accept": "text/html", "User-Agent": "sdops"},
        ) as response:
            status = response.status_code
    except (requests.RequestException, OSError, ValueError) as error:
        return _answer(site.name, target, False, _why(error), through)
    # An index may refuse its front page (403, 404) and still serve packages.
    ok = status < 500 and status not in (401, 407)
    return _answer(site.name, target, ok, f"HTTP {status}", through)


def _answer(
    name: str, target: str, ok: bool, detail: str, through: str | None = None
) -> Probed[tuple[Reach, ...]]:
    return Probed((Reach(name, target, ok, detail, through),))


def _why(error: BaseException) -> str:
    """The innermost reason, without the layers of libraries around it."""
    inner: BaseException | None = error
    for _ in range(MAX_LAYERS):
        if inner is None:
            break
        error, inner = inner, _below(inner)
    if isinstance(error, TimeoutError):
        return "no answer in time"
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return hide_credentials(text or type(error).__name__)[:300]


def _below(error: BaseException) -> BaseException | None:
    candidates = (getattr(error, "reason", None), *error.args, error.__cause__, error.__context__)
    return next((item for item in candidates if isinstance(item, BaseException)), None)
