"""Programs that are not pickles: what loaders run of a file, or of what lies beside it.

Each is judged where its own format says enough, or reported as not judged, with the reason.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdops.checkpoint.scan.judge import Judgment, Verdict
from sdops.checkpoint.scan.likely import MACHINE_CODE
from sdops.checkpoint.trace.gadgets import gadget, libraries
from sdops.checkpoint.types import Container, Problem
from sdops.report.plain import one_line

if TYPE_CHECKING:
    from sdops.checkpoint.files.source import Source

_MOST_TEXT_BYTES = 16 << 20
_PIECE_BYTES = 1 << 20
_MOST_NAMES = 200
_SCRIPTS = (".py", ".sh", ".bat", ".cmd", ".ps1", ".js")
_YAML = (".yaml", ".yml")
_TEMPLATES = (".jinja", ".jinja2", ".j2")
# What a template needs to leave its sandbox; Jinja documentation, "Sandbox".
_ESCAPES = ("__class__", "__globals__", "__init__", "__subclasses__", "__builtins__", "__mro__",
            "__import__", "|attr(", "| attr(", "popen(", "os.system", "lipsum", "cycler",
            "joiner")  # fmt: skip
# Operations of TensorFlow's graph that reach files or Python; TensorFlow SECURITY.md.
_TENSORFLOW = (b"ReadFile", b"WriteFile", b"PyFunc", b"EagerPyFunc", b"PyFuncStateless",
               b"MergeV2Checkpoints", b"DeleteFile")  # fmt: skip


def problems(
    name: str, source: Source, container: Container, inside: str | None = None
) -> Iterator[Problem]:
    """What of the file `name` is not judged, or is made so that its loader runs something.

    Args:
        name: its path, or its name in the archive that it is in.
        source: its bytes.
        container: what it was recognized as.
        inside: its place in an archive; None for a file of its own.
    """
    lower = name.lower()
    head = source.read(0, 64)
    if head.startswith(MACHINE_CODE):
        yield Problem("machine-code", "It holds machine code, which its loader runs.", inside,
                      hostile=True)  # fmt: skip
    elif container is Container.HDF5:
        if _has_lambda(source):
            yield Problem("code-layer", "A Keras layer in it holds Python code of its own.", inside,
                          hostile=True)  # fmt: skip
    elif lower.endswith("saved_model.pb"):
        yield from _saved_model(source, inside)
    elif lower.endswith(".onnx"):
        from sdops.checkpoint.scan import onnx

        yield from onnx.problems(source, inside)
    elif container is Container.JSON:
        yield from _json(name, source, inside)
    elif container is Container.GGUF or lower.endswith(_TEMPLATES):
        yield from _template(_all_text(source), inside)
    elif container is Container.TEXT:
        yield from _text(lower, source, inside)
    elif container is Container.UNKNOWN and inside is None:
        yield Problem("unknown-format", "This is no kind of file that sdops knows.", unjudged=True)


def judgments(
    name: str, source: Source, container: Container, inside: str | None = None
) -> Iterator[tuple[str | None, Judgment]]:
    """What loading the configuration `name` would import or call, as loaders take its names."""
    lower = name.lower()
    if container is Container.TEXT and lower.endswith(_YAML):
        text = _all_text(source)
        found = _YAML_TARGET.finditer(text)
        for match in list(found)[:_MOST_NAMES]:
            yield from _named(match.group(1) or match.group(2), match.start(), inside)
    elif container is Container.JSON and lower.endswith(("schema.json", "config.json")):
        for module, attribute in _json_classes(_json_of(source)):
            yield from _named(f"{module}.{attribute}", 0, inside)


_YAML_TARGET = re.compile(
    r"""^[ \t-]*["']?(?:target|_target_|class_path)["']?[ \t]*:[ \t]*["']?([\w.]{1,200})"""
    r"""|!!python/(?:object|name|module|object/apply|object/new)[:/]([\w.]{1,200})""",
    re.MULTILINE,
)
# Packages whose classes the configurations of Stable Diffusion name; CompVis/stable-diffusion.
_CONFIGURED = {"ldm", "sgm", "torch", "modules", "diffusers", "imaginairy", "nemo", "omegaconf",
               "pytorch_lightning", "lightning", "keras", "tensorflow", "numpy", "builtins",
               "cldm", "annotator"}  # fmt: skip


def _named(
    dotted: str | None, offset: int, inside: str | None
) -> Iterator[tuple[str | None, Judgment]]:
    if not dotted or "." not in dotted:
        return
    module, _, attribute = dotted.rpartition(".")
    top = module.partition(".")[0]
    known = gadget(module, attribute)
    if known is None and (top in _CONFIGURED or top in libraries()):
        return
    verdict = Verdict.UNFAMILIAR if known is None else Verdict.DANGEROUS
    shown = one_line(dotted, 200)
    does = f"makes what its configuration names: {shown}"
    yield (
        inside,
        Judgment("configured-call", verdict, does, shown, module, attribute, "text", offset),
    )


def _text(lower: str, source: Source, inside: str | None) -> Iterator[Problem]:
    if lower.endswith(_YAML):
        if "!!python/" in _all_text(source):
            text = "Its YAML asks the loader to make Python objects."
            yield Problem("yaml-objects", text, inside, hostile=True)
        return
    if inside is not None:
        if lower.endswith(_SCRIPTS):
            text = "A program lies in the archive; whoever serves the model may run it."
            yield Problem("program-inside", text, inside, hostile=lower.endswith(".py"),
                          unjudged=True)  # fmt: skip
        return
    start = source.read(0, 4096)
    if lower.endswith(_SCRIPTS) or start.startswith(b"#!") or _PYTHON.search(start):
        text = "This is a program's source, which sdops does not judge."
    else:
        text = "This is text, not a model."
    yield Problem("not-a-model", text, inside, unjudged=True)


_PYTHON = re.compile(rb"^(?:import |from \w[\w.]* import |def |class |exec\()", re.MULTILINE)


def _all_text(source: Source) -> str:
    return source.read(0, min(source.size, _MOST_TEXT_BYTES)).decode("utf-8", "replace")


def _template(text: str, inside: str | None) -> Iterator[Problem]:
    """Chat templates, which are programs in Jinja."""
    templates = [text[match.start() : match.end()] for match in _JINJA.finditer(text)]
    found = next((word for word in _ESCAPES for part in templates if word in part), None)
    if found is not None:
        yield Problem("template-escape", f"A chat template in it uses {found}, by which templates"
                      " reach out of their sandbox.", inside, hostile=True)  # fmt: skip


_JINJA = re.compile(r"\{\{.{0,2000}?\}\}|\{%.{0,2000}?%\}", re.DOTALL)


def _has_lambda(source: Source) -> bool:
    """Whether Keras' description of the layers, which HDF5 keeps as plain text, has a Lambda."""
    offset = 0
    while piece := source.read(offset, _PIECE_BYTES):
        if _LAMBDA.search(piece):
            return True
        offset += max(len(piece) - 64, 1) if len(piece) == _PIECE_BYTES else len(piece)
    return False


