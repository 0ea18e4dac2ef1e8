"""Puts together a Windows CPython 3.11 that runs under wine, for sdops to be tested as on Windows.

    python3.11 scripts/windows_python.py FOLDER [--torch]

Everything comes from Debian's and Python's package registries: the interpreter's library and its
extension modules from the wheel of a game engine that ships them, Microsoft's C runtime from two
others, what is written in Python from the Python that runs this. Afterwards

    FOLDER/python -m pytest -m windows </dev/null 2>&1 | cat

runs in it. Drive Z: is /. Output must go to a pipe and input come from /dev/null. Registry, CIM,
NVML and the firewall are wine's, so facts of those are not tested. Exits with 3, and says why,
where this machine cannot have it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "scripts" / "windows"
VERSION = (3, 11)
COMPILER = "x86_64-w64-mingw32-gcc"
CANNOT = 3
APT_TIMEOUT_S = 240
PARTS = {
    # wheel: (what to take from it, where to put it); one that has python311.dll and every .pyd
    "panda3d==1.10.16": ("deploy_libs/", ""),
    "dotnetcore2==3.1.23": ("ucrtbase.dll", ""),
    "msvc-runtime==14.44.35112": ("data/Scripts/", ""),
}
TORCH = "torch==2.13.0"
WITH_TORCH = (
    "filelock", "fsspec", "jinja2", "networkx", "sympy", "typing-extensions",
    "pillow", "ftfy", "regex",
)  # fmt: skip
LEFT_OUT = ("omegaconf", "tree-sitter", "tree-sitter-pwsh", "tomli")
"""What has no wheel, or is not needed there."""
ONLY_ON_WINDOWS = ("colorama",)
"""pip reads the conditions of requirements for the system that it runs on."""
NATIVE = "ucrtbase,vcruntime140,vcruntime140_1,msvcp140,vcomp140,concrt140=n,b"


class CannotError(Exception):
    """This machine cannot have it; the text says why."""


def main() -> int:
    """Makes it."""
    folder = Path(sys.argv[1]).resolve()
    if (folder / "complete").is_file():
        return 0
    try:
        require_tools()
        shutil.rmtree(folder, ignore_errors=True)
        assemble(folder / "home")
        compile_programs(folder / "home")
        install_packages(folder / "home", with_torch="--torch" in sys.argv[2:])
        write_runner(folder)
        prepare_wine(folder)
    except CannotError as error:
        print(f"No Windows Python here: {error}", file=sys.stderr)
        return CANNOT
    (folder / "complete").touch()
    return 0


def call(*argv: object, timeout_s: float = 600, **environment: str) -> str:
    """The output of a program that must succeed."""
    words = [str(word) for word in argv]
    try:
        done = subprocess.run(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={**os.environ, **environment}, timeout=timeout_s, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotError(str(error)) from None
    output = done.stdout.decode("utf-8", "replace")
    if done.returncode:
        raise CannotError(f"{' '.join(words[:4])} …: {output.strip()[-600:]}")
    return output


def require_tools() -> None:
    """Wine and a compiler for Windows, installed with apt-get where root may do that."""
    if sys.version_info[:2] != VERSION or sys.platform != "linux" or os.uname().machine != "x86_64":
        raise CannotError("it takes a Python 3.11 on Linux, x86_64")
    if shutil.which("wine") and shutil.which(COMPILER):
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise CannotError("wine and gcc-mingw-w64-x86-64 are not installed")
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    call("apt-get", "update", "-qq", timeout_s=APT_TIMEOUT_S, **quiet)
    call(
        "apt-get", "install", "-y", "-qq", "--no-install-recommends",
        "wine", "wine64", "gcc-mingw-w64-x86-64", timeout_s=APT_TIMEOUT_S, **quiet,
    )  # fmt: skip


def pip(*argv: object) -> None:
    """Runs pip for the packages of Windows."""
    call(
        sys.executable, "-m", "pip", "--disable-pip-version-check", *argv,
        "--platform", "win_amd64", "--python-version", "3.11", "--only-binary=:all:",
    )  # fmt: skip


def assemble(home: Path) -> None:
    """The interpreter's folder as the installer from python.org lays it out, without programs."""
    wheels = home.parent / "wheels"
    for part, (wanted, place) in PARTS.items():
        pip("download", "-q", "--no-deps", "-d", wheels, part)
        stem = re.split("[=-]", part)[0].replace("-", "_")
        (wheel,) = wheels.glob(f"{stem}*.whl")
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                if wanted in name and name.endswith((".dll", ".pyd")):
                    file = os.path.basename(name)
                    aside = file.endswith(".pyd") or re.match("lib(crypto|ssl|ffi)|sqlite3", file)
                    target = home / ("DLLs" if aside else place) / file
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(archive.read(name))
    left_out = shutil.ignore_patterns(
        "site-packages",
        "dist-packages",
        "lib-dynload",
        "test",
        "config-*",
        "__pycache__",
        "idlelib",
    )
    shutil.copytree(sysconfig.get_path("stdlib"), home / "Lib", ignore=left_out, symlinks=True)
    (home / "Lib" / "site-packages").mkdir()


