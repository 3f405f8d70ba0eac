"""Which pictures are the same, or look the same: they must not stand on both sides of a split."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps

from lenetcourse.data.folders import from_picture

GRID = 8  # the hash has GRID * GRID bits
# Of the 3,670 flower photographs 21 pairs differ in at most 5 of the 64 bits. 20 of them are of one
# photograph: coloured otherwise, reduced again, or taken a moment later. Of 11 with 6 bits two are.
NEAR = 5
ROWS = 1000  # compared with all pictures at a time


class Pair(NamedTuple):
    """Two pictures, by their numbers, of which one is much like the other.

    Attributes:
        first: the number of one, the smaller.
        second: the number of the other.
        is_copy: whether the two files have the same bytes.
    """

    first: int
    second: int
    is_copy: bool


def find_pairs(paths: Sequence[Path]) -> list[Pair]:
    """Return the pairs of pictures that are copies, or look alike at a glance, in order.

    These are the pairs whose `difference_hash` differs in at most `NEAR` bits. Every picture is
    decoded. Raises DatasetError for a file that is none.
    """
    sums = [hashlib.sha256(path.read_bytes()).digest() for path in paths]
    bits = np.array([from_picture(path, difference_hash) for path in paths])
    # As -1 and 1, so that a product of two hashes is the bits alike less the bits that differ.
    signs = np.where(bits, np.float32(1), np.float32(-1)).reshape(len(paths), GRID * GRID)
    pairs = []
    for start in range(0, len(paths), ROWS):
        alike = signs[start : start + ROWS] @ signs.T
        for row, second in np.argwhere(alike >= GRID * GRID - 2 * NEAR).tolist():
            first = start + row
            if first < second:
                pairs.append(Pair(first, second, sums[first] == sums[second]))
    return pairs


def difference_hash(picture: Image.Image) -> np.ndarray:
    """Return 8x8 bits, bool (64,): where the picture, made tiny and grey, gets lighter rightwards.

    It does not change with the picture's size or colours, and little with its contrast. The idea
    is Krawetz's ("Kind of like that", hackerfactor.com, 2013).
    """
    picture.draft(None, (64 * GRID, 64 * GRID))  # a large JPEG is decoded at a smaller scale
    upright = ImageOps.exif_transpose(picture).convert("L")
    tiny = np.asarray(upright.resize((GRID + 1, GRID), Image.Resampling.BOX), np.int16)
    return (tiny[:, 1:] > tiny[:, :-1]).ravel()


def groups_of(count: int, pairs: Sequence[Pair]) -> list[list[int]]:
    """Return the numbers from 0 to `count` - 1 in groups that pairs tie together, each in order."""
    parent = list(range(count))

    def root(number: int) -> int:
        while parent[number] != number:
            parent[number] = number = parent[parent[number]]
        return number

    for first, second, _ in pairs:
        low, high = sorted((root(first), root(second)))
        parent[high] = low
    groups: dict[int, list[int]] = {}
    for number in range(count):
        groups.setdefault(root(number), []).append(number)
    return list(groups.values())