_LAMBDA = re.compile(rb'"class_name"\s{0,4}:\s{0,4}"(?:Lambda|TFOpLambda|__lambda__)"')


def _saved_model(source: Source, inside: str | None) -> Iterator[Problem]:
    data = source.read(0, min(source.size, _MOST_TEXT_BYTES))
    found = [word.decode() for word in _TENSORFLOW if word in data]
    if found:
        yield Problem("graph-reaches-out", f"Its graph uses {', '.join(found)}: it reads or writes"
                      " files, or calls Python.", inside, hostile=True)  # fmt: skip
    else:
        yield Problem("graph-program", "A SavedModel is a program of TensorFlow operations; sdops"
                      " looks only for those that reach files or Python.", inside,
                      unjudged=True)  # fmt: skip


def _json(name: str, source: Source, inside: str | None) -> Iterator[Problem]:
    document = _json_of(source)
    if not isinstance(document, dict):
        return
    base = name.replace("\\", "/").rpartition("/")[2].lower()
    for template in _strings(document.get("chat_template")):
        yield from _template(template, inside)
    if "auto_map" in document:
        yield Problem("brings-code", "It names code of its own beside it, which loaders run with"
                      " trust_remote_code.", inside, unjudged=True)  # fmt: skip
    if base == "config.json" and any(_is_lambda(node) for node in _nodes(document)):
        yield Problem("code-layer", "A Keras layer in it holds Python code of its own.", inside,
                      hostile=True)  # fmt: skip
    if base == "model_index.json":
        own = isinstance(document.get("_class_name"), list)
        if own or (inside is None and Path(name).with_name("pipeline.py").is_file()):
            yield Problem("brings-code", "A pipeline.py of its own lies beside it, which diffusers"
                          " runs with trust_remote_code.", inside, unjudged=True)  # fmt: skip


def _json_of(source: Source) -> Any:
    try:
        return json.loads(_all_text(source)) if source.size <= _MOST_TEXT_BYTES else None
    except (ValueError, RecursionError):
        return None


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for item in value if isinstance(value, list) else ():
        yield from _strings(item.get("template") if isinstance(item, dict) else item)


def _nodes(document: Any) -> Iterator[dict[str, Any]]:
    waiting = [document]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            yield node
            waiting += node.values()
        elif isinstance(node, list):
            waiting += node


def _is_lambda(node: dict[str, Any]) -> bool:
    return node.get("class_name") in ("Lambda", "__lambda__")


def _json_classes(document: Any) -> Iterator[tuple[str, str]]:
    """The classes that skops, or Keras, would look up by name."""
    found = set()
    for node in _nodes(document):
        for module, name in (("__module__", "__class__"), ("module", "class_name")):
            pair = node.get(module), node.get(name)
            if all(isinstance(part, str) for part in pair) and pair not in found:
                found.add(pair)
                if len(found) <= _MOST_NAMES:
                    yield pair  # type: ignore[misc]
