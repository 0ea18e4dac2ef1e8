"""What Windows alone has: its version in the registry, the Visual C++ runtime, long paths."""

from __future__ import annotations

import platform
import sys

_WINDOWS = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion"
_FIRST_WINDOWS_11_BUILD = 22000
_VC_RUNTIME = r"SOFTWARE\Microsoft\VisualStudio\14.0\VC\Runtimes\x64"
"""Source: learn.microsoft.com, "Redistributing Visual C++ Files", "Install the Redistributable"."""
_FILE_SYSTEM = r"SYSTEM\CurrentControlSet\Control\FileSystem"
_PROCESSOR = r"HARDWARE\DESCRIPTION\System\CentralProcessor\0"

_PROCESSOR_FEATURES = {"ssse3": 36, "sse4_1": 37, "sse4_2": 38, "avx": 39, "avx2": 40,
                       "avx512f": 41}  # fmt: skip
"""PF_… numbers of IsProcessorFeaturePresent (learn.microsoft.com, processthreadsapi.h)."""


def registry_value(key: str, name: str) -> str | int | None:
    """A value under HKEY_LOCAL_MACHINE in the 64-bit view, or None where it does not exist."""
    if sys.platform == "win32":
        import winreg

        try:
            access = winreg.KEY_READ | winreg.KEY_WOW64_64KEY
            with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, key, 0, access) as handle:
                value = winreg.QueryValueEx(handle, name)[0]
        except FileNotFoundError:
            return None
        return value if isinstance(value, int) else str(value)
    return None


def version() -> str:
    """`Windows 11 Pro 23H2 (build 22631)`."""
    build = platform.version().rpartition(".")[2]
    product = str(registry_value(_WINDOWS, "ProductName") or f"Windows {platform.release()}")
    if build.isdecimal() and int(build) >= _FIRST_WINDOWS_11_BUILD:
        product = product.replace("Windows 10", "Windows 11")  # the registry still says 10
    release = registry_value(_WINDOWS, "DisplayVersion") or registry_value(_WINDOWS, "ReleaseId")
    return " ".join(str(part) for part in (product, release, f"(build {build})") if part)


def vc_runtime() -> str | None:
    """The version of the Visual C++ 2015-2022 x64 runtime, or None where it is not installed."""
    if not registry_value(_VC_RUNTIME, "Installed"):
        return None
    parts = [registry_value(_VC_RUNTIME, part) for part in ("Major", "Minor", "Bld")]
    return ".".join(str(part or 0) for part in parts)


def long_paths() -> bool:
    """Whether programs may use paths of more than 260 characters."""
    return registry_value(_FILE_SYSTEM, "LongPathsEnabled") == 1


def is_admin() -> bool:
    """Whether this process has administrator rights."""
    if sys.platform == "win32":
        import ctypes

        return bool(ctypes.windll.shell32.IsUserAnAdmin())
    return False


def processor_name() -> str | None:
    """The processor's name as its maker writes it."""
    name = registry_value(_PROCESSOR, "ProcessorNameString")
    return None if name is None else str(name).strip()


def processor_features() -> tuple[str, ...]:
    """The instruction sets that Windows reports."""
    if sys.platform == "win32":
        import ctypes

        present = ctypes.windll.kernel32.IsProcessorFeaturePresent
        return tuple(name for name, number in _PROCESSOR_FEATURES.items() if present(number))
    return ()
