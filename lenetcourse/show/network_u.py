"""A network with skip connections, drawn as a U: a level for each size of map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lenetcourse.errors import UsageError
from lenetcourse.show.canvas import (
    LINE,
    MARGIN,
    WIDEST,
    arrow,
    sheet,
    width_of,
    write,
)
from lenetcourse.show.network_blocks import Block, step_words

DOWN = 0.42  # between a label and the level below it, in inches
JOINS = ("concatenation", "sum")
SKIP = {"linestyle": (0, (4, 2)), "color": "#B0457F"}
UPS = ("upsampling", "transposed convolution")


@dataclass(eq=False)
class Link:
    """An arrow between two blocks and the words on it."""

    source: Block
    target: Block
    words: str
    skips: bool = False


def draw_u(blocks: Sequence[Block]) -> Figure:
    """Draw blocks, in the order in which they are computed, on a level for each size of map.

    What goes sideways keeps the size of the maps, what goes down or up changes it. Convolutions
    that repeat one another are one arrow; so are the steps that lead only to a join. Raises
    UsageError when there are too many side by side.
    """
    blocks, links = _shortened(list(blocks))
    level = _levels(blocks)
    column = _columns(blocks, links, level)
    widths, gaps = _fitted(blocks, links, level, column)
    edges = MARGIN + np.concatenate([[0], np.cumsum(np.array(widths[:-1]) + gaps)])
    heights = [
        max(b.height for b in blocks if level[b] == n) for n in range(max(level.values()) + 1)
    ]
    step = 2 * LINE + 0.1 + DOWN
    axis = sheet(
        edges[-1] + widths[-1] + MARGIN,
        2 * MARGIN + sum(heights) + step * len(heights) - DOWN + 1.5 * LINE,
    )
    tops = axis.get_ylim()[1] - MARGIN - np.concatenate([[0], np.cumsum(np.array(heights) + step)])
    for block in blocks:
        block.x = edges[column[block]] + (widths[column[block]] - block.width) / 2
        block.y = tops[level[block]] - heights[level[block]] / 2 - block.height / 2
        block.draw(axis)
        floor = tops[level[block]] - heights[level[block]]
        write(axis, (block.x + block.width / 2, floor - 0.06), block.label, va="top")
    for link in links:
        _draw_link(axis, link, level, tops, heights)
    kinds = {link.target.step.kind for link in links if link.skips}
    words = " and ".join(
        {"sum": "added", "concatenation": "concatenated"}[k] for k in sorted(kinds)
    )
    y = MARGIN + LINE / 2
    start = (axis.get_xlim()[1] - width_of(f"skip: {words}") - 0.5) / 2
    arrow(axis, (start, y), (start + 0.4, y), **SKIP)
    write(axis, (start + 0.5, y), f"skip: {words}", ha="left")
    return axis.figure


def _shortened(blocks: list[Block]) -> tuple[list[Block], list[Link]]:
    """Return the blocks to be drawn and the arrows between them."""
    users = {block: [b for b in blocks if block in b.inputs] for block in blocks}
    gone: set[Block] = set()
    links = []
    for block in blocks:
        if block.step.kind in JOINS and len(block.inputs) > 1:
            links += _join(block, users, gone)
            continue
        for source in block.inputs:
            words, times = step_words(block), 1
            while _repeats(block, source, users):
                gone.add(source)
                source, times = source.inputs[0], times + 1
            words += "" if times == 1 else "\ntwice" if times == 2 else f"\n{times} times"
            links.append(Link(source, block, words))
    kept = [block for block in blocks if block not in gone]
    return kept, [link for link in links if link.target not in gone]


def _repeats(block: Block, source: Block, users: dict) -> bool:
    """Return whether a convolution has the kernel and the shape of the one before it."""
    a, b = block.step, source.step
    return (
        a.kind == b.kind == "convolution"
        and (a.kernel, a.stride, a.values.shape) == (b.kernel, b.stride, b.values.shape)
        and users[source] == [block]
    )


def _join(block: Block, users: dict, gone: set[Block]) -> list[Link]:
    """Return the arrows to a join: the main one, that may come from below, and its skips."""
    main = next(
        (b for b in block.inputs if b.step.kind in UPS), max(block.inputs, key=list(users).index)
    )
    links = []
    for source in block.inputs:
        skips = source is not main
        words = ""
        alone = users[source] == [block]
        if alone and (
            source.step.kind in UPS or (source is not main and source.step.kind == "convolution")
        ):
            gone.add(source)
            words, source = step_words(source), source.inputs[0]
        links.append(Link(source, block, words, skips))
    return links


def _levels(blocks: Sequence[Block]) -> dict[Block, int]:
    """Return a level for each block, 0 for the largest maps."""
    sides = {b: b.step.values.shape[1] if b.step.values.ndim == 3 else 0 for b in blocks}
    order = sorted(set(sides.values()), reverse=True)
    return {block: order.index(side) for block, side in sides.items()}


def _columns(blocks: Sequence[Block], links: Sequence[Link], level: dict) -> dict[Block, int]:
    """Return a column for each block: one further for a step sideways, the same for others."""
    column: dict[Block, int] = {}
    for block in blocks:
        place = 0
        for link in links:
            if link.target is block:
                place = max(place, column[link.source] + (level[link.source] == level[block]))
        while (place, level[block]) in {(column[b], level[b]) for b in column}:
            place += 1
        column[block] = place
    return column


def _fitted(
    blocks: Sequence[Block], links: Sequence[Link], level: dict, column: dict
) -> tuple[list[float], list[float]]:
    """Return the widths of the columns and of the gaps after them, the blocks sized to fit."""
    count = max(column.values()) + 1
    place = {(column[b], level[b]): b for b in blocks}
    gaps = [0.26] * (count - 1)
    for link in links:
        a, b = column[link.source], column[link.target]
        if level[link.source] == level[link.target] and b == a + 1:
            gaps[a] = max(gaps[a], width_of(link.words) + 0.06)
    for side in np.arange(1.0, 0.39, -0.02):
        for block in blocks:
            block.fit(side, narrow=True)
        widths = [max(b.width for b in blocks if column[b] == c) for c in range(count)]
        wide = list(gaps)
        for (c, n), block in place.items():
            if (c + 1, n) in place:
                words = (width_of(block.label) + width_of(place[c + 1, n].label)) / 2 + 0.1
                wide[c] = max(wide[c], words - (widths[c] + widths[c + 1]) / 2)
        if sum(widths) + sum(wide) <= WIDEST - 2 * MARGIN:
            return widths, wide
    raise UsageError(f"{count} steps side by side are too many for one drawing")


def _draw_link(axis: Axes, link: Link, level: dict, tops: Sequence, heights: Sequence) -> None:
    a, b = link.source, link.target
    if level[a] == level[b]:
        start = a.x + a.width + 0.04, a.y + a.height / 2
        end = b.x - 0.04, b.y + b.height / 2
        style = SKIP if link.skips else {}
        arrow(axis, start, end, **style)
        write(axis, ((start[0] + end[0]) / 2, start[1] + 0.03), link.words, va="bottom")
        return
    upper, lower = sorted((a, b), key=lambda block: level[block])
    x = lower.x + lower.width / 2 if level[a] > level[b] else a.x + a.width / 2
    high = tops[level[upper]] - heights[level[upper]] - 2 * LINE - 0.1
    low = lower.y + lower.height + 0.04
    arrow(axis, (x, high), (x, low)) if upper is a else arrow(axis, (x, low), (x, high))
    write(axis, (x + 0.06, (high + low) / 2), link.words.replace("\n", " "), ha="left")
