"""The widest street between two classes, and the points that hold it: a support vector machine."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lenetcourse.errors import UsageError
from lenetcourse.show.canvas import (
    BLUE,
    INK,
    LINE,
    ORANGE,
    PINK,
    TEXT,
    area,
    arrow,
    blank,
    number,
    width_of,
    write,
)

SIZE = 4.6, 3.9  # of the figure in inches


def draw_margin(points: Sequence[tuple[float, float]], labels: Sequence[int]) -> Figure:
    """Draw two classes of points, the widest street between them and the points that hold it.

    `points` is (n, 2), `labels` (n,) with two values. The decision boundary is that of
    scikit-learn's `SVC(kernel="linear")` without slack: solid, its margins dashed, the support
    vectors ringed, the width of the street, 2 / norm(w), written in the units of the points; both
    axes have one scale. Raises UsageError for other shapes, numbers that are not finite, and
    classes that no straight line separates.
    """
    points, labels = np.asarray(points, dtype=float), np.asarray(labels)
    if points.ndim != 2 or points.shape[1] != 2 or labels.shape != points.shape[:1]:
        raise UsageError(f"points must be (n, 2) and labels (n,): {points.shape}, {labels.shape}")
    classes = np.unique(labels)
    if len(classes) != 2 or not np.isfinite(points).all():
        raise UsageError(f"a street needs finite points of two classes, not {len(classes)}")
    side = np.where(labels == classes[1], 1, -1)
    slope, offset = _widest_street(points, side)
    axis = _empty_plot(points)
    for name, color, marker in zip(classes, (BLUE, ORANGE), "os", strict=True):
        axis.plot(*points[labels == name].T, marker, color=color, markersize=6.5,
                  label=f"class {name}", zorder=3)  # fmt: skip
    holds = np.isclose(side * (points @ slope + offset), 1, atol=1e-3)
    axis.plot(*points[holds].T, "o", markersize=14, markerfacecolor="none", markeredgecolor=INK,
              markeredgewidth=1.3, label="support vector", zorder=4)  # fmt: skip
    _draw_street(axis, points, slope, offset)
    axis.figure.legend(loc="upper center", ncols=3, frameon=False, fontsize=TEXT,
                       handletextpad=0.2, columnspacing=1.2)  # fmt: skip
    return axis.figure


def _widest_street(points: np.ndarray, side: np.ndarray) -> tuple[np.ndarray, float]:
    """Return (w, b): w·x + b is 0 on the boundary, -1 and 1 on the margins."""
    from scipy.optimize import linprog
    from sklearn.svm import SVC

    centre, scale = points.mean(0), points.std() or 1.0
    scaled = (points - centre) / scale  # the search depends on the units, the street does not
    rows = -side[:, None] * np.column_stack([scaled, np.ones(len(scaled))])
    if not linprog(np.zeros(3), rows, -np.ones(len(rows)), bounds=(None, None)).success:
        raise UsageError("no straight line separates the two classes: there is no street")
    machine = SVC(kernel="linear", C=1e6, tol=1e-6).fit(scaled, side)
    slope = machine.coef_[0] / scale
    return slope, float(machine.intercept_[0] - slope @ centre)


def _empty_plot(points: np.ndarray) -> Axes:
    """Return axes around the points; a unit is as long across as up."""
    figure = blank(*SIZE)
    axis = figure.add_axes(_place(0.9))
    axis.set_autoscale_on(False)
    axis.grid(False)
    axis.spines[["top", "right"]].set_visible(False)
    axis.locator_params(nbins=5)
    axis.tick_params(labelsize=TEXT)
    for _ in range(2):  # the room for the numbers depends on the limits, and they on the room
        _, _, wide, high = axis.get_position().bounds * np.array([1, 1, *SIZE])
        span = np.ptp(points, axis=0) / (wide, high)
        half = 0.62 * (span.max() or 1.0) * np.array([wide, high])
        low, top = (points.min(0) + points.max(0)) / 2 + np.array([-1, 1])[:, None] * half
        axis.set(xlim=(low[0], top[0]), ylim=(low[1], top[1]))
        ticks = axis.yaxis.get_major_formatter().format_ticks(axis.get_yticks())
        axis.set_position(_place(max(width_of(text) for text in ticks) + 0.42))
    axis.set_xlabel("feature 1", fontsize=TEXT)
    axis.set_ylabel("feature 2", fontsize=TEXT)
    return axis


def _place(left: float) -> tuple[float, float, float, float]:
    """Return the place of the axes in the figure that begin `left` inches from its left edge."""
    wide, high = SIZE
    return left / wide, 0.52 / high, (wide - left - 0.2) / wide, (high - 1.0) / high


def _draw_street(axis: Axes, points: np.ndarray, slope: np.ndarray, offset: float) -> None:
    """Draw the boundary, its margins, and the width where there is most room for it."""
    low, high = np.transpose([axis.get_xlim(), axis.get_ylim()])
    length = np.linalg.norm(slope)
    normal, along = slope / length, np.array([-slope[1], slope[0]]) / length
    middle = (low + high) / 2
    middle = middle - normal * (slope @ middle + offset) / length
    far = 2 * along * np.linalg.norm(high - low)
    for level, style in ((-1, "--"), (0, "-"), (1, "--")):
        ends = [middle + normal * level / length + sign * far for sign in (-1, 1)]
        axis.plot(*np.transpose(ends), style, color=INK, linewidth=1.2 if level else 2)
    edge = normal / length
    corners = [middle - edge - far, middle + edge - far, middle + edge + far, middle - edge + far]
    area(axis, corners, facecolor="#eeeeee", zorder=0)
    words = f"width {number(2 / length)}"
    inch = (high[0] - low[0]) / (axis.get_position().width * SIZE[0])  # in units of the points
    foot, place = _room_for(words, points, middle, along, edge, (low, high), inch)
    arrow(axis, foot - edge, foot + edge, arrowstyle="<|-|>", mutation_scale=8, color=PINK)
    write(axis, place, words, color=PINK, zorder=5)


def _room_for(
    words: str, points: np.ndarray, middle: np.ndarray, along: np.ndarray, edge: np.ndarray,
    window: tuple[np.ndarray, np.ndarray], inch: float,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Return a place on the boundary, and one outside the street for words, far from points."""
    low, high = window
    half = np.array([width_of(words) / 2 + 0.06, LINE / 2 + 0.04]) * inch
    unit = edge / np.linalg.norm(edge)
    out = edge + unit * (np.abs(unit) @ half)
    best = (-1.0, middle, middle + out)
    for step in np.linspace(-1, 1, 81) * np.linalg.norm(high - low) / 2:
        for sign in (-1, 1):
            foot = middle + step * along
            place = foot + sign * out
            corners = np.array([place - half, place + half, foot - edge, foot + edge])
            if (corners < low).any() or (corners > high).any():
                continue
            away = np.maximum(np.abs(points - place) - half, 0)
            free = min(
                np.linalg.norm(away, axis=1).min(), np.linalg.norm(points - foot, axis=1).min()
            )
            if free > best[0]:
                best = (free, foot, place)
    return best[1], best[2]
