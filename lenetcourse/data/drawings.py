"""A reader's own digits, in the two IDX files that the book's page "Draw a digit" saves."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from lenetcourse.data.datasets import DatasetError
from lenetcourse.data.idx import IDXError, read_idx
from lenetcourse.data.images import ImageSet

IMAGES, LABELS = "drawings-test-images-idx3-ubyte", "drawings-test-labels-idx1-ubyte"
PAGE = 'the book\'s page "Draw a digit" saves both files, below "Collect"'


def load_drawings(
    folder: str | os.PathLike | None = None, *, transform: Callable | None = None
) -> ImageSet:
    """Return the digits that a reader drew, labelled and saved: a test set of 28x28 images.

    The files are looked for in `folder`, else in the folder named by the environment variable
    LENETCOURSE_DATA, else where Python runs, which is where the notebook lies. Raises DatasetError
    when they are not there, are no pair or hold no drawing, IDXError when one is damaged.
    """
    place = _folder(folder)
    missing = [name for name in (IMAGES, LABELS) if not (place / name).is_file()]
    if missing:
        raise DatasetError(f"no {' or '.join(missing)} in {place}: {PAGE}")
    try:
        images, labels = read_idx(place / IMAGES), read_idx(place / LABELS)
    except IDXError as error:
        raise IDXError(f"{error} ({PAGE})") from None
    pair = labels.ndim == 1 and images.shape == (*labels.shape, 28, 28)
    in_bytes = images.dtype == labels.dtype == np.uint8
    if not (pair and in_bytes and (labels <= 9).all()):
        raise DatasetError(
            f"{place}: images {images.shape} and labels {labels.shape} are no pair of n digits of "
            "28x28 bytes, each labelled 0 to 9: save both again"
        )
    if not len(labels):
        raise DatasetError(f"{place}: no drawing is in the files: draw some, and save both again")
    found = torch.from_numpy(images), torch.from_numpy(labels).long()
    return ImageSet(*found, "drawings", "test", transform)


def _folder(given: str | os.PathLike | None) -> Path:
    """Return the given folder, else the first of the usual two that holds one of the files."""
    if given:
        return Path(given).expanduser()
    usual = [Path(named).expanduser()] if (named := os.environ.get("LENETCOURSE_DATA")) else []
    for place in [*usual, Path.cwd()]:
        if any((place / name).is_file() for name in (IMAGES, LABELS)):
            return place
    raise DatasetError(f"no drawings here, nor where LENETCOURSE_DATA points: {PAGE}")
