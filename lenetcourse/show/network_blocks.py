"""The pieces of a drawn network: stacks of maps, columns of cells, bars for classes, images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.axes import Axes

from lenetcourse.models.steps import Step
from lenetcourse.show.canvas import (
    BLUE,
    GREEN,
    ORANGE,
    PINK,
    Point,
    as_picture,
    box,
    by,
    number,
    picture,
    tint,
    write,
)

ALL_MAPS, SOME_MAPS = 20, 10  # so many maps are all drawn; of more, so many and three dots
DOT = 0.028  # inches between the dots that stand for more maps
RISE = 0.5  # of a stack, for each step to the right
TALL = 130  # cells in one column; a wider layer has several columns
COLUMN = 1.6  # inches of the highest column
SHARES = ("sigmoid", "softmax")  # what these have left needs no other function to be in [0, 1]
BARS = 12  # so many classes have a bar each
BAR = 0.165, 0.72  # height and greatest width of a bar in inches


@dataclass(eq=False)
class Block:
    """One thing in the drawing of a network.

    Attributes:
        step: what it shows.
        kind: "image", "maps", "column" or "bars".
        values: (channels, h, w), (n,), or an image as `picture` takes it.
        label: what stands below it.
        inputs: the blocks that it is computed from.
        x, y, width, height: its place and size in inches, from its lower left corner.
        scale: inches for a pixel.
        offset: inches from one map to the next, to the right.
        shown: how many maps are drawn; `order` says which.
    """

    step: Step
    kind: str
    values: np.ndarray
    label: str
    inputs: tuple[Block, ...]
    x: float = 0.0
    y: float = 0.0
    width: float = 0.0
    height: float = 0.0
    scale: float = 0.0
    offset: float = 0.0
    shown: int = 0

    @property
    def pixels(self) -> tuple[int, int]:
        """Height and width of one of its maps, (0, 0) where it has none."""
        if self.kind == "image":
            return self.values.shape[:2]
        return self.values.shape[1:] if self.kind == "maps" else (0, 0)

    @property
    def middle(self) -> Point:
        """The middle of the whole block."""
        return self.x + self.width / 2, self.y + self.height / 2

    def fit(self, scale: float, offset: float, most: int = ALL_MAPS) -> None:
        """Take the size for these inches a pixel and from map to map, `most` maps drawn."""
        high, wide = self.pixels
        self.scale, self.offset = scale, min(offset, 0.6 * wide * scale)
        if self.kind in ("maps", "image"):
            depth = 0.0
            if self.kind == "maps":
                count = len(self.values)
                self.shown = count if count <= most else min(SOME_MAPS, most)
                depth = self.offset * (self.shown - 1) + 3.6 * DOT * (self.shown < count)
            self.width, self.height = wide * scale + depth, high * scale + depth * RISE
        elif self.kind == "column":
            columns, tall = self.cells
            self.width = 0.1 * columns
            self.height = max(COLUMN * tall / TALL, min(0.3, 0.1 * tall))
        else:
            self.width, self.height = 0.2 + BAR[1], BAR[0] * len(self.values)

    @property
    def cells(self) -> tuple[int, int]:
        """Columns of cells, and cells in each."""
        columns = math.ceil(len(self.values) / TALL)
        return columns, math.ceil(len(self.values) / columns)

    @property
    def order(self) -> list[int]:
        """The numbers of the maps that are drawn, the first in front.

        Where not all have room, they are those with the largest values; of a concatenation, as
        many of the second part as of the first; of a pooling, those that it has pooled.
        """
        if self.step.kind.endswith("pooling") and self.inputs[0].shown == self.shown:
            return self.inputs[0].order
        parts = [range(len(self.values))]
        if self.step.kind == "concatenation":
            first = len(self.step.inputs[0].values)
            parts = [range(first), range(first, len(self.values))]
        top = self.values.max((1, 2))
        shown: list[int] = []
        for place, part in enumerate(parts):
            room = (self.shown - len(shown)) // (len(parts) - place)
            shown += sorted(sorted(part, key=lambda one: -top[one])[:room])
        return shown

    def of_map(self, index: int) -> tuple[Point, tuple[float, float]]:
        """Return lower left corner and size of a map, or of an image."""
        high, wide = self.pixels
        shift = index * self.offset
        return (self.x + shift, self.y + shift * RISE), (wide * self.scale, high * self.scale)

    def edge(self, right: bool) -> tuple[Point, Point]:
        """Return the upper and the lower end of its right or left side."""
        if self.kind != "maps":
            x = self.x + self.width * right
            return (x, self.y + self.height), (x, self.y)
        (left, bottom), (wide, high) = self.of_map(0)
        (back, floor), _ = self.of_map(self.shown - 1)
        if right:
            return (back + wide, floor + high), (left + wide, bottom)
        return (left, bottom + high), (left, bottom)

    def draw(self, axis: Axes) -> None:
        """Draw it where it stands, without its label."""
        draw = {"image": _draw_image, "maps": _draw_maps, "column": _draw_column}
        draw.get(self.kind, _draw_bars)(axis, self)


def blocks_of(steps: Sequence[Step]) -> list[Block]:
    """Return a block for each step; `steps` begin with the input and end with the output."""
    made: dict[Step, Block] = {}
    for step in steps:
        inputs = tuple(made[one] for one in step.inputs)
        made[step] = Block(step, *_look(step, steps[0], step is steps[-1]), inputs)
    return list(made.values())


def _look(step: Step, first: Step, is_last: bool) -> tuple[str, np.ndarray, str]:
    """Return kind, values and label of the block of a step."""
    values = step.values.float().cpu()
    sides = first.values.shape[-2:]
    if step is first:
        return "image", as_picture(values), "input\n" + by(sides)
    if is_last and (shape := _image_shape(values, first.values)) is not None:
        shares = values if step.activation in SHARES else values.sigmoid()
        return "image", as_picture(shares.reshape(shape)), "output\n" + by(shape[-2:])
    if values.ndim == 3 and values.shape[1] * values.shape[2] > 1:
        return "maps", values.numpy(), f"{_maps(len(values))}\n{by(values.shape[1:])}"
    label = f"{_maps(len(values))}\n1 × 1" if values.ndim == 3 else str(len(values))
    values = values.flatten()
    if is_last and len(values) <= BARS:
        shares = values.sigmoid() if len(values) == 1 else values.softmax(0)
        shares = values if step.activation in SHARES else shares
        return "bars", shares.numpy(), f"{len(values)} classes" if len(values) > 1 else "1 score"
    return "column", values.numpy(), f"sample\n{label}" if step.kind == "sampling" else label


def _maps(count: int) -> str:
    return "1 map" if count == 1 else f"{count} maps"


def _image_shape(values: torch.Tensor, image: torch.Tensor) -> torch.Size | None:
    """Return the shape of an output that is an image, or None: it has a pixel for each of `image`.

    Three channels are colours; one is a mask or grey.
    """
    if values.ndim == 1 and values.numel() == image.numel() > 1:
        return image.shape
    is_image = values.ndim == 3 and len(values) in (1, 3) and values[0].numel() > 1
    return values.shape if is_image else None


def step_words(block: Block) -> str:
    """Return what stands on the arrow to a block: what is done there, in one or two lines."""
    step = block.step
    kernel = "×".join(map(str, step.kernel or ()))
    stride = f"\nstride {number(step.stride[0])}" if step.stride not in (None, (1, 1)) else ""
    if step.kind == "convolution":
        return kernel + stride
    if step.kind == "transposed convolution":
        return f"transposed\n{kernel}"
    if step.kind.endswith("pooling"):
        name = "pool" if step.kind.startswith("maximum") else "average"
        if step.kernel is None:
            return name
        return f"{name} {step.kernel[0] if len(set(step.kernel)) == 1 else kernel}"
    if step.kind == "upsampling":
        times = step.values.shape[-1] / step.inputs[0].values.shape[-1]
        return f"upsample\n× {number(times)}" if times == round(times, 2) else "upsample"
    return step.kind


def _draw_image(axis: Axes, block: Block) -> None:
    picture(axis, block.values, (block.x, block.y), (block.width, block.height))


def _draw_maps(axis: Axes, block: Block) -> None:
    """Draw the maps, the first in front, all on one scale of shades."""
    limits = float(block.values.min()), float(block.values.max())
    pooled = block.step.kind.endswith("pooling")
    color = GREEN if pooled else BLUE
    copied = len(block.values)  # from here on the maps that a skip has brought
    if block.step.kind == "concatenation":
        copied = len(block.step.inputs[0].values)
    for index, one in reversed(list(enumerate(block.order))):
        corner, size = block.of_map(index)
        hue = color if one < copied else PINK
        picture(axis, block.values[one], corner, size, hue, limits, zorder=3 - index / 100)
    if block.shown < len(block.values):
        (x, y), (wide, high) = block.of_map(block.shown - 1)
        for shift in (1.2 * DOT, 2.2 * DOT, 3.2 * DOT):
            at = x + wide + shift, y + high + shift * RISE
            axis.plot(*at, ".", markersize=1.8, color=color)


def _draw_column(axis: Axes, block: Block) -> None:
    columns, tall = block.cells
    cells = np.full(columns * tall, np.nan)
    cells[: len(block.values)] = block.values
    limits = float(block.values.min()), float(block.values.max())
    size = block.width, block.height
    picture(axis, cells.reshape(columns, tall).T, (block.x, block.y), size, ORANGE, limits)


def _draw_bars(axis: Axes, block: Block) -> None:
    """Draw a bar for each class below the class before it; the longest has a bold name."""
    high, long = BAR
    for index, share in enumerate(block.values):
        y = block.y + block.height - (index + 1) * high
        weight = "bold" if index == block.values.argmax() else "normal"
        write(axis, (block.x + 0.08, y + high / 2), str(index), weight=weight)
        corner, size = (block.x + 0.2, y + 0.02), (long, high - 0.04)
        box(axis, corner, size, facecolor=tint(ORANGE, 0.08), edgecolor="none")
        size = long * float(np.clip(share, 0, 1)), high - 0.04
        box(axis, corner, size, facecolor=ORANGE, edgecolor="none")
