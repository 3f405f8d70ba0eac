"""Open anybody's picture of a digit: checked, upright, grey, without transparency."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps

from lenetcourse.errors import CourseError

if TYPE_CHECKING:
    Picture = str | os.PathLike | Image.Image | np.ndarray

# What cameras and drawing programs write. Pillow reads more, some (EPS) by running other programs.
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
MAX_SIDE = 10_000  # longest side of a picture that is opened, in pixels
MAX_PIXELS = 50_000_000  # a phone's photograph has 12 to 50 million
TOO_LARGE = f"too many: at most {MAX_SIDE:,} a side and {MAX_PIXELS:,} in all; make it smaller"
WORK_SIDE = 320  # a picture is reduced to this before anything is computed
VISIBLE = 16  # of 255: less alpha than this cannot be seen
MIN_CONTRAST = 20.0  # of 255: less difference between ink and paper counts as blank


class PictureError(CourseError, ValueError):
    """The picture cannot be read, or shows no digit."""


@contextmanager
def open_picture(path: str | os.PathLike) -> Iterator[Image.Image]:
    """Open a picture's file, of one of `FORMATS`, without decoding it.

    Raises PictureError when it declares more pixels than `to_mnist` takes; of a file that is no
    picture, whatever Pillow raises.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # refused below
        try:
            image = Image.open(path, formats=FORMATS)
        except Image.DecompressionBombError:  # beyond Pillow's own limit, before it says the size
            raise PictureError(f"{path}: the pixels are {TOO_LARGE}") from None
    with image:
        check_size(image, str(path))
        yield image


def check_size(image: Image.Image, name: str) -> None:
    """Raise PictureError when a picture has no pixels or too many; it is not decoded for that."""
    width, height = image.size
    if not width * height:
        raise PictureError(f"{name} has no pixels: {width} x {height}")
    if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        raise PictureError(f"{name}: {width:,} x {height:,} pixels are {TOO_LARGE}")


def brightness(picture: Picture) -> np.ndarray:
    """Return the brightness of a picture, float32 (height, width), 0 black to 255 white.

    `picture` is as for `to_mnist`; its longer side is reduced to WORK_SIDE. Raises PictureError and
    FileNotFoundError as `to_mnist` does.
    """
    is_file = isinstance(picture, (str, os.PathLike))
    name = str(picture) if is_file else "the picture"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what is refused or mended below
            if is_file:
                with open_picture(picture) as image:
                    return _grey(_upright(image, name, is_file))
            if not isinstance(picture, Image.Image):
                picture = _from_array(picture)
            return _grey(_upright(picture, name, is_file))
    except (FileNotFoundError, PictureError):
        raise
    except IsADirectoryError:
        raise PictureError(f"{name}: a folder, not a picture: name the files in it") from None
    except Exception as error:  # Pillow's decoders raise many kinds on damaged files
        raise PictureError(
            f"{name}: not a picture that can be read ({error}): save it as PNG or JPEG"
        ) from None


def _from_array(values: np.ndarray) -> Image.Image:
    array = np.asarray(values)
    if array.ndim not in (2, 3) or array.size == 0:
        raise PictureError(f"an array of shape {array.shape} is no picture: give (height, width)")
    if array.ndim == 3 and array.shape[2] not in (3, 4):
        raise PictureError(f"an array of shape {array.shape} has not 3 or 4 colours last")
    if array.dtype.kind not in "buif":
        raise PictureError(f"an array of {array.dtype} is no picture: give integers or floats")
    if array.dtype.kind in "bf":
        array = array * 255.0
    if not np.isfinite(array).all() or array.min() < 0 or array.max() > 255:
        raise PictureError("pixel values must be 0 to 255, or 0 to 1 for floats")
    return Image.fromarray(array.astype(np.uint8))


def _upright(image: Image.Image, name: str, is_file: bool) -> Image.Image:
    """Refuse a huge picture before it is decoded, reduce a large one, turn it as EXIF says."""
    check_size(image, name)
    width, height = image.size
    factor = max(width, height) // (2 * WORK_SIDE)
    if factor > 1:
        if is_file:  # a JPEG is decoded at a smaller scale; never the caller's own image
            image.draft(None, (width // factor, height // factor))
        image.load()  # Pillow turns a TIFF here: only now its size is right
        if image.mode.startswith("I;"):  # reduce() knows neither these modes ...
            image = image.convert("I")
        elif image.mode in ("1", "P", "PA"):  # ... nor the mean of two palette entries
            image = image.convert("RGBA" if image.has_transparency_data else "L")
        image = image.reduce(max(1, max(image.size) // (2 * WORK_SIDE)))
    return ImageOps.exif_transpose(image)


def _grey(image: Image.Image) -> np.ndarray:
    if image.mode.startswith(("I", "F")):  # 16 or 32 bits: convert("L") would clip them
        values = np.asarray(image, dtype=np.float64)
        if not np.isfinite(values).all():
            raise PictureError("the picture has pixels that are infinite or not a number")
        values = (values - values.min()) / max(float(np.ptp(values)), 1e-9) * 255
        image = Image.fromarray(values.astype(np.float32))
    elif image.has_transparency_data:
        image = _without_alpha(image.convert("RGBA"))
    image = image.convert("F") if image.mode == "F" else image.convert("L").convert("F")
    if max(image.size) > WORK_SIDE:
        image.thumbnail((WORK_SIDE, WORK_SIDE), Image.Resampling.BOX)
    return np.asarray(image, dtype=np.float32)


def _without_alpha(image: Image.Image) -> Image.Image:
    """Show what was drawn: by its colours where they differ, else by what is less transparent.

    Where most of the picture can be seen, the half-transparent part is paper, whatever lies under
    it, and what is not seen at all is taken for paper of the same brightness.
    """
    pixels = np.asarray(image, dtype=np.float32)
    alpha, grey = pixels[..., 3], np.asarray(image.convert("L"))
    seen = alpha >= VISIBLE
    if seen.mean() > 0.5:
        darkest, paper, lightest = np.percentile(grey[seen], (0.1, 50, 99.9))
        if lightest - darkest >= MIN_CONTRAST:
            return Image.fromarray(np.where(seen, grey, np.uint8(paper)))
    stroke = (pixels[..., :3].mean(2) * alpha).sum() / max(alpha.sum(), 1.0)
    paper = (255, 255, 255, 255) if stroke < 128 else (0, 0, 0, 255)
    return Image.alpha_composite(Image.new("RGBA", image.size, paper), image)
