"""Tables: aligned when printed, HTML in a notebook."""

from __future__ import annotations

import html
from collections.abc import Sequence

from lenetcourse.errors import UsageError

LONG = 24  # characters: a wider column may break its lines


class Table:
    """Rows of text under a head: aligned when printed, an HTML table in a notebook.

    A column whose cells all look like numbers stands on the right. Raises UsageError when a row
    has another length than the head.
    """

    def __init__(self, head: Sequence[object], rows: Sequence[Sequence[object]]) -> None:
        self.lines = [[str(cell) for cell in line] for line in (head, *rows)]
        if any(len(line) != len(head) for line in self.lines):
            raise UsageError(f"every row needs {len(head)} cells, as the head has")
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
