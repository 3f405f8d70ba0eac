"""Data sets in colour by name: found on this machine, downloaded, or made of embedded pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from lenetcourse.data.images import ImageSet
from lenetcourse.errors import DatasetError

COLOUR_NAMES = ("cifar10", "flowers", "colour-digits", "colour-digits-64")
# What is always there in place of photographs: as many classes, of a size that suits the same nets.
STAND_INS = {"cifar10": "colour-digits", "flowers": "colour-digits-64"}


@dataclass(repr=False)
class ColourImageSet(ImageSet):
    """An `ImageSet` in colour that knows its classes and where its pixels come from.

    Attributes:
        classes: the name of each class, in the order of the labels.
        origin: what the pixels were read from, such as "official archive" or "folder of pictures
            (JPEG)": the same photographs have other pixels, and give other results, as JPEG.
    """

    classes: tuple[str, ...] = ()
    origin: str = ""

    def first(self, count: int) -> ColourImageSet:
        """Return the first `count` images as a set of their own."""
        parts = self.images[:count], self.labels[:count], self.name, self.split, self.transform
        return ColourImageSet(*parts, self.classes, self.origin)


def load_colour(
    name: str,
    split: str,
    given: Sequence[Path] = (),
    *,
    is_named: bool = False,
    transform: Callable | None = None,
) -> ColourImageSet:
    """Return one split of a data set in colour; `load_dataset` is the door to it.

    * "cifar10": ten classes of 32x32 images, 45,000 / 5,000 / 10,000. The official archive, as it
      is or unpacked, or a folder of pictures with `train/CLASS` and `test/CLASS`.
    * "flowers": photographs in any classes, in a folder with `train/CLASS` and `test/CLASS`, which
      `lenetcourse data split` makes; 128x128.
    * "colour-digits" and "colour-digits-64": embedded; `lenetcourse.data.colour_digits`.

    A tenth of every class of the training part, drawn with a fixed seed, is the validation split.
    The files are looked for in the folders `given`, directly or in a subfolder of the data set's
    name, then, unless `is_named` says that it was the caller who gave them, in the user's cache;
    CIFAR-10 is then downloaded into it unless LENETCOURSE_OFFLINE=1.

    Raises DatasetError when the data cannot be had or is damaged.
    """
    try:
        found = _load(name, split, given, is_named)
    except OSError as error:
        raise DatasetError(
            f"{name}: {error.filename}: cannot be looked into: {error.strerror}"
        ) from None
    images, labels, classes, origin = found
    return ColourImageSet(images, labels, name, split, transform, classes, origin)


def _load(
    name: str, split: str, given: Sequence[Path], is_named: bool
) -> tuple[Tensor, Tensor, tuple[str, ...], str]:
    if name == "cifar10":
        from lenetcourse.data.cifar import load_cifar10

        return load_cifar10(split, given, is_named)
    if name == "flowers":
        from lenetcourse.data.flowers import load_flowers

        return load_flowers(split, given, is_named)
    from lenetcourse.data.colour_digits import load_colour_digits

    return load_colour_digits(split, 64 if name.endswith("64") else 32)
