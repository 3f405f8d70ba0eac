"""AlexNet: as published in 2012, as torchvision has it, and a small one for a laptop."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from lenetcourse.errors import UsageError
from lenetcourse.models.layout import channels_last
from lenetcourse.models.residual import NormaliseChannels

DENSE = 4096  # units of the two hidden dense layers


def local_response_norm(x: Tensor) -> Tensor:
    """Divide every value by what its neighbours among the maps have at the same place.

    Krizhevsky, Sutskever and Hinton (2012), section 3.3: b = a / (2 + 1e-4 * s) ** 0.75, where s is
    the sum of the squares of a in five maps, its own in the middle. Maps (n, channels, h, w) keep
    their shape.
    """
    size, k, alpha, beta = 5, 2.0, 1e-4, 0.75
    # torch divides alpha by the number of maps, as Caffe did; the paper does not.
    return F.local_response_norm(x, size, alpha * size, beta, k)


class AlexNet2012(nn.Module):
    """AlexNet as Krizhevsky, Sutskever and Hinton (2012) published it: 60,965,224 weights.

    Two halves of the maps lived on two graphics cards: convolutions 2, 4 and 5 see only those of
    their own half (`groups`), convolution 3 and the dense layers see both. Pooling windows of 3x3
    are two pixels apart, so that they overlap. The paper says 224x224; its 55x55 maps need 227x227.

    Args:
        num_classes: number of outputs; ImageNet's challenge has 1,000.
        groups: 2 as published; with 1 every map sees all, 62,378,344 weights, a count that is often
            given for the published network.
        hidden: units of each of the two hidden dense layers.

    Weights are drawn as in section 5: normal with deviation 0.01; biases are 1 in convolutions 2, 4
    and 5 and in the hidden dense layers, else 0. Raises UsageError for an argument below 1.
    """

    def __init__(self, num_classes: int = 1000, groups: int = 2, hidden: int = DENSE) -> None:
        super().__init__()
        _at_least_1(num_classes=num_classes, hidden=hidden)
        if groups not in (1, 2):
            raise UsageError(f"groups is 2, as published, or 1, not {groups}")
        self.settings = {"num_classes": num_classes, "groups": groups, "hidden": hidden}
        self.conv1 = nn.Conv2d(3, 96, 11, stride=4)
        self.conv2 = nn.Conv2d(96, 256, 5, padding=2, groups=groups)
        self.conv3 = nn.Conv2d(256, 384, 3, padding=1)
        self.conv4 = nn.Conv2d(384, 384, 3, padding=1, groups=groups)
        self.conv5 = nn.Conv2d(384, 256, 3, padding=1, groups=groups)
        self.fc1 = nn.Linear(256 * 6 * 6, hidden)
        self.fc2 = nn.Linear(hidden, hidden)
        self.fc3 = nn.Linear(hidden, num_classes)
        self.dropout = nn.Dropout(0.5)
        for name, layer in self.named_children():
            if name != "dropout":
                nn.init.normal_(layer.weight, std=0.01)
                ones = name in ("conv2", "conv4", "conv5", "fc1", "fc2")
                nn.init.constant_(layer.bias, float(ones))

    def forward(self, x: Tensor) -> Tensor:
        """Return the scores, (n, num_classes), of images (n, 3, 227, 227)."""
        x = F.relu(self.conv1(channels_last(x)))  # (n, 96, 55, 55)
        x = F.max_pool2d(local_response_norm(x), 3, stride=2)  # (n, 96, 27, 27)
        x = F.relu(self.conv2(x))  # (n, 256, 27, 27)
        x = F.max_pool2d(local_response_norm(x), 3, stride=2)  # (n, 256, 13, 13)
        x = F.relu(self.conv3(x))  # (n, 384, 13, 13)
        x = F.relu(self.conv4(x))  # (n, 384, 13, 13)
        x = F.relu(self.conv5(x))  # (n, 256, 13, 13)
        x = F.max_pool2d(x, 3, stride=2).flatten(1)  # (n, 9216)
        x = self.dropout(F.relu(self.fc1(x)))  # (n, 4096)
        x = self.dropout(F.relu(self.fc2(x)))  # (n, 4096)
        return self.fc3(x)  # (n, 1000)


class AlexNet(nn.Module):
    """AlexNet as torchvision has it: 61,100,840 weights.

    Its body is that of Krizhevsky's later network for one graphics card (arXiv:1404.5997): other
    numbers of maps, no groups, no response normalisation, pixels added around the image in place of
    227. The mean of each map over 6x6 fields lets it take images of any size from 63x63 on; dropout
    stands before the hidden dense layers and not after them.

    Args:
        num_classes: number of outputs.
        hidden: units of each of the two hidden dense layers.

    Its first step, `normalise`, does nothing until it is measured or weights are loaded: see
    `load_torchvision_alexnet`. Raises UsageError for an argument below 1.
    """

    def __init__(self, num_classes: int = 1000, hidden: int = DENSE) -> None:
        super().__init__()
        _at_least_1(num_classes=num_classes, hidden=hidden)
        self.settings = {"num_classes": num_classes, "hidden": hidden}
        self.normalise = NormaliseChannels(3)
        self.conv1 = nn.Conv2d(3, 64, 11, stride=4, padding=2)
        self.conv2 = nn.Conv2d(64, 192, 5, padding=2)
        self.conv3 = nn.Conv2d(192, 384, 3, padding=1)
        self.conv4 = nn.Conv2d(384, 256, 3, padding=1)
        self.conv5 = nn.Conv2d(256, 256, 3, padding=1)
        self.fc1 = nn.Linear(256 * 6 * 6, hidden)
        self.fc2 = nn.Linear(hidden, hidden)
        self.fc3 = nn.Linear(hidden, num_classes)
        self.dropout = nn.Dropout(0.5)

    def forward(self, x: Tensor) -> Tensor:
        """Return the scores, (n, num_classes), of images (n, 3, h, w) in [0, 1]."""
        # Shapes for 224x224 input:                             # (n, 3, 224, 224)
        x = F.relu(self.conv1(channels_last(self.normalise(x))))  # (n, 64, 55, 55)
        x = F.relu(self.conv2(F.max_pool2d(x, 3, stride=2)))  # (n, 192, 27, 27)
        x = F.relu(self.conv3(F.max_pool2d(x, 3, stride=2)))  # (n, 384, 13, 13)
        x = F.relu(self.conv4(x))  # (n, 256, 13, 13)
        x = F.relu(self.conv5(x))  # (n, 256, 13, 13)
        x = F.max_pool2d(x, 3, stride=2)  # (n, 256, 6, 6)
        x = F.adaptive_avg_pool2d(x, 6).flatten(1)  # (n, 9216)
        x = F.relu(self.fc1(self.dropout(x)))  # (n, 4096)
        x = F.relu(self.fc2(self.dropout(x)))  # (n, 4096)
        return self.fc3(x)  # (n, 1000)


class SmallAlexNet(nn.Module):
    """AlexNet made small: five convolutions, three overlapping poolings, the mean of each map.

    It takes images of any size from 16x16 on. It has 303,493 weights for five classes: AlexNet's
    hidden dense layers, which hold 96 % of its weights, are left out.

    Args:
        widths: number of maps of each of the five convolutions.
        dropout: probability of setting a map's mean to zero in training; 0 <= dropout < 1.
        num_classes: number of outputs, at least 1.
        in_channels: 1 for grey, 3 for colour; at least 1.

    Its first step, `normalise`, does nothing until `model.normalise.measure(train.images)`. Weights
    are drawn after He et al. (arXiv:1502.01852): deviation 0.01 would leave the last maps almost
    without a signal. Raises UsageError for an argument outside these ranges.
    """

    def __init__(
        self,
        widths: Sequence[int] = (32, 64, 96, 96, 128),
        dropout: float = 0.2,
        num_classes: int = 5,
        in_channels: int = 3,
    ) -> None:
        super().__init__()
        if len(widths) != 5:
            raise UsageError(f"widths are five numbers, one for each convolution, not {widths}")
        if not 0 <= dropout < 1:
            raise UsageError(f"dropout is a probability from 0 to below 1, not {dropout}")
        _at_least_1(widths=min(widths), num_classes=num_classes, in_channels=in_channels)
        self.settings = {
            "widths": list(widths),
            "dropout": dropout,
            "num_classes": num_classes,
            "in_channels": in_channels,
        }
        self.normalise = NormaliseChannels(in_channels)
        self.conv1 = nn.Conv2d(in_channels, widths[0], 5, stride=2, padding=2)
        self.conv2 = nn.Conv2d(widths[0], widths[1], 5, padding=2)
        self.conv3 = nn.Conv2d(widths[1], widths[2], 3, padding=1)
        self.conv4 = nn.Conv2d(widths[2], widths[3], 3, padding=1)
        self.conv5 = nn.Conv2d(widths[3], widths[4], 3, padding=1)
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(widths[4], num_classes)
        for layer in (self.conv1, self.conv2, self.conv3, self.conv4, self.conv5):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Return the scores, (n, num_classes), of images (n, in_channels, h, w) in [0, 1]."""
        # Pooling first, then ReLU: the same numbers, and ReLU has a quarter of the work.
        # Shapes for 128x128 input:                        # (n, 3, 128, 128)
        x = self.conv1(channels_last(self.normalise(x)))  # (n, 32, 64, 64)
        x = F.relu(_pooled(x))  # (n, 32, 32, 32)
        x = F.relu(_pooled(self.conv2(x)))  # (n, 64, 16, 16)
        x = F.relu(self.conv3(x))  # (n, 96, 16, 16)
        x = F.relu(self.conv4(x))  # (n, 96, 16, 16)
        x = F.relu(_pooled(self.conv5(x)))  # (n, 128, 8, 8)
        x = self.dropout(x.mean((2, 3)))  # (n, 128)
        return self.out(x)  # (n, 5)


def _pooled(x: Tensor) -> Tensor:
    """Return the largest value of windows of 3x3 that are two apart: half the height and width."""
    return F.max_pool2d(x, 3, stride=2, padding=1)


def _at_least_1(**numbers: int) -> None:
    """Raise UsageError for the first of these arguments that is below 1."""
    for name, number in numbers.items():
        if number < 1:
            raise UsageError(f"{name} must be 1 at least, not {number}")
