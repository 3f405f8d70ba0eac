"""The figures of the course. Every function returns the Matplotlib figure and shows nothing."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import norm
from torch import Tensor, nn

from lenetcourse.data.images import ImageSet, as_inputs
from lenetcourse.models.summary import activations
from lenetcourse.models.vae import VAE, decoded, require_plane
from lenetcourse.train.run import History

# Colours of a segmentation: of the course's style, far apart also for the colour-blind.
BLACK, MISSED, TOO_MUCH = (0, 0, 0), (213, 94, 0), (0, 114, 178)


def use_course_style() -> None:
    """Set the course's Matplotlib style: white background, colour-blind safe, fit for print."""
    plt.style.use("lenetcourse.course")


def show_images(
    images: Tensor | np.ndarray | Sequence,
    titles: Sequence[str] | None = None,
    columns: int = 10,
    size: float = 0.8,
    vmin: float | None = 0,
    vmax: float | None = 255,
) -> Figure:
    """Show images in rows; `size` is inches an image.

    Grey images (n, height, width) are drawn with ink dark: `vmin` white and `vmax` black, None
    takes each image's own range. Colour images (n, 3, height, width), uint8 or in [0, 1], are drawn
    as they look.
    """
    images = [np.asarray(image) for image in images]
    columns = min(columns, len(images))
    figure, axes = _tiles(len(images), columns, size, room_for_titles=titles is not None)
    for index, (axis, image) in enumerate(zip(axes, images, strict=True)):
        axis.imshow(_colours_last(image), vmin=vmin, vmax=vmax)
        if titles is not None:
            axis.set_title(titles[index], fontsize=9)
    return figure


def show_kernels(layer: nn.Conv2d, columns: int = 8, size: float = 0.9) -> Figure:
    """Show the kernels of a convolution, one image for each (output, input) pair.

    White is 0; blue is negative, red positive, all on one scale. With several inputs the images
    of one kernel follow one another.
    """
    weights = layer.weight.detach().cpu().numpy()
    kernels = weights.reshape(-1, *weights.shape[-2:])
    limit = float(np.abs(kernels).max())
    figure, axes = _tiles(len(kernels), min(columns, len(kernels)), size, room_for_titles=True)
    for number, (axis, kernel) in enumerate(zip(axes, kernels, strict=True), 1):
        image = axis.imshow(kernel, cmap="RdBu_r", vmin=-limit, vmax=limit)
        axis.set_title(str(number), fontsize=9)
    figure.colorbar(image, ax=figure.axes, label="weight", shrink=0.8)
    return figure


def show_feature_maps(model: nn.Module, image: Tensor, layer: str, columns: int = 8) -> Figure:
    """Show what every kernel of `layer` answers to one uint8 image, after ReLU.

    The image is (height, width), or (3, height, width) in colour.
    """
    device = next(model.parameters()).device
    inputs = as_inputs(image[None].to(device))
    maps = activations(model, inputs)[layer][0].clamp(min=0).cpu().numpy()
    titles = [str(number) for number in range(1, len(maps) + 1)]
    return show_images(maps, titles, columns, size=0.95, vmax=float(maps.max()))


def plot_history(history: History, metric: str = "accuracy") -> Figure:
    """Plot the loss (training by batches, validation by epochs) beside the validation metric.

    The loss has a logarithmic scale: it falls a hundredfold, and the end matters most.
    """
    batches = [seen for seen, _ in history.batch_loss]
    epochs = np.arange(1, len(history.validation) + 1)
    last = batches[-1] if batches else 1
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.2))
    left.plot(np.array(batches) / last * len(epochs), [loss for _, loss in history.batch_loss])
    left.plot(epochs, [row["loss"] for row in history.validation], "o-")
    left.set(xlabel="epoch", ylabel="loss", yscale="log", title="Loss")
    left.legend(["training", "validation"])
    right.plot(epochs, [row[metric] for row in history.validation], "o-", color="C1")
    right.set(xlabel="epoch", ylabel=metric, title=f"Validation {metric}")
    for axis in (left, right):
        axis.xaxis.get_major_locator().set_params(integer=True)
    return figure


def plot_seeds(
    axis: Axes, series: Mapping[str, Sequence[Sequence[float]]], labels: Sequence[str]
) -> None:
    """Draw a dot for every run and a bar for every mean, the series side by side.

    `series` maps a name to one list of values for each label on the x axis; 0 gets a line.
    """
    for number, (name, groups) in enumerate(series.items()):
        color, shift = f"C{number}", 0.25 * (number - (len(series) - 1) / 2)
        for place, values in enumerate(groups):
            axis.plot([place + shift] * len(values), values, "o", ms=4, alpha=0.5, color=color)
        means = [np.mean(values) for values in groups]
        places = np.arange(len(groups)) + shift
        axis.plot(places, means, "_", ms=14, mew=2.5, color=color, label=name)
    axis.axhline(0, color="black", linewidth=1)
    axis.set_xticks(range(len(labels)), labels)
    axis.grid(axis="x", visible=False)


def plot_confusion_matrix(matrix: np.ndarray, names: Sequence[str] | None = None) -> Figure:
    """Show counts (true class in rows, predicted in columns); the errors decide the colours."""
    matrix = np.asarray(matrix)
    names = [str(k) for k in range(len(matrix))] if names is None else names
    errors = matrix * (1 - np.eye(len(matrix), dtype=int))
    figure, axis = plt.subplots(figsize=(5.2, 4.6))
    axis.imshow(errors, cmap="Blues", vmax=max(1, errors.max()))
    for row, column in np.argwhere(matrix > 0):
        dark = errors[row, column] > 0.6 * errors.max()
        axis.text(column, row, f"{matrix[row, column]}", ha="center", va="center", fontsize=8,
                  color="white" if dark else "black")  # fmt: skip
    axis.set(xticks=range(len(names)), yticks=range(len(names)), xlabel="predicted", ylabel="true")
    axis.set_xticklabels(names)
    axis.set_yticklabels(names)
    axis.grid(False)
    return figure


