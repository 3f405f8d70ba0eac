"""CIFAR-10 (Krizhevsky 2009): found on this machine in one of its forms, or downloaded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from lenetcourse.data.download import cache_folder
from lenetcourse.data.folders import class_names, read_split
from lenetcourse.data.sources import Source, SourceFile
from lenetcourse.errors import DatasetError

SIDE = 32
CLASSES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)
ARCHIVE = SourceFile(
    "cifar-10-python.tar", (170_498_071,), gz_md5="c58f30108f718f92721af3b95e74349a"
)
CIFAR10 = Source(
    "cifar10",
    "",
    (
        "https://www.cs.toronto.edu/~kriz/",
        "https://dataset.bj.bcebos.com/cifar/",  # PaddlePaddle's, in China
    ),
    {"train": (ARCHIVE,)},
)


def load_cifar10(
    split: str, given: Sequence[Path], is_named: bool
) -> tuple[Tensor, Tensor, tuple[str, ...], str]:
    """Return images, uint8 (n, 3, 32, 32), labels, int64 (n,), classes and origin of one split.

    `given` and `is_named` are as for `load_colour`. Raises DatasetError when the data cannot be had
    or is damaged.
    """
    places = [*given] if is_named else [*given, cache_folder()]
    found = _find(places)
    if found is None:
        where = " or ".join(map(str, places))
        raise DatasetError(f"cifar10: nothing in {where}\n{_by_hand()}")
    if class_names(found / "train") != CLASSES:
        raise DatasetError(f"{found}: the classes are not those of CIFAR-10: {', '.join(CLASSES)}")
    return read_split(found, split, SIDE)


def _find(places: Sequence[Path]) -> Path | None:
    """Return the folder of pictures, or None."""
    for place in places:
        for folder in (place / CIFAR10.name, place):
            if (folder / "train" / CLASSES[0]).is_dir():
                return folder
    return None


def _by_hand() -> str:
    return "By hand: "
