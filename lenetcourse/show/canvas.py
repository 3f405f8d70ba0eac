"""What the drawings are drawn with: a white sheet measured in inches, and few kinds of marks.

x goes right and y goes up from the lower left corner; nothing is nearer to an edge than `MARGIN`.
Every text has `TEXT` points, and no sheet is wider than `WIDEST`: a page 390 pixels wide shows a
figure 358 pixels wide, where 10 points of a figure 6.2 inches wide are 8 pixels.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.layout_engine import PlaceHolderLayoutEngine
from matplotlib.patches import FancyArrowPatch, Patch, Polygon, Rectangle
from matplotlib.text import Text
from matplotlib.textpath import TextPath

from lenetcourse.errors import UsageError

TEXT, WIDEST, MARGIN = 10.0, 6.2, 0.1
LINE = 0.165  # from one line of text to the next, in inches
BLUE, ORANGE, GREEN, PINK, AMBER, GREY, INK = (
    "#0072B2", "#D55E00", "#009E73", "#B0457F", "#E69F00", "#8a8a8a", "#222222")  # fmt: skip
Point = tuple[float, float]


def sheet(width: float, height: float) -> Axes:
    """Return an empty drawing of this size in inches; its `figure` is the figure."""
    if width > WIDEST + 1e-6:
        raise UsageError(
            f"the drawing would be {width:.1f} inches wide, and its text too small on a narrow "
            f"page: {WIDEST} inches at most; give less to draw"
        )
    figure = blank(width, height)
    # A notebook crops a figure to its axes and adds a margin: leave ours out of them.
    across, up = MARGIN / width, MARGIN / height
    axis = figure.add_axes((across, up, 1 - 2 * across, 1 - 2 * up))
    axis.set_axis_off()
    axis.set(xlim=(MARGIN, width - MARGIN), ylim=(MARGIN, height - MARGIN))
    axis.set_autoscale_on(False)
    return axis


def blank(width: float, height: float) -> Figure:
    """Return a white figure of this size in inches whose parts stay where they are put."""
    # layout="none" would be forgotten when the figure is saved (Matplotlib 3.11).
    still = PlaceHolderLayoutEngine(adjust_compatible=True, colorbar_gridspec=False)
    return plt.figure(figsize=(width, height), facecolor="white", layout=still)


def write(axis: Axes, place: Point, words: str, **style: object) -> list[Text]:
    """Write lines of `words` at `place`; `style` is that of Matplotlib's text.

    Lines at one height have one baseline, whatever their letters: Matplotlib would lift "square"
    above "ReLU" for its q.
    """
    style = {"ha": "center", "va": "center", "fontsize": TEXT, "color": INK} | style
    lines, (x, y) = words.split("\n"), place
    first = {"center": (len(lines) - 1) * LINE / 2 - 0.365 * TEXT / 72, "top": -0.76 * TEXT / 72,
             "bottom": (len(lines) - 1) * LINE + 0.22 * TEXT / 72}[style["va"]]  # fmt: skip
    style["va"] = "baseline"
    return [axis.text(x, y + first - n * LINE, text, **style) for n, text in enumerate(lines)]


def box(
    axis: Axes, corner: Point, size: tuple[float, float], words: str = "", **style: object
) -> Rectangle:
    """Draw a rectangle from its lower left corner, with `words` in its middle.

    `style` is that of Matplotlib's patches; `ink` and `weight` are those of the words.
    """
    ink, weight = style.pop("ink", INK), style.pop("weight", "normal")
    style = {"facecolor": "white", "edgecolor": GREY, "linewidth": 0.8, "clip_on": False} | style
    drawn = axis.add_patch(Rectangle(corner, *size, **style))
    if words:
        middle = corner[0] + size[0] / 2, corner[1] + size[1] / 2
        belong(write(axis, middle, words, color=ink, weight=weight, zorder=5), drawn)
    return drawn


def belong(texts: Sequence[Text], shape: Patch) -> None:
    """Note that `texts` are meant to lie inside `shape`: a test looks whether they do."""
    name = f"box{next(_numbers)}"
    shape.set_gid(name)
    for place, text in enumerate(texts):
        text.set_gid(f"{name}-line{place}")


_numbers = itertools.count()


def arrow(axis: Axes, start: Point, end: Point, **style: object) -> FancyArrowPatch:
    """Draw an arrow; `style` is that of Matplotlib's FancyArrowPatch."""
    style = {"arrowstyle": "-|>", "mutation_scale": 10, "color": INK, "linewidth": 1.1,
             "clip_on": False} | style  # fmt: skip
    return axis.add_patch(FancyArrowPatch(start, end, shrinkA=0, shrinkB=0, **style))


