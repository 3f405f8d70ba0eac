"""Drawings of ideas about networks: receptive fields, encoder and decoder, dropout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from lenetcourse.errors import UsageError
from lenetcourse.show.canvas import (
    BLUE,
    GREY,
    INK,
    LINE,
    MARGIN,
    ORANGE,
    WIDEST,
    Point,
    area,
    arrow,
    as_picture,
    box,
    line,
    picture,
    sheet,
    tint,
    width_of,
    write,
)


def draw_receptive_fields(layers: Mapping[str, tuple[int, int]]) -> Figure:
    """Draw what one unit of each layer sees, from one unit of the last down to the pixels.

    `layers` maps names, in the order of the network, to (kernel, stride), as {"C1": (5, 1),
    "S2": (2, 2)}; convolutions and poolings without padding. A row shows the units of a layer, cut
    through the middle, that one unit of the last layer depends on; beside it stands how many pixels
    one unit of that layer sees. The side grows by (kernel - 1) times the product of the strides
    before it. Raises UsageError for no layer, more than eight, numbers below 1 and more than 100
    pixels.
    """
    fields = _fields(layers)
    units = [1]  # of the last layer, the one before it, ..., pixels
    for kernel, stride in reversed(layers.values()):
        units.append((units[-1] - 1) * stride + kernel)
    return _draw_pyramid(list(reversed(layers)), units, fields[::-1])


def _fields(layers: Mapping[str, tuple[int, int]]) -> list[int]:
    """Return the side of the receptive field in pixels, layer by layer."""
    if not 1 <= len(layers) <= 8:
        raise UsageError(f"1 to 8 layers can be drawn, not {len(layers)}")
    fields, side, step = [], 1, 1
    for name, (kernel, stride) in layers.items():
        if kernel < 1 or stride < 1:
            raise UsageError(
                f"{name}: kernel and stride must be at least 1, not {kernel}, {stride}"
            )
        side, step = side + (kernel - 1) * step, step * stride
        fields.append(side)
    if side > 100:
        raise UsageError(f"one unit sees {side} pixels: 100 at most can be drawn")
    return fields


def _draw_pyramid(names: Sequence[str], units: Sequence[int], fields: Sequence[int]) -> Figure:
    """Draw rows of units, the last layer on top; each sees all of the row below it."""
    head, notes = "one unit sees", [f"{side} × {side} pixels" for side in fields]
    left = MARGIN + max(width_of(name) for name in [*names, "pixels"]) + 0.2
    right = max(width_of(note) for note in [head, *notes]) + 0.2
    side = min(0.13, (WIDEST - MARGIN - left - right) / units[-1])
    high, gap = 0.14, 0.44
    width = left + side * units[-1] + right + MARGIN
    axis = sheet(width, 2 * MARGIN + LINE * 1.5 + gap * len(names) + high)
    middle = left + side * units[-1] / 2
    write(axis, (width - MARGIN, axis.get_ylim()[1] - MARGIN - LINE / 2), head, ha="right")
    top = axis.get_ylim()[1] - MARGIN - LINE * 1.5 - high
    for place, count in enumerate(units):
        y, half = top - gap * place, side * count / 2
        color = ORANGE if place == 0 else BLUE if place < len(names) else INK
        for unit in range(count):
            corner = middle - half + unit * side, y
            box(axis, corner, (side, high), facecolor=tint(color), edgecolor=color, linewidth=0.7)
        name = names[place] if place < len(names) else "pixels"
        write(axis, (MARGIN, y + high / 2), name, ha="left")
        if place < len(names):
            write(axis, (width - MARGIN, y + high / 2), notes[place], ha="right")
            below = side * units[place + 1] / 2
            cone = [(middle - half, y), (middle + half, y), (middle + below, y - gap + high),
                    (middle - below, y - gap + high)]  # fmt: skip
            area(axis, cone, facecolor=tint(BLUE, 0.12), zorder=0)
    return axis.figure


def draw_encoder_decoder(
    sizes: Sequence[int],
    image: np.ndarray | None = None,
    reconstruction: np.ndarray | None = None,
    sampled: bool = False,
) -> Figure:
    """Draw an encoder, the code and a decoder, every layer as high as it has numbers.

    `sizes` are the numbers in each layer, such as (784, 400, 20, 400, 784): the smallest is the
    code. `image` and `reconstruction`, uint8 or in [0, 1], (h, w) or (3, h, w), are drawn at the
    two ends. `sampled` draws the code of a variational autoencoder: mean, spread and the z that is
    sampled from them. Raises UsageError for fewer than three or more than seven sizes, for one
    below 1, for a code at an end and for an image of another shape.
    """
    sizes = [int(size) for size in sizes]
    code = _place_of_code(sizes)
    ends = [None if one is None else as_picture(one) for one in (image, reconstruction)]
    side, tall = 0.9, 1.7
    edges = [MARGIN + 0.25 if one is None else MARGIN + side + 0.35 for one in ends]
    step = min(0.8, (WIDEST - sum(edges)) / (len(sizes) - 1 + sampled))
    axis = sheet(sum(edges) + step * (len(sizes) - 1 + sampled), 2 * MARGIN + tall + 3.4 * LINE)
    middle, right = MARGIN + 2.7 * LINE + tall / 2, axis.get_xlim()[1]
    layers = [
        Layer(
            edges[0] + step * (k + (sampled and k >= code)),
            middle,
            max(tall * size / max(sizes), 0.05),
            size,
        )
        for k, size in enumerate(sizes)
    ]
    for before, after in pairwise(layers):
        if not (sampled and after is layers[code]):
            _funnel(axis, before, after)
    if sampled:
        place = layers[code].x - step, middle - tall / 2 - 0.6 * LINE
        write(axis, place, f"2 × {layers[code].size}")
        _draw_sampling(axis, layers[code - 1], layers[code], step)
    for k, layer in enumerate(layers):
        _draw_column(axis, layer, ORANGE if k == code else BLUE)
        write(axis, (layer.x, middle - tall / 2 - 0.6 * LINE), str(layer.size))
    for one, corner in zip(ends, (MARGIN, right - MARGIN - side), strict=True):
        if one is not None:
            height = side * one.shape[0] / one.shape[1]
            picture(axis, one, (corner, middle - height / 2), (side, height))
    if ends[0] is not None:
        arrow(axis, (MARGIN + side + 0.05, middle), (edges[0] - 0.07, middle))
    if ends[1] is not None:
        arrow(axis, (right - edges[1] + 0.07, middle), (right - MARGIN - side - 0.05, middle))
    y = MARGIN + LINE / 2
    write(axis, ((layers[0].x + layers[code - 1].x) / 2, y), "encoder")
    write(axis, (layers[code].x, y), "z" if sampled else "code")
    write(axis, ((layers[code + 1].x + layers[-1].x) / 2, y), "decoder")
    return axis.figure


class Layer(NamedTuple):
    """One layer of the hourglass: its middle, height in inches and numbers."""

    x: float
    y: float
    height: float
    size: int


def _place_of_code(sizes: Sequence[int]) -> int:
    if not 3 <= len(sizes) <= 7 or min(sizes) < 1:
        raise UsageError(f"3 to 7 sizes of at least 1 can be drawn, not {tuple(sizes)}")
    code = sizes.index(min(sizes))
    if code in (0, len(sizes) - 1):
        raise UsageError(f"the smallest size is the code and must not be at an end: {sizes}")
    return code


def _funnel(axis: Axes, a: Layer, b: Layer) -> None:
    """Fill the room between two layers: every number depends on every one before it."""
    points = [(a.x, a.y - a.height / 2), (a.x, a.y + a.height / 2),
              (b.x, b.y + b.height / 2), (b.x, b.y - b.height / 2)]  # fmt: skip
    area(axis, points, facecolor=tint(BLUE, 0.13), zorder=0)


def _draw_column(axis: Axes, layer: Layer, color: str) -> None:
    corner = layer.x - 0.045, layer.y - layer.height / 2
    box(axis, corner, (0.09, layer.height), facecolor=tint(color, 0.6), edgecolor=color)


def _draw_sampling(axis: Axes, before: Layer, z: Layer, step: float) -> None:
    """Draw mean and spread one above the other, and the arrows from them to z."""
    for sign, name in ((1, "mean"), (-1, "spread")):
        one = Layer(z.x - step, z.y + sign * 0.36, z.height, z.size)
        _funnel(axis, before, one)
        _draw_column(axis, one, ORANGE)
        write(axis, (one.x, one.y + sign * (one.height / 2 + 0.1)), name)
        arrow(axis, (one.x + 0.07, one.y), (z.x - 0.07, z.y + sign * 0.03), color=ORANGE)


def draw_dropout(sizes: Sequence[int] = (4, 5, 3), rate: float = 0.5, seed: int = 0) -> Figure:
    """Draw a dense network beside one that dropout has thinned, and say how many units it dropped.

    `sizes` are the units of its layers, inputs first. Units of the hidden layers are dropped with
    probability `rate`, chosen by `seed`. Raises UsageError for fewer than three or more than five
    layers, for layers of fewer than 1 or more than 8 units, and for a rate outside [0, 1).
    """
    if not 3 <= len(sizes) <= 5 or not 1 <= min(sizes) <= max(sizes) <= 8:
        raise UsageError(f"3 to 5 layers of 1 to 8 units can be drawn, not {tuple(sizes)}")
    if not 0 <= rate < 1:
        raise UsageError(f"dropout is a probability from 0 to below 1, not {rate}")
    random = np.random.default_rng(seed)
    dropped = {
        (layer, unit)
        for layer, size in enumerate(sizes[1:-1], 1)
        for unit in range(size)
        if random.random() < rate
    }
    tall, wide = 0.42 * (max(sizes) - 1) + 0.3, 0.78 * (len(sizes) - 1) + 0.3
    hidden = sum(sizes[1:-1])
    words = "without dropout", f"{len(dropped)} of {hidden} hidden units dropped"
    half = max(wide, width_of(words[1]))
    half = min(half, (WIDEST - 2 * MARGIN - 0.3) / 2)
    axis = sheet(2 * MARGIN + 2 * half + 0.3, 2 * MARGIN + tall + 1.6 * LINE)
    for place, (without, text) in enumerate(zip((set(), dropped), words, strict=True)):
        middle = MARGIN + half / 2 + place * (half + 0.3)
        corner = middle - wide / 2 + 0.15, MARGIN + 1.6 * LINE + 0.15
        step = (wide - 0.3) / (len(sizes) - 1)
        _draw_dense(axis, sizes, without, corner, (step, tall - 0.3))
        write(axis, (middle, MARGIN + LINE / 2), text)
    return axis.figure


def _draw_dense(
    axis: Axes, sizes: Sequence[int], without: set, corner: Point, room: tuple[float, float]
) -> None:
    """Draw layers of units from `corner`, one every `room[0]` inches, `room[1]` high."""
    step = room[1] / max(max(sizes) - 1, 1)
    places = {
        (layer, unit): (corner[0] + room[0] * layer,
                        corner[1] + room[1] / 2 + step * ((size - 1) / 2 - unit))
        for layer, size in enumerate(sizes) for unit in range(size)
    }  # fmt: skip
    for layer, (here, there) in enumerate(pairwise(sizes)):
        for a, b in np.ndindex(here, there):
            ends = (layer, a), (layer + 1, b)
            if not without & set(ends):
                line(axis, [places[end] for end in ends], color=GREY, linewidth=0.7, zorder=1)
    for unit, (x, y) in places.items():
        gone = unit in without
        color = "#b5b5b5" if gone else BLUE
        face = "white" if gone else tint(BLUE, 0.35)
        axis.add_patch(
            Circle((x, y), 0.125, facecolor=face, edgecolor=color, linewidth=1.3, zorder=2)
        )
        if gone:
            for sign in (1, -1):
                ends = [(x - 0.07, y - 0.07 * sign), (x + 0.07, y + 0.07 * sign)]
                line(axis, ends, color="#8a8a8a", linewidth=1.4, zorder=3)
