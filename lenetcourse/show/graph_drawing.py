"""A computational graph with the values of its forward pass and the gradients of its backward."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse, Patch

from lenetcourse.errors import UsageError
from lenetcourse.show.canvas import (
    BLUE,
    INK,
    LINE,
    MARGIN,
    ORANGE,
    WIDEST,
    Point,
    arrow,
    belong,
    box,
    number,
    sheet,
    width_of,
    write,
)

HIGH, ACROSS, DOWN = 0.36, 1.05, 1.0  # of a node; from column to column, from row to row
COLUMNS, ROWS = 9, 7


class GraphNode(NamedTuple):
    """One node of a computational graph.

    Attributes:
        name: what edges call it.
        label: what stands in it, such as "×" or "w₁".
        place: (column, row), each from 0; row 0 is on top, halves are allowed.
        value: what the forward pass computed there; None writes nothing.
        gradient: the derivative of the result with respect to it; None writes nothing.
    """

    name: str
    label: str
    place: tuple[float, float]
    value: float | None = None
    gradient: float | None = None


def draw_graph(nodes: Sequence[GraphNode], edges: Sequence[tuple[str, str]]) -> Figure:
    """Draw a computational graph, the value above each node and the gradient below it.

    `nodes` have names of their own; `edges` are pairs of names, (from, to). Inputs and weights, to
    which no edge leads, are round; what computes has corners. Numbers are written with up to three
    decimals. Raises UsageError for no node, a name that is used twice or unknown, two nodes in one
    place, and more than 9 columns or 7 rows.
    """
    places = _checked_places(nodes, edges)
    columns, rows = (max(place[axis] for place in places.values()) for axis in (0, 1))
    half = max(HIGH / 2, *(width_of(node.label) / 2 + 0.12 for node in nodes))
    room = WIDEST - 2 * MARGIN - 2 * half
    across = min(ACROSS, room / columns) if columns else 0.0
    _check_room(nodes, half, across)
    width = max(2 * MARGIN + 2 * half + across * columns, 2.4)
    axis = sheet(width, 2 * MARGIN + DOWN * rows + HIGH + 4.3 * LINE)
    left = (width - across * columns) / 2
    top = axis.figure.get_figheight() - MARGIN - HIGH / 2 - 1.2 * LINE
    computed = {end for _, end in edges}
    shapes = {}
    for node in nodes:
        at = left + across * node.place[0], top - DOWN * node.place[1]
        shapes[node.name] = at, _draw_node(axis, node, at, half, node.name in computed)
    for start, end in edges:
        _draw_edge(axis, shapes[start], shapes[end], half)
    y = MARGIN + LINE / 2
    write(axis, (width / 2 - 0.15, y), "above: value", ha="right", color=BLUE, weight="bold")
    write(axis, (width / 2 + 0.05, y), "below: gradient", ha="left", color=ORANGE, style="italic")
    return axis.figure


def _checked_places(nodes: Sequence[GraphNode], edges: Sequence[tuple[str, str]]) -> dict:
    """Return name -> place. Raises UsageError when names or places do not fit together."""
    if not nodes:
        raise UsageError("a graph needs at least one node")
    places = {node.name: tuple(node.place) for node in nodes}
    if len(places) < len(nodes) or len(set(places.values())) < len(nodes):
        raise UsageError("every node needs a name and a place of its own")
    for name in (name for edge in edges for name in edge):
        if name not in places:
            raise UsageError(f"an edge names {name!r}: the nodes are {', '.join(places)}")
    low = min(min(place) for place in places.values())
    if low < 0 or any(c > COLUMNS - 1 or r > ROWS - 1 for c, r in places.values()):
        raise UsageError(f"places are (column, row) from 0: {COLUMNS} columns, {ROWS} rows at most")
    return places


def _check_room(nodes: Sequence[GraphNode], half: float, across: float) -> None:
    """Raise UsageError when nodes of one row would touch, or their texts."""
    for a in nodes:
        for b in nodes:
            apart = (b.place[0] - a.place[0]) * across
            texts = max(_half_text(a) + _half_text(b) + 0.1, 2 * half + 0.15)
            beside = abs(a.place[1] - b.place[1]) * DOWN < HIGH + 2.6 * LINE
            if a is not b and apart >= 0 and beside and apart < texts:
                raise UsageError(f"no room between {a.name} and {b.name}: move them apart")


def _half_text(node: GraphNode) -> float:
    words = [_written(number) for number in (node.value, node.gradient)]
    return max(width_of(text, "bold") for text in words) / 2


def _written(value: float | None) -> str:
    return "" if value is None else number(value, 3)


def _draw_node(axis: Axes, node: GraphNode, at: Point, half: float, computes: bool) -> Patch:
    """Draw a node and its numbers; return its shape."""
    x, y = at
    if computes:
        shape = box(axis, (x - half, y - HIGH / 2), (2 * half, HIGH), node.label,
                    facecolor="#efefef", edgecolor=INK, zorder=2)  # fmt: skip
    else:
        shape = Ellipse(at, 2 * half, HIGH, facecolor="white", edgecolor=INK, linewidth=0.8,
                        zorder=2, clip_on=False)  # fmt: skip
        axis.add_patch(shape)
        belong(write(axis, at, node.label, zorder=5), shape)
    up, down = y + HIGH / 2 + 0.05, y - HIGH / 2 - 0.06
    write(axis, (x, up), _written(node.value), va="bottom", color=BLUE, weight="bold")
    write(axis, (x, down), _written(node.gradient), va="top", color=ORANGE, style="italic")
    return shape


def _draw_edge(
    axis: Axes, start: tuple[Point, Patch], end: tuple[Point, Patch], half: float
) -> None:
    """Draw an arrow to the left side of a node: numbers stand above it and below it."""
    (a, first), (b, last) = start, end
    if b[0] > a[0]:
        b, last = (b[0] - half, b[1] + 0.08 * np.sign(a[1] - b[1])), None
    arrow(axis, a, b, patchA=first, patchB=last, zorder=1)
