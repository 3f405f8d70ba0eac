"""Change photographs at random, whole batches at a time: another part of each, in other light."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from lenetcourse.errors import UsageError

GREY = (0.2989, 0.587, 0.114)  # what each channel adds to the brightness, as in ITU-R BT.601


@dataclass(frozen=True)
class AugmentPhotos:
    """Show a part of each photograph in its full size, mirrored or not, in other light.

    Krizhevsky, Sutskever and Hinton (2012, section 4.1) took parts of 224x224 of photographs of
    256x256, mirrored half of them, and changed their colours along the axes in which ImageNet's
    vary most; here brightness, contrast and saturation change.

    Calling it with a batch and a generator gives a changed batch of the same shape and kind: uint8
    or floats in [0, 1], (n, 3, height, width). The generator alone decides: the same state gives
    the same photographs.

    Attributes:
        zoom: from the width and, drawn for itself, the height of the part shown at most this share
            is missing; below 1.
        flip: mirror half of the photographs, drawn at random, left to right.
        light: brightness, contrast and saturation are each multiplied by a factor that differs from
            1 by at most this; below 1.

    Raises UsageError for a zoom or a light that is not from 0 to below 1.
    """

    zoom: float = 0.4
    flip: bool = True
    light: float = 0.3

    def __post_init__(self) -> None:
        for name in ("zoom", "light"):
            if not 0 <= getattr(self, name) < 1:
                raise UsageError(f"{name} must be from 0 to below 1, not {getattr(self, name)}")

    @property
    def settings(self) -> dict[str, float | bool]:
        return asdict(self)

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Return changed `images`. Raises UsageError when they are no batch of photographs."""
        whole = images.dtype == torch.uint8
        if not (whole or images.is_floating_point()) or images.ndim != 4 or images.shape[1] != 3:
            raise UsageError(
                f"{images.dtype} of shape {tuple(images.shape)} is no batch of photographs: give "
                "uint8 or floats (n, 3, height, width)"
            )
        if not len(images):
            return images.clone()
        changed = self._parts(images.float() / 255 if whole else images, generator)
        changed = self._other_light(changed, generator)
        return (changed * 255).round().to(torch.uint8) if whole else changed

    def _parts(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Return a part of each image, in the size of the whole, some mirrored."""
        across, down, left, top, mirror = torch.rand(5, len(images), generator=generator)
        if not (self.zoom or self.flip):
            return images
        width, height = 1 - self.zoom * across, 1 - self.zoom * down
        # affine_grid has -1 at one border and 1 at the other: a part of width w may move by 1 - w.
        middle = (2 * left - 1) * (1 - width), (2 * top - 1) * (1 - height)
        if self.flip:
            width = torch.where(mirror < 0.5, -width, width)
        nothing = torch.zeros_like(width)
        rows = [width, nothing, middle[0], nothing, height, middle[1]]
        matrices = torch.stack(rows, 1).reshape(-1, 2, 3).to(images)
        grid = F.affine_grid(matrices, list(images.shape), align_corners=False)
        return F.grid_sample(images, grid, padding_mode="border", align_corners=False)

    def _other_light(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Return images with other brightness, contrast and saturation."""
        random = torch.rand(3, len(images), 1, 1, 1, generator=generator) * 2 - 1
        if not self.light:
            return images
        return relit(images, *(1 + self.light * random.to(images)))


def relit(images: Tensor, brightness: Tensor, contrast: Tensor, saturation: Tensor) -> Tensor:
    """Return images (n, 3, h, w) in [0, 1] with these three factors, each (n, 1, 1, 1), of them.

    1 changes nothing; 0 is black, one grey, and grey. What leaves [0, 1] is cut off each time.
    """
    images = (images * brightness).clamp(0, 1)
    mean = _grey(images).mean((2, 3), keepdim=True)
    images = (mean + contrast * (images - mean)).clamp(0, 1)
    grey = _grey(images)
    return (grey + saturation * (images - grey)).clamp(0, 1)


def _grey(images: Tensor) -> Tensor:
    """Return the brightness, (n, 1, h, w), of images (n, 3, h, w)."""
    return (images * images.new_tensor(GREY)[:, None, None]).sum(1, keepdim=True)
