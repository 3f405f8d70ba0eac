"""Solutions in a cell, and what stands in their place: the marks that other graders use as well.

A solution stands between `# BEGIN SOLUTION` and `# END SOLUTION`. Of the lines between them, those
that begin with `#: ` are what a reader finds in its place; one of them holds a `...`.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from lenetcourse.errors import CourseError

ANSWER = re.compile(r"(q\d+)-answer(?:-\d+)?")  # the id of a cell with a task's answer
BEGIN, END, GIVEN = "# BEGIN SOLUTION", "# END SOLUTION", "#: "


class BlankError(CourseError, ValueError):
    """Marks that do not match, or a solution that nothing would stand in place of."""


def blanks(source: str) -> int:
    """Return the number of solutions in a cell."""
    return sum(line.strip() == BEGIN for line in source.splitlines())


def rewritten(source: str, block: Callable[[int, str, list[str], list[str]], list[str]]) -> str:
    """Return a cell's code with each solution replaced by the lines that `block` gives.

    `block` is called with the solution's number from 0, its indent, its lines, and the lines that
    stand in its place. Raises BlankError.
    """
    kept: list[str] = []
    solution: list[str] = []
    given: list[str] = []
    number, indent, inside = -1, "", False
    for line in source.splitlines():
        bare = line.strip()
        if bare in (BEGIN, END):
            if inside == (bare == BEGIN):
                raise BlankError(f"{bare!r} where none is expected")
            inside = not inside
            if inside:
                number, indent = number + 1, line[: len(line) - len(line.lstrip())]
                solution, given = [], []
            elif not any("..." in part for part in given):
                raise BlankError(f"a solution without a line {GIVEN}... to put in its place")
            else:
                kept += block(number, indent, solution, given)
        elif not inside:
            kept.append(line)
        elif bare == GIVEN.strip():
            given.append("")
        elif bare.startswith(GIVEN):
            given.append(line.replace(GIVEN, "", 1))
        else:
            solution.append(line)
    if inside:
        raise BlankError(f"{BEGIN!r} without its end")
    return "\n".join(kept)


def emptied(source: str, only: int | None = None) -> str:
    """Return a cell's code with its solutions, or only solution number `only`, taken out.

    The solutions that stay lose their marks. Raises BlankError.
    """
    return rewritten(
        source,
        lambda number, _, solution, given: given if only in (None, number) else solution,
    )


def solved(source: str) -> str:
    """Return a cell's code with its solutions, without the marks. Raises BlankError."""
    return rewritten(source, lambda _number, _indent, solution, _given: solution)


def for_other_graders(source: str) -> str:
    """Return a cell's code with marks that another grader empties, and valid Python afterwards.

    It takes out what lies between the marks, so our own blank stands outside: a value before the
    solution, which then replaces it, and a `return` behind the solution's own. Raises BlankError.
    """

    def block(_number: int, indent: str, solution: list[str], given: list[str]) -> list[str]:
        before = [line for line in given if not line.lstrip().startswith("return")]
        behind = [line for line in given if line.lstrip().startswith("return")]
        return [*before, indent + BEGIN, *solution, indent + END, *behind]

    return rewritten(source, block)
