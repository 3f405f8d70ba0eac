"""Pictures that show no digit, or two, and a loss under which no class is likely for them.

A network that saw nothing but digits is sure of its answer on anything. Training it to spread its
probabilities on other pictures helps it to be unsure of those it never saw: outlier exposure,
Hendrycks et al. (2019), arXiv:1812.04606.
"""

from __future__ import annotations

import torch
from torch import Tensor

from lenetcourse.data.pictures import SIDE
from lenetcourse.train.upstrokes import mnist_form

NO_DIGIT = -1  # in the place of a label
# Strokes from point to point of a square: 0 1 2 is the upper row, 3 4 5 the middle, 6 7 8 the last.
LETTERS = {
    "A": "61 18 35",
    "E": "06 02 34 68",
    "F": "06 02 34",
    "H": "06 28 35",
    "K": "06 23 38",
    "M": "60 04 42 28",
    "N": "60 08 82",
    "P": "06 02 25 53",
    "R": "06 02 25 53 48",
    "W": "06 64 48 82",
    "X": "08 26",
}


def spread_cross_entropy(scores: Tensor, labels: Tensor) -> Tensor:
    """Return the mean cross-entropy of rows (n, classes); for NO_DIGIT all classes are right alike.

    `labels` are (n,). Without NO_DIGIT it is torch's cross-entropy.
    """
    log_shares = scores.log_softmax(1)
    known = labels != NO_DIGIT
    right = log_shares.gather(1, labels.clamp(min=0)[:, None]).squeeze(1)
    return -torch.where(known, right, log_shares.mean(1)).mean()


def no_digits(images: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Return `count` pictures, uint8 (count, 28, 28): half two digits of `images`, half letters.

    `images` are uint8 (n, 28, 28) in MNIST's form; so are the pictures returned.
    """
    return torch.cat(
        [two_digits(images, count // 2, generator), letters(count - count // 2, generator)]
    )


def two_digits(images: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Return pictures of two digits side by side, the second up to 3 pixels higher or lower."""
    chosen = torch.randint(len(images), (2, count), generator=generator)
    drops = torch.randint(-3, 4, (count,), generator=generator).tolist()
    found = []
    for left, right, drop in zip(images[chosen[0]], images[chosen[1]], drops, strict=True):
        pair = [part[:, (part.amax(0) > 127).nonzero().flatten()] for part in (left, right)]
        gap = torch.zeros(SIDE, 2, dtype=torch.uint8)
        found.append(mnist_form(torch.cat([pair[0], gap, pair[1].roll(drop, 0)], 1)))
    return torch.stack(found) if found else images[:0]


def letters(count: int, generator: torch.Generator) -> Tensor:
    """Return pictures of capital letters that look like no digit, each drawn differently."""
    strokes = {letter: _strokes(text) for letter, text in LETTERS.items()}
    order = torch.randint(len(LETTERS), (count,), generator=generator).tolist()
    along = torch.linspace(0, 1, 24)[:, None]
    places = torch.arange(2 * SIDE, dtype=torch.float32)
    found = []
    for number in order:
        ends = strokes[list(LETTERS)[number]]  # (strokes, 2, 2)
        random = torch.rand(len(ends) + 1, 3, 2, generator=generator) * 2 - 1
        size = 14 + 4 * random[0, 0] + torch.tensor([0.0, 4.0])  # a field of twice MNIST's side
        ends = SIDE + (ends - 1) * size + 2.5 * random[1:, :2]
        ends[:, :, 0] -= 0.3 * random[0, 1, 0] * ends[:, :, 1]  # slant
        first, last = ends[:, None, 0], ends[:, None, 1]
        bend = 12 * along * (1 - along) * random[1:, None, 2]
        x, y = (first + along * (last - first) + bend).flatten(0, 1).t()[:, :, None, None]
        distance = ((places - x) ** 2 + (places[:, None] - y) ** 2).amin(0).sqrt()
        reach = 2.5 + random[0, 2, 0]
        found.append(mnist_form(((reach + 0.5 - distance).clamp(0, 1) * 255).to(torch.uint8)))
    return torch.stack(found) if found else torch.empty(0, SIDE, SIDE, dtype=torch.uint8)


def _strokes(text: str) -> Tensor:
    """Return the ends of strokes, (strokes, 2, 2) as x and y from 0 to 2."""
    return torch.tensor([[[int(c) % 3, int(c) // 3] for c in stroke] for stroke in text.split()])
