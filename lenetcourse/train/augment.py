"""Change training images at random, whole batches at a time, as other hands would write them."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from lenetcourse.data.images import as_inputs
from lenetcourse.errors import UsageError


@dataclass(frozen=True)
class Augment:
    """Turn, shear, stretch, shift, bend, and write with another pen; each image differently.

    Calling it with a batch and a generator gives a changed batch of the same shape and kind: uint8
    (n, height, width) or (n, channels, height, width) with values up to 255, or floats of the
    latter shape in [0, 1]. Background is 0. The generator alone decides: the same state gives the
    same images. All strengths 0 leave a batch as it is.

    Attributes:
        turn: degrees, at most, to either side.
        shear: columns moved per row, at most, to either side.
        stretch: width and height grow or shrink, each for itself, by at most this share.
        shift: pixels, at most, in each direction.
        elastic: strength alpha of random displacements, smoothed by a Gaussian of 4 pixels: Simard
            et al. (2003), section 2, who take 34.
        pen: strokes become at most so much of a pixel fatter or thinner on either side, 0 to 1.
        hard: share of the images whose edges become hard: full ink or none.

    Raises UsageError for a strength below 0, or above 1 where it is a share.
    """

    turn: float = 10.0
    shear: float = 0.2
    stretch: float = 0.15
    shift: float = 1.0
    elastic: float = 20.0
    pen: float = 0.6
    hard: float = 0.1

    def __post_init__(self) -> None:
        for name, value in self.settings.items():
            if not 0 <= value < math.inf or (name in ("stretch", "pen", "hard") and value > 1):
                most = "1" if name in ("stretch", "pen", "hard") else "any finite number"
                raise UsageError(f"{name} must be from 0 to {most}, not {value}")

    @property
    def settings(self) -> dict[str, float]:
        return asdict(self)

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Return changed `images`. Raises UsageError when they are no batch of images."""
        whole = images.dtype == torch.uint8
        if not (whole or images.is_floating_point()) or images.ndim not in (4 - whole, 4):
            raise UsageError(
                f"{images.dtype} of shape {tuple(images.shape)} is no batch of images: give uint8 "
                "(n, height, width), or floats (n, channels, height, width)"
            )
        if not images.numel():
            return images.clone()
        changed = self._other_pen(self._bend(as_inputs(images), generator), generator)
        if not whole:
            return changed
        return (changed * 255).round().to(torch.uint8).reshape(images.shape)

    def _bend(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Look up each pixel where an affine map and a field of displacements say."""
        count, _, height, width = images.shape
        if not (self.turn or self.shear or self.stretch or self.shift or self.elastic):
            return images
        matrix, shift = self._affine(count, generator)
        rows, columns = (torch.arange(size) - (size - 1) / 2 for size in (height, width))
        pixels = torch.stack(torch.meshgrid(columns, rows, indexing="xy"), -1).reshape(-1, 2)
        places = pixels @ matrix.transpose(1, 2) + shift  # (n, height * width, 2): x, y
        if self.elastic:
            places = places + elastic_field(count, height, width, self.elastic, generator)
        # Pixel k of n has its centre at (2k + 1) / n - 1: grid_sample without align_corners.
        grid = (places * torch.tensor([2 / width, 2 / height])).reshape(count, height, width, 2)
        return F.grid_sample(images, grid.to(images), align_corners=False)

    def _affine(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return matrices (n, 2, 2) and shifts (n, 1, 2), from the new place to the old one."""
        random = torch.rand(6, count, generator=generator) * 2 - 1  # -1 to 1
        angle, shear = random[0] * math.radians(self.turn), random[1] * self.shear
        across, down = (1 + self.stretch) ** random[2:4]
        cos, sin = angle.cos(), angle.sin()
        # shear, then turn, then stretch, written as one matrix
        rows = [cos / across, (shear * cos - sin) / down, sin / across, (shear * sin + cos) / down]
        return torch.stack(rows, 1).reshape(-1, 2, 2), (random[4:6] * self.shift).t().unsqueeze(1)

    def _other_pen(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Fatten or thin the strokes, then make some edges hard; full ink stays full ink."""
        random = torch.rand(3, len(images), 1, 1, 1, generator=generator).to(images)
        if self.pen:
            fat = F.max_pool2d(images, 3, stride=1, padding=1)
            thin = -F.max_pool2d(-images, 3, stride=1, padding=1)
            share = (random[0] * 2 - 1) * self.pen
            peak = images.amax((1, 2, 3), keepdim=True)
            images = torch.lerp(images, torch.where(share > 0, fat, thin), share.abs())
            images = images * (peak / images.amax((1, 2, 3), keepdim=True).clamp(min=1e-6))
        if self.hard:
            level = 0.3 + 0.3 * random[2]
            images = torch.where(random[1] < self.hard, (images > level).to(images), images)
        return images


def elastic_field(
    count: int,
    height: int,
    width: int,
    alpha: float,
    generator: torch.Generator,
    sigma: float = 4.0,
) -> Tensor:
    """Return displacements in pixels, (n, height * width, 2), smooth over `sigma` pixels.

    Simard, Steinkraus and Platt (2003), section 2: values drawn evenly from -1 to 1 for each pixel
    and direction, convolved with a Gaussian, times `alpha`. Their standard deviation away from the
    border is alpha / sqrt(3) / (2 sqrt(pi) sigma): 1.4 pixels for 34 and 4.
    """
    noise = torch.rand(count, 2, height, width, generator=generator) * 2 - 1
    down, across = (_gaussian_matrix(size, sigma) for size in (height, width))
    smooth = down @ noise @ across * alpha  # two small products in place of a convolution
    return smooth.flatten(2).transpose(1, 2)


def _gaussian_matrix(size: int, sigma: float) -> Tensor:
    """Return the symmetric matrix whose product convolves a line with a Gaussian, 0 outside."""
    places = torch.arange(size, dtype=torch.float32)
    weights = torch.exp(-((places[:, None] - places) ** 2) / (2 * sigma**2))
    return weights / (sigma * math.sqrt(2 * math.pi))
