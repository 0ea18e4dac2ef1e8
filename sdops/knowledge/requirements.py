"""Which lines of a requirements file the patient's environment does not meet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from packaging.markers import UndefinedEnvironmentName
from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as ParsedRequirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from sdops.facts.types import Host, PythonEnv, Requirement

PLATFORMS = {
    "linux": ("linux", "Linux", "posix"),
    "windows": ("win32", "Windows", "nt"),
    "macos": ("darwin", "Darwin", "posix"),
}
"""By the host's OS: sys.platform, platform.system(), os.name."""


@dataclass(frozen=True, slots=True)
class Unmet:
    """A requirement line that the environment does not meet."""

    requirement: Requirement
    name: str
    wanted: str
    """The line's specifier, such as `==1.26.2`; empty for any version."""
    installed: str | None
    """The version that is there, or None."""


def unmet(lines: tuple[Requirement, ...], python: PythonEnv, host: Host) -> Iterator[Unmet]:
    """The lines among `lines` that `python` does not meet.

    Lines that are no plain requirements (addresses, paths, options), and those whose markers say
    that they are not for this Python or system, are left out.
    """
    # The distribution that Python finds first is the one that counts.
    versions = {dist.name: dist.version for dist in reversed(python.distributions)}
    for line, wanted in applying(lines, markers(python, host)):
        name = str(canonicalize_name(wanted.name))
        installed = versions.get(name)
        if installed is None and (line.constraint or not line.name_is_known):
            continue
        if installed is None or not _contains(wanted, installed):
            yield Unmet(line, name, str(wanted.specifier), installed)


def excluding(name: str, version: str, python: PythonEnv, host: Host) -> Iterator[tuple[str, str]]:
    """The installed distributions that do not accept `version` of `name`, with what they ask for.

    Only their own plain requirements count, not those of their extras.
    """
    environment = markers(python, host)
    for dist in python.distributions:
        for text in dist.requires:
            if not text.lower().startswith(name):
                continue
            for _, wanted in applying((Requirement(text, "", 0),), environment):
                if canonicalize_name(wanted.name) == name and not _contains(wanted, version):
                    yield dist.name, str(wanted.specifier)


def parsed(line: Requirement) -> ParsedRequirement | None:
    """The line as PEP 508 reads it; None for an address, a path or an option."""
    try:
        return ParsedRequirement(line.text)
    except InvalidRequirement:
        return None


def markers(python: PythonEnv, host: Host) -> dict[str, str]:
    """The environment markers of PEP 508 for `python`, as far as they are known."""
    sys_platform, platform_system, os_name = PLATFORMS.get(host.os, ("", "", ""))
    version = python.version or "3.10.0"
    machine = python.machine or host.machine
    if machine == "x86_64" and host.os == "windows":
        machine = "AMD64"
    elif machine == "arm64" and host.os == "linux":
        machine = "aarch64"
    return {
        "python_version": ".".join(version.split(".")[:2]),
        "python_full_version": version,
        "implementation_name": python.implementation,
        "implementation_version": version,
        "platform_python_implementation": "CPython",
        "platform_machine": machine,
        "platform_release": "",
        "platform_version": "",
        "platform_system": platform_system,
        "sys_platform": sys_platform,
        "os_name": os_name,
        "extra": "",
    }


def applying(
    lines: Iterable[Requirement], environment: dict[str, str]
) -> Iterator[tuple[Requirement, ParsedRequirement]]:
    """The lines that are plain requirements and are for this environment, as they parse."""
    for line in lines:
        found = parsed(line)
        try:
            applies = found is not None and (
                found.marker is None or found.marker.evaluate(environment)
            )
        except (UndefinedEnvironmentName, InvalidVersion):
            continue
        if applies and found is not None and not found.url:
            yield line, found


def _contains(wanted: ParsedRequirement, version: str) -> bool:
    try:
        return wanted.specifier.contains(Version(version), prereleases=True)
    except InvalidVersion:
        return True
