"""A model file is not what its name says: a placeholder, a web page, cut off or empty.

The UI does not list it, or stops with messages such as "header too large", "invalid load key" or
"failed finding central directory". Nothing is wrong with the UI.

Fix: Download the file again, in the right way.

Source: git-lfs specification (pointer files); safetensors format; A1111 issue 8123.
"""

from __future__ import annotations

from pathlib import PureWindowsPath

from sdops.check import Facts, Finding, Host, Iterator, Location, ModelFile, Remedy, Severity, Skip
from sdops.knowledge.units import size
from sdops.remedies.commands import command

SUFFIXES = (".safetensors", ".sft", ".ckpt", ".pt", ".pth", ".bin", ".gguf", ".onnx")
"""Other files in a model folder (notes, previews, settings) may well be empty or text."""


def check(facts: Facts) -> Iterator[Finding]:
    """One finding for each broken file."""
    if not facts.model_files:
        raise Skip("No model files were found.")
    for file in facts.model_files:
        if not file.path.lower().endswith(SUFFIXES):
            continue
        if file.container == "lfs-pointer":
            yield _pointer(facts.host, file)
        elif file.container == "html":
            yield _page(file)
        elif file.container == "truncated":
            yield _cut(file)
        elif file.container == "empty" or file.size_bytes == 0:
            yield _finding(
                file, "is empty", "The download failed at once, or the disk was full.", _again()
            )


def _name(file: ModelFile) -> str:
    return PureWindowsPath(file.path).name  # splits at both kinds of slashes


def _finding(file: ModelFile, what: str, why: str, remedy: Remedy) -> Finding:
    return Finding(
        rule="broken-model-files",
        severity=Severity.ERROR,
        title=f"The model file {_name(file)} {what}.",
        why=why,
        evidence={
            "size_bytes": file.size_bytes,
            "container": file.container,
            "missing_bytes": file.missing_bytes,
            "expected_bytes": file.expected_bytes,
        },
        location=Location(file.path),
        remedies=(remedy,),
    )


def _again() -> Remedy:
    return Remedy("Download it again to the same place.")


def _pointer(host: Host, file: ModelFile) -> Finding:
    path = PureWindowsPath(file.path)
    folder = str(path.parent) if host.os == "windows" else path.parent.as_posix()
    real = f" of {size(file.expected_bytes)}" if file.expected_bytes else ""
    return _finding(
        file,
        "is only a placeholder for the real file",
        f"It is a Git LFS pointer of {size(file.size_bytes)} that stands for a file{real}: the "
        "repository was cloned without Git LFS, or the wrong link was saved.",
        Remedy(
            "Install Git LFS and fetch the real files; or, on Hugging Face, use the download "
            "button instead of “raw”.",
            commands=(
                command(host, "git", "-C", folder, "lfs", "install"),
                command(host, "git", "-C", folder, "lfs", "pull"),
            ),
        ),
    )


def _page(file: ModelFile) -> Finding:
    return _finding(
        file,
        "is a web page, not a model",
        "The site sent a page (mostly to log in or to say that the file is gone), which was saved "
        "under the model's name.",
        Remedy(
            "Open the model's page in a browser, log in if it asks for it, and download the file "
            "there; with wget or curl, add the site's access token."
        ),
    )


def _cut(file: ModelFile) -> Finding:
    missing = f"{size(file.missing_bytes)} are missing" if file.missing_bytes else "its end is gone"
    return _finding(
        file,
        "is not complete",
        f"{missing[0].upper()}{missing[1:]}: the download or the copy was interrupted, or the disk "
        "was full.",
        _again(),
    )
