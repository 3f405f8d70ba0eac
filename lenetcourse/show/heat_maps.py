"""Photographs with what a map says of their places laid over them."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import torch
from matplotlib.figure import Figure
from torch import Tensor

from lenetcourse.errors import UsageError
from lenetcourse.show.plots import show_images

MOST = 0.6  # of a pixel's colour is the map's, where the map is largest


def show_heat_maps(
    images: Tensor,
    maps: Tensor,
    titles: Sequence[str] | None = None,
    columns: int = 6,
    size: float = 1.2,
) -> Figure:
    """Show colour images (n, 3, h, w), uint8, with maps (n, h, w), 0 and more, over them.

    Each map is taken relative to its own largest value, which is yellow and hides most of the
    image; where it is 0 the image is seen as it is. Raises UsageError for other shapes.
    """
    if images.ndim != 4 or images.shape[1] != 3 or maps.shape != (len(images), *images.shape[2:]):
        raise UsageError(
            f"images (n, 3, h, w) and maps (n, h, w), not {tuple(images.shape)} and "
            f"{tuple(maps.shape)}"
        )
    shares = maps / maps.amax((1, 2), keepdim=True).clamp(min=1e-12)
    colours = torch.from_numpy(plt.get_cmap("plasma")(shares.numpy()))[..., :3].movedim(-1, 1)
    weight = MOST * shares.unsqueeze(1)
    blended = (1 - weight) * images + weight * 255 * colours
    return show_images(blended.round().to(torch.uint8), titles, columns, size)
