"""What the batch has measured, as the chapters read it: one JSON a run in `book/results/`."""

from __future__ import annotations

import html
import json
import math
import os
import statistics
from collections.abc import Sequence
from pathlib import Path


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

    Cells that look like numbers stand on the right.
    """

    def __init__(self, head: Sequence[str], rows: Sequence[Sequence[object]]):
        self.head = [str(cell) for cell in head]
        self.rows = [[str(cell) for cell in row] for row in rows]
        if any(len(row) != len(self.head) for row in self.rows):
            raise ValueError(f"every row needs {len(self.head)} cells, as the head has")

    def __repr__(self) -> str:
        lines = [self.head, *self.rows]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join("  ".join(map(_aligned, line, widths)).rstrip() for line in lines)

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{html.escape(cell)}</th>" for cell in self.head)
        body = "".join("<tr>" + "".join(map(_html_cell, row)) + "</tr>\n" for row in self.rows)
        return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n</table>"


def _is_number(cell: str) -> bool:
    return bool(cell) and (cell[0].isdigit() or (cell[0] in "+-−<" and cell[1:2].isdigit()))


def _aligned(cell: str, width: int) -> str:
    return cell.rjust(width) if _is_number(cell) else cell.ljust(width)


def _html_cell(cell: str) -> str:
    style = ' style="text-align: right"' if _is_number(cell) else ""
    return f"<td{style}>{html.escape(cell)}</td>"
