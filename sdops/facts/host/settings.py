"""The settings of pip and git, read from their files without running either."""

from __future__ import annotations

import configparser
import os
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from sdops.facts.files import home, text_or_empty
from sdops.facts.git_config import parse
from sdops.facts.tree import Tree

MAX_BYTES = 256 * 1024

_GIT_SETTINGS = re.compile(
    r"(?i)^(http\.(.*\.)?(proxy|sslverify|sslcainfo|sslbackend|postbuffer|schannelcheckrevoke)"
    r"|https\.(.*\.)?proxy|url\..*\.(pushinsteadof|insteadof)|core\.(longpaths|autocrlf|symlinks)"
    r"|safe\.directory|filter\.lfs\.(smudge|process|required)|lfs\..*|protocol\..*)$"
)
"""The git settings that change whether and from where something can be fetched."""


def look(paths: Mapping[str, str], tree: Tree) -> dict[str, str]:
    """The settings in force, `pip:global.index-url` → value, credentials and all.

    Args:
        paths: as for `host.look`; `venv` may hold a pip configuration of its own.
        tree: where the system's own files are read.
    """
    settings: dict[str, str] = {}
    for name, value in pip_settings(paths.get("venv"), tree):
        settings[f"pip:{name}"] = value
    for name, value in git_settings(tree):
        if _GIT_SETTINGS.match(name):
            settings[f"git:{name}"] = value
    return settings


def git_settings(tree: Tree) -> Iterator[tuple[str, str]]:
    """Git's settings as they stand in its files, credentials and all, later ones winning.

    Args:
        tree: where the system's own file is read.
    """
    for file in _git_files(tree):
        yield from parse(text_or_empty(file, MAX_BYTES))


def _pip_files(venv: str | None, tree: Tree) -> Iterator[Path]:
    """The configuration files of pip in the order it reads them, later ones winning.

    Source: pip documentation, "Configuration", "Configuration files".
    """
    override = os.environ.get("PIP_CONFIG_FILE")
    if override == os.devnull:
        return
    user, name = home(), "pip.ini" if sys.platform == "win32" else "pip.conf"
    if sys.platform == "win32":
        yield Path(os.environ.get("PROGRAMDATA", r"C:\ProgramData")) / "pip" / name
        users = [user / "pip" / name, Path(os.environ.get("APPDATA", user)) / "pip" / name]
    elif sys.platform == "darwin":
        yield tree.path("/Library/Application Support/pip") / name
        users = [user / ".pip" / name, user / "Library/Application Support/pip" / name,
                 user / ".config/pip" / name]  # fmt: skip
    else:
        yield tree.path("/etc/xdg/pip") / name
        yield tree.path("/etc") / name
        users = [user / ".pip" / name, _xdg_config() / "pip" / name]
    yield from users
    if venv:
        yield Path(venv) / name
    if override:
        yield Path(override)


def pip_settings(venv: str | None, tree: Tree) -> Iterator[tuple[str, str]]:
    """The settings of pip as they stand in its files, credentials and all, later ones winning.

    Args:
        venv: the folder of the patient's environment, which may have a file of its own.
        tree: where the system's own files are read.
    """
    for file in _pip_files(venv, tree):
        parser = configparser.RawConfigParser(strict=False)
        try:
            parser.read_string(text_or_empty(file, MAX_BYTES))
        except configparser.Error:
            continue  # pip itself refuses such a file with a message of its own
        for section in parser.sections():
            for name, value in parser.items(section):
                yield f"{section}.{name.replace('_', '-')}", " ".join(value.split())


def _git_files(tree: Tree) -> Iterator[Path]:
    """The system's and the user's git configuration (git-config(1), "FILES")."""
    if sys.platform == "win32":
        program_files = os.environ.get("PROGRAMFILES", r"C:\Program Files")
        yield Path(program_files) / "Git" / "etc" / "gitconfig"
    else:
        yield tree.path("/etc/gitconfig")
    chosen = os.environ.get("GIT_CONFIG_GLOBAL")
    if chosen:
        yield Path(chosen)
    else:
        yield _xdg_config() / "git" / "config"
        yield home() / ".gitconfig"


def _xdg_config() -> Path:
    return Path(os.environ.get("XDG_CONFIG_HOME") or home() / ".config")
