"""Drawings of what a network computes, in small numbers: a window that slides, and pooling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lenetcourse.errors import UsageError
from lenetcourse.show.canvas import (
    AMBER,
    BLUE,
    GREEN,
    LINE,
    MARGIN,
    ORANGE,
    PINK,
    WIDEST,
    Point,
    arrow,
    box,
    by,
    number,
    sheet,
    tint,
    width_of,
    write,
)


def draw_window(
    image: Sequence[Sequence[float]],
    kernel: Sequence[Sequence[float]],
    row: int,
    column: int,
    bias: float = 0.0,
    stride: int = 1,
    so_far: bool = False,
) -> Figure:
    """Draw a kernel at one place of an image of numbers, what it answers there, and that sum.

    `image` is (h, w) and `kernel` (k, l), finite numbers, no larger than 7x7 and 3x3; `row` and
    `column` are the place of the marked number in the output, from 0. The output is that of
    `torch.nn.functional.conv2d` with this bias and stride and no padding. `so_far` leaves out the
    numbers after the marked one, in reading order. The sum has a line for each row of the kernel;
    "≈" stands where a number has more than two decimals. Raises UsageError for a kernel that does
    not fit, a place outside the output and numbers too long for their cells.
    """
    image, kernel = _numbers(image, "image", 7), _numbers(kernel, "kernel", 3)
    output = _slide(image, kernel, bias, stride)
    if not (0 <= row < output.shape[0] and 0 <= column < output.shape[1]):
        raise UsageError(f"({row}, {column}) is not in the output of {by(output.shape)}")
    top, left = row * stride, column * stride
    window = np.s_[top : top + kernel.shape[0], left : left + kernel.shape[1]]
    known = row * output.shape[1] + column + 1 if so_far else output.size
    grids = [
        Grid("input", image, window, ORANGE, image.size),
        Grid("kernel", kernel, np.s_[:, :], ORANGE, kernel.size),
        Grid("output", output, np.s_[row : row + 1, column : column + 1], BLUE, known),
    ]
    return _draw_equation(grids, _written_sum(image[window], kernel, bias, output[row, column]))


class Grid(NamedTuple):
    """Numbers with a name; those of `marked` are tinted, the first `known` are written."""

    name: str
    values: np.ndarray
    marked: tuple[slice, slice]
    color: str
    known: int

    @property
    def label(self) -> str:
        """Name and shape."""
        return f"{self.name} {by(self.values.shape)}"


def _draw_equation(grids: Sequence[Grid], lines: Sequence[str]) -> Figure:
    """Draw input ∗ kernel = output, and `lines` below."""
    gap = 0.3
    columns = sum(grid.values.shape[1] for grid in grids)
    side = _cell_side([g.values for g in grids], (WIDEST - 2 * MARGIN - 2 * gap) / columns)
    widths = [max(side * g.values.shape[1], width_of(g.label)) for g in grids]
    wide, tall = sum(widths) + 2 * gap, side * max(len(grid.values) for grid in grids)
    below = 1.15 * LINE * len(lines) + 0.12
    width = 2 * MARGIN + max(wide, *(width_of(f"+ {text}") for text in lines))
    axis = sheet(width, 2 * MARGIN + tall + 1.4 * LINE + below)
    x, middle = (width - wide) / 2, MARGIN + below + 1.4 * LINE + tall / 2
    for grid, room, sign in zip(grids, widths, ("∗", "=", ""), strict=True):
        rows, columns = grid.values.shape
        _draw_grid(axis, grid, (x + (room - side * columns) / 2, middle + side * rows / 2), side)
        write(axis, (x + room / 2, middle - tall / 2 - 0.8 * LINE), grid.label)
        x += room + gap
        write(axis, (x - gap / 2, middle), sign)
    left = (width - max(width_of(text) for text in lines)) / 2
    plus = width_of("+ 0") - width_of("0")
    for place, text in enumerate(lines):
        y = MARGIN + 1.15 * LINE * (len(lines) - place - 0.5)
        indent = plus if place == 0 and len(lines) > 1 else 0
        write(axis, (left + indent, y), text, ha="left")
    return axis.figure


def _slide(image: np.ndarray, kernel: np.ndarray, bias: float, stride: int) -> np.ndarray:
    """Return the cross-correlation that a convolution layer computes."""
    if stride < 1:
        raise UsageError(f"stride must be at least 1, not {stride}")
    if kernel.shape[0] > image.shape[0] or kernel.shape[1] > image.shape[1]:
        raise UsageError(f"a kernel of {by(kernel.shape)} is larger than {by(image.shape)}")
    windows = np.lib.stride_tricks.sliding_window_view(image, kernel.shape)[::stride, ::stride]
    return (windows * kernel).sum((2, 3)) + bias


def _written_sum(window: np.ndarray, kernel: np.ndarray, bias: float, result: float) -> list[str]:
    """Return the sum, one line for each row of the kernel."""
    lines = []
    for values, weights in zip(window, kernel, strict=True):
        products = [f"{_signed(v)}·{_signed(w)}" for v, w in zip(values, weights, strict=True)]
        lines.append(" + ".join(products))
    lines[1:] = [f"+ {text}" for text in lines[1:]]
    if bias:
        lines[-1] += f" {'+' if bias > 0 else '−'} {number(abs(bias))} (bias)"
    parts = [*window.flat, *kernel.flat, bias, result]
    exact = all(abs(value - round(float(value), 2)) < 1e-9 for value in parts)
    lines[-1] += f" {'=' if exact else '≈'} {number(result)}"
    return lines


def _signed(value: float) -> str:
    text = number(value)
    return f"({text})" if text.startswith("−") else text


def _draw_grid(axis: Axes, grid: Grid, corner: Point, side: float) -> None:
    """Draw numbers in cells below the upper left `corner`, a thick frame around the marked."""
    tinted = np.zeros(grid.values.shape, dtype=bool)
    tinted[grid.marked] = True
    for place, (row, column) in enumerate(np.ndindex(tinted.shape)):
        at = corner[0] + column * side, corner[1] - (row + 1) * side
        words = number(grid.values[row, column]) if place < grid.known else ""
        face = tint(grid.color) if tinted[row, column] else "white"
        box(axis, at, (side, side), words, facecolor=face)
    rows, columns = np.nonzero(tinted)
    at = corner[0] + columns.min() * side, corner[1] - (rows.max() + 1) * side
    size = (np.ptp(columns) + 1) * side, (np.ptp(rows) + 1) * side
    box(axis, at, size, fill=False, edgecolor=grid.color, linewidth=2.2, zorder=4)


def _cell_side(grids: Sequence[np.ndarray], most: float) -> float:
    """Return the side of a cell for every number. Raises UsageError when it is above `most`."""
    longest = max((number(value) for grid in grids for value in grid.flat), key=width_of)
    side = max(0.34, width_of(longest) + 0.06)
    if side > most:
        raise UsageError(f"{longest} is too long for a cell: round the numbers, or give fewer")
    return side


def _numbers(values: Sequence[Sequence[float]], name: str, most: int) -> np.ndarray:
    """Return a matrix, checked."""
    array = np.asarray(values, dtype=float)
    if array.ndim != 2 or not 1 <= min(array.shape) <= max(array.shape) <= most:
        raise UsageError(
            f"{name} must have two axes, {most}x{most} at most: its shape is {array.shape}"
        )
    return array


def draw_pooling(values: Sequence[Sequence[float]], size: int = 2, kind: str = "maximum") -> Figure:
    """Draw a small image of numbers in tinted squares, and one number for each square beside it.

    `values` is (h, w), both multiples of `size`, 8 at most and 4 squares a side at most; `kind` is
    "maximum" or "average". The largest of a square is printed bold. Raises UsageError for other
    sizes and kinds, and for numbers too long for their cells.
    """
    values = _numbers(values, "values", 8)
    if size < 1 or values.shape[0] % size or values.shape[1] % size or max(values.shape) > 4 * size:
        raise UsageError(f"{by(values.shape)} numbers are not 1 to 4 squares of {size} a side")
    names = {"maximum": np.max, "average": np.mean}
    if kind not in names:
        raise UsageError(f"unknown pooling {kind!r}: one of {', '.join(names)}")
    rows, columns = values.shape[0] // size, values.shape[1] // size
    squares = values.reshape(rows, size, columns, size).swapaxes(1, 2)
    pooled = names[kind](squares, axis=(2, 3))
    gap = width_of(kind) + 0.5
    most = (WIDEST - 2 * MARGIN - gap) / (values.shape[1] + columns)
    side = max(min(0.42, most), _cell_side([values, pooled], most))
    tall, below = side * len(values), 1.4 * LINE
    width = 2 * MARGIN + gap + side * (values.shape[1] + columns)
    axis = sheet(width, 2 * MARGIN + tall + below)
    left, middle = MARGIN + side * values.shape[1], MARGIN + below + tall / 2
    right, top = left + gap, middle + side * rows / 2
    colors = (BLUE, AMBER, GREEN, PINK)
    for row, column in np.ndindex(rows, columns):
        color = colors[(2 * (row % 2) + column) % 4]
        corner = MARGIN + column * size * side, MARGIN + below + tall - row * size * side
        _draw_square(axis, squares[row, column], corner, side, color, kind == "maximum")
        corner = right + column * side, top - row * side
        _draw_square(axis, pooled[row : row + 1, column : column + 1], corner, side, color, True)
    arrow(axis, (left + 0.12, middle), (right - 0.12, middle), linewidth=1.4)
    write(axis, (left + gap / 2, middle + 0.7 * LINE), kind)
    write(axis, (MARGIN + (left - MARGIN) / 2, MARGIN + LINE / 2), by(values.shape))
    write(axis, (right + side * columns / 2, top - side * rows - 0.9 * LINE), by(pooled.shape))
    return axis.figure


def _draw_square(
    axis: Axes, values: np.ndarray, corner: Point, side: float, color: str, bold: bool
) -> None:
    """Draw the numbers of one square below its upper left corner, the largest bold."""
    for row, column in np.ndindex(values.shape):
        at = corner[0] + column * side, corner[1] - (row + 1) * side
        weight = (
            "bold"
            if bold and (row, column) == divmod(values.argmax(), len(values[0]))
            else "normal"
        )
        box(axis, at, (side, side), number(values[row, column]), facecolor=tint(color, 0.3),
            edgecolor="white", weight=weight)  # fmt: skip
    size = side * values.shape[1], side * len(values)
    box(axis, (corner[0], corner[1] - size[1]), size, fill=False, edgecolor=color,
        linewidth=2, zorder=4)  # fmt: skip
