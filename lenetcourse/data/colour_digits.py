"""The embedded data set in colour: digits blended into scikit-learn's two photographs.

After MNIST-M (Ganin et al., "Domain-adversarial training of neural networks", JMLR 17(59), 2016,
section 5): in every channel the absolute difference of digit and patch. So the colours say nothing
of the class, and a stroke is told by how it differs from what is around it.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from lenetcourse.data.digits import load_digits_28
from lenetcourse.data.images import ImageSet
from lenetcourse.data.scenes import DigitScenes
from lenetcourse.data.splits import SPLITS

SEED = 2016
ORIGIN = "scikit-learn's digits on its photographs"
CLASSES = {32: 10, 64: 5}  # side -> the first digits that it has


def load_colour_digits(split: str, side: int) -> tuple[Tensor, Tensor, tuple[str, ...], str]:
    """Return images, uint8 (n, 3, side, side), labels, int64 (n,), the classes and their origin.

    With side 32 they are all ten digits, in training 10,000 images; with side 64 the digits 0 to 4,
    twice as large. Training, validation and test images have different digits, and patches from
    parts of the photographs that share no pixel.
    """
    ink, labels = load_digits_28(split)
    chosen = labels < CLASSES[side]
    ink, labels = _enlarged(ink[chosen], side), labels[chosen]
    scenes = DigitScenes(
        ImageSet(ink, labels, split=split),
        mode="difference",
        colour=True,
        seed=SEED + SPLITS.index(split),
    )
    return scenes.images, labels, tuple(map(str, range(CLASSES[side]))), ORIGIN


def _enlarged(ink: Tensor, side: int) -> Tensor:
    """Return 28x28 digits scaled by a whole number, in the middle of a field of that side."""
    scale = side // ink.shape[-1]
    if scale > 1:
        larger = F.interpolate(ink.unsqueeze(1).float(), scale_factor=scale, mode="bilinear")
        ink = larger.squeeze(1).round().to(torch.uint8)
    edge = (side - ink.shape[-1]) // 2
    return F.pad(ink, (edge, edge, edge, edge))
