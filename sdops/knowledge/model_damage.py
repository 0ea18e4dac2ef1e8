"""What is wrong with a broken model file, in the same words and with the same remedy everywhere.

Whichever command comes upon the file - scan, info, verify, hash, convert, prune, smoke, doctor -
its answer is the finding that is made here.
"""

from __future__ import annotations

from pathlib import PureWindowsPath
from typing import NamedTuple

from sdops.facts.types.ui import ModelFile
from sdops.finding import Command, Finding, Location, Platform, Remedy, Severity
from sdops.knowledge.units import size

RULE = "broken-model-files"
MODEL_SUFFIXES = (".safetensors", ".sft", ".ckpt", ".pt", ".pth", ".bin", ".gguf", ".onnx")
"""Other files in a model folder (notes, previews, settings) may well be empty or text."""
_SURE_SUFFIXES = (".safetensors", ".sft", ".ckpt", ".gguf")
"""Nothing but models is named so; .bin and its like may hold what sdops does not know."""
_SHORTEST_MESSAGE = len("Denied")
_MESSAGES = {"html": "a web page or XML", "json": "JSON", "text": "text"}
_LOADERS = {
    "safetensors": (".safetensors", ".sft"),
    "gguf": (".gguf",),
    **dict.fromkeys(
        ("torch-zip", "torch-legacy", "torch-tar", "torchscript", "pickle"),
        (".ckpt", ".pt", ".pth", ".bin", ".pkl", ".onnx"),
    ),
}
"""By content: the suffixes whose loader can read it (A1111 modules/sd_models.py read_state_dict,
ComfyUI comfy/utils.py load_torch_file choose the reader by suffix)."""
_PACKED = ("zip", "tar", "gzip", "xz", "bz2", "zlib", "lzma", "zstd", "lz4", "7z", "rar")


class _Kind(NamedTuple):
    """One kind of damage, in words."""

    what: str
    """Ends the sentence "The model file … "."""
    why: str
    remedy: Remedy
    severity: Severity = Severity.ERROR


def finding(file: ModelFile, platform: Platform = Platform.ANY) -> Finding | None:
    """What is wrong with `file`; None for a sound one, and for what is not a model by its name.

    Args:
        file: what was seen of it.
        platform: whose shell the remedy's commands are for.
    """
    kind = _kind(file, platform)
    if kind is None:
        return None
    return Finding(
        rule=RULE,
        severity=kind.severity,
        title=f"The model file {_name(file)} {kind.what}.",
        why=kind.why,
        evidence={
            "size_bytes": file.size_bytes,
            "container": file.container,
            "missing_bytes": file.missing_bytes,
            "expected_bytes": file.expected_bytes,
        },
        location=Location(file.path),
        remedies=(kind.remedy,),
    )


def _kind(file: ModelFile, platform: Platform) -> _Kind | None:
    named_model = file.path.lower().endswith(MODEL_SUFFIXES)
    if file.container == "lfs-pointer":
        return _pointer(file, platform)
    if named_model and (file.container == "empty" or file.size_bytes == 0):
        why = "It holds 0 bytes: the download failed at once, or the disk was full."
        return _Kind("is empty", why, _AGAIN)
    if named_model and file.container in _MESSAGES and file.size_bytes >= _SHORTEST_MESSAGE:
        return _message(file)
    if file.container == "truncated":
        return _cut(file)
    if file.damage is not None:
        why = f"{file.damage} The download, the copy or the disk changed it."
        return _Kind("is damaged", why, _AGAIN)
    if file.container == "unknown" and file.path.lower().endswith(_SURE_SUFFIXES):
        why = "Its first bytes are those of no kind of model: something else overwrote it."
        return _Kind("is damaged", why, _AGAIN)
    return _misnamed(file, platform) if named_model else None


_AGAIN = Remedy("Download it again to the same place.")


