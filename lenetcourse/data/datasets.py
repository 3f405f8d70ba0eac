"""Data sets by name: found on this machine, or downloaded, checked, and split once for all."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from lenetcourse.data.colour import COLOUR_NAMES, load_colour
from lenetcourse.data.download import DownloadError, attached, cache_folder, fetch
from lenetcourse.data.idx import IDXError, idx_header, read_idx
from lenetcourse.data.images import ImageSet
from lenetcourse.data.sources import SOURCES, Source, SourceFile
from lenetcourse.data.splits import SPLITS
from lenetcourse.errors import DatasetError, UsageError
from lenetcourse.files import md5_of

SPLIT_SEED = 1998
NAMES = ("auto", "digits", *SOURCES)


def load_dataset(
    name: str = "auto",
    split: str = "train",
    *,
    folder: str | os.PathLike | None = None,
    transform: Callable | None = None,
) -> ImageSet:
    """Return one split of a data set.

    `name` is "auto", "digits" (always there), "mnist", "fashion-mnist", "kmnist", "qmnist" or
    "emnist-digits"; `choose_dataset` says what "auto" means. One twelfth of the published training
    part, drawn with a fixed seed, is the validation split: 55,000 / 5,000 / 10,000 on MNIST.

    In colour there are "cifar10", "flowers", and, always there, "colour-digits" and
    "colour-digits-64"; `lenetcourse.data.colour.load_colour` says what these are and where they are
    looked for. `choose_colour_dataset` is for them what `choose_dataset` is for the others.

    The files are looked for in `folder`, else in the folder named by the environment variable
    LENETCOURSE_DATA, else in the user's cache, else, unless LENETCOURSE_OFFLINE=1, among the data
    sets attached to a Kaggle notebook (MNIST only), else downloaded into the cache. They may be raw
    or gzip, flat in the folder, in a subfolder of the data set's name, or in torchvision's layout
    (MNIST/raw).

    Raises UsageError for an unknown name or split, DatasetError when the data cannot be had or is
    damaged; the message says what was tried and what to do.
    """
    if name not in NAMES + COLOUR_NAMES:
        raise UsageError(f"unknown data set {name!r}: one of {', '.join(NAMES + COLOUR_NAMES)}")
    if split not in SPLITS:
        raise UsageError(f"unknown split {split!r}: one of {', '.join(SPLITS)}")
    if name in COLOUR_NAMES:
        return load_colour(name, split, _given(folder), is_named=bool(folder), transform=transform)
    if name == "auto":
        name = choose_dataset("auto", folder=folder)
    if name == "digits":
        from lenetcourse.data.digits import load_digits_28

        images, labels = load_digits_28(split)
        return ImageSet(images, labels, name, split, transform)
    images, labels = _load_part(SOURCES[name], "test" if split == "test" else "train", folder)
    chosen = slice(None) if split == "test" else _split(len(images), split)
    return ImageSet(
        torch.from_numpy(images[chosen]),
        torch.from_numpy(labels[chosen]).long(),
        name,
        split,
        transform,
    )


def choose_dataset(name: str = "auto", *, folder: str | os.PathLike | None = None) -> str:
    """Return the data set that `name` means, and print it in one line when it was "auto".

    "auto" is what the environment variable LENETCOURSE_DATASET says, else MNIST if it is whole on
    this machine or can be downloaded, else the embedded digits. Raises UsageError when the variable
    names no data set.
    """
    if name != "auto":
        return name
    chosen = os.environ.get("LENETCOURSE_DATASET", "auto")
    if chosen not in NAMES:
        raise UsageError(f"LENETCOURSE_DATASET={chosen} is no data set: one of {', '.join(NAMES)}")
    if chosen != "auto":
        print(f"Data set: {chosen}, as LENETCOURSE_DATASET says.")
        return chosen
    try:
        for part in ("train", "test"):
            for file in SOURCES["mnist"].parts[part]:
                _check_file(SOURCES["mnist"], file, folder)
    except (DatasetError, OSError) as error:
        reason = str(error).splitlines()[0]
        print(f"Data set: digits, because MNIST is not to be had here ({reason})")
        return "digits"
    print("Data set: mnist.")
    return "mnist"


def download_dataset(name: str) -> list[Path]:
    """Make sure that every file of a published data set is on this machine; return the paths.

    Raises UsageError for a name that has no files, DatasetError when one cannot be had.
    """
    if name not in SOURCES:
        raise UsageError(f"{name!r} has no files to download: one of {', '.join(SOURCES)}")
    source = SOURCES[name]
    return [_locate(source, file, None) for part in source.parts.values() for file in part]


def dataset_folder(name: str) -> Path | None:
    """Return the folder on this machine that holds all files of a data set, or None.

    Raises DatasetError when one of them is not whole.
    """
    source = SOURCES[name]
    files = [file for part in source.parts.values() for file in part]
    for place in [*_given(None), cache_folder()]:
        found = [_find(source, file, place) for file in files]
        if all(found):
            for path, file in zip(found, files, strict=True):
                _read_checked(path, file)
            return found[0].parent
    if os.environ.get("LENETCOURSE_OFFLINE") == "1":  # then `_locate` does not come to `fetch`
        return None
    found = [attached(file, lambda path, file=file: _read_checked(path, file)) for file in files]
    # Each may be in a folder of its own there.
    return Path(os.path.commonpath([path.parent for path in found])) if all(found) else None


def _split(count: int, split: str) -> np.ndarray:
    """Return the indices of the training or validation images, always the same."""
    # RandomState's stream is frozen for good; newer generators may change between versions.
    order = np.random.RandomState(SPLIT_SEED).permutation(count)
    validation = count // 12
    return np.sort(order[:validation] if split == "validation" else order[validation:])


def _load_part(
    source: Source, part: str, folder: str | os.PathLike | None
) -> tuple[np.ndarray, np.ndarray]:
    images, labels = (_load_file(source, file, folder) for file in source.parts[part])
    if labels.ndim == 2:  # QMNIST's labels are eight numbers a digit, the first is its class
        labels = np.ascontiguousarray(labels[:, 0])
    fits = labels.ndim == 1 and images.shape == (*labels.shape, 28, 28)
    if not fits or images.dtype != np.uint8:
        raise DatasetError(
            f"{source.name}: {images.dtype} images {images.shape} and labels {labels.shape} "
            "are not 28x28 uint8 images with a label each"
        )
    if source.transposed:
        images = np.ascontiguousarray(images.transpose(0, 2, 1))
    return images, labels


def _check_file(source: Source, file: SourceFile, folder: str | os.PathLike | None) -> None:
    """Raise DatasetError when a file is not to be had whole, as `_load_file` does."""
    path = _locate(source, file, folder)
    # As the mirrors have it, it need not be unpacked: that takes ten times as long.
    if path.suffix != ".gz" or md5_of(path) != file.gz_md5:
        _load_file(source, file, folder)


def _load_file(source: Source, file: SourceFile, folder: str | os.PathLike | None) -> np.ndarray:
    path = _locate(source, file, folder)
    in_cache = path.is_relative_to(cache_folder())
    try:
        return _read_checked(path, file)
    except DatasetError as error:
        if not in_cache:
            raise DatasetError(f"{error}\n{_by_hand(source)}") from None
        # Our own copy went bad: keep it aside for a look, and fetch the file again.
        try:
            path.replace(path.with_name(path.name + ".damaged"))
        except FileNotFoundError:  # another process may have done it already
            pass
        except OSError as reason:
            advice = f"it cannot be replaced ({reason.strerror}): make its folder writable"
            raise DatasetError(f"{error}; {advice}\n{_by_hand(source)}") from None
        try:
            return _read_checked(_locate(source, file, folder), file)
        except DatasetError as again:
            raise DatasetError(f"{error}; set aside as {path.name}.damaged\n{again}") from None


def _read_checked(path: Path, file: SourceFile) -> np.ndarray:
    """Read a file and compare it with its published md5.

    Where only the md5 of the .gz file is published, just the .gz files of our cache can be held to
    it: a copy of somebody's own may be raw, or have been compressed again.
    """
    in_cache = path.suffix == ".gz" and path.is_relative_to(cache_folder())
    try:
        if file.md5 is None and file.gz_md5 and in_cache and md5_of(path) != file.gz_md5:
            raise DatasetError(f"{path}: truncated or altered: its md5 is not {file.gz_md5}")
        array = read_idx(path, file.content_bytes)
    except IDXError as error:
        raise DatasetError(str(error)) from None
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read: {error.strerror or error}") from None
    if file.md5 is not None:
        # The header follows from the array, so this is the md5 of the raw file, gzip or not.
        found = hashlib.md5(idx_header(array), usedforsecurity=False)
        found.update(array.astype(array.dtype.newbyteorder(">"), copy=False).data)
        if found.hexdigest() != file.md5:
            raise DatasetError(
                f"{path}: truncated or altered: the md5 of its content is {found.hexdigest()}, "
                f"not {file.md5}; delete it and fetch it again"
            )
    return array


def _locate(source: Source, file: SourceFile, folder: str | os.PathLike | None) -> Path:
    """Return the path of a file, downloading it when it is nowhere on this machine."""
    looked = _given(folder)
    for place in [*looked, cache_folder()]:
        try:
            found = _find(source, file, place)
        except OSError as error:
            reason = f"{place}: cannot be looked into: {error.strerror}"
            raise DatasetError(f"{source.name}: {reason}\n{_by_hand(source)}") from None
        if found:
            return found
        if folder:
            raise DatasetError(f"{source.name}: no {file.name} in {folder}\n{_by_hand(source)}")
    where = " or ".join(str(place) for place in [*looked, cache_folder()])
    if os.environ.get("LENETCOURSE_OFFLINE") == "1":
        raise DatasetError(
            f"{source.name}: no {file.name} in {where}, and LENETCOURSE_OFFLINE=1 forbids "
            f"a download\n{_by_hand(source)}"
        )
    try:
        return fetch(source, file, lambda path: _read_checked(path, file))
    except DownloadError as error:
        raise DatasetError(f"{error}\n{_by_hand(source)}") from None


def _given(folder: str | os.PathLike | None) -> list[Path]:
    """Return a list of the folder that the call names, or else LENETCOURSE_DATA, if any does."""
    given = folder or os.environ.get("LENETCOURSE_DATA")
    try:
        return [Path(given).expanduser()] if given else []
    except RuntimeError:
        raise DatasetError(f"{given}: no home directory here: name it without the ~") from None


def _find(source: Source, file: SourceFile, folder: Path) -> Path | None:
    """Return the file in one of the layouts that are accepted, or None."""
    layouts = [folder / source.name, folder / source.torchvision / "raw", folder / "raw", folder]
    place = folder.resolve()
    named = place.parent.name if place.name == "raw" else place.name
    if source.name in ("fashion-mnist", "kmnist") and named not in (
        source.name,
        source.torchvision,
    ):
        # They use MNIST's file names: only the folder's name can tell whose files are in it.
        layouts = layouts[:2]
    for place in layouts:
        for ending in (".gz", ""):
            # torchvision writes "-idx3-ubyte", some copies have ".idx3-ubyte"
            for name in (file.name, file.name.replace("-idx", ".idx")):
                path = place / (name + ending)
                if path.is_file():
                    return path
    return None


def _by_hand(source: Source) -> str:
    names = ", ".join(file.name for part in source.parts.values() for file in part)
    cache = cache_folder() / source.name
    return (
        f"By hand: put {names} (raw or .gz) into {f'{cache}, or into ' * cache.is_absolute()}"
        f"any folder named by LENETCOURSE_DATA. They are at {' and '.join(source.mirrors)}"
    )
