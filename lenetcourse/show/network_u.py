"""A network with skip connections, drawn as a U or as stairs: a level for each size of map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lenetcourse.errors import UsageError
from lenetcourse.show.canvas import LINE, MARGIN, PINK, WIDEST, arrow, line, sheet, width_of, write
from lenetcourse.show.network_blocks import Block, step_words
from lenetcourse.show.network_rows import write_on

DOWN = 0.42  # from the labels of a level to the next level, in inches
TURN = 0.1  # of this a line goes down before it turns to the left
OVER = 0.2  # above a level, for a skip over the blocks between
LEAST = 0.44  # inches of a level: an arrow with words above and below it
SIDES = np.arange(1.0, 0.35, -0.01)  # of the largest map, in inches
UPS = ("upsampling", "transposed convolution")
JOINS = {"sum": "added", "concatenation": "concatenated"}
SKIP = {"linestyle": (0, (4, 2)), "color": PINK}


@dataclass(eq=False)
class Link:
    """An arrow between two blocks and the words on it."""

    source: Block
    target: Block
    words: str
    skips: bool = False


@dataclass
class Plan:
    """What stands where: the level of each block, from the top, and its column, from the left."""

    links: list[Link]
    level: dict[Block, int]
    column: dict[Block, int]

    def at(self, column: int, level: int) -> Block | None:
        """Return the block in this place."""
        for block in self.level:
            if (self.column[block], self.level[block]) == (column, level):
                return block
        return None

    def jumps(self, link: Link) -> bool:
        """Return whether a link passes another block of its level."""
        level = self.level[link.source]
        between = range(self.column[link.source] + 1, self.column[link.target])
        return level == self.level[link.target] and any(self.at(c, level) for c in between)


def draw_u(blocks: Sequence[Block]) -> Figure:
    """Draw blocks, in the order in which they are computed, on a level for each size of map.

    What goes sideways keeps the size of the maps, what goes down or up changes it. Where nothing
    goes up, each level begins at the left again, like a line of text. Convolutions that repeat one
    another are one arrow; so are the steps that lead only to a join. Raises UsageError when there
    are too many side by side.
    """
    kept, links = _shortened(blocks)
    level = _levels(kept)
    plan = Plan(links, level, _columns(kept, links, level))
    middles, width = _fitted(plan)
    heights = [
        max(LEAST, *(b.height for b in level if level[b] == n)) for n in range(_count(level))
    ]
    over = [
        OVER * any(plan.jumps(k) for k in links if level[k.source] == n)
        for n in range(_count(level))
    ]
    under = 0.06 + 2 * LINE + DOWN
    steps = np.array(heights) + under + over
    axis = sheet(width, 2 * MARGIN + sum(steps) - DOWN + 1.5 * LINE)
    tops = axis.figure.get_figheight() - MARGIN - np.cumsum([0, *steps[:-1]]) - over
    for block, n in level.items():
        block.x = middles[plan.column[block]] - block.width / 2
        block.y = tops[n] - heights[n] / 2 - block.height / 2
        block.draw(axis)
        write(axis, (block.middle[0], tops[n] - heights[n] - 0.06), block.label, va="top")
    for link in links:
        _draw_link(axis, link, plan, tops - heights - under + DOWN)
    _write_legend(axis, links)
    return axis.figure


def _count(places: dict[Block, int]) -> int:
    return max(places.values()) + 1


def _shortened(blocks: Sequence[Block]) -> tuple[list[Block], list[Link]]:
    """Return the blocks to be drawn and the arrows between them."""
    users = {block: [b for b in blocks if block in b.inputs] for block in blocks}
    gone: set[Block] = set()
    links = []
    for block in blocks:
        if block.step.kind in JOINS:
            links += _join(block, users, gone)
            continue
        for source in block.inputs:
            words, times = step_words(block), 1
            while _repeats(block, source, users):
                gone.add(source)
                source, times = source.inputs[0], times + 1
            words += ("", "\ntwice", f"\n{times} times")[min(times, 3) - 1]
            links.append(Link(source, block, words))
    kept = [block for block in blocks if block not in gone]
    return kept, [link for link in links if link.target not in gone]


def _repeats(block: Block, source: Block, users: dict[Block, list[Block]]) -> bool:
    """Return whether a convolution has the kernel and the output of the one before it."""
    a, b = block.step, source.step
    return (
        a.kind == b.kind == "convolution"
        and (a.kernel, a.stride, a.values.shape) == (b.kernel, b.stride, b.values.shape)
        and users[source] == [block]
    )


def _join(block: Block, users: dict[Block, list[Block]], gone: set[Block]) -> list[Link]:
    """Return the arrows to a join: the main one, which may come from below, and its skips.

    A step that enlarges, or one on a skip, that leads only here becomes words on the arrow; it is
    added to `gone`.
    """
    order = list(users)
    main = max(block.inputs, key=lambda one: (one.step.kind in UPS, order.index(one)))
    links = []
    for source in block.inputs:
        skips, words = source is not main, ""
        only_words = source.step.kind in UPS or (skips and source.step.kind == "convolution")
        if only_words and users[source] == [block]:
            gone.add(source)
            words, source = step_words(source), source.inputs[0]
        links.append(Link(source, block, words, skips))
    return links


def _levels(blocks: Sequence[Block]) -> dict[Block, int]:
    """Return a level for each block, 0 for the largest maps; what has no map is lowest."""
    sides = [block.pixels[0] for block in blocks]
    order = sorted(set(sides), reverse=True)
    return {block: order.index(side) for block, side in zip(blocks, sides, strict=True)}


def _columns(
    blocks: Sequence[Block], links: Sequence[Link], level: dict[Block, int]
) -> dict[Block, int]:
    """Return a column for each block: one further for a step sideways.

    The others keep the column, or begin at the left where nothing comes up again.
    """
    column: dict[Block, int] = {}
    rises = any(level[link.target] < level[link.source] for link in links)
    for block in blocks:
        before = [link.source for link in links if link.target is block]
        sideways = [column[b] + 1 for b in before if level[b] == level[block]]
        place = max(sideways + [column[b] for b in before if rises], default=0)
        while any((column[b], level[b]) == (place, level[block]) for b in column):
            place += 1
        column[block] = place
    return column


def _fitted(plan: Plan) -> tuple[np.ndarray, float]:
    """Return the middles of the columns and the width of the sheet, the blocks sized to fit."""
    most = max(max(block.pixels) for block in plan.level)
    count = _count(plan.column)
    for side in SIDES:
        for block in plan.level:
            block.fit(side / most, 0.04, 4 if block.step.kind in JOINS else 3)
        ends = [max(_half(b) for b in plan.column if plan.column[b] == c) for c in (0, count - 1)]
        steps = [_step(plan, c) for c in range(count - 1)]
        middles = MARGIN + ends[0] + np.cumsum([0, *steps])
        width = middles[-1] + ends[1] + MARGIN
        if width <= WIDEST:
            return middles, width
    raise UsageError(f"{count} steps side by side are too many for one drawing")


def _half(block: Block) -> float:
    return max(block.width, width_of(block.label)) / 2


def _step(plan: Plan, column: int) -> float:
    """Return how far the next column is from this one, between their middles."""
    here = [b for b, c in plan.column.items() if c == column]
    there = [b for b, c in plan.column.items() if c == column + 1]
    step = 0.2
    for a in here:
        for b in there:
            if plan.level[a] != plan.level[b]:
                continue
            words = [link.words for link in plan.links if (link.source, link.target) == (a, b)]
            room = max(0.26, *(width_of(text) + 0.08 for text in ["", *words]))
            labels = (width_of(a.label) + width_of(b.label)) / 2 + 0.12
            step = max(step, (a.width + b.width) / 2 + room, labels)
    return step


def _draw_link(axis: Axes, link: Link, plan: Plan, floors: np.ndarray) -> None:
    """Draw an arrow sideways, over what is between, down or up; `floors` end the labels."""
    a, b = link.source, link.target
    style = SKIP if link.skips else {}
    if plan.jumps(link):
        y = max(one.y + one.height for one in plan.level if plan.level[one] == plan.level[a]) + 0.12
        # From right of the middle, where an arrow from the level above may end.
        start = a.x + 0.75 * a.width, a.y + a.height + 0.03
        end = b.middle[0], b.y + b.height + 0.03
        line(axis, [start, (start[0], y), (end[0], y)], **style)
        arrow(axis, (end[0], y), end, **style)
    elif plan.level[a] == plan.level[b]:
        start, end = (a.x + a.width + 0.04, a.middle[1]), (b.x - 0.04, b.middle[1])
        arrow(axis, start, end, **style)
        write_on(axis, ((start[0] + end[0]) / 2, start[1]), link.words)
    else:
        down = plan.level[a] < plan.level[b]
        upper, lower = (a, b) if down else (b, a)
        ends = [(upper.middle[0], floors[plan.level[upper]] - 0.03),
                (lower.middle[0], lower.y + lower.height + 0.05)]  # fmt: skip
        if plan.column[a] > plan.column[b]:  # first to the left, then down
            (start, y), x = ends[0], ends[1][0]
            line(axis, [(start, y), (start, y - TURN), (x, y - TURN)], **style)
            ends[0] = x, y - TURN
        arrow(axis, *(ends if down else ends[::-1]), **style)
        at = (ends[0][0] + ends[1][0]) / 2 + 0.07, (ends[0][1] + ends[1][1]) / 2
        write(axis, at, link.words.replace("\n", " "), ha="left")


def _write_legend(axis: Axes, links: Sequence[Link]) -> None:
    """Say below the drawing what the dashed arrows do."""
    kinds = {link.target.step.kind for link in links if link.skips}
    words = "skip: " + " or ".join(JOINS[kind] for kind in sorted(kinds))
    x, y = (axis.figure.get_figwidth() - width_of(words) - 0.5) / 2, MARGIN + LINE / 2
    arrow(axis, (x, y), (x + 0.4, y), **SKIP)
    write(axis, (x + 0.5, y), words, ha="left")
