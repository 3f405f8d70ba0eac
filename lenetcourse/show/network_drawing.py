"""A network as LeCun et al. (1998) draw theirs in figure 2, from the network itself."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor, nn

from lenetcourse.data.images import as_inputs, is_image_shape
from lenetcourse.errors import UsageError
from lenetcourse.models.steps import network_steps
from lenetcourse.show.canvas import (
    LINE,
    MARGIN,
    ORANGE,
    WIDEST,
    area,
    arrow,
    line,
    sheet,
    tint,
    width_of,
    write,
)
from lenetcourse.show.network_blocks import Block, blocks_of, step_words
from lenetcourse.show.network_u import draw_u

MOST = 20  # blocks in one drawing


def draw_network(model: nn.Module, image: Tensor) -> Figure:
    """Draw a network with one image running through it, in the order in which it computes.

    `image` is one uint8 image, (h, w) or (3, h, w). The model runs on it once and is left as it
    was; so are torch's random numbers. Convolutions and poolings are stacks of their own feature
    maps (after the activation function; white is the smallest value of a layer, dark its largest;
    three dots where more maps than drawn ones follow), their sides to one scale; dense layers are
    columns of shaded cells; the output is a bar for each class (softmax) or an image. A network
    with skip connections is drawn as a U, the others in rows. After LeCun et al. (1998), figure 2.

    Raises UsageError for another image, and for a network that does not compute on images or has
    too many steps to be read.
    """
    if image.dtype != torch.uint8 or not is_image_shape((1, *image.shape)):
        raise UsageError(
            f"image must be uint8 of shape (height, width) or (3, height, width), not "
            f"{image.dtype} of shape {tuple(image.shape)}"
        )
    device = next((p.device for p in model.parameters()), torch.device("cpu"))
    steps = network_steps(model, as_inputs(image[None].to(device)))
    blocks = blocks_of(steps)
    if len(blocks) > MOST:
        raise UsageError(f"{len(blocks)} steps are too many for one drawing: {MOST} at most")
    depth = _depths(blocks)
    if any(depth[b] != depth[a] + 1 for b in blocks for a in b.inputs):
        return draw_u(blocks)
    slots = [[b for b in blocks if depth[b] == d] for d in range(max(depth.values()) + 1)]
    return _draw_rows(slots)


def _depths(blocks: Sequence[Block]) -> dict[Block, int]:
    depth: dict[Block, int] = {}
    for block in blocks:
        depth[block] = max((depth[one] + 1 for one in block.inputs), default=0)
    return depth


def _draw_rows(slots: list[list[Block]]) -> Figure:
    """Draw slots (blocks one above the other) in as few rows as their sizes allow."""
    rows = _fold(slots)
    heights = [max(_height(slot) for slot in row) for row in rows]
    under = [
        max(len(b.label.split("\n")) for slot in row for b in slot) * LINE + 0.1 for row in rows
    ]
    between = 0.42
    total = 2 * MARGIN + sum(heights) + sum(under) + between * (len(rows) - 1)
    width = 2 * MARGIN + max(_length(row, n > 0) for n, row in enumerate(rows))
    axis = sheet(width, total)
    y = total - MARGIN
    for n, (row, height, below) in enumerate(zip(rows, heights, under, strict=True)):
        spare = width - 2 * MARGIN - _length(row, n > 0)
        extra = spare / max(len(row) - 1, 1)
        x = MARGIN + (0.3 if n else 0)
        previous = None
        for slot in row:
            if previous is not None:
                x += _gap(slot) + min(extra, 0.35)
            _place(slot, x, y - height / 2)
            for block in slot:
                block.draw(axis)
                write(axis, (block.x + block.width / 2, y - height - 0.08), block.label, va="top")
            if previous is not None:
                _connect(axis, previous, slot)
            elif n:
                _wrap(axis, rows[n - 1][-1], slot, y + between / 2, width)
            x += max(block.width for block in slot)
            previous = slot
        y -= height + below + between
    return axis.figure


def _fold(slots: list[list[Block]]) -> list[list[list[Block]]]:
    """Return the slots in rows, their blocks sized: few rows, but blocks that can be seen."""
    room = WIDEST - 2 * MARGIN
    for count in range(1, 5):
        for side in np.arange(1.3, 0.79, -0.05):
            for block in itertools.chain(*slots):
                block.fit(side)
            for rows in [_balanced(slots, count)]:
                if max(_length(row, n > 0) for n, row in enumerate(rows)) <= room:
                    return rows
    raise UsageError(f"{len(slots)} steps are too many for one drawing")


def _balanced(slots: list, count: int) -> list:
    best = None
    for cuts in itertools.combinations(range(1, len(slots)), count - 1):
        ends = [0, *cuts, len(slots)]
        rows = [slots[a:b] for a, b in itertools.pairwise(ends)]
        longest = max(_length(row, n > 0) for n, row in enumerate(rows))
        if best is None or longest < best[0]:
            best = longest, rows
    return best[1] if best else [slots]


def _length(row: list[list[Block]], wrapped: bool) -> float:
    """Return the width that a row needs, with its arrows."""
    wide = sum(max(b.width for b in slot) for slot in row)
    return wide + sum(_gap(slot) for slot in row[1:]) + (0.3 if wrapped else 0)


def _gap(slot: list[Block]) -> float:
    return max(0.3, max(width_of(step_words(b)) for b in slot) + 0.12)


def _height(slot: list[Block]) -> float:
    return sum(b.height for b in slot) + 0.6 * (len(slot) - 1)


def _place(slot: list[Block], x: float, middle: float) -> None:
    top = middle + _height(slot) / 2
    for block in slot:
        block.x, block.y = x, top - block.height
        top -= block.height + 0.6


def _connect(axis: Axes, before: list[Block], after: list[Block]) -> None:
    for block in after:
        for source in block.inputs:
            start = source.x + source.width + 0.04, source.y + source.height / 2
            end = block.x - 0.04, block.y + block.height / 2
            if block.flat:
                area(
                    axis,
                    [
                        source.corner("right", "top"),
                        block.corner("left", "top"),
                        block.corner("left", "bottom"),
                        source.corner("right", "bottom"),
                    ],
                    facecolor=tint(ORANGE, 0.12),
                    zorder=0,
                )
            arrow(axis, start, end)
            middle = (start[0] + end[0]) / 2, (start[1] + end[1]) / 2 + 0.04
            write(axis, middle, step_words(block), va="bottom")


def _wrap(axis: Axes, before: list[Block], after: list[Block], y: float, width: float) -> None:
    source, block = before[0], after[0]
    start = source.x + source.width + 0.04, source.y + source.height / 2
    end = block.x - 0.04, block.y + block.height / 2
    left = MARGIN + 0.05
    turn = min(start[0] + 0.1, width - MARGIN)
    line(axis, [start, (turn, start[1]), (turn, y), (left, y), (left, end[1])])
    arrow(axis, (left, end[1]), end)
    write(axis, (width / 2, y + 0.03), step_words(block), va="bottom")
