"""The pieces of a drawn network: stacks of maps, columns of cells, bars, images."""

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
    Point,
    as_picture,
    box,
    picture,
    write,
)

TALL = 130  # cells in one column; a wider layer has several
ALL_MAPS, SOME_MAPS = 20, 10  # so many maps are all drawn; of more, so many
RISE = 0.55  # of a stack, for each step to the right
BARS = 12  # so many classes have a bar each


@dataclass(eq=False)
class Block:
    """One thing in the drawing of a network, the size and place of it in inches."""

    step: Step
    values: np.ndarray  # (channels, h, w), (n,), or an image as `picture` takes it
    kind: str  # "image", "maps", "column" or "bars"
    label: str
    inputs: tuple[Block, ...]
    per_pixel: float  # 1 / the largest side of any map
    x: float = 0.0
    y: float = 0.0
    width: float = 0.0
    height: float = 0.0
    offset: float = 0.0
    scale: float = 0.0
    shown: int = 0

    @property
    def flat(self) -> bool:
        return self.kind in ("column", "bars")

    def corner(self, across: str, up: str) -> Point:
        return (
            self.x + (self.width if across == "right" else 0),
            self.y + (self.height if up == "top" else 0),
        )

    def fit(self, side: float, narrow: bool = False) -> None:
        """Give the block its size where the largest map has sides of `side` inches.

        `narrow` leaves less room for its depth.
        """
        scale = side * self.per_pixel
        self.shown = min(len(self.values), 3 if narrow else ALL_MAPS)
        if self.kind == "image":
            self.width, self.height = self.values.shape[1] * scale, self.values.shape[0] * scale
        elif self.kind == "maps":
            if not narrow and len(self.values) > ALL_MAPS:
                self.shown = SOME_MAPS
            steps = self.shown - 1 + (1.2 if narrow else 2) * (self.shown < len(self.values))
            self.offset = min(0.05 if narrow else 0.13, 1.0 / max(steps, 1))
            self.scale = scale
            self.width = self.values.shape[2] * scale + steps * self.offset
            self.height = self.values.shape[1] * scale + steps * self.offset * RISE
        elif self.kind == "column":
            columns = math.ceil(len(self.values) / TALL)
            tall = math.ceil(len(self.values) / columns)
            self.height, self.width = 1.65 * tall / TALL, 0.1 * columns
        else:
            self.width, self.height = 0.95, 0.165 * len(self.values)

    def draw(self, axis: Axes) -> None:
        {"image": _draw_image, "maps": _draw_maps, "column": _draw_column, "bars": _draw_bars}[
            self.kind
        ](axis, self)


def step_words(block: Block) -> str:
    """Return what stands on the arrow to a block."""
    step = block.step
    by = " × ".join(map(str, step.kernel)) if step.kernel else ""
    if step.kind == "convolution":
        return by
    if step.kind.endswith("pooling"):
        return f"pool {step.kernel[0]}"
    if step.kind == "transposed convolution":
        return f"up\n{by}"
    return {"dense": "dense", "upsampling": "resize"}.get(step.kind, step.kind)


def blocks_of(steps: Sequence[Step]) -> list[Block]:
    """Return a block for each step."""
    first, last = steps[0], steps[-1]
    sides = [s for step in steps for s in step.values.shape[1:] if step.values.ndim == 3]
    made: dict[int, Block] = {}
    for step in steps:
        inputs = tuple(made[id(one)] for one in step.inputs)
        made[id(step)] = Block(
            step, *_look(step, step is first, step is last, first), inputs, 1 / max(sides)
        )
    return list(made.values())


def _look(step: Step, is_first: bool, is_last: bool, first: Step) -> tuple[np.ndarray, str, str]:
    """Return values, kind and label of the block of a step."""
    values = step.values.float().cpu()
    if is_first:
        return as_picture(values), "image", "input\n" + _by(values.shape[-2:])
    if (is_last and values.numel() == first.values.numel() > 1) or (
        is_last and values.ndim == 3 and len(values) == 1
    ):
        values = values.reshape(
            -1, *(first.values.shape[1:] if values.ndim == 1 else values.shape[1:])
        )
        if values.min() < 0 or values.max() > 1:
            values = torch.sigmoid(values)
        return as_picture(values), "image", "output\n" + _by(values.shape[-2:])
    if values.ndim == 3 and values.shape[1] * values.shape[2] > 1:
        count = len(values)
        return values.numpy(), "maps", f"{count} map{'s'[: count > 1]}\n{_by(values.shape[1:])}"
    values = values.flatten()
    if is_last and len(values) <= BARS:
        return values.softmax(0).numpy(), "bars", f"{len(values)} scores"
    return values.numpy(), "column", str(len(values))


def _by(sides: Sequence[int]) -> str:
    return " × ".join(map(str, sides))


def _draw_image(axis: Axes, block: Block) -> None:
    picture(axis, block.values, (block.x, block.y), (block.width, block.height))


def _draw_maps(axis: Axes, block: Block) -> None:
    limits = float(block.values.min()), float(block.values.max())
    size = block.scale * block.values.shape[2], block.scale * block.values.shape[1]
    color = BLUE if "pool" not in block.step.kind else GREEN
    for n in reversed(range(block.shown)):
        corner = block.x + n * block.offset, block.y + n * block.offset * RISE
        picture(axis, block.values[n], corner, size, color, limits, zorder=3 - n / 100)
    if block.shown < len(block.values):
        for n in (0.4, 0.8, 1.2) if block.offset < 0.06 else (0.6, 1.2, 1.8):
            n += block.shown - 1
            x, y = block.x + n * block.offset + size[0], block.y + n * block.offset * RISE + size[1]
            axis.plot(x, y, ".", ms=2.5, color=color)


def _draw_column(axis: Axes, block: Block) -> None:
    columns = math.ceil(len(block.values) / TALL)
    tall = math.ceil(len(block.values) / columns)
    cells = np.full(columns * tall, np.nan)
    cells[: len(block.values)] = block.values
    limits = float(block.values.min()), float(block.values.max())
    picture(
        axis,
        cells.reshape(columns, tall).T,
        (block.x, block.y),
        (block.width, block.height),
        ORANGE,
        limits,
    )


def _draw_bars(axis: Axes, block: Block) -> None:
    step = block.height / len(block.values)
    best = int(block.values.argmax())
    for n, share in enumerate(block.values):
        y = block.y + block.height - (n + 1) * step
        weight = "bold" if n == best else "normal"
        write(axis, (block.x + 0.08, y + step / 2), str(n), weight=weight)
        box(
            axis,
            (block.x + 0.2, y + 0.02),
            (0.75, step - 0.04),
            facecolor="#f4f4f4",
            edgecolor="none",
        )
        box(
            axis,
            (block.x + 0.2, y + 0.02),
            (0.75 * float(share), step - 0.04),
            facecolor=ORANGE,
            edgecolor="none",
        )