def line(axis: Axes, points: Sequence[Point], **style: object) -> None:
    """Draw a line through `points`; `style` is that of Matplotlib's plot."""
    style = {"color": INK, "linewidth": 1.0, "solid_capstyle": "butt", "clip_on": False} | style
    axis.plot(*np.transpose(points), **style)


def area(axis: Axes, points: Sequence[Point], **style: object) -> Polygon:
    """Fill the area between `points`; `style` is that of Matplotlib's patches."""
    style = {"facecolor": "#eeeeee", "edgecolor": "none"} | style
    return axis.add_patch(Polygon(points, closed=True, **style))


def picture(
    axis: Axes,
    values: np.ndarray,
    corner: Point,
    size: tuple[float, float],
    color: str = INK,
    limits: tuple[float, float] = (0.0, 1.0),
    zorder: float = 2,
    frame: float = 0.6,
) -> AxesImage:
    """Draw numbers (h, w) as shades from white to `color`, or colours (h, w, 3), in a frame."""
    x, y = corner
    # More numbers than pixels are averaged by Matplotlib; fewer keep their edges.
    image = AxesImage(axis, cmap=shades(color), extent=(x, x + size[0], y, y + size[1]),
                      origin="upper", interpolation="antialiased", zorder=zorder)  # fmt: skip
    image.set_data(values)
    image.set_clim(limits[0], max(limits[1], limits[0] + 1e-12))
    image.set_clip_on(False)
    axis.add_artist(image)
    if frame:
        box(axis, corner, size, fill=False, edgecolor=color, linewidth=frame, zorder=zorder + 1e-4)
    return image


@functools.cache
def shades(color: str) -> LinearSegmentedColormap:
    """Return the colour map from white over `color` to a dark tone of it."""
    middle = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return LinearSegmentedColormap.from_list(color, ["white", tuple(middle), tuple(0.35 * middle)])


def tint(color: str, share: float = 0.25) -> tuple[float, float, float]:
    """Return `color` mixed with white: 0 is white, 1 is `color`."""
    full = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return tuple(1 - share * (1 - full))


@functools.cache
def width_of(words: str, weight: str = "normal") -> float:
    """Return the width of the widest line of `words`, in inches."""
    lines = words.split("\n")
    paths = (TextPath((0, 0), text, size=TEXT, prop={"weight": weight}) for text in lines if text)
    return max((path.get_extents().x1 / 72 for path in paths), default=0.0)


def by(sides: Sequence[int]) -> str:
    """Return sides as a person writes them: 28 × 28."""
    return " × ".join(map(str, sides))


def number(value: float, decimals: int = 2) -> str:
    """Return a number as it is written by hand: no zeros at its end, a true minus."""
    value = round(float(value), decimals)
    if not math.isfinite(value):
        raise UsageError(f"only finite numbers can be drawn, not {value}")
    text = f"{value + 0:.{decimals}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return text.replace("-", "−")


def as_picture(image: object) -> np.ndarray:
    """Return an image, uint8 or in [0, 1], as `picture` takes it: 0 to 1, a colour's axis last.

    Raises UsageError for a shape other than (h, w), (1, h, w) and (3, h, w).
    """
    array = np.asarray(image)
    array = array / 255 if array.dtype == np.uint8 else array.astype(float)
    array = array[0] if array.ndim == 3 and array.shape[0] == 1 else array
    if array.ndim == 2:
        return array
    if array.ndim == 3 and array.shape[0] == 3:
        return np.moveaxis(array, 0, -1)
    raise UsageError(f"an image is (h, w) or (3, h, w), not {array.shape}")
