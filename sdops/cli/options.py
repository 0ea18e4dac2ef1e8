"""The options that every command shares."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Format = Annotated[
    str | None,
    typer.Option("--format", help="How to print the answer: rich, json, markdown, …"),
]
Json = Annotated[bool, typer.Option("--json", help="The same as --format json.")]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="Write the answer to this new file, not to the terminal."),
]
FailOn = Annotated[
    str,
    typer.Option(
        "--fail-on",
        metavar="SEVERITY",
        help="Exit with 1 from this severity on: info, warning, error, critical, never.",
    ),
]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="No progress and no notes, only the answer.")
]
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
NoVerify = Annotated[bool, typer.Option("--no-verify", help="Do not read the result back.")]
Hashed = Annotated[bool, typer.Option("--sha256", help="Tell the result's sha256, too.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an existing file.")]
DryRun = Annotated[bool, typer.Option("--dry-run", "-n", help="Show the plan, write nothing.")]
Trash = Annotated[
    bool, typer.Option("--trash", help="Move the source to the trash once the result is verified.")
]
DeleteSource = Annotated[
    bool, typer.Option("--delete-source", help="Delete the source once the result is verified.")
]
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
