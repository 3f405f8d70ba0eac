"""CIFAR-10 (Krizhevsky 2009): found on this machine in one of its forms, or downloaded.

The official archive holds six batches of 10,000 images. They are read by name out of the stream, or
from the folder that it unpacks to, and `pickled` says why they are read without `pickle`.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import tarfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from torch import Tensor

from lenetcourse.data.download import DownloadError, cache_folder, fetch
from lenetcourse.data.folders import class_names, read_split
from lenetcourse.data.pickled import SIDE, read_batch
from lenetcourse.data.sources import Source, SourceFile
from lenetcourse.data.stratified import validation_mask
from lenetcourse.errors import DatasetError

CLASSES = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)
ARCHIVE = SourceFile(
    "cifar-10-python.tar", (170_498_071,), gz_md5="c58f30108f718f92721af3b95e74349a"
)
ARCHIVE_NAME = f"{ARCHIVE.name}.gz"
CIFAR10 = Source(
    "cifar10",
    "",
    (
        "https://www.cs.toronto.edu/~kriz/",
        "https://dataset.bj.bcebos.com/cifar/",  # PaddlePaddle's copy, in China
    ),
    {"train": (ARCHIVE,)},
)
UNPACKED = "cifar-10-batches-py"
BATCHES = {  # their md5s, as torchvision has them
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    "test_batch": "40351d587109b95175f43aff81a1287e",
}
MOST_BATCH_BYTES = 32 << 20  # a batch has 31 million
MOST_UNPACKED_BYTES = 200 << 20  # all that the archive holds has 186 million
FETCH_AGAIN = "delete it and fetch it again"


def load_cifar10(
    split: str, given: Sequence[Path], is_named: bool
) -> tuple[Tensor, Tensor, tuple[str, ...], str]:
    """Return images, uint8 (n, 3, 32, 32), labels, int64 (n,), classes and origin of one split.

    `given` and `is_named` are as for `load_colour`. Raises DatasetError when the data cannot be had
    or is damaged.
    """
    place = locate_cifar10(given, is_named)
    if (place / "train").is_dir():
        if class_names(place / "train") != CLASSES:
            raise DatasetError(f"{place}: its classes are not CIFAR-10's: {', '.join(CLASSES)}")
        return read_split(place, split, SIDE)
    names = [name for name in BATCHES if (name == "test_batch") == (split == "test")]
    read = _archived if place.is_file() else _unpacked
    try:
        batches = {name: _checked(name, content) for name, content in read(place, names)}
    except (OSError, EOFError, zlib.error, tarfile.TarError, ValueError, DatasetError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DatasetError(f"{place}: {reason}; {FETCH_AGAIN}") from None
    if missing := [name for name in names if name not in batches]:
        raise DatasetError(f"{place}: no {' and no '.join(missing)} in it; {FETCH_AGAIN}")
    images, labels = _part([batches.pop(name) for name in names], split)
    return images, labels, CLASSES, "official archive"


def locate_cifar10(given: Sequence[Path] = (), is_named: bool = False) -> Path:
    """Return the archive, the folder of its batches or a folder of pictures; download the first.

    Raises DatasetError when none of them is to be had, OSError when a folder may not be read.
    """
    places = [*given] if is_named else [*given, cache_folder()]
    for place in places:
        if found := _find(place):
            return found
    missing = f"cifar10: no {ARCHIVE_NAME} in {' or '.join(map(str, places))}"
    if is_named:
        raise DatasetError(f"{missing}\n{_by_hand()}")
    if os.environ.get("LENETCOURSE_OFFLINE") == "1":
        raise DatasetError(f"{missing}, and LENETCOURSE_OFFLINE=1 forbids a download\n{_by_hand()}")
    try:
        return fetch(CIFAR10, ARCHIVE, lambda path: None)  # pooch compares the md5
    except DownloadError as error:
        raise DatasetError(f"{error}\n{_by_hand()}") from None


def _find(place: Path) -> Path | None:
    for folder in (place / CIFAR10.name, place):
        for batches in (folder / UNPACKED, folder):
            if any((batches / name).is_file() for name in BATCHES):
                return batches
        if (folder / ARCHIVE_NAME).is_file():
            return folder / ARCHIVE_NAME
        if (folder / "train" / CLASSES[0]).is_dir():
            return folder
    return None


def _by_hand() -> str:
    cache = cache_folder() / CIFAR10.name
    return (
        f"By hand: put {ARCHIVE_NAME}, or the folder {UNPACKED} in it, into "
        f"{f'{cache}, or into ' * cache.is_absolute()}any folder named by LENETCOURSE_DATA; or "
        "there the pictures, as cifar10/train/airplane/1.png. The archive is at "
        f"{' and '.join(CIFAR10.mirrors)}"
    )


def _unpacked(folder: Path, names: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of the batches in a folder."""
    for name in names:
        if (folder / name).is_file():
            with (folder / name).open("rb") as file:
                # One byte more than a batch can have is enough to tell, whatever the file's size.
                yield name, file.read(MOST_BATCH_BYTES + 1)


def _archived(path: Path, names: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of the batches in the archive, in its order; nothing is unpacked."""
    left = set(names)
    with (
        gzip.open(path) as file,
        tarfile.open(fileobj=_Limited(file, MOST_UNPACKED_BYTES), mode="r|") as archive,
    ):
        while left and (member := archive.next()):
            name = member.name.rpartition("/")[2]
            if name in left and member.isreg():
                if member.size > MOST_BATCH_BYTES:
                    raise DatasetError(f"{name} in it has {member.size:,} bytes: too many")
                left.remove(name)
                yield name, archive.extractfile(member).read()


class _Limited:
    """A file that is refused when it gives more than `most` bytes."""

    def __init__(self, file: BinaryIO, most: int) -> None:
        self.file, self.most = file, most

    def read(self, count: int) -> bytes:
        data = self.file.read(count)
        self.most -= len(data)
        if self.most < 0:
            raise DatasetError("it unpacks to more than CIFAR-10 can be")
        return data


def _checked(name: str, content: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Return the images and labels of a batch that is the published one."""
    if len(content) > MOST_BATCH_BYTES:
        raise DatasetError(f"{name} has more than {MOST_BATCH_BYTES:,} bytes: too many")
    found = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if found != BATCHES[name]:
        raise DatasetError(f"{name} is truncated or altered: its md5 is {found}")
    return read_batch(content)


def _part(batches: list[tuple[np.ndarray, np.ndarray]], split: str) -> tuple[Tensor, Tensor]:
    """Return images and labels of a split out of the batches that hold it."""
    labels = np.concatenate([labels for _, labels in batches])
    chosen = np.ones(len(labels), bool)
    if split != "test":
        chosen = validation_mask(labels) == (split == "validation")
    ends = np.cumsum([len(labels) for _, labels in batches])[:-1]
    parts = zip(batches, np.split(chosen, ends), strict=True)
    images = np.concatenate([images[kept] for (images, _), kept in parts])
    return torch.from_numpy(images), torch.from_numpy(labels[chosen])
