"""A small network of 3x3 convolutions for pictures in colour; one change is one argument.

What it takes from larger ones: 3x3 kernels in stages (Simonyan and Zisserman, arXiv:1409.1556), the
mean of each map in place of dense layers (Lin, Chen and Yan, arXiv:1312.4400), batch normalisation
(Ioffe and Szegedy, arXiv:1502.03167) and residual links (He et al., arXiv:1512.03385).
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lenetcourse.data.images import as_inputs
from lenetcourse.errors import UsageError
from lenetcourse.models.layout import channels_last

MEASURED = 1000  # images at a time


class NormaliseChannels(nn.Module):
    """Give each channel mean 0 and standard deviation 1, as they were measured on training images.

    Before `measure` it changes nothing. What was measured is saved with the weights, so that a
    network takes the same inputs in [0, 1] with and without it.
    """

    def __init__(self, in_channels: int = 3) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(in_channels, 1, 1))
        self.register_buffer("deviation", torch.ones(in_channels, 1, 1))

    @torch.no_grad()
    def measure(self, images: Tensor) -> "NormaliseChannels":
        """Take mean and deviation of each channel over `images`; return itself.

        `images` are uint8 (n, h, w) or (n, 3, h, w), or floats (n, channels, h, w) in [0, 1].
        Raises UsageError when there are none, or when a channel has one value only.
        """
        if not len(images):
            raise UsageError("no images to measure: give the training images")
        parts = [as_inputs(part).double() for part in images.split(MEASURED)]
        total = sum(part.sum((0, 2, 3)) for part in parts)
        squares = sum(part.square().sum((0, 2, 3)) for part in parts)
        count = images.numel() / len(total)
        mean = total / count
        deviation = (squares / count - mean.square()).clamp(min=0).sqrt()
        if deviation.min() < 1e-4:  # a step of one in 256 in every fortieth pixel
            raise UsageError("a channel of these images has one value only: leave it out")
        self.mean.copy_(mean[:, None, None])
        self.deviation.copy_(deviation[:, None, None])
        return self

    def forward(self, x: Tensor) -> Tensor:
        """Return images (n, channels, h, w) normalised."""
        return (x - self.mean) / self.deviation


class Stage(nn.Module):
    """Twice as many maps of half the size, and one convolution more, around which a link leads."""

    def __init__(self, inputs: int, outputs: int, batch_norm: bool, residual: bool) -> None:
        super().__init__()
        # A bias would be taken out again by the mean that batch normalisation takes off.
        self.widen = nn.Conv2d(inputs, outputs, 3, padding=1, bias=not batch_norm)
        self.norm1 = nn.BatchNorm2d(outputs) if batch_norm else nn.Identity()
        self.refine = nn.Conv2d(outputs, outputs, 3, padding=1, bias=not batch_norm)
        self.norm2 = nn.BatchNorm2d(outputs) if batch_norm else nn.Identity()
        self.residual = residual

    def forward(self, x: Tensor) -> Tensor:
        """Return maps (n, outputs, h / 2, w / 2) of maps (n, inputs, h, w)."""
        x = F.max_pool2d(self.widen(x), 2)  # before norm and ReLU, which then have a quarter to do
        x = F.relu(self.norm1(x))
        change = F.relu(self.norm2(self.refine(x)))
        return x + change if self.residual else change


class ResidualNet(nn.Module):
    """Stages of two 3x3 convolutions, the mean of each map, and one dense layer.

    It takes images of any size that leaves a pixel after the poolings: 16 at least with four
    stages. 1,175,786 weights by default; 295,290 with widths of one half.

    Args:
        widths: number of maps in each stage; each halves height and width.
        batch_norm: batch normalisation after each convolution.
        residual: add to what a stage's second convolution finds what it was given.
        num_classes: number of outputs, at least 1.
        in_channels: 1 for grey, 3 for colour.

    Its first step, `normalise`, does nothing until `model.normalise.measure(train.images)`. Raises
    UsageError for an argument outside these ranges.
    """

    def __init__(
        self,
        widths: Sequence[int] = (32, 64, 128, 256),
        batch_norm: bool = True,
        residual: bool = True,
        num_classes: int = 10,
        in_channels: int = 3,
    ) -> None:
        super().__init__()
        if not widths or min(widths) < 1:
            raise UsageError(f"widths must be positive numbers, one for each stage, not {widths}")
        if num_classes < 1 or in_channels < 1:
            raise UsageError(f"{num_classes} outputs, {in_channels} input channels: 1 at least")
        self.settings = {
            "widths": list(widths),
            "batch_norm": batch_norm,
            "residual": residual,
            "num_classes": num_classes,
            "in_channels": in_channels,
        }
        self.normalise = NormaliseChannels(in_channels)
        self.stages = nn.ModuleList(
            Stage(inputs, outputs, batch_norm, residual)
            for inputs, outputs in pairwise([in_channels, *widths])
        )
        self.out = nn.Linear(widths[-1], num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return the scores, (n, num_classes), of images (n, in_channels, h, w) in [0, 1]."""
        # Shapes for the default widths:         # (n, 3, 32, 32)
        x = channels_last(self.normalise(x))
        for stage in self.stages:
            x = stage(x)  # (n, 32, 16, 16), (n, 64, 8, 8), (n, 128, 4, 4), (n, 256, 2, 2)
        x = F.adaptive_avg_pool2d(x, 1).flatten(1)  # (n, 256)
        return self.out(x)  # (n, 10)
