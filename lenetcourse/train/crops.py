"""Change training photographs at random, whole batches at a time: other crops, and mirrored."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from lenetcourse.errors import UsageError


@dataclass(frozen=True)
class CropAndFlip:
    """Move each image by some pixels, and mirror every other one, at random.

    As He et al. (arXiv:1512.03385, section 4.2) for CIFAR-10: `padding` pixels are added on each
    side, and a crop of the old size is taken anywhere in it, of the image or of its mirror image.
    Theirs are black; here they are those inside the border once more, in reverse order, so that
    there is no edge to see.

    Calling it with a batch and a generator gives a changed batch of the same shape and kind: uint8
    (n, height, width) or (n, channels, height, width), or floats of the latter shape. The generator
    alone decides: the same state gives the same images.

    Attributes:
        padding: pixels, at most, in each direction; less than height and width.
        flip: mirror half of the images, drawn at random, left to right. Only where the mirror image
            is of the same class: an aeroplane's is, a digit's is not.

    Raises UsageError for a padding below 0.
    """

    padding: int = 4
    flip: bool = True

    def __post_init__(self) -> None:
        if self.padding < 0:
            raise UsageError(f"padding must be 0 pixels or more, not {self.padding}")

    @property
    def settings(self) -> dict[str, int | bool]:
        return asdict(self)

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Return changed `images`. Raises UsageError when they are no batch of such images."""
        whole = images.dtype == torch.uint8
        if not (whole or images.is_floating_point()) or images.ndim not in (4 - whole, 4):
            raise UsageError(
                f"{images.dtype} of shape {tuple(images.shape)} is no batch of images: give uint8 "
                "(n, height, width), or floats (n, channels, height, width)"
            )
        height, width = images.shape[-2:]
        if self.padding >= min(height, width):
            raise UsageError(f"padding {self.padding} needs larger images than {height}x{width}")
        rows, columns = self._places(len(images), height, width, generator)
        places = (rows[:, :, None] * width + columns[:, None, :]).flatten(1)  # (n, height * width)
        pixels = images.reshape(len(images), images.shape[1:-2].numel(), height * width)
        places = places.to(images.device)[:, None, :].expand(pixels.shape)
        return pixels.gather(2, places).reshape(images.shape)

    def _places(
        self, count: int, height: int, width: int, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Return which rows (n, height) and columns (n, width) of each image the new one shows."""
        offsets = 2 * self.padding + 1
        down, across = torch.randint(offsets, (2, count, 1), generator=generator) - self.padding
        mirrored = torch.rand(count, 1, generator=generator) < 0.5
        rows, columns = down + torch.arange(height), across + torch.arange(width)
        if self.flip:
            columns = torch.where(mirrored, columns.flip(1), columns)
        return _reflected(rows, height), _reflected(columns, width)


def _reflected(places: Tensor, size: int) -> Tensor:
    """Return places outside 0 to size - 1 as those that they mirror: -1 is 1, size is size - 2."""
    last = size - 1
    return last - (last - places.abs()).abs()
