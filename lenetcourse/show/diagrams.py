"""Drawings of ideas: receptive fields, a computational graph, an hourglass, dropout, a margin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Ellipse

from lenetcourse.errors import UsageError
from lenetcourse.show.canvas import (
    BLUE,
    GREEN,
    GREY,
    INK,
    LINE,
    MARGIN,
    ORANGE,
    TEXT,
    WIDEST,
    Point,
    area,
    arrow,
    as_picture,
    belong,
    box,
    line,
    number,
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
    names = [*reversed(layers), "pixels"]
    return _draw_pyramid(names, units, [*reversed(fields), 1], list(reversed(layers.values())))


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


def _draw_pyramid(
    names: Sequence[str], units: Sequence[int], fields: Sequence[int], steps: Sequence
) -> Figure:
    """Draw rows of units, the last layer on top, and the cone of one unit of each row."""
    left = MARGIN + max(width_of(name) for name in names) + 0.15
    notes = [f"sees {side} × {side}" for side in fields[:-1]]
    right = max(width_of(note) for note in [*notes, "pixels"]) + 0.15
    side = min(0.13, (WIDEST - MARGIN - left - right) / max(units))
    gap = 0.46
    width = left + side * max(units) + right + MARGIN
    axis = sheet(width, 2 * MARGIN + gap * len(steps) + 2.2 * LINE)
    middle = left + side * max(units) / 2
    for place, (name, count) in enumerate(zip(names, units, strict=True)):
        y = axis.get_ylim()[1] - MARGIN - 0.16 - gap * place
        start = middle - side * count / 2
        color = ORANGE if place == 0 else BLUE if place < len(steps) else INK
        for unit in range(count):
            box(axis, (start + unit * side, y), (side, 0.14), facecolor=tint(color, 0.35),
                edgecolor=color, linewidth=0.7)  # fmt: skip
        write(axis, (MARGIN, y + 0.07), name, ha="left")
        if place < len(steps):
            below = middle - side * units[place + 1] / 2
            area(
                axis,
                [
                    (start, y),
                    (start + side * count, y),
                    (below + side * units[place + 1], y - gap + 0.14),
                    (below, y - gap + 0.14),
                ],
                facecolor=tint(BLUE, 0.1),
                zorder=0,
            )
            write(axis, (width - MARGIN, y + 0.07), notes[place], ha="right")
    return axis.figure


class GraphNode(NamedTuple):
    """One node of a computational graph: `place` is (column, row), row 0 on top.

    `value` is what the forward pass computed there and `gradient` the slope of the last node with
    respect to it; None writes nothing.
    """

    name: str
    label: str
    place: tuple[float, float]
    value: float | None = None
    gradient: float | None = None


def draw_graph(nodes: Sequence[GraphNode], edges: Sequence[tuple[str, str]]) -> Figure:
    """Draw a computational graph, values above its nodes and gradients below them.

    `nodes` have names of their own, `edges` are pairs of them, from and to. Nodes without an edge
    towards them (inputs and weights) are round, the others, which compute, have corners. Raises
    UsageError for no node, a name that is used twice or unknown, and for more than nine columns.
    """
    places = {node.name: node.place for node in nodes}
    _check_graph(nodes, edges, places)
    columns, rows = (max(place[axis] for place in places.values()) for axis in (0, 1))
    if columns > 8:
        raise UsageError(f"{columns + 1} columns are too many: 9 at most can be read")
    wide = max(width_of(node.label) for node in nodes) + 0.2
    half = max(0.2, wide / 2)
    across = min(1.05, max((WIDEST - 2 * MARGIN - 2 * half - 0.2) / max(columns, 1), 0))
    down = 0.95
    width = 2 * MARGIN + 2 * half + 0.2 + across * columns
    axis = sheet(max(width, 2.6), 2 * MARGIN + down * rows + 0.4 + 2.8 * LINE + 1.4 * LINE)
    top = axis.get_ylim()[1] - MARGIN - 0.2 - 1.4 * LINE
    at = {n: (MARGIN + 0.1 + half + across * x, top - down * y) for n, (x, y) in places.items()}
    computed = {end for _, end in edges}
    for node in nodes:
        _draw_node(axis, node, at[node.name], half, node.name in computed)
    for start, end in edges:
        _draw_edge(axis, at[start], at[end], half)
    write(axis, (MARGIN, MARGIN + LINE / 2), "above: value", ha="left", color=BLUE)
    write(
        axis,
        (MARGIN + width_of("above: value") + 0.25, MARGIN + LINE / 2),
        "below: gradient",
        ha="left",
        color=ORANGE,
        style="italic",
    )
    return axis.figure


def _check_graph(nodes: Sequence[GraphNode], edges: Sequence, places: Mapping) -> None:
    if not nodes:
        raise UsageError("a graph needs a node")
    if len(places) < len(nodes):
        raise UsageError(f"two nodes have one name: {', '.join(node.name for node in nodes)}")
    for name in (name for edge in edges for name in edge):
        if name not in places:
            raise UsageError(f"an edge names {name!r}: the nodes are {', '.join(places)}")


def _draw_node(axis: Axes, node: GraphNode, at: Point, half: float, computes: bool) -> None:
    color = INK
    if computes:
        corner = at[0] - half, at[1] - 0.17
        box(axis, corner, (2 * half, 0.34), node.label, facecolor="#f2f2f2", edgecolor=color)
    else:
        shape = Ellipse(at, 2 * half, 0.36, facecolor="white", edgecolor=color, linewidth=0.8)
        axis.add_patch(shape)
        belong(write(axis, at, node.label, zorder=5), shape)
    if node.value is not None:
        write(axis, (at[0], at[1] + 0.3), number(node.value), color=BLUE, weight="bold")
    if node.gradient is not None:
        write(axis, (at[0], at[1] - 0.3), number(node.gradient), color=ORANGE, style="italic")


def _draw_edge(axis: Axes, start: Point, end: Point, half: float) -> None:
    arrow(axis, (start[0] + half, start[1]), (end[0] - half, end[1]))


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
        _draw_sampling(axis, layers[code - 1], layers[code], step)
    for k, layer in enumerate(layers):
        _draw_column(axis, layer, ORANGE if k == code else BLUE)
        write(axis, (layer.x, middle - tall / 2 - 0.6 * LINE), number(layer.size))
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
    words = "every unit", f"{len(dropped)} of {hidden} hidden units dropped"
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


def draw_margin(points: Sequence[tuple[float, float]], labels: Sequence[int]) -> Figure:
    """Draw two classes of points, the widest street between them and the points that hold it.

    `points` is (n, 2), `labels` (n,) with two values. The border is that of scikit-learn's linear
    support vector classifier without slack: solid, its margins dashed, the support vectors ringed,
    the width of the street written. Raises UsageError for other shapes and for classes that no
    straight line separates.
    """
    points, labels = np.asarray(points, dtype=float), np.asarray(labels)
    if points.ndim != 2 or points.shape[1:] != (2,) or labels.shape != points.shape[:1]:
        raise UsageError(f"points must be (n, 2) and labels (n,): {points.shape}, {labels.shape}")
    classes = np.unique(labels)
    if len(classes) != 2:
        raise UsageError(f"a street needs two classes, not {len(classes)}")
    side = np.where(labels == classes[1], 1, -1)
    slope, offset = _widest_street(points, side)
    figure = plt.figure(figsize=(4.6, 3.9), facecolor="white", layout="none")
    axis = figure.add_axes((0.11, 0.13, 0.86, 0.74))
    axis.grid(False)
    for name, color, marker in zip(classes, (BLUE, ORANGE), "os", strict=True):
        axis.plot(
            *points[labels == name].T, marker, color=color, ms=7, label=f"class {name}", zorder=3
        )
    held = np.isclose(side * (points @ slope + offset), 1, atol=1e-3)
    axis.plot(
        *points[held].T, "o", ms=15, mfc="none", mec=INK, mew=1.4, label="support vector", zorder=4
    )
    _draw_street(axis, points, slope, offset)
    axis.set_xlabel("feature 1", fontsize=TEXT)
    axis.set_ylabel("feature 2", fontsize=TEXT)
    axis.tick_params(labelsize=TEXT)
    figure.legend(
        *axis.get_legend_handles_labels(), loc="upper center", ncols=3, frameon=False, fontsize=TEXT
    )
    return figure


def _widest_street(points: np.ndarray, side: np.ndarray) -> tuple[np.ndarray, float]:
    """Return (w, b): w·x + b is 0 on the border and 1 or -1 on the margins."""
    from scipy.optimize import linprog
    from sklearn.svm import SVC

    scale = points.std() or 1.0
    scaled = (points - points.mean(0)) / scale  # the width does not depend on it, the search does
    rows = -side[:, None] * np.column_stack([scaled, np.ones(len(scaled))])
    if not linprog(np.zeros(3), rows, -np.ones(len(rows)), bounds=(None, None)).success:
        raise UsageError("no straight line separates the two classes: there is no street")
    machine = SVC(kernel="linear", C=1e6).fit(scaled, side)
    slope = machine.coef_[0] / scale
    return slope, float(machine.intercept_[0] - slope @ points.mean(0))


def _draw_street(axis: Axes, points: np.ndarray, slope: np.ndarray, offset: float) -> None:
    """Draw the border, its margins and the width between them, where there is most room."""
    pad = 0.12 * np.ptp(points, axis=0).max()
    low, high = points.min(0) - pad, points.max(0) + pad
    axis.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
    axis.set_aspect("equal", adjustable="datalim")
    length = np.linalg.norm(slope)
    normal, along = slope / length, np.array([-slope[1], slope[0]]) / length
    middle = points.mean(0)
    middle = middle - normal * (slope @ middle + offset) / length
    far = along * np.linalg.norm(high - low) * 3
    for level, style in ((-1, "--"), (0, "-"), (1, "--")):
        at = middle + normal * level / length
        axis.plot(*np.transpose([at - far, at + far]), style, color=INK, lw=1.2 if level else 2,
                  scalex=False, scaley=False)  # fmt: skip
    street = [
        middle + normal * a / length + b * far for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))
    ]
    area(axis, street, facecolor="#f0f0f0", zorder=0)
    best = _emptiest(middle, along, points, low, high)
    ends = [best - normal / length, best + normal / length]
    arrow(axis, *ends, arrowstyle="<|-|>", color=GREEN)
    words = f"width {number(2 / length)}"
    write(
        axis,
        best + along * 0,
        words,
        color=GREEN,
        ha="left",
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5},
    )


def _emptiest(
    middle: np.ndarray, along: np.ndarray, points: np.ndarray, low: np.ndarray, high: np.ndarray
) -> np.ndarray:
    """Return the place on the border, inside the picture, that is farthest from every point."""
    places = middle + np.linspace(-1, 1, 101)[:, None] * along * np.linalg.norm(high - low)
    pad = 0.2 * (high - low)
    places = places[((places > low + pad) & (places < high - pad)).all(1)]
    if not len(places):
        return middle
    distance = np.linalg.norm(places[:, None] - points, axis=-1).min(1)
    return places[distance.argmax()]
