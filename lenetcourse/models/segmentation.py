"""Networks without a dense layer: an image in, a score for every pixel out.

`in_channels` is 1 for grey images, for which the weights are counted, and 3 for colour.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lenetcourse.errors import UsageError
from lenetcourse.models.layout import channels_last


class LeNetSegmenter(nn.Module):
    """LeNet-5 turned into a segmenting network, layer by layer as one course text describes it.

    Convolution 1 -> 6, pooling, convolution 6 -> 16, pooling, transposed convolution 16 -> 6,
    enlarging, transposed convolution 6 -> 1, enlarging to the input's size; 5,129 weights. It takes
    any image whose sides are at least 16. `final_relu` puts a ReLU before the sigmoid, as the text
    has it: then no pixel can be called background, because sigmoid(0) is 1/2.
    """

    def __init__(self, final_relu: bool = False, in_channels: int = 1) -> None:
        super().__init__()
        self.settings = {"final_relu": final_relu, "in_channels": in_channels}
        self.conv1 = nn.Conv2d(in_channels, 6, 5)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.up1 = nn.ConvTranspose2d(16, 6, 5)
        self.up2 = nn.ConvTranspose2d(6, 1, 5)

    def forward(self, x: Tensor) -> Tensor:
        """Return scores (n, 1, h, w), before the sigmoid, of images (n, c, h, w) in [0, 1].

        The shapes below are those of 28x28 images.
        """
        size = x.shape[-2:]
        x = F.relu(F.max_pool2d(self.conv1(channels_last(x)), 2))  # (n, 6, 12, 12)
        x = F.relu(F.max_pool2d(self.conv2(x), 2))  # (n, 16, 4, 4)
        x = F.relu(self.up1(x))  # (n, 6, 8, 8)
        x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)  # (n, 6, 16, 16)
        x = self.up2(x)  # (n, 1, 20, 20)
        if self.settings["final_relu"]:
            x = F.relu(x)
        return F.interpolate(x, size=size, mode="bilinear", align_corners=False)  # (n, 1, 28, 28)


class SkipSegmenter(nn.Module):
    """A network of the same size with skip connections, as in FCN-16s; 5,377 weights.

    The coarse maps say what is there, the fine maps of the first layers say where its edge is; both
    are added (Long, Shelhamer and Darrell, 2015). It takes any image whose sides are at least 4.
    """

    def __init__(self, in_channels: int = 1) -> None:
        super().__init__()
        self.settings = {"in_channels": in_channels}
        self.conv1 = nn.Conv2d(in_channels, 8, 5, padding=2)
        self.conv2 = nn.Conv2d(8, 16, 5, padding=2)
        self.conv3 = nn.Conv2d(16, 8, 3, padding=1)
        self.skip2 = nn.Conv2d(16, 8, 1)
        self.refine = nn.Conv2d(8, 8, 3, padding=1)
        self.out = nn.Conv2d(8, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Return scores (n, 1, h, w), before the sigmoid, of images (n, c, h, w) in [0, 1].

        The shapes below are those of 28x28 images.
        """
        fine = F.relu(self.conv1(channels_last(x)))  # (n, 8, 28, 28)
        middle = F.relu(self.conv2(F.max_pool2d(fine, 2)))  # (n, 16, 14, 14)
        coarse = F.relu(self.conv3(F.max_pool2d(middle, 2)))  # (n, 8, 7, 7)
        x = F.relu(_enlarge(coarse, middle) + self.skip2(middle))  # (n, 8, 14, 14)
        x = _enlarge(x, fine) + fine  # (n, 8, 28, 28)
        return self.out(F.relu(self.refine(x)))  # (n, 1, 28, 28)


def _enlarge(x: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(x, size=like.shape[-2:], mode="bilinear", align_corners=False)


class SmallUNet(nn.Module):
    """A U-Net with two poolings and 8, 16 and 32 maps; 29,321 weights.

    The fine maps are not added but laid beside the coarse ones (Ronneberger, Fischer and Brox,
    2015); theirs has four poolings and starts with 64 maps.
    """

    def __init__(self, in_channels: int = 1) -> None:
        super().__init__()
        self.settings = {"in_channels": in_channels}
        self.down1, self.down2, self.bottom = (
            _two_convs(in_channels, 8),
            _two_convs(8, 16),
            _two_convs(16, 32),
        )
        self.up2, self.join2 = nn.ConvTranspose2d(32, 16, 2, stride=2), _two_convs(32, 16)
        self.up1, self.join1 = nn.ConvTranspose2d(16, 8, 2, stride=2), _two_convs(16, 8)
        self.out = nn.Conv2d(8, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return scores (n, 1, h, w), before the sigmoid, of images (n, c, h, w) in [0, 1].

        The shapes below are those of 28x28 images. Raises UsageError when a side is no multiple
        of 4.
        """
        if x.shape[-2] % 4 or x.shape[-1] % 4:
            raise UsageError(f"sides must be multiples of 4, not {tuple(x.shape[-2:])}")
        fine = self.down1(channels_last(x))  # (n, 8, 28, 28)
        middle = self.down2(F.max_pool2d(fine, 2))  # (n, 16, 14, 14)
        x = self.bottom(F.max_pool2d(middle, 2))  # (n, 32, 7, 7)
        x = self.join2(torch.cat([self.up2(x), middle], 1))  # (n, 16, 14, 14)
        x = self.join1(torch.cat([self.up1(x), fine], 1))  # (n, 8, 28, 28)
        return self.out(x)  # (n, 1, 28, 28)


def _two_convs(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(outputs, outputs, 3, padding=1),
        nn.ReLU(),
    )