def compile_programs(home: Path) -> None:
    """python.exe, that of venvs, and two libraries that only hand on what others can."""
    call(COMPILER, "-O1", "-municode", "-o", home / "python.exe", SOURCES / "interpreter.c")
    scripts = home / "Lib" / "venv" / "scripts" / "nt"
    scripts.mkdir(parents=True, exist_ok=True)
    call(COMPILER, "-O1", "-municode", "-o", scripts / "python.exe", SOURCES / "venv_launcher.c")
    call(
        COMPILER, "-shared", "-o", home / "bcryptprimitives.dll", SOURCES / "random.c", "-ladvapi32"
    )
    listing = call("x86_64-w64-mingw32-objdump", "-p", home / "python311.dll")
    names = sorted(set(re.findall(r"\[ *\d+\] (?:\+base\[ *\d+\] +[0-9a-f]+ )?(_?Py\w*)", listing)))
    lines = ["LIBRARY python3.dll", "EXPORTS", *(f"{name} = python311.{name}" for name in names)]
    definitions, nothing = home.parent / "python3.def", home.parent / "nothing.c"
    definitions.write_text("\n".join(lines) + "\n")
    nothing.write_text("int nothing;\n")
    call(
        COMPILER, "-shared", "-nostartfiles", "-Wl,--entry=0", "-o", home / "python3.dll",
        nothing, definitions,
    )  # fmt: skip


def install_packages(home: Path, *, with_torch: bool) -> None:
    """What sdops and its tests need, as pip would install it on Windows."""
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    wanted = [*project["project"]["dependencies"], *project["dependency-groups"]["test"], "pip"]
    wanted = [line for line in wanted if re.split("[^a-z0-9-]", line)[0] not in LEFT_OUT]
    wanted += [*ONLY_ON_WINDOWS, *(WITH_TORCH if with_torch else ())]
    place = home / "Lib" / "site-packages"
    pip("install", "-q", "--target", place, *wanted)
    if with_torch:  # it asks for NVIDIA's packages for Linux
        pip("install", "-q", "--no-deps", "--target", place, TORCH)


def write_runner(folder: Path) -> None:
    """FOLDER/python and FOLDER/wine, which start it and any other program of it."""
    names = "PIP_CERT SSL_CERT_FILE REQUESTS_CA_BUNDLE CURL_CA_BUNDLE"
    (folder / "wine").write_text(
        f"""#!/bin/sh
# Names of files in the environment are written as Windows writes them.
unset PIP_FIND_LINKS SSL_CERT_DIR PYTHONHOME
for name in {names}; do
    eval "value=\\${{$name:-}}"
    case $value in /*) export "$name=Z:$value" ;; esac
done
export WINEARCH=win64 WINEPREFIX='{folder}/prefix' WINEDEBUG=-all
export WINEDLLOVERRIDES="mscoree=;mshtml=;${{WINE_RUNTIME-{NATIVE}}}"
# Intel's libraries ask wine about the processor what it does not know.
export KMP_AFFINITY=disabled ONEDNN_MAX_CPU_ISA=AVX512_CORE_VNNI
exec wine "$@"
"""
    )
    (folder / "python").write_text(
        f"#!/bin/sh\nexec '{folder}/wine' '{folder}/home/python.exe' \"$@\"\n"
    )
    for name in ("wine", "python"):
        (folder / name).chmod(0o755)


def prepare_wine(folder: Path) -> None:
    """A Windows 10 in which it starts; it is made with wine's own C runtime."""
    call(folder / "wine", "wineboot", "-i", timeout_s=180, WINE_RUNTIME="")
    call(folder / "wine", "winecfg", "/v", "win10", timeout_s=60, WINE_RUNTIME="")
    shutil.copy2(
        folder / "home" / "bcryptprimitives.dll", folder / "prefix/drive_c/windows/system32"
    )
    said = call(folder / "python", "-c", "import sys, ssl, sqlite3, numpy; print(sys.platform)")
    if "win32" not in said:
        raise CannotError(f"it does not start: {said.strip()[-300:]}")


if __name__ == "__main__":
    sys.exit(main())
