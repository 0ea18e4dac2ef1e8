"""Reads how a user interface is started: its launch files parsed, never executed."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field, replace
from pathlib import Path

from sdops.facts.credentials import means_secret
from sdops.facts.files import read_text
from sdops.facts.types import Argument, Gap, Setting, Trap, UiInstall
from sdops.facts.ui import arguments, batch, shell, stability_matrix, traps, yaml_file
from sdops.facts.ui.kinds import LaunchFile, UiKind
from sdops.facts.ui.script import LIMIT_BYTES, Command, Script

ENVIRONMENT = "(environment)"
"""Stands for the file of an argument that the user's own environment holds."""
_SETTINGS = 300
_LAUNCHERS = 100
_SAME_TIME_S = 3600
"""Launchers changed within an hour came with the same download; an edited one is newer."""


@dataclass(slots=True)
class Launch:
    """How a user interface is started."""

    arguments: list[Argument] = field(default_factory=list)
    from_variable: list[Argument] = field(default_factory=list)
    """Those of `arguments` that the variable holds; a later assignment replaces them all."""
    settings: list[Setting] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    traps: list[Trap] = field(default_factory=list)
    python: str | None = None
    """The path of the Python program that a launcher names."""


@dataclass(frozen=True, slots=True)
class Place:
    """The user interface whose launch files are read, and for which system."""

    kind: UiKind
    root: Path
    system: str
    """`linux`, `macos` or `windows`."""
    environment: Mapping[str, str]
    switches: Set[str] = frozenset()
    """Flags that are known to take no value."""


def read(place: Place) -> Launch:
    """The arguments and settings in force, from the files that this system's launcher reads."""
    launch = Launch()
    manager = stability_matrix.settings_file(place.root)
    if manager is not None:  # it starts the UI itself, and reads no launch file of the UI's own
        launch.files.append(str(manager))
        words = stability_matrix.words(manager, place.root)
        launch.arguments += arguments.group(words, place.switches, str(manager), 0)
        return launch
    for file in _files_in_force(place):
        _read_file(place, file, launch)
    launchers = _launchers(place)
    if launchers:
        _read_file(place, launchers[0], launch)
        launch.files += [str(each.path) for each in launchers[1:]]
    inherited = place.environment.get(place.kind.argument_variable or "")
    if inherited and not _sets_variable(place, launch):
        _add_variable(place, inherited, ENVIRONMENT, 0, launch)
    return launch


def variables_of(ui: UiInstall) -> Mapping[str, str]:
    """The environment variables that the UI's launch scripts set for it.

    A script's own helpers (`python_cmd`) and the keys of configuration files are in lower case;
    what programs read from their environment is in capitals.
    """
    names = re.compile(r"[A-Z][A-Z0-9_]*")
    return {each.name: each.value for each in ui.settings if names.fullmatch(each.name)}


def program_of(words: Iterable[str]) -> str | None:
    """The Python program that starts a command line, or None."""
    first = next(iter(words), "")
    name = re.split(r"[\\/]", first)[-1].lower()
    return first if re.fullmatch(r"python[\d.]*(?:\.exe)?", name) else None


def script_arguments(words: tuple[str, ...], kind: UiKind) -> tuple[str, ...] | None:
    """The words after the program of the UI in a command line, or None if it is not started."""
    programs = {name.lower() for name in (*kind.scripts, *kind.start_commands)}
    for index, word in enumerate(words):
        if re.split(r"[\\/]", word)[-1].lower() in programs:
            return words[index + 1 :]
    return None


@dataclass(frozen=True, slots=True)
class _Found:
    path: Path
    format: str


def _files_in_force(place: Place) -> list[_Found]:
    """The launch files of this system; those of another where the folder has only them."""
    present = [each for each in place.kind.launch_files if (place.root / each.path).is_file()]
    here = [each for each in present if place.system in each.systems]
    return [_Found(_path(place, each), each.format) for each in here or present]


def _path(place: Place, file: LaunchFile) -> Path:
    path = place.root / file.path
    return path.parent.resolve() / path.name if file.path.startswith("..") else path


