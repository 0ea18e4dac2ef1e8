"""The options that several commands share; those that belong together as one named tuple."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, NamedTuple

import typer

Dtype = Annotated[
    str | None, typer.Option("--dtype", help="Precision of the weights: fp16, bf16, fp32 or keep.")
]
UnetDtype = Annotated[str | None, typer.Option("--unet-dtype", help="Only of the UNet.")]
VaeDtype = Annotated[str | None, typer.Option("--vae-dtype", help="Only of the VAE.")]
TextEncoderDtype = Annotated[
    str | None, typer.Option("--text-encoder-dtype", help="Only of the text encoders.")
]
Out = Annotated[
    Path | None,
    typer.Option("--out", readable=False, help="A folder for the results; needed for a folder."),
]
AllowOverflow = Annotated[
    bool, typer.Option("--allow-overflow", help="Go on where numbers are too large for fp16.")
]
NoMetadata = Annotated[
    bool, typer.Option("--no-metadata", help="Write no metadata: not the source's, not our own.")
]
Provenance = Annotated[
    bool,
    typer.Option(
        "--provenance", help="Note the source's sha256 in the metadata, also where that takes time."
    ),
]
NoVerify = Annotated[bool, typer.Option("--no-verify", help="Do not read the result back.")]
Hashed = Annotated[bool, typer.Option("--sha256", help="Also report the result's sha256.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an existing file.")]
DryRun = Annotated[bool, typer.Option("--dry-run", "-n", help="Show the plan, write nothing.")]
Trash = Annotated[
    bool, typer.Option("--trash", help="Move the source to the trash once the result is verified.")
]
DeleteSource = Annotated[
    bool, typer.Option("--delete-source", help="Delete the source once the result is verified.")
]
Target = Annotated[
    str | None,
    typer.Argument(
        help="A UI's folder, a venv or a Python. Default: the UI around the current folder,"
        " else this Python."
    ),
]
Ui = Annotated[
    str | None, typer.Option("--ui", help="Which UI it is, where the folder does not tell.")
]
Python = Annotated[str | None, typer.Option("--python", help="The Python that the UI runs with.")]
Architecture = Annotated[
    str | None,
    typer.Option(
        "--architecture",
        help="Random weights of sd15, sd21, sdxl, or tiny-sd15 …"
        " Default: sd15 on a GPU, tiny-sd15 on a processor.",
    ),
]
Device = Annotated[
    str | None,
    typer.Option("--device", help="cuda, cuda:1, xpu, mps or cpu. Default: the best there is."),
]
Precision = Annotated[
    str | None,
    typer.Option(
        "--precision", help="fp32, tf32, fp16 or bf16. Default: fp16 on a GPU, else fp32."
    ),
]
Attention = Annotated[
    str,
    typer.Option(
        "--attention",
        help="sdpa, flash, memory-efficient, cudnn, math, xformers or sub-quadratic.",
    ),
]


class Writing(NamedTuple):
    """How convert and prune write their new files."""

    out: Out = None
    dtype: Dtype = None
    unet_dtype: UnetDtype = None
    vae_dtype: VaeDtype = None
    text_encoder_dtype: TextEncoderDtype = None
    allow_overflow: AllowOverflow = False
    no_metadata: NoMetadata = False
    provenance: Provenance = False
    no_verify: NoVerify = False
    hashed: Hashed = False
    overwrite: Overwrite = False
    dry_run: DryRun = False
    trash: Trash = False
    delete_source: DeleteSource = False


class Computing(NamedTuple):
    """What smoke and bench compute with."""

    device: Device = None
    precision: Precision = None
    attention: Attention = "sdpa"


class Patient(NamedTuple):
    """The installation that doctor and env look at."""

    target: Target = None
    ui: Ui = None
    python: Python = None
