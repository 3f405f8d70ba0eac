"""Inputs for the checks, drawn anew each time, so that no answer can be fitted to them."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import torch

Item = TypeVar("Item")


class Draw:
    """Random inputs from one seed; without a seed, others at every use.

    It has a generator of its own: neither torch's nor NumPy's global random state is touched.
    """

    def __init__(self, seed: int | None = None) -> None:
        self.seed = secrets.randbits(63) if seed is None else seed
        self._random = np.random.default_rng(self.seed)

    def integer(self, low: int, high: int) -> int:
        """Return a whole number from `low` to `high`, both included."""
        return int(self._random.integers(low, high, endpoint=True))

    def integers(self, low: int, high: int, *shape: int) -> torch.Tensor:
        """Return int64 numbers from `low` to `high`, both included, of the given shape."""
        return torch.from_numpy(self._random.integers(low, high, size=shape, endpoint=True))

    def normal(self, *shape: int) -> torch.Tensor:
        """Return float32 numbers with mean 0 and deviation 1, of the given shape."""
        return torch.from_numpy(self._random.standard_normal(shape, dtype=np.float32))

    def uniform(self, *shape: int) -> torch.Tensor:
        """Return float32 numbers from 0 to 1, of the given shape."""
        return torch.from_numpy(self._random.random(shape, dtype=np.float32))

    def number(self, low: float, high: float) -> float:
        """Return a number between `low` and `high`, rounded to two places so that it reads well."""
        return round(float(self._random.uniform(low, high)), 2)

    def choice(self, items: Sequence[Item]) -> Item:
        """Return one of `items`."""
        return items[self.integer(0, len(items) - 1)]

    def order(self, count: int) -> torch.Tensor:
        """Return the numbers from 0 to `count` - 1 in a random order."""
        return torch.from_numpy(self._random.permutation(count))