def _name(file: ModelFile) -> str:
    return PureWindowsPath(file.path).name  # splits at both kinds of slashes


def _pointer(file: ModelFile, platform: Platform) -> _Kind:
    path = PureWindowsPath(file.path)
    folder = str(path.parent) if "\\" in file.path else path.parent.as_posix()
    real = ""
    if file.expected_bytes:
        real = f" of {size(file.expected_bytes)} ({file.expected_bytes} bytes)"
    return _Kind(
        "is only a placeholder for the real file",
        f"It is a Git LFS pointer of {size(file.size_bytes)} that stands for a file{real}: the "
        "repository was cloned without Git LFS, or the wrong link was saved.",
        Remedy(
            "Install Git LFS and fetch the real files; or, on Hugging Face, use the download "
            "button instead of “raw”.",
            commands=(
                Command(("git", "-C", folder, "lfs", "install"), platform),
                Command(("git", "-C", folder, "lfs", "pull"), platform),
            ),
        ),
    )


def _message(file: ModelFile) -> _Kind:
    return _Kind(
        "is a web page or a message from the server, not a model",
        f"It holds {_MESSAGES[file.container]} of {size(file.size_bytes)}: the site answered the "
        "download with a page or a refusal (mostly to log in, or to say that the file is gone), "
        "which was saved under the model's name.",
        Remedy(
            "Open the model's page in a browser, log in if it asks for it, and download the file "
            "there; with wget or curl, add the site's access token."
        ),
    )


def _cut(file: ModelFile) -> _Kind:
    missing = f"{size(file.missing_bytes)} are missing" if file.missing_bytes else "its end is gone"
    held = f"{file.size_bytes} bytes"
    if file.expected_bytes:
        held += f" of the {file.expected_bytes} that it should have"
    return _Kind(
        "is not complete",
        f"It is cut off: it has {held}; {missing}. The download or the copy was interrupted, or the"
        " disk was full.",
        _AGAIN,
    )


def _misnamed(file: ModelFile, platform: Platform) -> _Kind | None:
    """A sound file under a name that sends programs to the wrong reader."""
    suffix = PureWindowsPath(file.path).suffix.lower()
    if file.container == "image":
        what = f"is a picture, although its name ends in {suffix}"
        return _Kind(what, "The preview was saved in place of the model.", _AGAIN)
    if file.container in _PACKED and suffix in _SURE_SUFFIXES:
        return _Kind(
            f"is a {file.container} archive, although its name ends in {suffix}",
            "Programs choose how to read a model by its suffix, and fail on an archive.",
            Remedy("Unpack it, and use the model that is in it."),
        )
    fitting = _LOADERS.get(file.container, (suffix,))
    if suffix in fitting:
        return None
    return _Kind(
        f"has the wrong suffix: it holds {file.container}, not {suffix}",
        "Most programs choose how to read a model by its suffix, and fail with messages such as "
        "“header too large” or “invalid load key”.",
        _renamed(file, fitting[0], platform),
        Severity.WARNING,
    )


def _renamed(file: ModelFile, suffix: str, platform: Platform) -> Remedy:
    stem = PureWindowsPath(file.path).stem
    folder = file.path[: -len(_name(file))]
    if suffix in _LOADERS["pickle"] and file.path.lower().endswith(_LOADERS["safetensors"]):
        return Remedy(
            "It can hold programs, which a safetensors file cannot: look through it first, then"
            " make a true safetensors file of it.",
            commands=(
                Command(("sdops", "scan", file.path), platform),
                Command(
                    ("sdops", "convert", file.path, f"{folder}{stem}-converted.safetensors"),
                    platform,
                ),
            ),
        )
    verb, place = ("ren", "") if platform is Platform.WINDOWS else ("mv", folder)
    return Remedy(
        f"Rename it to {stem}{suffix}.",
        commands=(Command((verb, file.path, f"{place}{stem}{suffix}"), platform),),
    )
