"""LeNet-5 as it is written today: ReLU, max pooling, every map connected."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lenetcourse.errors import UsageError
from lenetcourse.models.layout import channels_last


class LeNet5(nn.Module):
    """LeNet-5 after LeCun et al. (1998), section II.B, in its usual modern reading.

    What differs from the paper: ReLU in place of a scaled tanh, max pooling in place of trainable
    subsampling, a full connection from pooling 1 to convolution 2 in place of table I, and a
    linear output in place of radial basis functions. 44,426 weights on 28x28 input, 61,706 on
    32x32, 27,180 with kernels=(3, 8).

    Args:
        kernels: number of kernels of the two 5x5 convolutions.
        dropout: probability of setting a value to zero, after every pooling and every hidden
            dense layer; 0 <= dropout < 1.
        input_size: height and width of the input in pixels, at least 16.
        num_classes: number of outputs, at least 1.
        in_channels: 1 for grey, 3 for colour; at least 1.
        conv3: compute the first dense layer as a third convolution with 120 kernels; the same
            function, written differently.

    Raises UsageError for an argument outside these ranges.
    """

    def __init__(
        self,
        kernels: tuple[int, int] = (6, 16),
        dropout: float = 0.0,
        input_size: int = 28,
        num_classes: int = 10,
        in_channels: int = 1,
        conv3: bool = False,
    ) -> None:
        super().__init__()
        if len(kernels) != 2 or min(kernels) < 1:
            raise UsageError(f"kernels must be two positive numbers, not {kernels}")
        if not 0 <= dropout < 1:
            raise UsageError(f"dropout is a probability from 0 to below 1, not {dropout}")
        if input_size < 16:
            raise UsageError(f"input_size {input_size} leaves nothing after two poolings: 16 least")
        if num_classes < 1 or in_channels < 1:
            raise UsageError(f"{num_classes} outputs, {in_channels} input channels: 1 at least")
        self.settings = {
            "kernels": list(kernels),
            "dropout": dropout,
            "input_size": input_size,
            "num_classes": num_classes,
            "in_channels": in_channels,
            "conv3": conv3,
        }
        first, second = kernels
        side = ((input_size - 4) // 2 - 4) // 2  # 4 for 28x28 input, 5 for 32x32
        self.conv1 = nn.Conv2d(in_channels, first, kernel_size=5)
        self.conv2 = nn.Conv2d(first, second, kernel_size=5)
        if conv3:
            self.conv3 = nn.Conv2d(second, 120, kernel_size=side)
        else:
            self.fc1 = nn.Linear(second * side * side, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, num_classes)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Return the scores, (n, num_classes), of images (n, in_channels, size, size) in [0, 1]."""
        # ReLU commutes with the largest of four values: after pooling it has a quarter of the work.
        # Shapes for the default 28x28 input:            # (n, 1, 28, 28)
        x = self.conv1(channels_last(x))  # (n, 6, 24, 24)
        x = self.dropout(F.relu(F.max_pool2d(x, 2)))  # (n, 6, 12, 12)
        x = self.conv2(x)  # (n, 16, 8, 8)
        x = self.dropout(F.relu(F.max_pool2d(x, 2)))  # (n, 16, 4, 4)
        x = self.conv3(x).flatten(1) if self.settings["conv3"] else self.fc1(x.flatten(1))
        x = self.dropout(F.relu(x))  # (n, 120)
        x = self.dropout(F.relu(self.fc2(x)))  # (n, 84)
        return self.fc3(x)  # (n, 10)


@torch.no_grad()
def dense_to_conv3(model: LeNet5) -> LeNet5:
    """Return the form of `model` with a third convolution, its weights copied.

    A dense layer over the flattened maps (channel, row, column) and a convolution as large as the
    maps multiply the same numbers in the same order, so the outputs agree up to rounding. Raises
    UsageError for a model that has its third convolution already.
    """
    if model.settings["conv3"]:
        raise UsageError("the model has its third convolution already")
    twin = LeNet5(**(model.settings | {"conv3": True}))
    weights = model.state_dict()
    weights["conv3.weight"] = weights.pop("fc1.weight").reshape(twin.conv3.weight.shape)
    weights["conv3.bias"] = weights.pop("fc1.bias")
    twin.load_state_dict(weights)
    return twin.train(model.training)
