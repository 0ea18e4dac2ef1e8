"""The UI's folder is so deep that Windows cannot reach all files in it.

Without long paths, Windows ends a path at 259 characters: installing or importing packages fails
with "No such file or directory" for files that are there.

Fix: Switch on long paths, or move the UI nearer to the root of the disk.

Source: learn.microsoft.com, Maximum Path Length Limitation (MAX_PATH is 260 with its final zero).
"""

from __future__ import annotations

from sdops.check import (
    Command,
    Facts,
    Finding,
    Iterator,
    Location,
    Platform,
    Remedy,
    Severity,
    Skip,
)

LONGEST_PATH = 259
SITE_PACKAGES = "\\Lib\\site-packages\\"
LONGEST_MODULE = 126
"""Characters from site-packages to the deepest module that is loaded: measured in an environment
with torch 2.13.0 and transformers, models/audio_spectrogram_transformer/__pycache__/…"""


def check(facts: Facts) -> Iterator[Finding]:
    """Adds the longest path inside an environment to where this one is."""
    host = facts.host
    if host.os != "windows":
        raise Skip("Only Windows ends paths at 259 characters.")
    if host.long_paths is None or host.long_paths:
        raise Skip("Long paths are switched on, or it is not known whether they are.")
    if facts.python is None:
        raise Skip("There is no Python environment here.")
    root = facts.python.root
    longest = len(root) + len(SITE_PACKAGES) + LONGEST_MODULE
    if longest <= LONGEST_PATH:
        return
    yield Finding(
        rule="path-too-long",
        severity=Severity.WARNING,
        title="Some packages cannot be installed or loaded: their paths are too long for Windows.",
        why=f"The environment's folder has {len(root)} characters; with the deepest file of its "
        f"packages that makes {longest}, and Windows stops at {LONGEST_PATH}.",
        evidence={"path": root, "longest": longest},
        location=Location(root),
        remedies=(
            Remedy(
                "Switch on long paths in a PowerShell that was started as administrator, then "
                "restart Windows.",
                commands=(_enable(),),
            ),
            Remedy("Or move the UI to a short folder, such as C:\\AI."),
        ),
    )


def _enable() -> Command:
    key = "HKLM\\SYSTEM\\CurrentControlSet\\Control\\FileSystem"
    argv = ("reg", "add", key, "/v", "LongPathsEnabled", "/t", "REG_DWORD", "/d", "1", "/f")
    return Command(argv, Platform.WINDOWS)
