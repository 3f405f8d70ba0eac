"""What the batch has measured, as the chapters read it: one JSON a run in `book/results/`."""

from __future__ import annotations

import html
import json
import math
import os
import statistics
from collections.abc import Sequence
from pathlib import Path

LONG = 24  # characters: a wider column of a table may break its lines


def read_results(name: str, folder: str | os.PathLike = "results") -> list[dict]:
    """Return the records that `make figures` has left of a sweep, or of one chapter, in order.

    A record has `parameters`, `values`, `seed`, `dataset`, `seconds`, `versions` and more. `folder`
    is where the records lie, seen from the notebook. Raises FileNotFoundError when there are none.
    """
    place = Path(folder, name)
    paths = sorted(place.glob("*.json"), key=_natural) or [place.with_name(f"{name}.json")]
    if not paths[0].is_file():
        raise FileNotFoundError(
            f"no results of {name!r} in {folder}: start the notebook in the course's folder book/, "
            f"or measure them with `make figures ONLY={name}`"
        )
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths]


def _natural(path: Path) -> list:
    """Order 2 before 10."""
    return [(not part.isdigit(), part.zfill(12)) for part in path.stem.replace("_", "-").split("-")]


def select(records: Sequence[dict], **parameters) -> list[dict]:
    """Return the records whose parameters have these values; a missing parameter counts as None."""
    return [
        record
        for record in records
        if all(record["parameters"].get(name) == value for name, value in parameters.items())
    ]


def mean_and_std(values: Sequence[float]) -> tuple[float, float]:
    """Return the mean and the sample standard deviation (n - 1); nan for a single value."""
    values = [float(value) for value in values]
    std = statistics.stdev(values) if len(values) > 1 else math.nan
    return statistics.fmean(values), std


def mean_interval(values: Sequence[float]) -> tuple[float, float]:
    """Return the 95 % confidence interval of a mean, by Student's t with n - 1 degrees of freedom.

    Student, Biometrika 6 (1908), 1-25. For paired runs, give the differences. Raises ValueError
    for fewer than two values.
    """
    if len(values) < 2:
        raise ValueError("an interval needs at least two values")
    from scipy.stats import t

    mean, std = mean_and_std(values)
    half = float(t.ppf(0.975, len(values) - 1)) * std / math.sqrt(len(values))
    return mean - half, mean + half


class Table:
    """Rows of text under a head: aligned when printed, an HTML table in a notebook.

    A column whose cells all look like numbers stands on the right. Raises ValueError when a row
    has another length than the head.
    """

    def __init__(self, head: Sequence[object], rows: Sequence[Sequence[object]]):
        self.lines = [[str(cell) for cell in line] for line in (head, *rows)]
        if any(len(line) != len(head) for line in self.lines):
            raise ValueError(f"every row needs {len(head)} cells, as the head has")
        columns = [column[1:] for column in zip(*self.lines, strict=True)]
        self.numeric = [all(_is_number(cell) for cell in column if cell) for column in columns]
        self.widths = [max(map(len, column)) for column in zip(*self.lines, strict=True)]

    def __repr__(self) -> str:
        lines = []
        for line in self.lines:
            parts = zip(line, self.widths, self.numeric, strict=True)
            cells = [cell.rjust(n) if right else cell.ljust(n) for cell, n, right in parts]
            lines.append("  ".join(cells).rstrip())
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        # Styles stand in the cells: Jupyter and Colab know no style sheet of ours.
        styles = [
            f"text-align: {'right' if right else 'left'}; "
            + ("min-width: 11em" if width > LONG else "white-space: nowrap")
            for width, right in zip(self.widths, self.numeric, strict=True)
        ]
        rows = []
        for number, line in enumerate(self.lines):
            kind = "td" if number else "th"
            cells = zip(styles, line, strict=True)
            rows.append("".join(f'<{kind} style="{s}">{html.escape(c)}</{kind}>' for s, c in cells))
        head, *body = (f"<tr>{row}</tr>" for row in rows)
        body = "\n".join(body)
        return f'<table class="course">\n<thead>{head}</thead>\n<tbody>{body}</tbody>\n</table>'


def _is_number(cell: str) -> bool:
    return cell[0].isdigit() or (cell[0] in "+-" and cell[1:2].isdigit())
