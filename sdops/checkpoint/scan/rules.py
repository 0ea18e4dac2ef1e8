"""What `sdops scan` looks for; the documentation of its findings."""

from __future__ import annotations

from sdops.finding import Rule

_SOURCE = "CPython Modules/_pickle.c; profiles/pickle/allowed.json"
_ZIP_SOURCE = "PKWARE APPNOTE 6.3.10; torch's miniz; CPython Lib/zipfile"


def _rule(rule_id: str, title: str, explanation: str, source: str = _SOURCE) -> Rule:
    fix = "Do not load the file; get the model as safetensors from someone you trust."
    return Rule(rule_id, title, explanation, fix, source, ("security",))


RULES = (
    _rule("pickle-call", "Loading the file runs code.",
          "A pickle in the file calls something that no model needs."),
    _rule("pickle-argument", "Loading the file misuses a harmless function.",
          "A function that models need is called with arguments that make it do something else."),
    _rule("pickle-state", "Loading the file changes something it should not.",
          "A pickle in the file sets attributes or items of a function, class or unknown object."),
    _rule("pickle-computed-import", "The file hides what it imports.",
          "A pickle in the file computes the name of what it imports."),
    _rule("pickle-extension-code", "The file imports by a registered number.",
          "What the number stands for depends on the program that loads the file."),
    _rule("pickle-reference", "The file imports something that no model needs.",
          "It does not call it, but importing alone can run a module's code."),
    _rule("pickle-odd", "The pickle is written so that readers disagree.",
          "No pickler writes such a stream; loaders differ in what they make of it."),
    _rule("pickle-damaged", "The pickle is damaged.",
          "What follows the damage could not be followed."),
    _rule("pickle-budget", "The pickle is too large to follow.",
          "Following it would take more time or memory than any real model needs."),
    _rule("archive-ambiguous", "The archive reads differently for different programs.",
          "A scanner may be shown one thing and the loader another.", _ZIP_SOURCE),
    _rule("archive-hidden-bytes", "The archive holds bytes that its directory does not list.",
          "Some readers find files there.", _ZIP_SOURCE),
    _rule("archive-link", "The archive holds a link.",
          "Unpacking it can write outside the folder.", "CPython Lib/tarfile.py"),
    _rule("storage-size", "Weights are shorter or longer than the pickle says.",
          "Loaders may read beyond them.", "torch/serialization.py"),
    _rule("several-formats", "The file is two kinds of file at once.",
          "Which one a program sees depends on the program.", _ZIP_SOURCE),
    _rule("torchscript-program", "The file is a program for torch.",
          "TorchScript runs when the model is used; it cannot be judged here.",
          "https://docs.pytorch.org/docs/stable/jit.html"),
    _rule("torch-package", "The file is a package of Python programs.",
          "A name that is harmless elsewhere may be a program in the package.",
          "https://docs.pytorch.org/docs/stable/package.html"),
    _rule("nesting-limit", "Files stand in files too deep to follow.",
          "What is further inside was not looked at."),
    _rule("unpacking-limit", "Unpacking would take too much room.",
          "The file is made to fill the memory or the disk of whoever unpacks it."),
    _rule("payload-unreadable", "The file unpickles bytes that cannot be looked at.",
          "What they hold is unknown."),
    _rule("overlap", "Tensors share bytes.", "The format forbids it.",
          "https://github.com/huggingface/safetensors#format"),
    _rule("hole", "Bytes belong to no tensor.", "The format forbids it.",
          "https://github.com/huggingface/safetensors#format"),
    _rule("duplicate-name", "A name stands twice in the header.",
          "Readers differ in which one they take.",
          "https://github.com/huggingface/safetensors#format"),
    _rule("trailing-bytes", "Bytes follow the end of the model.", "Nothing should read them."),
    _rule("truncated", "The file is cut off.", "It was not downloaded to the end."),
    _rule("lfs-pointer", "The file is a Git LFS pointer.", "The model was never downloaded."),
    _rule("web-page", "The file is a web page.", "The download failed or needs a login."),
    _rule("empty-file", "The file is empty.", "The download failed."),
    _rule("unknown-format", "The file is of no known kind.", "It could not be judged."),
    _rule("not-readable-here", "sdops cannot read this kind of file.", "It could not be judged."),
    _rule("file-damaged", "The file is not as its format says.", "It may be cut off or altered."),
    _rule("allowed-by-policy", "A name is allowed by the user's own policy.",
          "It would be a finding without that."),
    _rule("more-of-the-same", "There are more findings than are shown.", "The first are shown."),
)  # fmt: skip
