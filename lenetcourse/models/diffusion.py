"""Networks that see the noise in an image or a code: they are told how much, and the class."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lenetcourse.errors import UsageError
from lenetcourse.models.layout import channels_last

NO_LABEL = -1  # in the place of a label: any class
WAVES = 64  # numbers that tell a time
GROUPS = 4  # of maps that are normalised together


class DiffusionUNet(nn.Module):
    """A U-Net as in chapter 06 that knows time and class; 136,817 weights.

    Shaped like `SmallUNet`: two poolings, fine maps laid beside coarse ones. What Ho et al. (2020,
    arXiv:2006.11239, appendix B) add for diffusion: a sinusoidal embedding of the time goes into
    every pair of convolutions, SiLU in place of ReLU, groups of maps are normalised. They have
    attention and residual links, too. The embedding of the class is added to that of the time, as
    in Dhariwal and Nichol (2021, arXiv:2105.05233).

    Args:
        maps: at full, half and quarter size, each a multiple of 4.
        classes: 0 for a network that is told none.
        input_size: height and width of the images in pixels, a multiple of 4.
        in_channels: 1 for grey, 3 for colour.

    Raises UsageError for an argument outside these ranges.
    """

    def __init__(
        self,
        maps: Sequence[int] = (16, 32, 64),
        classes: int = 10,
        input_size: int = 28,
        in_channels: int = 1,
    ) -> None:
        super().__init__()
        if len(maps) != 3 or min(maps) < 1 or any(count % GROUPS for count in maps):
            raise UsageError(f"maps must be three multiples of {GROUPS}, not {list(maps)}")
        if input_size < 4 or input_size % 4 or in_channels < 1 or classes < 0:
            raise UsageError(
                f"input_size {input_size} must be a multiple of 4, in_channels {in_channels} at "
                f"least 1, classes {classes} at least 0"
            )
        self.settings = {"maps": list(maps), "classes": classes}
        self.settings |= {"input_size": input_size, "in_channels": in_channels}
        self.shape = (in_channels, input_size, input_size)  # of what it takes and gives
        fine, middle, coarse = maps
        self.told = TimeAndClass(classes, WAVES)
        self.down1 = ToldConvs(in_channels, fine)
        self.down2 = ToldConvs(fine, middle)
        self.bottom = ToldConvs(middle, coarse)
        self.up2, self.join2 = _doubling(coarse, middle), ToldConvs(2 * middle, middle)
        self.up1, self.join1 = _doubling(middle, fine), ToldConvs(2 * fine, fine)
        self.out = nn.Conv2d(fine, in_channels, 1)

    def forward(self, noisy: Tensor, times: Tensor, labels: Tensor) -> Tensor:
        """Return what is seen, (n, 1, 28, 28), in noisy images of that shape.

        `times`, (n,), count the steps of noise from 1, `labels`, (n,), are classes or NO_LABEL.
        """
        told = self.told(times, labels)  # (n, 64)
        fine = self.down1(channels_last(noisy), told)  # (n, 16, 28, 28)
        middle = self.down2(F.max_pool2d(fine, 2), told)  # (n, 32, 14, 14)
        x = self.bottom(F.max_pool2d(middle, 2), told)  # (n, 64, 7, 7)
        x = self.join2(torch.cat([self.up2(x), middle], 1), told)  # (n, 32, 14, 14)
        x = self.join1(torch.cat([self.up1(x), fine], 1), told)  # (n, 16, 28, 28)
        return self.out(x)  # (n, 1, 28, 28)


class ToldConvs(nn.Module):
    """Two 3x3 convolutions; what is told of time and class is added to the maps of the first."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.norm1 = nn.GroupNorm(GROUPS, outputs)
        self.told = nn.Linear(WAVES, outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.norm2 = nn.GroupNorm(GROUPS, outputs)

    def forward(self, x: Tensor, told: Tensor) -> Tensor:
        """Return maps (n, outputs, h, w) of maps (n, inputs, h, w); `told` is (n, 64)."""
        x = self.norm1(self.conv1(x)) + self.told(told)[:, :, None, None]
        return F.silu(self.norm2(self.conv2(F.silu(x))))


class DiffusionMLP(nn.Module):
    """A dense network for codes, such as the latents of a VAE; 492,052 weights.

    Each block adds something to what it is given (He et al., 2016), and is told time and class.

    Args:
        size: numbers in a code, at least 1.
        hidden: units, at least 1.
        blocks: at least 1.
        classes: 0 for a network that is told none.

    Raises UsageError for an argument outside these ranges.
    """

    def __init__(
        self, size: int = 20, hidden: int = 256, blocks: int = 3, classes: int = 10
    ) -> None:
        super().__init__()
        if min(size, hidden, blocks) < 1 or classes < 0:
            raise UsageError(
                f"size {size}, hidden {hidden} and blocks {blocks} must be 1 at least, classes "
                f"{classes} 0"
            )
        self.settings = {"size": size, "hidden": hidden, "blocks": blocks, "classes": classes}
        self.shape = (size,)  # of what it takes and gives
        self.told = TimeAndClass(classes, hidden)
        self.enter = nn.Linear(size, hidden)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(hidden), nn.Linear(hidden, hidden), nn.SiLU(),
                          nn.Linear(hidden, hidden))
            for _ in range(blocks)
        )  # fmt: skip
        self.out = nn.Linear(hidden, size)

    def forward(self, noisy: Tensor, times: Tensor, labels: Tensor) -> Tensor:
        """Return what is seen, (n, size), in noisy codes; the rest as for `DiffusionUNet`."""
        told = self.told(times, labels)  # (n, hidden)
        x = self.enter(noisy)  # (n, hidden)
        for block in self.blocks:
            x = x + block(x + told)
        return self.out(F.silu(x))  # (n, size)


class TimeAndClass(nn.Module):
    """What a denoising network is told: a time and a class, as one row of numbers."""

    def __init__(self, classes: int, outputs: int) -> None:
        super().__init__()
        self.time = nn.Sequential(nn.Linear(WAVES, outputs), nn.SiLU(), nn.Linear(outputs, outputs))
        self.label = nn.Embedding(classes + 1, outputs)  # the last row is that of NO_LABEL

    def forward(self, times: Tensor, labels: Tensor) -> Tensor:
        """Return (n, outputs) of times (n,) and labels (n,)."""
        rows = torch.where(labels == NO_LABEL, self.label.num_embeddings - 1, labels)
        return F.silu(self.time(time_waves(times)) + self.label(rows))


def time_waves(times: Tensor, count: int = WAVES) -> Tensor:
    """Return sines and cosines, (n, count), of times (n,): quick waves tell near times apart.

    Their wavelengths grow from 2 pi to 20,000 pi: Vaswani et al. (2017), section 3.5, who give so
    the place of a word in a sentence.
    """
    halves = torch.arange(count // 2, device=times.device) / (count // 2)
    angles = times[:, None].float() * torch.exp(-math.log(10_000) * halves)
    return torch.cat([angles.sin(), angles.cos()], 1)


def _doubling(inputs: int, outputs: int) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(inputs, outputs, 2, stride=2)
