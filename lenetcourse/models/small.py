"""Small networks of the source projects and of the papers, each by its name.

`input_size`, `in_channels` and `num_classes` are as in `LeNet5`; the counts of weights are those of
28x28 grey images in ten classes. Each raises UsageError for sizes that leave nothing to compute.
"""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional as F

from lenetcourse.errors import UsageError
from lenetcourse.models.layout import channels_last


class MLP(nn.Module):
    """Dense network on the pixels, 784 of them in MNIST, with ReLU between its layers.

    `hidden` are the units of its hidden layers: (196,) is the network with one hidden layer of one
    course text, 155,830 weights; (300, 100) the 28x28-300-100-10 of LeCun et al. (1998), 266,610.
    Raises UsageError when a layer has no unit.
    """

    def __init__(
        self,
        hidden: Sequence[int] = (196,),
        num_classes: int = 10,
        input_size: int = 28,
        in_channels: int = 1,
    ) -> None:
        super().__init__()
        settings = _sizes(num_classes, input_size, in_channels, least=1)
        sizes = [in_channels * input_size**2, *hidden, num_classes]
        if min(sizes) < 1:
            raise UsageError(f"every layer needs a unit: {sizes}")
        self.settings = {"hidden": list(hidden)} | settings
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))

    def forward(self, x: Tensor) -> Tensor:
        """Return the scores (n, classes) of images (n, 1, 28, 28) in [0, 1]."""
        x = x.flatten(1)  # (n, 784)
        for layer in self.layers[:-1]:
            x = F.relu(layer(x))
        return self.layers[-1](x)


class WideCNN(nn.Module):
    """Two wide convolutions and two dense layers, with dropout; 411,402 weights with 128 units.

    Convolution 32 3x3, pooling, convolution 64 2x2, pooling, so that 64 maps of 7x7 are 3,136
    numbers, as one course text counts them; its padding and its dense layers are not given. Here:
    "same" padding, `hidden` units.
    """

    def __init__(
        self,
        hidden: int = 128,
        dropout: float = 0.5,
        num_classes: int = 10,
        input_size: int = 28,
        in_channels: int = 1,
    ) -> None:
        super().__init__()
        _check_dropout(dropout)
        if hidden < 1:
            raise UsageError(f"the hidden layer needs a unit, not {hidden}")
        self.settings = {"hidden": hidden, "dropout": dropout} | _sizes(
            num_classes, input_size, in_channels, least=4
        )
        side = input_size // 4  # two poolings; the convolutions keep the size
        self.conv1 = nn.Conv2d(in_channels, 32, 3, padding="same")
        self.conv2 = nn.Conv2d(32, 64, 2)
        self.fc1 = nn.Linear(64 * side * side, hidden)
        self.fc2 = nn.Linear(hidden, num_classes)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Return the scores (n, 10) of images (n, 1, 28, 28) in [0, 1]."""
        x = F.relu(F.max_pool2d(self.conv1(channels_last(x)), 2))  # (n, 32, 14, 14)
        x = F.pad(x, (0, 1, 0, 1))  # an even kernel: one row and column more keep 14x14
        x = F.relu(F.max_pool2d(self.conv2(x), 2))  # (n, 64, 7, 7)
        x = self.dropout(F.relu(self.fc1(x.flatten(1))))  # (n, 128)
        return self.fc2(x)


class PaddedCNN(nn.Module):
    """Convolution 16 3x3 with padding 2, pooling, convolution 32 4x4, pooling, 1152-160-10.

    As a student's report describes it; 194,474 weights.
    """

    def __init__(self, num_classes: int = 10, input_size: int = 28, in_channels: int = 1) -> None:
        super().__init__()
        self.settings = _sizes(num_classes, input_size, in_channels, least=8)
        side = ((input_size + 2) // 2 - 3) // 2  # 6 for 28x28 input
        self.conv1 = nn.Conv2d(in_channels, 16, 3, padding=2)
        self.conv2 = nn.Conv2d(16, 32, 4)
        self.fc1 = nn.Linear(32 * side * side, 160)
        self.fc2 = nn.Linear(160, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return the scores (n, 10) of images (n, 1, 28, 28) in [0, 1]."""
        x = self.conv1(channels_last(x))  # (n, 16, 30, 30)
        x = F.relu(F.max_pool2d(x, 2))  # (n, 16, 15, 15)
        x = self.conv2(x)  # (n, 32, 12, 12)
        x = F.relu(F.max_pool2d(x, 2))  # (n, 32, 6, 6)
        return self.fc2(F.relu(self.fc1(x.flatten(1))))


class SmallCNN(nn.Module):
    """Convolutions 10 and 20 with 5x5 kernels, dropout, 320-50-10; 21,840 weights.

    The network of PyTorch's MNIST example of 2017 and of many first steps since.
    """

    def __init__(
        self,
        dropout: float = 0.5,
        num_classes: int = 10,
        input_size: int = 28,
        in_channels: int = 1,
    ) -> None:
        super().__init__()
        _check_dropout(dropout)
        self.settings = {"dropout": dropout} | _sizes(
            num_classes, input_size, in_channels, least=16
        )
        side = ((input_size - 4) // 2 - 4) // 2  # 4 for 28x28 input
        self.conv1 = nn.Conv2d(in_channels, 10, 5)
        self.conv2 = nn.Conv2d(10, 20, 5)
        self.fc1 = nn.Linear(20 * side * side, 50)
        self.fc2 = nn.Linear(50, num_classes)
        self.drop_maps, self.dropout = nn.Dropout2d(dropout), nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Return the scores (n, 10) of images (n, 1, 28, 28)."""
        x = F.relu(F.max_pool2d(self.conv1(channels_last(x)), 2))  # (n, 10, 12, 12)
        x = F.relu(F.max_pool2d(self.drop_maps(self.conv2(x)), 2))  # (n, 20, 4, 4)
        x = self.dropout(F.relu(self.fc1(x.flatten(1))))  # (n, 50)
        return self.fc2(x)


def _check_dropout(dropout: float) -> None:
    if not 0 <= dropout < 1:
        raise UsageError(f"dropout is a probability from 0 to below 1, not {dropout}")


def _sizes(num_classes: int, input_size: int, in_channels: int, least: int) -> dict[str, int]:
    """Return these settings, checked. Raises UsageError when one is too small."""
    if input_size < least:
        raise UsageError(f"input_size {input_size} leaves nothing to compute: {least} at least")
    if num_classes < 1 or in_channels < 1:
        raise UsageError(f"{num_classes} outputs, {in_channels} input channels: 1 at least")
    return {"num_classes": num_classes, "input_size": input_size, "in_channels": in_channels}
