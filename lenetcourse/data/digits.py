"""The embedded data set: scikit-learn's 8x8 digits, brought to MNIST's form.

The 1,797 pictures come from the test part of "Optical Recognition of Handwritten Digits" (Alpaydin
and Kaynak, UCI repository, 1998), 13 writers. Ours are split by a fixed seed, not by writer: the
same hand is in training and test, so the accuracy is higher than it would be on a stranger's.
"""

from __future__ import annotations

import functools

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import Tensor
from torch.nn import functional as F

from lenetcourse.data.pictures import centre_by_mass, fit_box

SEED = 1998
SIZES = {"train": 1250, "validation": 197, "test": 350}
COPIES = 8  # of each training digit: itself and seven that are shifted, turned and scaled


def load_digits_28(split: str) -> tuple[Tensor, Tensor]:
    """Return images, uint8 (n, 28, 28), and labels, int64 (n,), of one split.

    The training part has 10,000 images: each of 1,250 digits eight times.
    """
    images, labels = _enlarged()
    # RandomState's stream is frozen for good; newer generators may change between versions.
    order = np.random.RandomState(SEED).permutation(len(images))
    train, validation = SIZES["train"], SIZES["train"] + SIZES["validation"]
    parts = np.split(order, [train, validation])
    chosen = torch.from_numpy(parts[list(SIZES).index(split)])
    if split == "train":
        return _varied(images[chosen]), labels[chosen].repeat(COPIES)
    return images[chosen], labels[chosen]


@functools.cache
def _enlarged() -> tuple[Tensor, Tensor]:
    small = load_digits()
    images = np.stack([centre_by_mass(fit_box(_trim(image * 255 / 16))) for image in small.images])
    return torch.from_numpy(images), torch.from_numpy(small.target).long()


def _trim(image: np.ndarray) -> np.ndarray:
    rows, columns = np.flatnonzero(image.max(1)), np.flatnonzero(image.max(0))
    return image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _varied(images: Tensor) -> Tensor:
    """Return the images, then `COPIES - 1` times each with a small random affine change."""
    count = len(images) * (COPIES - 1)
    random = np.random.RandomState(SEED)
    angle = torch.from_numpy(random.uniform(-10, 10, count)).deg2rad()
    scale = torch.from_numpy(random.uniform(0.9, 1.1, count))
    shift = torch.from_numpy(random.uniform(-1.5, 1.5, (count, 2))) * 2 / images.shape[-1]
    cosine, sine = angle.cos() / scale, angle.sin() / scale
    matrices = torch.stack(
        [
            torch.stack([cosine, -sine, shift[:, 0]], 1),
            torch.stack([sine, cosine, shift[:, 1]], 1),
        ],
        1,
    ).float()
    copies = images.repeat(COPIES - 1, 1, 1).unsqueeze(1).float()
    grid = F.affine_grid(matrices, list(copies.shape), align_corners=False)
    changed = F.grid_sample(copies, grid, align_corners=False).squeeze(1)
    return torch.cat([images, changed.round().clamp(0, 255).to(torch.uint8)])
