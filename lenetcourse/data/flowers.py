"""Photographs in classes, as `lenetcourse data split` lays them out: by default the flowers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from lenetcourse.data.download import cache_folder
from lenetcourse.data.folders import read_split
from lenetcourse.errors import DatasetError

SIDE = 128
ADDRESS = "https://storage.googleapis.com/download.tensorflow.org/example_images/flower_photos.tgz"
NAMES = ("flowers", "flower_photos")  # of the folder


def load_flowers(
    split: str, given: Sequence[Path], is_named: bool
) -> tuple[Tensor, Tensor, tuple[str, ...], str]:
    """Return images, uint8 (n, 3, 128, 128), labels, int64 (n,), classes and origin of one split.

    `given` and `is_named` are as for `load_colour`. Raises DatasetError when there is no folder
    that was split, or a picture in it cannot be read.
    """
    places = [*given] if is_named else [*given, cache_folder()]
    folders = [folder for place in places for folder in (*(place / n for n in NAMES), place)]
    for folder in folders:
        if (folder / "train").is_dir() and (folder / "test").is_dir():
            return read_split(folder, split, SIDE)
    where = " or ".join(map(str, places))
    raise DatasetError(f"flowers: no folder with train and test in {where}\n{_advice(folders)}")


def _advice(folders: Sequence[Path]) -> str:
    """Return the commands that make the folder, of photographs that lie there or are fetched."""
    cache = cache_folder() / NAMES[0]
    out = cache if cache.is_absolute() else NAMES[0]
    for folder in folders:
        if folder.name in NAMES and folder.is_dir():
            return f"{folder} is not split yet: lenetcourse data split {folder} --out {out}"
    return (
        f"The photographs (TensorFlow's, 218 MiB) are at {ADDRESS}. Two commands make the folder "
        f"of them: tar xf flower_photos.tgz; lenetcourse data split flower_photos --out {out}"
    )
