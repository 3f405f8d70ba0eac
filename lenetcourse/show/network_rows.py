"""A network whose steps follow one another, drawn in rows that are read like lines of text."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lenetcourse.errors import UsageError
from lenetcourse.show.canvas import (
    INK,
    LINE,
    MARGIN,
    ORANGE,
    WIDEST,
    Point,
    area,
    arrow,
    box,
    line,
    sheet,
    tint,
    width_of,
    write,
)
from lenetcourse.show.network_blocks import Block, step_words

Slot = list[Block]  # blocks one above the other
BETWEEN = 0.34  # from the labels of a row to the next row, in inches
AFTER = 0.14  # for the line to the next row
CLEAR = 0.06  # from that line to a label, and to the edge
SIDES = np.arange(1.15, 0.69, -0.05)  # of the largest map, in inches
OFFSETS = np.arange(0.3, 0.039, -0.01)  # from map to map
MOST_ROWS = 4


def draw_rows(slots: list[Slot]) -> Figure:
    """Draw slots (blocks one above the other, left to right) in as few rows as can be read.

    Raises UsageError when they are too many.
    """
    rows = _fold(slots)
    tops, heights, total = _levels(rows)
    width = 2 * MARGIN + max(_length(row, rows) for row in rows)
    axis = sheet(width, total)
    for row, top, height in zip(rows, tops, heights, strict=True):
        _set_row(row, rows, width, top - height / 2)
        for slot in row:
            for block in slot:
                block.draw(axis)
                _write_label(axis, block, slot, top - height)
        for before, after in itertools.pairwise(row):
            _connect(axis, before, after)
    for (before, after), top in zip(itertools.pairwise(rows), tops[1:], strict=True):
        _wrap(axis, before[-1], after[0][0], top + BETWEEN / 2)
    return axis.figure


def _write_label(axis: Axes, block: Block, slot: Slot, floor: float) -> None:
    """Write the label of a block under its row; in a slot with others, over or under itself."""
    if len(slot) > 1 and block is slot[0]:
        write(axis, (block.middle[0], block.y + block.height + 0.05), block.label, va="bottom")
    else:
        floor = floor if len(slot) == 1 else block.y
        write(axis, (block.middle[0], floor - 0.07), block.label, va="top")


def _fold(slots: list[Slot]) -> list[list[Slot]]:
    """Return the slots in rows, their blocks sized: few rows, but blocks that can be seen."""
    most = max(max(block.pixels) for block in itertools.chain(*slots))
    for count, side in itertools.product(range(1, MOST_ROWS + 1), SIDES):
        fitting = [rows for rows in _cuts(slots, count) if _spread(rows, side / most)]
        if fitting:
            rows = max(fitting, key=lambda rows: _open(rows, side / most))
            _spread(rows, side / most)
            return rows
    raise UsageError(f"{len(slots)} steps one after the other are too many for one drawing")


def _cuts(slots: list[Slot], count: int) -> Iterator[list[list[Slot]]]:
    """Yield the slots in `count` rows, cut in every way, but not where the network forks."""
    places = [k for k in range(1, len(slots)) if len(slots[k - 1]) == len(slots[k]) == 1]
    for cuts in itertools.combinations(places, count - 1):
        yield [slots[a:b] for a, b in itertools.pairwise([0, *cuts, len(slots)])]


def _spread(rows: list[list[Slot]], scale: float) -> bool:
    """Give the maps of each row as much room from one to the next as there is; False: none."""
    return all(_fits(row, rows, scale, OFFSETS[-1]) for row in rows) and all(
        any(_fits(row, rows, scale, offset) for offset in OFFSETS) for row in rows
    )


def _fits(row: list[Slot], rows: list[list[Slot]], scale: float, offset: float) -> bool:
    """Size the blocks of a row, and return whether it has room on the sheet."""
    for block in itertools.chain(*row):
        block.fit(scale, offset)
    return _length(row, rows) <= WIDEST - 2 * MARGIN


def _open(rows: list[list[Slot]], scale: float) -> float:
    """Return the share of a map that the next one in front leaves free, where it is least."""
    _spread(rows, scale)
    stacks = [block for row in rows for slot in row for block in slot if block.shown > 1]
    return min((block.offset / (block.pixels[1] * scale) for block in stacks), default=1.0)


def _length(row: list[Slot], rows: list[list[Slot]]) -> float:
    """Return the width that a row needs, with its arrows."""
    wide = sum(max(block.width for block in slot) for slot in row)
    wide += sum(_gap(before, after) for before, after in itertools.pairwise(row))
    after = _beside(row[-1]) if row is rows[-1] else _turn(row[-1]) + CLEAR
    return _before(row, rows) + wide + after


def _before(row: list[Slot], rows: list[list[Slot]]) -> float:
    """Return the room at the left: for a label, and for the arrow from the row before."""
    arrow_room = 0.0 if row is rows[0] else max(0.34, width_of(step_words(row[0][0])) + 0.2)
    return max(arrow_room, _beside(row[0]))


def _beside(slot: Slot) -> float:
    """Return how far a label is wider than its slot, at each side."""
    widest = max(width_of(block.label) for block in slot)
    return max(0.0, (widest - max(block.width for block in slot)) / 2)


def _turn(slot: Slot) -> float:
    """Return how far behind a slot the line to the next row goes down: past its label, too."""
    beside = _beside(slot)
    return max(AFTER - CLEAR, beside + CLEAR if beside else 0.0)


def _gap(before: Slot, after: Slot) -> float:
    """Return the room between two slots, for an arrow with its words and for their labels."""
    words = max(width_of(step_words(block)) for block in after)
    forks = len(before) + len(after) > 2
    gap = max(0.3, words + (0.36 if forks else 0.14))
    labels = [max(width_of(b.label) for b in slot) for slot in (before, after)]
    blocks = [max(b.width for b in slot) for slot in (before, after)]
    return max(gap, (sum(labels) - sum(blocks)) / 2 + 0.12)


def _levels(rows: list[list[Slot]]) -> tuple[list[float], list[float], float]:
    """Return where each row begins, from the top, its height, and the height of the sheet."""
    heights = [max(_height(slot) for slot in row) for row in rows]
    labels = [max(b.label.count("\n") + 1 for slot in row for b in slot) for row in rows]
    steps = [h + 0.07 + n * LINE + BETWEEN for h, n in zip(heights, labels, strict=True)]
    total = 2 * MARGIN + sum(steps) - BETWEEN
    tops = total - MARGIN - np.cumsum([0, *steps[:-1]])
    return list(tops), heights, total


def _height(slot: Slot) -> float:
    """Return the height of a slot; that of several blocks includes their labels."""
    if len(slot) == 1:
        return slot[0].height
    return sum(block.height for block in slot) + _apart(slot) * (len(slot) - 1) + 2 * _label(slot)


def _label(slot: Slot) -> float:
    return 0.07 + LINE * max(block.label.count("\n") + 1 for block in slot)


def _apart(slot: Slot) -> float:
    """Return the room between the blocks of a slot: words between two, labels between more."""
    return 0.5 if len(slot) == 2 else _label(slot) + 0.15


def _set_row(row: list[Slot], rows: list[list[Slot]], width: float, middle: float) -> None:
    """Give every block of a row its place; what is left of the width goes to the gaps."""
    spare = width - 2 * MARGIN - _length(row, rows)
    extra = min(0.3, spare / max(len(row) - 1, 1))
    x = MARGIN + _before(row, rows)
    for before, slot in zip([None, *row], row, strict=False):
        x += 0 if before is None else _gap(before, slot) + extra
        wide = max(block.width for block in slot)
        top = middle + _height(slot) / 2 - (_label(slot) if len(slot) > 1 else 0)
        for block in slot:
            block.x, block.y = x + (wide - block.width) / 2, top - block.height
            top -= block.height + _apart(slot)
        x += wide


def _connect(axis: Axes, before: Slot, after: Slot) -> None:
    """Draw the arrows between two slots, and their words once."""
    for block in after:
        for source in block.inputs:
            if block.step.kind in ("dense", "sampling") or _covers(source, block):
                ends = [*source.edge(right=True)[::-1], *block.edge(right=False)]
                area(axis, ends, facecolor=tint(ORANGE, 0.1), zorder=0)
            arrow(axis, _outlet(source), _inlet(block))
            _draw_window(axis, source, block)
    start, end = _outlet(before[0]), _inlet(after[0])
    words = step_words(after[0])
    if len(before) == len(after) == 1:
        write_on(axis, ((start[0] + end[0]) / 2, start[1]), words)
        return
    middle = np.mean([block.middle[1] for block in (before if len(after) == 1 else after)])
    half = width_of(words) / 2 + 0.06
    write(axis, (end[0] - half if len(before) == 1 else start[0] + half, middle), words)


def _covers(source: Block, block: Block) -> bool:
    """Return whether a convolution has a kernel as large as the maps before it."""
    return block.step.kind == "convolution" and block.step.kernel == source.pixels


def write_on(axis: Axes, middle: Point, words: str) -> None:
    """Write on an arrow to the right: the first line above it, the second below it."""
    above, _, below = words.partition("\n")
    write(axis, (middle[0], middle[1] + 0.035), above, va="bottom")
    if below:
        write(axis, (middle[0], middle[1] - 0.045), below, va="top")


def _outlet(block: Block) -> Point:
    return block.x + block.width + 0.05, block.middle[1]


def _inlet(block: Block) -> Point:
    return block.x - 0.05, block.middle[1]


def _draw_window(axis: Axes, source: Block, block: Block) -> None:
    """Draw what one unit of the front map of `block` sees in the front map of `source`."""
    step = block.step
    if step.stride is None or step.kind.startswith("transposed") or block.kind != "maps":
        return
    found = _seen(source, block)
    if found is None:
        return
    (row, column), (top, left) = found
    unit, window = _part(block, row, column, (1, 1)), _part(source, top, left, step.kernel)
    for corner, size in (window, unit):
        box(axis, corner, size, fill=False, edgecolor=ORANGE, linewidth=1.1, zorder=6)
    (x, y), (wide, high) = window
    (to, foot), (_, tall) = unit
    for start, end in ((y, foot), (y + high, foot + tall)):
        line(axis, [(x + wide, start), (to, end)], color=ORANGE, linewidth=0.7, zorder=6)


def _seen(source: Block, block: Block) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """Return a unit of the front map of `block` and the upper left corner of its window.

    It has the largest value of the units (the nearest to the middle of equal ones) whose windows
    lie inside the map and, so that no line crosses the words, below the arrow between the two
    blocks and what is written there. None where there is no such unit.
    """
    step, starts, inside = block.step, [], []
    sides = zip(block.pixels, source.pixels, step.kernel, step.stride, step.padding, strict=True)
    for count, room, kernel, stride, padding in sides:
        starts.append(np.arange(count) * stride - padding)
        inside.append((starts[-1] >= 0) & (starts[-1] + kernel <= room))
    rows, columns = np.indices(block.pixels)
    far = np.hypot(rows - block.pixels[0] / 2, columns - block.pixels[1] / 2)
    values = block.values[block.order[0]] - 1e-6 * far
    for distance in (LINE + 0.08,) if "\n" in step_words(block) else (0.08, 0.0):
        low = np.full(block.pixels[0], True)
        for one, tops in ((source, starts[0]), (block, np.arange(block.pixels[0]))):
            low &= _part(one, tops, 0, (0, 0))[0][1] <= one.middle[1] - distance
        allowed = np.outer(inside[0] & low, inside[1])
        if allowed.any():
            best = np.where(allowed, values, -np.inf).argmax()
            row, column = np.unravel_index(best, block.pixels)
            return (row, column), (starts[0][row], starts[1][column])
    return None


def _part(
    block: Block, row: int | np.ndarray, column: int, sides: tuple[int, int]
) -> tuple[Point, tuple[float, float]]:
    """Return corner and size, in inches, of some pixels of the front map, from (row, column)."""
    (x, y), (_, tall) = block.of_map(0)
    high, wide = sides
    corner = x + column * block.scale, y + tall - (row + high) * block.scale
    return corner, (wide * block.scale, high * block.scale)


def _wrap(axis: Axes, slot: Slot, block: Block, y: float) -> None:
    """Draw the arrow from the end of a row to the start of the next, over the line at `y`."""
    start, end = _outlet(slot[0]), _inlet(block)
    right, left = start[0] + _turn(slot), MARGIN + 0.02
    points = [start, (right, start[1]), (right, y), (left, y), (left, end[1])]
    line(axis, points, color=INK, linewidth=1.1, solid_joinstyle="round")
    arrow(axis, points[-1], end)
    write_on(axis, ((left + end[0]) / 2, end[1]), step_words(block))
