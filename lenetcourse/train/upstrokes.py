"""A stroke that MNIST's writers never drew: the long upstroke of the European 1."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from lenetcourse.data.images import as_shares
from lenetcourse.data.pictures import centre_by_mass, fit_box
from lenetcourse.errors import UsageError

ROOM = 16  # pixels around the field, for the stroke to go beyond it
STEPS = 12  # points of a stroke
STEEP = math.radians(20)  # a stem that leans more than this would make a 7 ...
FLAT = math.radians(55)  # ... and so would an upstroke that is further from upright
SHARP = math.radians(15)  # between stem and upstroke, at least


def with_upstrokes(
    images: Tensor, labels: Tensor, share: float, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Return image set and labels, followed by ones from it that got a long upstroke.

    `images` are uint8 (n, 28, 28) in MNIST's form, `labels` (n,). Of the 1s with a straight, fairly
    upright stem, that `share` (0 to 1) is copied and drawn on. Raises UsageError for another share.
    """
    if not 0 <= share <= 1:
        raise UsageError(f"the share of ones with an upstroke is 0 to 1, not {share}")
    ones = (labels == 1).nonzero().flatten()
    ones = ones[torch.rand(len(ones), generator=generator) < share]
    top, foot, width = _stems(images[ones])
    lean = torch.atan2(top[:, 0] - foot[:, 0], foot[:, 1] - top[:, 1])  # to the right
    good = (lean.abs() <= STEEP) & (foot[:, 1] - top[:, 1] >= 14)
    chosen = ones[good]
    drawn = _draw(images[chosen], top[good], foot[good], width[good], generator)
    return torch.cat([images, drawn]), torch.cat([labels, labels[chosen]])


def _stems(images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return both ends of each stem, (n, 2) as x and y, and its width in pixels, (n,)."""
    ink = as_shares(images)
    rows = torch.arange(ink.shape[1])
    inked = ink.amax(2) > 0.5
    first = torch.where(inked, rows, ink.shape[1]).amin(1)
    last = torch.where(inked, rows, -1).amax(1)
    middle = (ink * torch.arange(ink.shape[2])).sum(2) / ink.sum(2).clamp(min=1e-6)  # (n, rows)
    every = torch.arange(len(ink))
    # Half a stroke inside the ink: there the line through the stem begins and ends.
    ends = [(first + 1).clamp(max=27), (last - 1).clamp(min=0)]
    top, foot = (torch.stack([middle[every, row], row.float()], 1) for row in ends)
    length = (foot - top).norm(dim=1).clamp(min=1)
    return top, foot, (ink.sum((1, 2)) / (length + 2)).clamp(1.2, 4)


def _draw(
    images: Tensor, top: Tensor, foot: Tensor, width: Tensor, generator: torch.Generator
) -> Tensor:
    """Draw a slightly bent stroke from the top of each stem to the lower left."""
    count, side = len(images), images.shape[1] + 2 * ROOM
    random = torch.rand(4, count, generator=generator)
    stem = foot - top
    lean = torch.atan2(-stem[:, 0], stem[:, 1])
    widest = (FLAT - lean).clamp(max=math.radians(45))
    angle = SHARP + random[0] * (widest - SHARP)  # between stem and upstroke
    cos, sin = angle.cos(), angle.sin()
    turned = torch.stack([cos * stem[:, 0] - sin * stem[:, 1], sin * stem[:, 0] + cos * stem[:, 1]])
    end = turned.t() * (0.4 + 0.5 * random[1])[:, None]
    bend = torch.stack([-end[:, 1], end[:, 0]], 1) * (0.25 * random[2] - 0.125)[:, None]
    along = torch.linspace(0, 1, STEPS)[:, None]
    path = top[:, None] + along * end[:, None] + 4 * along * (1 - along) * bend[:, None] + ROOM
    radius = width * (0.4 + 0.2 * random[3])
    wide = torch.nn.functional.pad(images, (ROOM,) * 4)
    places = torch.arange(side, dtype=torch.float32)
    drawn = []
    for picture, points, reach in zip(wide, path, radius, strict=True):
        x, y = points.t()[:, :, None, None]
        # Distance to the nearest of many close points serves as distance to the stroke.
        distance = ((places - x) ** 2 + (places[:, None] - y) ** 2).amin(0).sqrt()
        stroke = ((reach + 0.5 - distance).clamp(0, 1) * 255).to(torch.uint8)
        drawn.append(mnist_form(torch.maximum(picture, stroke)))
    return torch.stack(drawn) if drawn else images


def mnist_form(picture: Tensor) -> Tensor:
    """Cut the digit out and bring it to its box and its place again."""
    ink = picture.numpy()
    rows, columns = (ink > 127).any(1).nonzero()[0], (ink > 127).any(0).nonzero()[0]
    digit = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return torch.from_numpy(centre_by_mass(fit_box(digit)))
