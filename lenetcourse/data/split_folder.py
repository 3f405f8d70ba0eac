"""Split a folder of pictures by class into training and test: nothing on both sides."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lenetcourse.data.duplicates import find_pairs, groups_of
from lenetcourse.data.folders import class_files, class_names
from lenetcourse.errors import DatasetError, UsageError
from lenetcourse.files import sweep, temporary_name

PARTS = ("train", "test")


@dataclass
class FolderSplit:
    """What `split_folder` did.

    Attributes:
        classes: the names of the classes.
        counts: pictures in training and test, int64 (2, number of classes).
        pairs: names of pictures that are copies or look alike, and whether they are copies.
        how: "hard links" or "copies".
    """

    classes: tuple[str, ...]
    counts: np.ndarray
    pairs: list[tuple[str, str, bool]]
    how: str


def split_folder(
    folder: str | os.PathLike,
    out: str | os.PathLike,
    test: float = 0.1,
    seed: int = 0,
    copy: bool = False,
) -> FolderSplit:
    """Put the pictures of `folder/CLASS` into `out/train/CLASS` and `out/test/CLASS`.

    The share `test` of every class goes to the test part, drawn with `seed` from the sorted names.
    Pictures that are copies of each other, or look alike, go to the same side, even when they are
    in two classes, and the share comes as near as that allows. The files are hard links, which take
    no room and stay when the others go; they are copies if `copy` says so or links are not to be
    had. `out` also gets `split.json`, which holds the share, the seed and the pairs. It appears
    whole or not at all.

    Raises FileExistsError when `out` exists, UsageError for a share or a seed out of range or an
    `out` in `folder`, DatasetError for a folder that cannot be split: fewer than two classes, a
    class too small to be in both parts, or a file that is no picture.
    """
    folder, out = Path(folder), Path(out)
    _check(folder, out, test, seed)
    paths, labels, classes = class_files(folder)
    wanted = _wanted(folder, np.bincount(labels), classes, test)
    pairs = find_pairs(paths)
    is_test = _drawn(labels, groups_of(len(paths), pairs), wanted, seed)
    counts = np.stack(
        [np.bincount(labels[is_test == side], minlength=len(classes)) for side in (False, True)]
    )
    for name, here in zip(classes, counts.T, strict=True):
        if not here.all():
            raise DatasetError(
                f"{folder / name}: so many of its {here.sum()} pictures look alike, and must stay "
                "together, that they cannot be in both parts: add others"
            )
    names = [path.relative_to(folder).as_posix() for path in paths]
    found = [(names[pair.first], names[pair.second], pair.is_copy) for pair in pairs]
    places = [
        f"{PARTS[side]}/{name}" for side, name in zip(is_test.astype(int), names, strict=True)
    ]
    facts = {"test": test, "seed": seed, "pairs": found}
    how = _write(paths, places, facts, out, copy)
    return FolderSplit(classes, counts, found, how)


def _check(folder: Path, out: Path, test: float, seed: int) -> None:
    if not 0 < test < 1:
        raise UsageError(f"the test share must be between 0 and 1, not {test}")
    if not 0 <= seed < 1 << 32:
        raise UsageError(f"the seed must be from 0 to 2**32 - 1, not {seed}")
    if out.exists():
        raise FileExistsError(f"{out} exists already: name a new folder, or delete it first")
    if out.resolve().is_relative_to(folder.resolve()):
        raise UsageError(f"{out} would be a class of {folder}: name a folder beside it")
    classes = class_names(folder)
    if {*PARTS} <= {*classes}:
        raise DatasetError(f"{folder} is split already: it has {' and '.join(PARTS)}")
    if len(classes) == 1:
        raise DatasetError(f"{folder} has one class, {classes[0]}: there is nothing to tell apart")


def _wanted(folder: Path, counts: np.ndarray, classes: Sequence[str], test: float) -> np.ndarray:
    """Return how many pictures of each class go to the test part."""
    wanted = np.round(counts * test).astype(int)
    for name, count, number in zip(classes, counts.tolist(), wanted.tolist(), strict=True):
        if not 0 < number < count:
            raise DatasetError(
                f"{folder / name} has {count} pictures, of which a share of {test} leaves none for "
                f"{PARTS[number == 0]}: add pictures, or change the share"
            )
    return wanted


def _drawn(
    labels: np.ndarray, groups: Sequence[list[int]], wanted: np.ndarray, seed: int
) -> np.ndarray:
    """Return which pictures are for testing, bool (n,): whole groups, as long as they have room."""
    is_test = np.zeros(len(labels), bool)
    room = wanted.copy()
    # RandomState's stream is frozen for good; newer generators may change between versions.
    for number in np.random.RandomState(seed).permutation(len(groups)):
        group = groups[number]
        taken = np.bincount(labels[group], minlength=len(room))
        if (taken <= room).all():
            is_test[group] = True
            room -= taken
    return is_test


def _write(paths: Sequence[Path], places: Sequence[str], facts: dict, out: Path, copy: bool) -> str:
    """Put the files in their places below `out`, and say how."""
    out.parent.mkdir(parents=True, exist_ok=True)
    sweep(out.parent)
    work = Path(tempfile.mkdtemp(prefix=temporary_name(f"{out.name}-"), dir=out.parent))
    try:
        work.chmod(0o755)  # mkdtemp makes a folder for its owner alone
        for path, place in zip(paths, places, strict=True):
            target = work / place
            target.parent.mkdir(parents=True, exist_ok=True)
            copy = copy or not _linked(path, target)
            if copy:
                shutil.copy2(path, target)
        text = json.dumps(facts, indent=1)
        (work / "split.json").write_text(text + "\n", encoding="utf-8", newline="\n")
        work.replace(out)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return "copies" if copy else "hard links"


def _linked(path: Path, target: Path) -> bool:
    """Make a hard link and return whether there are any here: not to another drive, for one."""
    try:
        target.hardlink_to(path.resolve())
    except OSError:
        return False
    return True
