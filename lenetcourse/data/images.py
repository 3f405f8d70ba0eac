"""Images as plain tensors: uint8, (n, h, w) for grey and (n, 3, h, w) for colour."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.data import Dataset

from lenetcourse.errors import UsageError

# Of MNIST's 60,000 training images, as PyTorch's own example has them.
MNIST_MEAN, MNIST_STD = 0.1307, 0.3081


@dataclass(repr=False)
class ImageSet(Dataset):
    """Images and labels as plain tensors, and a `torch.utils.data.Dataset` over them.

    Attributes:
        images: uint8, (n, h, w) for grey, 0 background to 255 ink, or (n, 3, h, w) for colour.
        labels: int64, (n,): the class of each image, 0 to 9 in the data sets of the course.
        name: the data set, for example "mnist".
        split: "train", "validation" or "test".
        transform: applied by `image_set[i]` to the uint8 image (channels, h, w); torchvision's
            transforms v2 work.

    Raises UsageError when the images have another type or shape, or not as many labels.
    """

    images: Tensor
    labels: Tensor
    name: str = ""
    split: str = ""
    transform: Callable | None = None

    def __post_init__(self) -> None:
        if self.images.dtype != torch.uint8 or not is_image_shape(self.images.shape):
            raise UsageError(
                f"images must be uint8 of shape (n, height, width) or (n, 3, height, width), not "
                f"{self.images.dtype} of shape {tuple(self.images.shape)}"
            )
        if len(self.labels) != len(self.images):
            raise UsageError(f"{len(self.images)} images with {len(self.labels)} labels")

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        """Return (image, label): uint8 (channels, h, w), or what `transform` makes of it."""
        image, label = self.images[index], int(self.labels[index])
        image = image.unsqueeze(0) if image.ndim == 2 else image
        return (image if self.transform is None else self.transform(image)), label

    def __repr__(self) -> str:
        colour = "colour " if self.images.ndim == 4 else ""
        return f"ImageSet({self.name}, {self.split}: {len(self):,} {colour}images)"

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, height and width of one image."""
        return tuple(with_channels(self.images[:0]).shape[1:])

    def first(self, count: int) -> ImageSet:
        """Return the first `count` images as a set of their own."""
        chosen = self.images[:count], self.labels[:count]
        return ImageSet(*chosen, self.name, self.split, self.transform)


def is_image_shape(shape: Sequence[int]) -> bool:
    """Return whether a batch of grey or colour images has this shape."""
    return len(shape) == 3 or (len(shape) == 4 and shape[1] == 3)


def with_channels(images: Tensor) -> Tensor:
    """Return images (n, h, w) as (n, 1, h, w); images that have channels as they are."""
    return images.unsqueeze(1) if images.ndim == 3 else images


def as_shares(images: Tensor) -> Tensor:
    """Return uint8 images as float32 in [0, 1]; others as they are."""
    return images.float() / 255 if images.dtype == torch.uint8 else images


def as_inputs(images: Tensor) -> Tensor:
    """Return uint8 images, (n, h, w) or (n, 3, h, w), as a network takes them.

    That is float32 (n, channels, h, w) in [0, 1].
    """
    return as_shares(with_channels(images))


def standardise(images: Tensor) -> Tensor:
    """Return grey images as float32 (n, 1, h, w) for which MNIST has mean 0 and deviation 1.

    The numbers, 0.1307 and 0.3081, are MNIST's whatever the images are.
    """
    return (as_inputs(images) - MNIST_MEAN) / MNIST_STD
