"""The operating system: its name and version, its C library, and what it runs inside."""

from __future__ import annotations

import os
import platform
import re
import sys

from sdops.facts.host import windows
from sdops.facts.tree import Tree
from sdops.facts.types import Libc
from sdops.programs.process import ProbeError, program, run

_NAMES = {"win32": "windows", "darwin": "macos"}
_MACHINES = {"amd64": "x86_64", "x64": "x86_64", "aarch64": "arm64"}


def os_name() -> str:
    """`linux`, `windows`, `macos`, or what Python calls the platform."""
    return _NAMES.get(sys.platform, sys.platform)


def os_version(tree: Tree) -> str:
    """The operating system's name and version for people: `Ubuntu 22.04.4 LTS`."""
    if sys.platform == "win32":
        return windows.version()
    if sys.platform == "darwin":
        return f"macOS {platform.mac_ver()[0]}"
    release = os_release(tree)
    return release.get("PRETTY_NAME") or release.get("NAME") or platform.system()


def distribution(tree: Tree) -> str | None:
    """The `ID` of os-release: `ubuntu`, `fedora`, `arch`."""
    return os_release(tree).get("ID")


def os_release(tree: Tree) -> dict[str, str]:
    """The fields of os-release(5), unquoted; empty where there is no such file."""
    text = tree.text("/etc/os-release") or tree.text("/usr/lib/os-release") or ""
    pairs = (line.partition("=") for line in text.splitlines() if not line.startswith("#"))
    return {name.strip(): value.strip().strip("\"'") for name, mark, value in pairs if mark}


def machine() -> str:
    """`x86_64` or `arm64`, of the processor rather than of this process where Windows tells."""
    name = os.environ.get("PROCESSOR_ARCHITEW6432") or platform.machine()
    return _MACHINES.get(name.lower(), name.lower())


def kernel(tree: Tree) -> str | None:
    """The kernel's release."""
    return tree.text("/proc/sys/kernel/osrelease") or platform.release() or None


def wsl(tree: Tree) -> int | None:
    """1 or 2 inside the Windows Subsystem for Linux.

    Source: WSL 1 kernels are named `4.4.0-19041-Microsoft`, WSL 2 kernels
    `5.15.90.1-microsoft-standard-WSL2` (microsoft/WSL issue 4555); one may build one's own.
    """
    release = tree.text("/proc/sys/kernel/osrelease") or ""
    if "microsoft" in release.lower():
        return 1 if release.endswith("-Microsoft") else 2
    interop = tree.exists("/proc/sys/fs/binfmt_misc/WSLInterop") or tree.exists("/run/WSL")
    return 2 if interop else None


def libc(tree: Tree) -> Libc | None:
    """The C library that this process runs on.

    Raises:
        ProbeError: it is musl, and does not tell its version.
    """
    try:
        name, _, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")
    except (ValueError, OSError):
        name, version = "", ""
    return Libc("glibc", version) if name == "glibc" and version else musl(tree)


def musl(tree: Tree) -> Libc | None:
    """The musl library that is installed, which says its version when its loader is started.

    Raises:
        ProbeError: it does not.
    """
    loader = next((n for n in tree.names("/lib") if re.fullmatch(r"ld-musl-\w+\.so\.1", n)), None)
    if loader is None:
        return None
    output = run([str(tree.path(f"/lib/{loader}"))], timeout_s=2)
    found = re.search(r"Version\s+([\d.]+)", output.stderr + output.stdout)
    if found is None:
        raise ProbeError(f"{loader} does not tell its version")
    return Libc("musl", found[1])


def rosetta() -> bool:
    """Whether this process is translated from x86_64 on an Apple processor."""
    if sys.platform == "darwin" and platform.machine() == "x86_64":
        return run([program("sysctl"), "-n", "sysctl.proc_translated"]).stdout.strip() == "1"
    return False


def is_admin() -> bool:
    """Whether this process runs as root or as an administrator."""
    if sys.platform == "win32":
        return windows.is_admin()
    return os.geteuid() == 0
