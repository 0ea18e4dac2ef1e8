"""The machine: operating system, memory, disks, environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Cpu:
    """The processor."""

    name: str
    logical_cores: int | None = None
    physical_cores: int | None = None
    features: tuple[str, ...] = ()
    """Instruction sets that matter here, lower case: `sse4_2`, `avx`, `avx2`, `avx512f`, `neon`."""


@dataclass(frozen=True, slots=True)
class Libc:
    """The C library of a Linux system."""

    name: str
    """`glibc` or `musl`."""
    version: str


@dataclass(frozen=True, slots=True)
class Disk:
    """The file system behind one path that the patient uses."""

    path: str
    purpose: str
    """`ui`, `venv`, `cache`, `temp` or `home`."""
    total_bytes: int
    free_bytes: int
    filesystem: str | None = None


@dataclass(frozen=True, slots=True)
class Tcmalloc:
    """TCMalloc as A1111's `webui.sh` would look for it."""

    library: str | None
    """The path that ldconfig gives for the first name found, or None."""
    tried: tuple[str, ...]
    """The library names looked for, in order."""
    glibc_has_pthread: bool | None
    """glibc 2.34 or newer: libpthread is part of libc, and no link check is needed."""
    links_pthread: bool | None = None
    """On older glibc: whether the library found is linked against libpthread."""
    preload: tuple[str, ...] = ()
    """The entries of LD_PRELOAD."""
    preload_missing: tuple[str, ...] = ()
    """Those entries that do not exist or cannot be found by the loader."""


@dataclass(frozen=True, slots=True)
class Host:
    """One machine, as the user's own account sees it."""

    os: str
    """`linux`, `windows` or `macos` (or what `platform.system()` says, lower case)."""
    os_version: str
    """For people: `Ubuntu 22.04.4 LTS`, `Windows 11 23H2`, `macOS 14.5`."""
    machine: str
    """`x86_64` or `arm64`, on every system."""
    kernel: str | None = None
    distribution: str | None = None
    """The `ID` of os-release on Linux: `ubuntu`, `fedora`, `arch`."""
    wsl: int | None = None
    """1 or 2 inside the Windows Subsystem for Linux."""
    container: str | None = None
    """`docker`, `podman`, `kubernetes`, `lxc` or `other` inside a container."""
    container_memory_limit_bytes: int | None = None
    libc: Libc | None = None
    cpu: Cpu | None = None
    rosetta: bool = False
    """Whether this x86_64 process runs translated on an Apple processor."""
    ram_total_bytes: int | None = None
    ram_available_bytes: int | None = None
    swap_total_bytes: int | None = None
    """Swap on Linux and macOS, page file on Windows."""
    shm_total_bytes: int | None = None
    """Size of /dev/shm."""
    disks: tuple[Disk, ...] = ()
    is_admin: bool | None = None
    """Running as root or as administrator."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """The environment variables that matter here; credentials in their values are redacted."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """pip and git settings that matter here, such as `pip:global.index-url`; redacted likewise."""
    tcmalloc: Tcmalloc | None = None
    """None where it does not apply (not Linux)."""
    vc_runtime: str | None = None
    """Version of the Visual C++ 2015-2022 x64 runtime on Windows."""
    long_paths: bool | None = None
    """Whether Windows has paths beyond 260 characters switched on."""
