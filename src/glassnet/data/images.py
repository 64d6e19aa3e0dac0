"""Pictures of digits as the networks know them: white ink on black, 28 x 28, centred."""

from __future__ import annotations

import io
import os
import struct
import warnings
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from glassnet.data.files import read_whole
from glassnet.engine.errors import ConfigError, DataError

if TYPE_CHECKING:
    from PIL.Image import Image

SIDE = 28  # pixels of an MNIST image
BOX = 20  # pixels of the box that MNIST fits the ink into
LARGEST = 50_000_000  # pixels of a picture that is still read
LARGEST_FILE = 2**28  # bytes of one
FAINTEST = 0.1  # of the way from white to black, between the ink and its ground
WORKING = 2048  # pixels of the longer side that is worked on
#: What is tried: Pillow would hand an EPS file to Ghostscript, which runs the program in it.
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "PPM")
#: What Pillow's decoders raise for damaged files.
DAMAGE = (OSError, SyntaxError, ValueError, TypeError, LookupError, ArithmeticError, EOFError, struct.error, zlib.error)


def read_digit(path: str | os.PathLike[str]) -> NDArray[np.float32]:
    """A picture of one digit, (28, 28) from 0 (background) to 1 (ink), prepared as MNIST was.

    path: a PNG, JPEG, GIF, BMP, WebP or PPM file.

    Dark ink on a bright ground is inverted. A picture of another size than 28 x 28 is cropped to its ink, scaled so
    that the ink fits into 20 x 20, and placed with its centre of mass in the middle (LeCun et al., 1998).

    Raises DataError naming the file for what is no picture or holds no ink, ConfigError if Pillow is missing.
    """
    Image = _pillow()  # noqa: N806  # a module
    from PIL import UnidentifiedImageError

    try:
        content = read_whole(path, LARGEST_FILE)
    except FileNotFoundError as error:
        raise DataError(f"{path} does not exist.") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about what is not needed here, such as damaged EXIF data
            with Image.open(io.BytesIO(content), formats=FORMATS) as picture:
                if picture.width * picture.height > LARGEST:
                    size = f"{picture.width} x {picture.height}"
                    raise DataError(f"{path} has {size} pixels; at most {LARGEST:,} are read.")
                grey = _grey(picture, Image)
    except DataError:
        raise
    except (*DAMAGE, Image.DecompressionBombError) as error:
        reason = "it is none of " + ", ".join(FORMATS) if isinstance(error, UnidentifiedImageError) else error
        raise DataError(f"{path} is not a picture that can be read: {reason}.") from error
    ink = np.asarray(grey, np.float32) / np.float32(255)
    border = np.concatenate([ink[0], ink[-1], ink[:, 0], ink[:, -1]])
    if np.median(border) > 0.5:
        ink = 1 - ink
    if ink.max() - ink.min() < FAINTEST:
        raise DataError(f"{path} holds no ink: all its pixels are alike.")
    return ink if ink.shape == (SIDE, SIDE) else _centre(ink, Image)


def centred_digit(ink: NDArray[np.float32]) -> NDArray[np.float32]:
    """A drawing (H, W) from 0 (background) to 1 (ink) as ``read_digit`` prepares a picture: (28, 28).

    Raises DataError for a drawing without ink, ConfigError if Pillow is missing.
    """
    image = _pillow()
    if not ink.size or ink.max() - ink.min() < FAINTEST:
        raise DataError("there is no ink in the drawing: draw a digit.")
    return _centre(ink, image)


def _pillow() -> Any:
    try:
        from PIL import Image
    except ImportError as error:
        raise ConfigError("reading pictures needs Pillow. Install it with pip install 'glassnet[images]'.") from error
    return Image


def _grey(picture: Image, image: Any) -> Image:
    """Shades from 0 to 255 on paper, in a size that is worked on."""
    if picture.mode.startswith("I"):  # 16 bits, which convert() would cut off at 255
        picture = image.fromarray((np.asarray(picture) >> 8).astype(np.uint8))
    if picture.has_transparency_data:  # what is transparent is paper
        paper = image.new("RGBA", picture.size, "white")
        paper.alpha_composite(picture.convert("RGBA"))
        picture = paper
    grey = picture.convert("L")
    return grey.reduce(-(-max(grey.size) // WORKING)) if max(grey.size) > WORKING else grey


def _centre(ink: NDArray[np.float32], image: Any) -> NDArray[np.float32]:
    """Crop to the ink, scale it into the box, and put its centre of mass where it is in MNIST: at pixel (14, 14)."""
    marked = ink > ink.min() + 0.1 * (ink.max() - ink.min())
    rows, columns = np.flatnonzero(marked.any(1)), np.flatnonzero(marked.any(0))
    cropped = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = BOX / max(cropped.shape)
    height, width = (max(1, round(side * scale)) for side in cropped.shape)
    scaled: Image = image.fromarray(cropped).resize((width, height), image.Resampling.BOX)
    small = np.clip(np.asarray(scaled, np.float32), 0, 1)
    total = small.sum()
    top = round(SIDE / 2 - float((small.sum(1) * np.arange(height)).sum() / total))
    left = round(SIDE / 2 - float((small.sum(0) * np.arange(width)).sum() / total))
    top, left = int(np.clip(top, 0, SIDE - height)), int(np.clip(left, 0, SIDE - width))
    result = np.zeros((SIDE, SIDE), np.float32)
    result[top : top + height, left : left + width] = small
    return result
