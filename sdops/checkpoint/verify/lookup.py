"""Asks model hubs what a file should be (`--online`): Civitai by hash, Hugging Face by name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sdops.checkpoint.hash.hashes import FileHashes
from sdops.checkpoint.verify.manifest import Expected
from sdops.errors import SdopsError

if TYPE_CHECKING:
    import requests

CIVITAI = "https://civitai.com"
HUGGING_FACE = "https://huggingface.co"
TIMEOUT_S = 15.0
ANSWER_LIMIT_BYTES = 4 * 1024 * 1024

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Civitai:
    """Civitai's `GET /api/v1/model-versions/by-hash/HASH` (their public REST reference)."""

    base_url: str = CIVITAI

    def __call__(self, path: Path, hashes: FileHashes) -> Expected | None:
        """The file that Civitai publishes under this hash, or None.

        Raises:
            SdopsError: Civitai cannot be reached, or answers with something else.
        """
        url = f"{self.base_url}/api/v1/model-versions/by-hash/{hashes.sha256}"
        response = _get("GET", url)
        if response.status_code == 404:
            return None
        document = _json(response, url)
        for file in document.get("files") or ():
            digest = str((file.get("hashes") or {}).get("SHA256", "")).lower()
            if digest == hashes.sha256:
                name = (document.get("model") or {}).get("name")
                origin = f"Civitai ({name}, {document.get('name')})"
                return Expected(path.name, digest, origin=origin)
        return None


@dataclass(frozen=True, slots=True)
class HuggingFace:
    """The LFS id of a file in a repository, from the headers of `HEAD /REPO/resolve/REVISION/FILE`.

    Source: huggingface_hub constants HUGGINGFACE_HEADER_X_LINKED_ETAG and _SIZE.
    """

    repository: str
    revision: str = "main"
    base_url: str = HUGGING_FACE

    def __call__(self, path: Path, _hashes: FileHashes) -> Expected | None:
        """What the repository stores under the file's name, or None if it has no such file.

        Raises:
            SdopsError: the hub cannot be reached, or the repository is not open.
        """
        place = "/".join(quote(part) for part in (*self.repository.split("/"), "resolve"))
        url = f"{self.base_url}/{place}/{quote(self.revision)}/{quote(path.name)}"
        response = _get("HEAD", url)
        if response.status_code == 404:
            return None
        digest = response.headers.get("x-linked-etag", "").strip('"')
        if not _SHA256.fullmatch(digest):
            raise SdopsError(
                f"{url} answered with status {response.status_code} and no sha256.",
                "The repository may be private, or the file small enough not to be in LFS.",
            )
        size = response.headers.get("x-linked-size", "")
        return Expected(
            path.name,
            digest,
            int(size) if size.isdigit() else None,
            f"Hugging Face ({self.repository})",
        )


def _get(method: str, url: str) -> requests.Response:
    import requests

    try:
        # A redirect of HEAD leads to storage that knows nothing of the hub's headers.
        return requests.request(
            method, url, timeout=TIMEOUT_S, allow_redirects=method == "GET", stream=True
        )
    except requests.RequestException as error:
        raise SdopsError(
            f"{url} cannot be reached: {type(error).__name__}.",
            "Check the connection, or leave out --online.",
        ) from None


def _json(response: requests.Response, url: str) -> dict[str, Any]:
    import json

    body = response.raw.read(ANSWER_LIMIT_BYTES, decode_content=True)
    try:
        document = json.loads(body)
    except ValueError:
        document = None
    if response.status_code != 200 or not isinstance(document, dict):
        raise SdopsError(f"{url} answered with status {response.status_code}, not with a model.")
    return document
