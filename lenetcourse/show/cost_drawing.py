"""What a LeNet-5 costs, drawn as rectangles whose areas are its weights or its multiply-adds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from lenetcourse.models.lenet import LeNet5
from lenetcourse.models.summary import LayerTable, layer_table

WHAT = ("weights", "multiply-adds")
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00")  # conv1, conv2, fc1, fc2, fc3


class Block(NamedTuple):
    """A layer as a rectangle: width times height is its number of `what`."""

    name: str
    width: float
    height: float

    @property
    def area(self) -> int:
        """The number that the rectangle stands for."""
        return round(self.width * self.height)


def layers_of(kernels: tuple[int, int]) -> LayerTable:
    """Return the layers of `LeNet5(kernels)`; torch's random numbers stay where they are."""
    with torch.random.fork_rng(devices=[]):
        return layer_table(LeNet5(kernels))


def blocks(kernels: tuple[int, int], what: str) -> list[Block]:
    """Return the layers of `LeNet5(kernels)` as rectangles of "weights" or "multiply-adds".

    Weights: as wide as one output has weights, bias included, and one high for each kernel or unit.
    Multiply-adds: without the bias, and the rectangle s times as wide and as high, where s x s are
    the places at which every weight is used.
    """
    found = []
    for layer in layers_of(kernels):
        outputs = layer.output_shape[0]
        side = layer.output_shape[-1] if layer.kind == "Conv2d" else 1
        if what == "weights":
            found.append(Block(layer.name, layer.parameters / outputs, outputs))
        else:
            found.append(Block(layer.name, layer.macs / (outputs * side), outputs * side))
    return found


def draw_costs(kernels: tuple[int, int], whole: tuple[int, int] = (6, 16)) -> Figure:
    """Draw the layers of `LeNet5(kernels)` as rectangles, inside dashed ones of `LeNet5(whole)`.

    Above, areas are weights: a rectangle is as wide as one kernel or unit has weights, and one high
    for each of them. Below, areas are multiply-adds (see `blocks`). Each half has a scale of its
    own.
    """
    figure, axes = plt.subplots(2, 1, figsize=(4.6, 7.4))
    for axis, what in zip(axes, WHAT, strict=True):
        pairs = list(zip(blocks(whole, what), blocks(kernels, what), strict=True))
        before, after = (sum(pair[k].area for pair in pairs) for k in (0, 1))
        changed = "" if kernels == whole else f" → {after:,} ({after / before:.0%})"
        axis.set_title(f"{what}: {before:,}{changed}", loc="left", fontsize=12)
        line = 0.09 * sum(max(a.height, b.height) for a, b in pairs)  # room for a line of text
        top = 0.0
        for color, (old, new) in zip(COLORS, pairs, strict=True):
            top += line
            changed = "" if new == old else f" → {_product(new, what)}"
            words = f"{old.name}: {_product(old, what)}{changed}"
            axis.text(0, top - 0.15 * line, words, fontsize=10, va="bottom")
            _add(axis, new, top, facecolor=color, alpha=0.75)
            _add(axis, old, top, fill=False, linestyle="--", edgecolor="black")
            top += max(old.height, new.height) + 0.25 * line
        _bare(axis, max(max(a.width, b.width) for a, b in pairs), top)
    return figure


def draw_cost_series(sizes: Sequence[tuple[int, int]], captions: Sequence[str]) -> Figure:
    """Draw several sizes of LeNet-5 side by side, each as `draw_costs` does, on one scale a row.

    `captions` has a text for each size, to stand below it.
    """
    figure, axes = plt.subplots(2, len(sizes), figsize=(4.6, 5.4), squeeze=False)
    for row, what in zip(axes, WHAT, strict=True):
        columns = [blocks(size, what) for size in sizes]
        widest = max(block.width for column in columns for block in column)
        gap = 0.04 * max(sum(block.height for block in column) for column in columns)
        tallest = max(sum(block.height + gap for block in column) for column in columns)
        for axis, size, column in zip(row, sizes, columns, strict=True):
            top = 0.0
            for color, block in zip(COLORS, column, strict=True):
                _add(axis, block, top, facecolor=color)
                top += block.height + gap
            _bare(axis, widest, tallest)
            total = f"{sum(block.area for block in column):,}"
            head = f"({size[0]}, {size[1]})\n" if what == WHAT[0] else ""
            axis.set_title(head + total, fontsize=10.5, loc="left")
    for axis, words in zip(axes[-1], captions, strict=True):
        axis.text(0, 0, words, transform=axis.transAxes, va="top", fontsize=10.5)
    for axis, what in zip(axes[:, 0], WHAT, strict=True):
        axis.text(-0.06, 0.5, what, transform=axis.transAxes, rotation=90, va="center", ha="right",
                  fontsize=11)  # fmt: skip
    names = [block.name for block in columns[0]]
    marks = [Rectangle((0, 0), 1, 1, facecolor=color) for color in COLORS]
    figure.legend(marks, names, loc="outside lower center", ncols=5, fontsize=10, columnspacing=0.9,
                  handlelength=1, handletextpad=0.4)  # fmt: skip
    return figure


def _product(block: Block, what: str) -> str:
    """Return how the number comes about, where that is plain."""
    if what == "weights":
        return f"{block.height:.0f} × {block.width:.0f} = {block.area:,}"
    return f"{block.area:,}"


def _add(axis: Axes, block: Block, top: float, **look: object) -> None:
    axis.add_patch(Rectangle((0, top), block.width, block.height, **look))


def _bare(axis: Axes, width: float, height: float) -> None:
    """Leave the rectangles alone on the page, the first one on top."""
    axis.set(xlim=(-0.005 * width, 1.005 * width), ylim=(height, 0))
    axis.set_axis_off()
