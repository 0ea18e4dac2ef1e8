"""Words hidden in the lowest bit of a picture's pixels, as NovelAI and an extension of A1111 do.

Source: the format of NovelAI's image metadata (NovelAI/novelai-image-metadata) and of
ashen-sensored/sd_webui_stealth_pnginfo: bits column by column, most significant first; a name of
15 letters, the number of bits as 32 bits, then the text, gzipped where the name says `comp`.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdops.dialect.metadata.texts import LARGEST_TEXT

if TYPE_CHECKING:
    from PIL import Image

NAMES = {
    "stealth_pnginfo": ("alpha", False),
    "stealth_pngcomp": ("alpha", True),
    "stealth_rgbinfo": ("color", False),
    "stealth_rgbcomp": ("color", True),
}
LETTERS = 15
LARGEST_SIDE = 16384


def hidden_text(path: Path) -> str | None:
    """What is written in the lowest bits of the PNG at `path`; None for nothing."""
    try:
        import numpy as np
        from PIL import Image
    except ImportError:
        return None
    try:
        with Image.open(path, formats=("PNG", "WEBP")) as picture:
            if max(picture.size) > LARGEST_SIDE or picture.mode not in ("RGBA", "RGB"):
                return None
            pixels = np.asarray(picture)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return None
    color = _read(pixels[..., :3], "color")
    return color or (_read(pixels[..., 3:], "alpha") if pixels.shape[-1] == 4 else None)


def _read(plane: Any, kind: str) -> str | None:
    import numpy as np

    needed = (LETTERS + 4) * 8
    columns = plane.transpose(1, 0, 2)  # (width, height, channels): column by column
    few = -(-needed // (columns.shape[1] * columns.shape[2]))
    head = np.packbits(columns[:few].reshape(-1)[:needed] & 1).tobytes()
    name = head[:LETTERS].decode("latin-1")
    if NAMES.get(name, ("", False))[0] != kind:
        return None
    bits = int.from_bytes(head[LETTERS:], "big")
    if bits > 8 * LARGEST_TEXT or bits + needed > columns.size:
        return None
    data = np.packbits(columns.reshape(-1)[needed : needed + bits] & 1).tobytes()
    if NAMES[name][1]:
        unpacker = zlib.decompressobj(wbits=31)
        try:
            data = unpacker.decompress(data, LARGEST_TEXT)
        except zlib.error:
            return None
    return data.decode("utf-8", "replace")


def without_hidden_text(picture: Image.Image) -> Image.Image:
    """`picture` with the lowest bits of its alpha channel, or colors, set alike."""
    import numpy as np
    from PIL import Image

    pixels = np.array(picture)
    plane = pixels[..., 3] if picture.mode == "RGBA" else pixels
    plane |= 1
    return Image.fromarray(pixels)
