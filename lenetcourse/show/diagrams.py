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

PICTURE, TALL = 0.9, 1.7  # of an encoder and decoder: the images and the largest layer, inches


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
    write(axis, (width - MARGIN, axis.figure.get_figheight() - MARGIN - LINE / 2), head, ha="right")
    top = axis.figure.get_figheight() - MARGIN - LINE * 1.5 - high
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
    code; where it would be hardly seen, it is drawn 0.05 inches high. `image` and
    `reconstruction`, uint8 or in [0, 1], (h, w) or (3, h, w), are drawn at the two ends. `sampled`
    draws the code of a variational autoencoder: mean, spread and the z that is sampled from them.
    Raises UsageError for fewer than three or more than seven sizes, for one below 1, for a code at
    an end and for an image of another shape.
    """
    sizes = [int(size) for size in sizes]
    code = _place_of_code(sizes)
    ends = [None if one is None else as_picture(one) for one in (image, reconstruction)]
    left, right = (MARGIN + (0.25 if one is None else PICTURE + 0.35) for one in ends)
    steps = len(sizes) - 1 + sampled
    step = min(0.8, (WIDEST - left - right) / steps)
    highs = [max(TALL * size / max(sizes), 0.05) for size in sizes]
    tall = max(TALL, 2 * highs[code] + 4 * LINE if sampled else 0)
    axis = sheet(left + step * steps + right, 2 * MARGIN + tall + 3 * LINE)
    middle = MARGIN + 3 * LINE + tall / 2
    xs = [left + step * (k + (sampled and k >= code)) for k in range(len(sizes))]
    layers = [Layer(x, middle, high, size) for x, high, size in zip(xs, highs, sizes, strict=True)]
    for k, (before, after) in enumerate(pairwise(layers), 1):
        if sampled and k == code:
            _draw_sampling(axis, before, after, step)
        else:
            _funnel(axis, before, after)
    for k, layer in enumerate(layers):
        _draw_layer(axis, layer, ORANGE if k == code else BLUE, str(layer.size))
    _draw_ends(axis, ends, layers[0], layers[-1])
    halves = {"encoder": layers[:code], "z" if sampled else "code": [layers[code]],
              "decoder": layers[code + 1 :]}  # fmt: skip
    for name, part in halves.items():
        write(axis, ((part[0].x + part[-1].x) / 2, MARGIN + LINE / 2), name)
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


def _draw_layer(axis: Axes, layer: Layer, color: str, words: str) -> None:
    """Draw a layer, and `words` below the drawing."""
    corner = layer.x - 0.045, layer.y - layer.height / 2
    box(axis, corner, (0.09, layer.height), facecolor=tint(color, 0.6), edgecolor=color)
    write(axis, (layer.x, MARGIN + 2.1 * LINE), words)


def _draw_sampling(axis: Axes, before: Layer, z: Layer, step: float) -> None:
    """Draw mean and spread one above the other, and the arrows from them to z."""
    for sign, name in ((1, "mean"), (-1, "spread")):
        one = Layer(z.x - step, z.y + sign * max(0.36, z.height / 2 + LINE), z.height, z.size)
        _funnel(axis, before, one)
        _draw_layer(axis, one, ORANGE, f"2 × {z.size}" if name == "mean" else "")
        write(axis, (one.x, one.y + sign * (one.height / 2 + 0.1)), name)
        arrow(axis, (one.x + 0.07, one.y), (z.x - 0.07, z.y + sign * 0.03), color=ORANGE)


def _draw_ends(axis: Axes, ends: Sequence[np.ndarray | None], first: Layer, last: Layer) -> None:
    """Draw the image before the first layer and the reconstruction behind the last."""
    far = axis.figure.get_figwidth() - MARGIN - PICTURE
    for one, x, layer in zip(ends, (MARGIN, far), (first, last), strict=True):
        if one is None:
            continue
        size = [PICTURE * sides / max(one.shape[:2]) for sides in one.shape[1::-1]]
        picture(axis, one, (x + (PICTURE - size[0]) / 2, layer.y - size[1] / 2), tuple(size))
        points = [(x + PICTURE + 0.05, layer.y), (layer.x - 0.07, layer.y)]
        if layer is last:
            points = [(layer.x + 0.07, layer.y), (x - 0.05, layer.y)]
        arrow(axis, *points)


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
    words = "without dropout", f"{len(dropped)} of {sum(sizes[1:-1])} hidden units dropped"
    step = min(0.78, 2.5 / (len(sizes) - 1))
    tall, wide = 0.42 * (max(sizes) - 1) + 0.3, step * (len(sizes) - 1) + 0.3
    half = max(wide, width_of(words[1]))
    axis = sheet(2 * MARGIN + 2 * half + 0.3, 2 * MARGIN + tall + 1.6 * LINE)
    for place, (without, text) in enumerate(zip((set(), dropped), words, strict=True)):
        middle = MARGIN + half / 2 + place * (half + 0.3)
        corner = middle - wide / 2 + 0.15, MARGIN + 1.6 * LINE + 0.15
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
        style = {"facecolor": face, "edgecolor": color, "linewidth": 1.3, "clip_on": False}
        axis.add_patch(Circle((x, y), 0.125, zorder=2, **style))
        if gone:
            for sign in (1, -1):
                ends = [(x - 0.07, y - 0.07 * sign), (x + 0.07, y + 0.07 * sign)]
                line(axis, ends, color="#8a8a8a", linewidth=1.4, zorder=3)
