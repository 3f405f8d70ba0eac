"""A reader's own digits, in the two IDX files that the book's page "Draw a digit" saves."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import torch

from lenetcourse.data.datasets import DatasetError
from lenetcourse.data.idx import read_idx
from lenetcourse.data.images import ImageSet

IMAGES, LABELS = "drawings-test-images-idx3-ubyte", "drawings-test-labels-idx1-ubyte"


def load_drawings(
    folder: str | os.PathLike | None = None, *, transform: Callable | None = None
) -> ImageSet:
    """Return the digits that a reader drew, labelled and saved: a test set of 28x28 images.

    The files are looked for in `folder`, else in the folder named by the environment variable
    LENETCOURSE_DATA, else where Python runs. Raises DatasetError when they are not there or are no
    pair, IDXError when one is damaged.
    """
    place = Path(folder or os.environ.get("LENETCOURSE_DATA") or ".")
    missing = [name for name in (IMAGES, LABELS) if not (place / name).is_file()]
    if missing:
        raise DatasetError(
            f'no {" or ".join(missing)} in {place}: the book\'s page "Draw a digit" saves both, '
            "below \"Collect\"; name their folder, as in load_drawings('my-digits')"
        )
    images, labels = read_idx(place / IMAGES), read_idx(place / LABELS)
    if images.shape != (len(labels), 28, 28) or labels.ndim != 1 or not (labels <= 9).all():
        raise DatasetError(
            f"{place}: images {images.shape} and labels {labels.shape} are no pair of n digits of "
            "28x28 pixels, from 0 to 9: save both again"
        )
    found = torch.from_numpy(images), torch.from_numpy(labels).long()
    return ImageSet(*found, "drawings", "test", transform)
