"""Picture files: opened without trust, written and read with infotext inside."""

from __future__ import annotations

import io
import struct
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdops.atomic import replace
from sdops.dialect.kinds import LARGEST_SIDE
from sdops.errors import UnreadableInputError

if TYPE_CHECKING:
    from PIL import Image

FORMATS = ("PNG", "JPEG", "WEBP")
"""What UIs write; a decoder that is never needed cannot be attacked."""
KEYWORD = "parameters"
USER_COMMENT, EXIF_IFD = 0x9286, 0x8769
UNICODE_COMMENT = b"UNICODE\x00"
DAMAGE = (OSError, SyntaxError, ValueError, EOFError, struct.error, KeyError, IndexError, TypeError)
"""What Pillow raises for a file that is not what it seems."""


def open_picture(path: Path) -> Image.Image:
    """The picture at `path`, all of it in memory.

    Raises:
        UnreadableInputError: it is none, damaged, or larger than pictures are made.
    """
    from PIL import Image

    if not path.is_file():
        raise UnreadableInputError(f"There is no file {path}.", "Check the path.")
    hint = f"Give a {', '.join(FORMATS[:-1])} or {FORMATS[-1]} file that is whole."
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path, formats=FORMATS) as picture:
                if max(picture.size) <= LARGEST_SIDE:
                    picture.load()
                    whole: Image.Image = picture.copy()
                    return whole
                size = f"{picture.width} × {picture.height}"
    except Image.DecompressionBombError:
        size = "far too many"
    except DAMAGE as error:
        raise UnreadableInputError(f"{path} is not a picture that can be read.", hint) from error
    raise UnreadableInputError(
        f"{path} has {size} pixels.", f"Give a picture of at most {LARGEST_SIDE} a side."
    )


def save(picture: Image.Image, path: Path, text: str) -> None:
    """Write `picture` to `path` with the infotext inside; the ending chooses the format."""
    from PIL import Image, PngImagePlugin

    if path.suffix.lower() == ".png":
        chunks = PngImagePlugin.PngInfo()
        chunks.add_text(KEYWORD, text)
        write(picture, path, pnginfo=chunks)
        return
    exif = Image.Exif()
    exif.get_ifd(EXIF_IFD)[USER_COMMENT] = UNICODE_COMMENT + text.encode("utf-16-be")
    write(picture, path, exif=exif)


def write(picture: Image.Image, path: Path, **options: Any) -> None:
    """Write `picture` to `path`, whole or not at all, in the format of the name's ending.

    Args:
        picture: what to write.
        path: a new file, or one to replace.
        **options: as Pillow's `save` takes them.

    Raises:
        SdopsError: it cannot be written.
    """
    from PIL import Image

    content = io.BytesIO()
    kind = Image.registered_extensions().get(path.suffix.lower(), "PNG")
    picture.save(content, kind, **options)
    replace(path, content.getvalue())


def soften(mask: Image.Image, blur: float) -> Image.Image:
    """`mask` in gray, its edge blurred by a Gaussian of `blur` pixels."""
    from PIL import ImageFilter

    return mask.convert("L").filter(ImageFilter.GaussianBlur(blur))
