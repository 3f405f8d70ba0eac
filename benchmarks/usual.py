"""The opponent in the benchmarks: LeNet-5 on MNIST as tutorials write it, with torchvision."""

from collections.abc import Iterable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.datasets import MNIST
from torchvision.transforms import ToTensor

from lenetcourse.data.idx import write_idx


class UsualLeNet5(nn.Module):
    """The same 44,426 weights as `lenetcourse.LeNet5`; ReLU before pooling, as it is mostly put."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * 4 * 4, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Return the scores (n, 10) of images (n, 1, 28, 28) in [0, 1]."""
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)  # (n, 6, 12, 12)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)  # (n, 16, 4, 4)
        x = F.relu(self.fc1(x.flatten(1)))  # (n, 120)
        x = F.relu(self.fc2(x))  # (n, 84)
        return self.fc3(x)  # (n, 10)


def usual_epoch(
    model: nn.Module, batches: Iterable[tuple[Tensor, Tensor]], optimizer: torch.optim.Optimizer
) -> float:
    """Train for one epoch as most scripts do; return the mean loss."""
    model.train()
    total, count = 0.0, 0
    for images, labels in batches:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        total, count = total + loss.item(), count + 1
    return total / count


@torch.no_grad()
def usual_accuracy(model: nn.Module, batches: Iterable[tuple[Tensor, Tensor]]) -> float:
    """Return the share of images that the network reads right."""
    model.eval()
    right = count = 0
    for images, labels in batches:
        right += (model(images).argmax(1) == labels).sum().item()
        count += len(labels)
    return right / count


def torchvision_mnist(folder: Path, images: Tensor, labels: Tensor) -> MNIST:
    """Write the images where torchvision looks for them, and return its data set."""
    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for part, count in (("train", len(images)), ("t10k", 1)):
        write_idx(raw / f"{part}-images-idx3-ubyte", images[:count].numpy())
        write_idx(raw / f"{part}-labels-idx1-ubyte", labels[:count].numpy().astype("uint8"))
    return MNIST(str(folder), train=True, download=False, transform=ToTensor())