def _launchers(place: Place) -> list[_Found]:
    """The scripts that start the UI, the one that is most likely used first."""
    preferred = place.kind.preferred_launchers
    found: dict[Path, tuple[tuple[float, int, str], _Found]] = {}
    for pattern in place.kind.launchers:
        folder = place.root.parent if pattern.startswith("../") else place.root
        for path in sorted(folder.glob(pattern.removeprefix("../")))[:_LAUNCHERS]:
            each = _Found(path, "batch" if path.suffix == ".bat" else "shell")
            # webui.sh and webui-user.bat start the UI with what the launch files say.
            own = place.kind.argument_variable and path.name in place.kind.start_commands
            if path in found or own or not _starts_ui(place, each):
                continue
            rank = preferred.index(path.name) if path.name in preferred else len(preferred)
            order = (-(path.stat().st_mtime // _SAME_TIME_S), rank, path.name)
            found[path] = (order, each)
    wanted = "batch" if place.system == "windows" else "shell"
    native = {path: each for path, each in found.items() if each[1].format == wanted}
    return [each for _, each in sorted((native or found).values(), key=lambda pair: pair[0])]


def _starts_ui(place: Place, file: _Found) -> bool:
    try:
        script = _script(place, file, read_text(file.path, LIMIT_BYTES))
    except OSError:
        return False
    return any(script_arguments(each.words, place.kind) is not None for each in script.commands)


def _script(place: Place, file: _Found, text: str) -> Script:
    if file.format == "batch":
        environment = place.environment if place.system == "windows" else {}
        return batch.read(text, environment, str(file.path.parent))
    return shell.read(text, place.environment)


def _read_file(place: Place, file: _Found, launch: Launch) -> None:
    launch.files.append(str(file.path))
    try:
        text = read_text(file.path, LIMIT_BYTES)
        if file.format == "yaml":
            _add_yaml(text, str(file.path), launch)
        elif file.format == "comfy-settings":
            _add_comfy_settings(place, text, str(file.path), launch)
        else:
            launch.traps += traps.find(text, file.format, str(file.path), place.kind)
            started = _after(place, launch)
            _add_script(started, _script(started, file, text), str(file.path), launch)
    except (OSError, ValueError) as error:
        launch.gaps.append(Gap("ui.arguments", f"{file.path}: {error}"))


def _add_script(place: Place, script: Script, file: str, launch: Launch) -> None:
    room = _SETTINGS - len(launch.settings)
    launch.settings += [
        Setting(each.name, each.value, file, each.line) for each in script.assignments[:room]
    ]
    variable = place.kind.argument_variable
    own = [each for each in script.assignments if _same(each.name, variable, file)]
    # A variable that is not exported never reaches the program.
    if own and (own[-1].exported or variable in place.environment):
        _add_variable(place, own[-1].value, file, own[-1].line, launch)
    for command in script.commands:
        _add_command(place, command, file, launch)


def _same(name: str, variable: str | None, file: str) -> bool:
    if variable is None:
        return False
    return name.upper() == variable if file.endswith(".bat") else name == variable


def _after(place: Place, launch: Launch) -> Place:
    """The same place, its argument variable as the files read so far have left it."""
    variable = place.kind.argument_variable
    values = [each.value for each in launch.settings if _same(each.name, variable, each.file)]
    if variable is None or not values:
        return place
    return replace(place, environment={**place.environment, variable: values[-1]})


def _sets_variable(place: Place, launch: Launch) -> bool:
    return any(
        _same(each.name, place.kind.argument_variable, each.file) for each in launch.settings
    )


def _add_variable(place: Place, value: str, file: str, line: int, launch: Launch) -> None:
    """Adds arguments from a variable, split as the UI itself does it: with shlex."""
    try:
        words = shlex.split(value)
    except ValueError as error:
        launch.gaps.append(Gap("ui.arguments", f"{file}, line {line}: {error}"))
        words = value.split()
    given = arguments.group(words, place.switches, file, line)
    launch.arguments = [each for each in launch.arguments if each not in launch.from_variable]
    launch.from_variable = list(given)
    launch.arguments += given


def _add_command(place: Place, command: Command, file: str, launch: Launch) -> None:
    words = command.words
    if words[0] in ("source", ".") and len(words) > 1 and words[1].endswith("/bin/activate"):
        folder = words[1].removesuffix("/bin/activate")
        launch.settings.append(Setting("VIRTUAL_ENV", folder, file, command.line))
    given = script_arguments(words, place.kind)
    if given is None:
        return
    program = program_of(words)
    if program and re.search(r"[\\/]", program):
        # Launchers are started in their own folder.
        launch.python = str(Path(file).parent / program.replace("\\", "/"))
    launch.arguments += arguments.group(given, place.switches, file, command.line)


def _add_yaml(text: str, file: str, launch: Launch) -> None:
    for each in yaml_file.read(text)[:_SETTINGS]:
        # What lies inside a key for secrets is one, whatever it is called itself.
        secret = any(means_secret(key) for key in each.path)
        name = ".".join(each.path) if secret else each.path[-1]
        launch.settings.append(Setting(name, each.value, file, each.line))


def _add_comfy_settings(place: Place, text: str, file: str, launch: Launch) -> None:
    """Adds the arguments that the desktop application passes to ComfyUI's server."""
    try:
        settings = json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    flags = settings.get("Comfy.Server.LaunchArgs") if isinstance(settings, dict) else None
    if not isinstance(flags, dict):
        return
    for name, value in list(flags.items())[:_SETTINGS]:
        words = [f"--{name}", *([value] if isinstance(value, str) and value else [])]
        launch.arguments += arguments.group(words, place.switches, file, 1)
