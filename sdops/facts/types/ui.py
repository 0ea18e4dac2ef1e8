"""The user interface's own folder: what it is, how it is started, what is in it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Remote:
    """A git remote; credentials in its address are redacted."""

    name: str
    url: str


@dataclass(frozen=True, slots=True)
class Git:
    """The state of a git checkout, read from its files."""

    commit: str | None = None
    branch: str | None = None
    """None on a detached head."""
    remotes: tuple[Remote, ...] = ()
    local_changes: bool | None = None


@dataclass(frozen=True, slots=True)
class Argument:
    """One launch argument as it stands in a launch file."""

    flag: str
    """With its dashes: `--port`."""
    value: str | None
    """As written after the flag or `=`; None for a switch."""
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Setting:
    """An environment variable or configuration key that a launch file sets."""

    name: str
    value: str
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class FlagDefinition:
    """A flag as the UI's own argument file defines it, read with `ast`."""

    flag: str
    aliases: tuple[str, ...] = ()
    takes_value: bool = False
    default: str | None = None
    help: str | None = None


@dataclass(frozen=True, slots=True)
class Requirement:
    """One package that a requirements file asks for."""

    text: str
    """`numpy==1.26.4; python_version < "3.12"`."""
    file: str
    line: int
    install: tuple[str, ...] = ()
    """What pip is given where the text is not enough: `-e`, a folder; the address of a wheel."""
    name_is_known: bool = True
    """False where the name was only guessed, from the address of a repository."""
    constraint: bool = False
    """It says which version, if the package is there at all (`-c`)."""


@dataclass(frozen=True, slots=True)
class TorchPin:
    """A torch that the UI's own installer takes, read from its sources."""

    torch: str
    """A version (`2.7.0`) or a specifier (`>=2.7,<2.8`)."""
    build: str | None = None
    """`cu128`, `rocm6.3`, `xpu`, `cpu`; None where it does not say."""
    file: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class Trap:
    """One place in a launch file where the shell understands something else than was meant."""

    kind: str
    """`dash`, `spaced-set`, `backslash`, `set-after-call`, `sh-webui`, `spaced-assignment`,
    `curly-quote`."""
    text: str
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class SourceFault:
    """One place in Python sources that will fail: nothing there catches it or asks beforehand."""

    kind: str
    """`module` (an import that nothing installed provides), `file` (a file of its own that is not
    there), `host-module`, `host-name`, `host-call` (of the UI's own modules: it is not there, or
    cannot be called so) or `syntax`."""
    subject: str
    """`cv2`, `.nodes`, `comfy.utils.ProgressBar`, or what the parser says."""
    file: str
    line: int
    at_load: bool = False
    """It fails when the file is loaded; otherwise when a function of it runs."""
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Extension:
    """An extension (A1111 family) or custom node (ComfyUI)."""

    name: str
    path: str
    enabled: bool = True
    git: Git | None = None
    requirements: tuple[Requirement, ...] = ()
    """The requirements in its own `requirements.txt`."""
    wants_host: str | None = None
    """The versions of the UI that it says it works with, as a PEP 440 specifier."""
    faults: tuple[SourceFault, ...] = ()


@dataclass(frozen=True, slots=True)
class UiInstall:
    """One installed user interface."""

    kind: str
    """`a1111`, `forge`, `reforge`, `sdnext`, `comfyui`, `invokeai`, `kohya` or `lora-scripts`."""
    root: str
    layout: str = "git"
    """`git`, `portable` (with its embedded Python), `desktop`, `pip` or `plain`."""
    version: str | None = None
    git: Git | None = None
    arguments: tuple[Argument, ...] = ()
    """The launch arguments in force, in order, from the launch files and then the command line."""
    settings: tuple[Setting, ...] = ()
    launch_files: tuple[str, ...] = ()
    known_flags: tuple[FlagDefinition, ...] = ()
    """Empty where the UI's argument file is not in the folder or not readable."""
    extensions: tuple[Extension, ...] = ()
    repositories: tuple[Extension, ...] | None = None
    """What the UI's start script cloned for itself (A1111's `repositories`); None: not looked."""
    requirements: tuple[Requirement, ...] = ()
    model_folders: tuple[str, ...] = ()
    logs: tuple[str, ...] = ()
    """The latest log files, newest first."""
    running_pid: int | None = None
    python: str | None = None
    """The Python program that a launch file names by its path."""
    python_range: str | None = None
    """The versions of Python that its own sources ask for, as a PEP 440 specifier."""
    torch_pins: tuple[TorchPin, ...] = ()
    """What its own installer takes, the usual one first."""
    remote_known: bool | None = None
    """Whether it was cloned from the repository that its kind is known from; None: no remote."""
    traps: tuple[Trap, ...] = ()
    """What its launch files say and their shell understands otherwise."""
    faults: tuple[SourceFault, ...] = ()
    """Imports of the UI's own modules that nothing provides."""

    def argument(self, flag: str) -> Argument | None:
        """The last use of `flag` (the one that counts), or None."""
        return next((arg for arg in reversed(self.arguments) if arg.flag == flag), None)

    def setting(self, name: str) -> str | None:
        """The value in force of the variable or key `name`, or None."""
        return next((item.value for item in reversed(self.settings) if item.name == name), None)


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One file in a model folder, by its content."""

    path: str
    size_bytes: int
    container: str
    """`safetensors`, `torch-zip`, `torch-legacy`, `pickle`, `gguf`, `lfs-pointer`, `html`, `json`,
    `empty`, `truncated` or `unknown`."""
    missing_bytes: int | None = None
    """How many bytes are missing from a truncated file, where its header says."""
    expected_bytes: int | None = None
    """The real size, where an LFS pointer or a list says."""
    damage: str | None = None
    """What contradicts itself in it, in a sentence; None where nothing was seen to."""
