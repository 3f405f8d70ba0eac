"""Own pictures to MNIST's form.

MNIST's form is the one of LeCun et al. (1998), section III.A: the digit is scaled, keeping its
proportions, into a box of 20x20 pixels, and placed so that its centre of mass is the centre of a
28x28 field; background 0, ink up to 255.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Literal, overload

import numpy as np
from PIL import Image
from scipy import ndimage

from lenetcourse.data.opening import MIN_CONTRAST, PictureError, brightness

if TYPE_CHECKING:
    from torch import Tensor

    from lenetcourse.data.opening import Picture

SIDE = 28  # of the field
BOX = 20  # of the digit inside it
FAINT = 0.2  # of the ink's strength: fainter strokes are not seen, even where they touch others
PEN_WIDTH = 2.2  # of 20 pixels: MNIST's typical stroke; thinner ones are thickened to it


@overload
def to_mnist(picture: Picture, return_steps: Literal[False] = False) -> Tensor: ...


@overload
def to_mnist(
    picture: Picture, return_steps: Literal[True]
) -> tuple[Tensor, dict[str, np.ndarray]]: ...


def to_mnist(
    picture: Picture, return_steps: bool = False
) -> Tensor | tuple[Tensor, dict[str, np.ndarray]]:
    """Return one digit's picture in MNIST's form, as a uint8 tensor of shape (28, 28).

    `picture` is a path, a PIL image of any mode, or an array: (height, width) or (height, width,
    3 or 4), integers from 0 to 255 or floats from 0 to 1. The digit may be dark on light or light
    on dark, anywhere in the picture, in uneven light. With `return_steps`, a dictionary of the
    steps comes as a second value: name -> float array, 0 background, 255 full ink (the first two
    are brightness as photographed).

    Raises PictureError when the picture cannot be opened, is larger than 10,000 pixels a side or
    50 million in all, or shows no ink; FileNotFoundError when there is no such file.
    """
    import torch

    grey = brightness(picture)
    even = _even_light(grey)
    ink = _ink(even)
    digit = _thicken(_crop(ink))
    box = fit_box(digit)
    field = centre_by_mass(box)
    tensor = torch.from_numpy(field)
    if not return_steps:
        return tensor
    steps = {"grey": grey, "even light": even, "ink": ink, "cut out": digit, "box": box}
    return tensor, steps | {"centred": field}


def example_pictures() -> dict[str, Path]:
    """Return the pictures that come with the library: name -> path.

    A name such as "pen_8" tells how the picture was made and which digit it shows; "letter_A" and
    "two_digits_38" show what is not one digit.
    """
    folder = Path(str(resources.files("lenetcourse") / "pictures"))
    return {path.stem: path for path in sorted(folder.iterdir())}


def fit_box(digit: np.ndarray, box: int = BOX) -> np.ndarray:
    """Scale a digit, ink bright, 0 to 255, so that its longer side is `box` pixels; uint8."""
    height, width = digit.shape
    scale = box / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    image = Image.fromarray(digit.astype(np.float32)).resize(size, Image.Resampling.BICUBIC)
    return np.clip(np.asarray(image), 0, 255).round().astype(np.uint8)


def centre_by_mass(box: np.ndarray, side: int = SIDE) -> np.ndarray:
    """Place `box` in a field of `side` pixels so that its centre of mass is in the middle."""
    centre = ndimage.center_of_mass(box)
    field = np.zeros((side, side), np.uint8)
    # Pixel k covers k to k+1, so the middle of the field lies at (side - 1) / 2 in pixel centres.
    top, left = (
        int(np.clip(round((side - 1) / 2 - c), 0, side - length))
        for c, length in zip(centre, box.shape, strict=True)
    )
    field[top : top + box.shape[0], left : left + box.shape[1]] = box
    return field


def _even_light(grey: np.ndarray) -> np.ndarray:
    """Return the difference from the paper's brightness, ink positive, in grey levels.

    The paper is a quadratic surface, fitted by least squares to the pixels that do not stand out
    from it: ink and noise drop out round by round.
    """
    rows, columns = np.mgrid[-1 : 1 : grey.shape[0] * 1j, -1 : 1 : grey.shape[1] * 1j]
    terms = np.stack([np.ones_like(rows), rows, columns, rows**2, rows * columns, columns**2], -1)
    terms, values = terms.reshape(-1, 6), grey.reshape(-1).astype(np.float64)
    # Start from the brightness that most of the edge has: the paper reaches the edge.
    edge = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    paper = np.abs(values - np.median(edge)) <= max(30.0, 2 * edge.std())
    for _ in range(8):
        weights, *_ = np.linalg.lstsq(terms[paper], values[paper], rcond=None)
        rest = values - terms @ weights
        paper = np.abs(rest) <= max(4.0, 2 * rest[paper].std())
    outside = rest[~paper]
    sign = -1.0 if outside.size and np.median(outside) < 0 else 1.0
    return (sign * rest).reshape(grey.shape).astype(np.float32)


def _ink(even: np.ndarray) -> np.ndarray:
    """Return ink as 0 to 255: below half the ink's strength is paper, specks are removed.

    Fainter strokes count as ink, and as strong as the others, where they are part of the digit.
    """
    smooth = ndimage.gaussian_filter(even, max(even.shape) / 200)
    peak = float(smooth.max())
    strength = float(np.median(smooth[smooth > 0.5 * peak])) if peak > 0 else 0.0
    noise = float(np.median(np.abs(smooth - np.median(smooth))))
    if strength < max(MIN_CONTRAST, 5 * noise):
        raise PictureError(
            "no ink found: the picture is blank or too faint; write with a thick dark pen"
        )
    mask = smooth > 0.5 * strength
    labels, count = ndimage.label(mask, structure=np.ones((3, 3)))
    areas = ndimage.sum_labels(mask, labels, np.arange(1, count + 1))
    keep = np.isin(labels, 1 + np.flatnonzero(areas >= 0.05 * areas.max()))
    width = _stroke_width(keep)
    faint = _faint_strokes(keep, smooth > max(FAINT * strength, 10.0, 8 * noise), width)
    # Next to strong ink its strength counts, or its soft edges would be taken for faint strokes.
    reach = 2 * int(np.ceil(0.5 * width + max(even.shape) / 100)) + 1
    local = ndimage.maximum_filter(np.where(keep | faint, smooth, 0), reach)
    local = np.clip(local, FAINT * strength, strength)
    # Soft edges: from a quarter to three quarters of the strength the ink goes from 0 to 255.
    soft = np.clip((even / local - 0.25) / 0.5, 0, 1) * 255
    near = ndimage.binary_dilation(keep | faint, iterations=2)
    return np.where(near, soft, 0).astype(np.float32)


def _faint_strokes(strong: np.ndarray, some: np.ndarray, width: float) -> np.ndarray:
    """Return those parts of `some` that go on from `strong` strokes and look like strokes.

    No stroke is what reaches the picture's edge (a line of the paper) or is clearly wider than
    the strong ones are (a shadow).
    """
    beside = some & ~ndimage.binary_dilation(strong, iterations=max(1, round(width / 4)))
    wide = ndimage.distance_transform_edt(np.pad(some & ~strong, 1))[1:-1, 1:-1] > 0.65 * width + 1
    labels, _ = ndimage.label(beside, structure=np.ones((3, 3)))
    edge = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    touching = labels[ndimage.binary_dilation(strong, iterations=max(2, round(width / 2)))]
    good = np.setdiff1d(touching, np.concatenate([edge, labels[wide], [0]]))
    return np.isin(labels, good)


def _crop(ink: np.ndarray) -> np.ndarray:
    rows, columns = np.flatnonzero(ink.max(1) > 127), np.flatnonzero(ink.max(0) > 127)
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _stroke_width(mask: np.ndarray) -> float:
    """Return the mean width of strokes in pixels."""
    # In a stroke of width w the mean distance to its edge is w / 4.
    return 4 * float(ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1][mask].mean())


def _thicken(digit: np.ndarray) -> np.ndarray:
    """Widen strokes that would fade when the digit is scaled down to 20 pixels."""
    mask = digit > 127
    grow = (PEN_WIDTH / BOX * max(digit.shape) - _stroke_width(mask)) / 2
    if grow < 0.5:
        return digit
    margin = int(np.ceil(grow))
    distance = ndimage.distance_transform_edt(~np.pad(mask, margin))
    return (np.clip(grow + 0.5 - distance, 0, 1) * 255).astype(np.float32)
