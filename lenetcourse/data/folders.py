"""Pictures in folders, one a class, as whole tensors of one size."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from lenetcourse.data.opening import PictureError, open_picture
from lenetcourse.data.stratified import SEED, validation_mask
from lenetcourse.errors import DatasetError

Made = TypeVar("Made")
WHITE = (255, 255, 255, 255)


def read_class_folders(
    folder: str | os.PathLike, size: int
) -> tuple[Tensor, Tensor, tuple[str, ...]]:
    """Return the pictures in `folder`, one folder a class, their labels and the classes.

    The images are uint8 (n, 3, size, size), as `read_pictures` makes them, the labels int64 (n,),
    and the classes the names of the folders in the order of the labels.

    Raises DatasetError as `class_files` and `read_pictures` do.
    """
    paths, labels, classes = class_files(folder)
    return read_pictures(paths, size), torch.from_numpy(labels), classes


def read_split(folder: Path, split: str, size: int) -> tuple[Tensor, Tensor, tuple[str, ...], str]:
    """Return images, labels, classes and origin of one split of `train/CLASS` and `test/CLASS`.

    Validation images are held back from `train`, as `validation_mask` says. The classes are mixed,
    always in the same way, so that the first images of a split are a sample of it. The origin names
    the kinds of files: "folder of pictures (JPEG)".

    Raises DatasetError as `read_class_folders` does, and when the two parts have other classes.
    """
    paths, labels, classes = class_files(folder / ("test" if split == "test" else "train"))
    others = class_names(folder / ("train" if split == "test" else "test"))
    if classes != others:
        one = sorted({*classes} ^ {*others})[0]
        raise DatasetError(f"{folder}: {one} must be in both train and test, each class is")
    chosen = np.arange(len(paths))
    if split != "test":
        chosen = np.flatnonzero(validation_mask(labels) == (split == "validation"))
    chosen = np.random.RandomState(SEED).permutation(chosen)
    paths, labels = [paths[i] for i in chosen], labels[chosen]
    kinds = {path.suffix[1:].upper().replace("JPG", "JPEG") for path in paths}
    origin = f"folder of pictures ({', '.join(sorted(kinds))})"
    return read_pictures(paths, size), torch.from_numpy(labels), classes, origin


def class_names(folder: Path) -> tuple[str, ...]:
    """Return the names of the folders in `folder`, sorted. Raises DatasetError."""
    try:
        return tuple(place.name for place in _seen(folder) if place.is_dir())
    except OSError as error:
        raise DatasetError(f"{folder}: cannot be looked into: {error.strerror}") from None


def class_files(folder: str | os.PathLike) -> tuple[list[Path], np.ndarray, tuple[str, ...]]:
    """Return the files in the folders of `folder`, their labels, int64 (n,), and the classes.

    Both are sorted by name; files beside the classes and whatever is hidden count for nothing.
    Raises DatasetError when there is no class, or one without a file.
    """
    paths, labels, classes = [], [], []
    try:
        for place in _seen(Path(folder)):
            if place.is_dir():
                files = [path for path in _seen(place) if path.is_file()]
                if not files:
                    raise DatasetError(f"{place}: no picture in it: put some there, or remove it")
                labels += [len(classes)] * len(files)
                paths += files
                classes.append(place.name)
    except OSError as error:
        raise DatasetError(f"{folder}: cannot be looked into: {error.strerror}") from None
    if not classes:
        raise DatasetError(f"{folder}: no folder of pictures in it: each class needs one")
    return paths, np.array(labels, np.int64), tuple(classes)


def read_pictures(paths: Sequence[Path], size: int) -> Tensor:
    """Return pictures as uint8 (n, 3, size, size), upright and in RGB.

    The shorter side is scaled to `size`, and the middle of the longer one is kept; a picture that
    has the size already keeps its pixels. What is transparent becomes white. Raises DatasetError,
    which names the file, for one that is no picture, is damaged or has too many pixels.
    """
    images = np.empty((len(paths), size, size, 3), np.uint8)
    for image, path in zip(images, paths, strict=True):
        image[:] = from_picture(path, lambda picture: _square(picture, size))
    return torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()


def from_picture(path: Path, make: Callable[[Image.Image], Made]) -> Made:
    """Return what `make` makes of the picture in a file, which is open only while it does.

    Raises DatasetError, which names the file, when the picture cannot be read, or be made that of.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's, of what it mends in files
            with open_picture(path) as picture:
                return make(picture)
    except PictureError as error:
        raise DatasetError(str(error)) from None
    except Exception as error:  # Pillow's decoders raise many kinds on damaged files
        raise DatasetError(
            f"{path}: not a picture that can be read ({error}): repair or remove it"
        ) from None


def _seen(folder: Path) -> list[Path]:
    """Return what is in a folder, sorted by name, without the hidden."""
    found = (path for path in folder.iterdir() if not path.name.startswith("."))
    return sorted(found, key=lambda path: path.name)


def _square(picture: Image.Image, size: int) -> Image.Image:
    picture.draft(None, (2 * size, 2 * size))  # a large JPEG is decoded at a smaller scale
    picture = _rgb(ImageOps.exif_transpose(picture))
    if picture.size == (size, size):
        return picture
    # Pillow widens its filter with the scale, which is what "antialias" means elsewhere.
    return ImageOps.fit(picture, (size, size), Image.Resampling.BICUBIC)


def _rgb(picture: Image.Image) -> Image.Image:
    if picture.mode.startswith("I"):  # 16 bits of grey: convert("RGB") would clip them
        return Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8)).convert("RGB")
    if picture.mode == "F":
        raise ValueError("its pixels are fractions, not 8 bits a colour")
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, WHITE), picture)
    return picture.convert("RGB")