@torch.no_grad()
def plot_latent_space(model: VAE, images: ImageSet, side: int = 8) -> Figure:
    """Plot the codes of an image set in a plane, and beside it what a grid of points decodes to.

    `model` has two latents. The grid of a variational autoencoder divides the normal distribution
    into equal shares; that of a plain one divides the square around the codes evenly. Raises
    UsageError for a model with another number of latents.
    """
    require_plane(model)
    mu, _ = model.eval().encode(as_inputs(images.images))
    if model.settings["sample"]:
        across = down = norm.ppf((np.arange(side) + 0.5) / side)
    else:
        across, down = np.linspace(*np.percentile(mu.numpy(), [2, 98], axis=0), side).T
    points = torch.tensor([[x, y] for y in down[::-1] for x in across], dtype=torch.float32)
    tiles = decoded(model, points)  # (side * side, channels, size, size)
    figure, (left, right) = plt.subplots(1, 2, figsize=(6.6, 3), width_ratios=[1.15, 1])
    colors = plt.get_cmap("tab10")
    for digit in range(10):
        chosen = mu[images.labels == digit]
        left.plot(*chosen.T, ".", ms=2, color=colors(digit), label=str(digit))
    left.legend(markerscale=5, loc="upper left", bbox_to_anchor=(1, 1), handletextpad=0.1)
    left.set(xlabel="latent 1", ylabel="latent 2")
    rows = [torch.cat(list(row), 2) for row in tiles.split(side)]
    picture = torch.cat(rows, 1).numpy()
    # Drawn smaller than its pixels: the style's "nearest" would leave some out.
    right.imshow(_colours_last(picture), vmin=0, vmax=1, interpolation="antialiased")
    _frame(right)
    return figure


def show_segmentation(images: Tensor, masks: Tensor, scores: Tensor, size: float = 0.9) -> Figure:
    """Show images above their true masks above what was found, one column an image.

    `images` are uint8 (n, h, w) or (n, 3, h, w), `masks` (n, h, w) of 0 and 1, `scores`
    (n, 1, h, w) before the sigmoid. In the lowest row black is digit found, orange digit missed,
    blue background taken for digit.
    """
    found, true = scores.squeeze(1) > 0, masks.bool()
    shown = torch.full((*true.shape, 3), 255, dtype=torch.uint8)
    for where, color in ((found & true, BLACK), (true & ~found, MISSED), (found & ~true, TOO_MUCH)):
        shown[where] = torch.tensor(color, dtype=torch.uint8)
    count = len(images)
    figure, tiles = _tiles(3 * count, count, size, room_for_titles=False)
    truth = 255 * (~true).to(torch.uint8)
    for tile, image in zip(tiles, [*images, *truth, *shown.movedim(-1, 1)], strict=True):
        # A photograph is shown as it looks, unlike a digit alone.
        tile.imshow(_colours_last(image.numpy()), cmap="gray", vmin=0, vmax=255)
    for tile, name in zip(tiles[::count], ("image", "truth", "found"), strict=True):
        tile.set_ylabel(name, fontsize=9)
    return figure


def _colours_last(image: np.ndarray) -> np.ndarray:
    """Return an image as Matplotlib takes it: (h, w), or (h, w, 3) of (3, h, w)."""
    if image.ndim == 3 and image.shape[0] == 1:
        return image[0]
    return np.moveaxis(image, 0, -1) if image.ndim == 3 else image


def _tiles(
    count: int, columns: int, size: float, room_for_titles: bool
) -> tuple[Figure, list[Axes]]:
    """Return a figure and `count` framed axes without ticks, in rows of `columns`."""
    rows = math.ceil(count / columns)
    height = size + (0.25 if room_for_titles else 0.05)
    figure, axes = plt.subplots(
        rows, columns, figsize=(columns * (size + 0.05), rows * height), squeeze=False
    )
    tiles = list(axes.flat)
    for axis in tiles:
        _frame(axis)
    for axis in tiles[count:]:
        axis.set_axis_off()
    return figure, tiles[:count]


def show_steps(conversions: Sequence[dict[str, np.ndarray]]) -> Figure:
    """Show the steps of `to_mnist(..., return_steps=True)`, one row a picture, as they look.

    The picture itself is drawn as photographed; the later steps with ink dark.
    """
    columns = len(conversions[0])
    figure, axes = plt.subplots(
        len(conversions), columns, figsize=(1.35 * columns, 1.6 * len(conversions)), squeeze=False
    )
    for row, steps in zip(axes, conversions, strict=True):
        for axis, (name, image) in zip(row, steps.items(), strict=True):
            if name == "grey":
                axis.imshow(image, cmap="gray", vmin=0, vmax=255)
            else:
                axis.imshow(image, vmin=0, vmax=max(1.0, float(image.max())))
            axis.set_title(f"{name}\n{image.shape[0]} x {image.shape[1]}", fontsize=8)
            _frame(axis)
    return figure


def _frame(axis: Axes) -> None:
    """Leave a thin frame around an image and no ticks."""
    axis.set(xticks=[], yticks=[])
    axis.spines[:].set(visible=True, color="#cccccc", linewidth=0.6)
