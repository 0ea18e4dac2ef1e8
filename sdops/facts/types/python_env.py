"""The patient's Python, read from its files without importing from it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Distribution:
    """One installed distribution."""

    name: str
    """Normalized as packaging.utils.canonicalize_name does."""
    version: str
    """With its local label where the metadata has one: `2.1.2+cu121`."""
    location: str
    """The site-packages folder that holds it."""
    requires: tuple[str, ...] = ()
    """`Requires-Dist` lines."""
    requires_python: str | None = None
    direct_url: str | None = None
    editable: bool = False


@dataclass(frozen=True, slots=True)
class ModuleOwners:
    """One top-level module that several distributions install over one another."""

    module: str
    distributions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PthFile:
    """A `.pth` file with lines that Python executes at every start."""

    path: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TorchBuild:
    """What a package of the torch family was built for, from its own `version.py`."""

    package: str
    """`torch`, `torchvision` or `torchaudio`."""
    version: str
    """As in version.py: `2.13.0+cpu`. Metadata may lack the label."""
    cuda: str | None = None
    """`12.1`; None in a build without CUDA."""
    hip: str | None = None
    xpu: str | None = None

    @property
    def variant(self) -> str:
        """`cu121`, `rocm6.1`, `xpu` or `cpu`."""
        if self.cuda:
            return "cu" + self.cuda.replace(".", "")
        if self.hip:
            return "rocm" + ".".join(self.hip.split(".")[:2])
        return "xpu" if self.xpu else "cpu"


@dataclass(frozen=True, slots=True)
class XformersBuild:
    """What xformers was built for, from its own `cpp_lib.json`."""

    version: str
    torch: str | None = None
    cuda: str | None = None
    hip: str | None = None
    python: str | None = None
    architectures: tuple[str, ...] = ()
    """`TORCH_CUDA_ARCH_LIST` entries: `8.0+PTX`, `9.0a`."""


@dataclass(frozen=True, slots=True)
class CompanionBuild:
    """Which CUDA versions a package beside torch was compiled for, from its own files."""

    package: str
    cuda: tuple[str, ...]
    """`12.8`; several where it brings a library for each."""


@dataclass(frozen=True, slots=True)
class DamagedPackage:
    """A package whose files are not what pip recorded of them."""

    name: str
    missing: tuple[str, ...] = ()
    """The first of the files that are gone, from the site-packages folder, with `/`."""
    missing_count: int = 0
    changed: tuple[str, ...] = ()
    """Libraries of another size than recorded, or that no wheel put there."""


@dataclass(frozen=True, slots=True)
class PythonEnv:
    """One Python environment."""

    root: str
    """The prefix: the venv's or conda environment's folder."""
    executable: str
    kind: str
    """`venv`, `conda`, `embedded` or `system`."""
    version: str | None = None
    """`3.10.6`."""
    implementation: str = "cpython"
    bits: int | None = None
    machine: str | None = None
    """`x86_64` or `arm64`, of the interpreter."""
    base: str | None = None
    """The folder of the Python that a venv was made from (`home` in pyvenv.cfg)."""
    base_exists: bool | None = None
    recorded_root: str | None = None
    """Where the environment's own scripts believe it is; differs from `root` after a move."""
    system_site_packages: bool = False
    has_pip: bool | None = None
    site_packages: tuple[str, ...] = ()
    distributions: tuple[Distribution, ...] = ()
    leftovers: tuple[str, ...] = ()
    """Folders that a half-done uninstall left: `~orch`, `~umpy-1.26.4.dist-info`."""
    unreadable_metadata: tuple[str, ...] = ()
    module_owners: tuple[ModuleOwners, ...] = ()
    executable_pth: tuple[PthFile, ...] = ()
    torch: TorchBuild | None = None
    torchvision: TorchBuild | None = None
    torchaudio: TorchBuild | None = None
    xformers: XformersBuild | None = None
    companion_builds: tuple[CompanionBuild, ...] = ()
    damaged: tuple[DamagedPackage, ...] = ()

    def distribution(self, name: str) -> Distribution | None:
        """The installed distribution `name` (normalized), or None."""
        return next((dist for dist in self.distributions if dist.name == name), None)


@dataclass(frozen=True, slots=True)
class ImportProbe:
    """What importing one module in the patient's own interpreter did (`--deep`)."""

    module: str
    ok: bool
    version: str | None = None
    exception: str | None = None
    """The exception's type name."""
    message: str | None = None
    """The exception's text, as Python prints it, with the text of what caused it."""
    seconds: float | None = None
    printed: str | None = None
    """The end of what it printed meanwhile: some packages warn of a wrong build only so."""


@dataclass(frozen=True, slots=True)
class KernelProbe:
    """One small computation on one device in the patient's own torch (`--deep`)."""

    device: str
    """`cuda:0`, `mps`, `xpu:0` or `cpu`."""
    operation: str
    """`matmul` or `conv2d`."""
    dtype: str
    """`float32` or `float16`."""
    ok: bool
    relative_error: float | None = None
    """Against the same computation in float64 on the CPU."""
    exception: str | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True)
class DeepProbe:
    """What the patient's own interpreter says when it is really run (`--deep`)."""

    python: str | None = None
    imports: tuple[ImportProbe, ...] = ()
    kernels: tuple[KernelProbe, ...] = ()
    cuda_available: bool | None = None
    cuda_error: str | None = None
    """What torch says when it cannot use CUDA: the warning that `torch.cuda.is_available()` gives,
    or the exception of `torch.cuda.init()`."""
    device_count: int | None = None
    device_names: tuple[str, ...] = ()
    arch_list: tuple[str, ...] = ()
    """`torch.cuda.get_arch_list()`: `sm_80`, `compute_90`."""
    cudnn: str | None = None
