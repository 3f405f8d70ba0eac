"""What the notebooks of the book promise: skeleton, budgets, freshness, library code, guards.

Each rule takes a page and yields what it finds; tools/check_notebooks.py runs them all.
"""

import ast
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby, pairwise
from pathlib import Path

from nbformat import NotebookNode

from notebook.reading import (
    DEFINITIONS,
    cells_of,
    code_hash,
    count_words,
    course_metadata,
    headings,
    library_definitions,
    run_parameters,
    same_code,
    statements,
    tags,
)

FIRST_CELLS = 6  # the parameters stand within these
MARK = "skeleton-"
STEPS = (
    "idea",
    "data",
    "model",
    "training",
    "result",
    "limits",
    "remember",
    "check",
    "think",
    "references",
)
LABS = ("lab", "solution")  # a lab's text is as long as its tasks need; its checks are its guards
EITHER_FIRST = {"idea", "data"}  # which of the two opens a chapter depends on its subject
ABOUT = ("mnist", "cifar10", "flowers")  # data sets that a chapter may be run on
QUESTIONS = {"check": 5, "think": 3}  # at least, each with its answer folded away
BUDGET = {
    "cells": 70,
    "min_cells": 20,
    "code_lines": 15,
    "folded_lines": 30,
    "code_in_a_row": 2,
    "words": 4500,
    "min_words": 1500,
}


@dataclass(frozen=True)
class Page:
    """A notebook and what it is.

    A numbered "chapter", another "page" of the book, a "lab" as handed out, or its "solution".
    """

    path: Path
    nb: NotebookNode
    root: Path
    kind: str

    @property
    def remake(self) -> str:
        """What to do when the stored run is at fault."""
        if self.kind in LABS:
            return f"run `make labs RUN=1 ONLY={self.path.stem[4:6]}`"
        return f"run `make figures ONLY={self.path.stem}`"


@dataclass(frozen=True)
class Finding:
    """What is wrong, and what to do; in cell `cell` (from 1), or in the notebook as a whole."""

    cell: int | None
    wrong: str
    todo: str

    def __str__(self) -> str:
        place = "notebook" if self.cell is None else f"cell {self.cell}"
        return f"{place}: {self.wrong}: {self.todo}"


Findings = Iterator[Finding]


def one_parameters_cell(page: Page) -> Findings:
    """One cell near the top configures the chapter."""
    if page.kind != "chapter":
        return
    found = [number for number, cell in cells_of(page.nb, "code") if "parameters" in tags(cell)]
    if len(found) != 1:
        yield Finding(None, f"{len(found)} code cells tagged parameters", "tag exactly one")
    elif found[0] > FIRST_CELLS:
        todo = f"move it into the first {FIRST_CELLS} cells"
        yield Finding(found[0], "parameters far from the top", todo)


def title_and_promises(page: Page) -> Findings:
    """A page opens with its title, and a chapter says what the reader will do."""
    if page.kind in LABS:
        return
    levels = [
        (number, level)
        for number, cell in cells_of(page.nb, "markdown")
        for level, _ in headings(cell.source)
    ]
    titles = [number for number, level in levels if level == 1]
    if titles != [1] or not page.nb.cells[0].source.startswith("# "):
        todo = "write one `# Title`, at the top of the first cell"
        yield Finding(titles[1] if titles[1:] else 1, "no single title at the top", todo)
    top = " ".join(cell.source.lower() for cell in page.nb.cells[:2])
    if page.kind == "chapter" and "in this chapter you will" not in top:
        yield Finding(None, "no 'In this chapter you will'", "write it into the first two cells")


def marked_steps(nb: NotebookNode) -> list[tuple[str, int, NotebookNode]]:
    """Return the skeleton steps in the order of the cells: (step, cell number, cell)."""
    return [
        (tag.removeprefix(MARK), number, cell)
        for number, cell in enumerate(nb.cells, 1)
        for tag in sorted(tags(cell))
        if tag.startswith(MARK)
    ]


def skeleton_complete(page: Page) -> Findings:
    """Every step of the skeleton is there, or left out by name."""
    if page.kind != "chapter":
        return
    without = course_metadata(page.nb).get("skeleton_without", [])
    found = Counter(step for step, _, _ in marked_steps(page.nb))
    for step in sorted({*found, *without} - set(STEPS)):
        yield Finding(None, f"unknown skeleton step {step!r}", f"use {', '.join(STEPS)}")
    for step in STEPS:
        if found[step] > 1 or (not found[step] and step not in without):
            todo = "tag one, or name the step in lenetcourse.skeleton_without"
            yield Finding(None, f"{found[step]} cells tagged {MARK}{step}", todo)


def skeleton_in_order(page: Page) -> Findings:
    """The steps follow one another, each under a heading."""
    if page.kind != "chapter":
        return
    steps = marked_steps(page.nb)
    for step, number, cell in steps:
        if cell.cell_type != "markdown" or not re.match("##+ ", cell.source):
            todo = "tag the Markdown cell that starts with the step's heading"
            yield Finding(number, f"{MARK}{step} is not on a heading", todo)
    known = [(step, number) for step, number, _ in steps if step in STEPS]
    for (before, _), (step, number) in pairwise(known):
        if STEPS.index(step) < STEPS.index(before) and {before, step} != EITHER_FIRST:
            wrong = f"{MARK}{step} after {MARK}{before}"
            yield Finding(number, wrong, f"keep the order {', '.join(STEPS)}")


def questions_answered(page: Page) -> Findings:
    """Every question that a page asks at its end has its answer folded away."""
    if page.kind in LABS:
        return
    steps = marked_steps(page.nb)
    starts = [number for _, number, _ in steps] + [len(page.nb.cells) + 1]
    for (step, number, _), end in zip(steps, starts[1:], strict=True):
        if least := QUESTIONS.get(step):
            cells = page.nb.cells[number - 1 : end - 1]
            found = sum(c.source.count("</details>") for c in cells if c.cell_type == "markdown")
            if found < least:
                todo = "fold each answer away in <details>"
                yield Finding(number, f"{found} answers of at least {least}", todo)


def own_budget(nb: NotebookNode) -> Mapping[str, object]:
    """Return the budgets that a chapter sets for itself, with its reason."""
    budget = course_metadata(nb).get("budget", {})
    return budget if isinstance(budget, Mapping) else {"budget": budget}


def budget_explained(page: Page) -> Findings:
    """A chapter may set budgets of its own, with a reason."""
    budget = own_budget(page.nb)
    for name, value in budget.items():
        if name != "reason" and (name not in BUDGET or not isinstance(value, int)):
            yield Finding(
                None, f"budget {name}: {value!r}", f"give numbers for {', '.join(BUDGET)}"
            )
    if budget and not str(budget.get("reason", "")).strip():
        yield Finding(None, "budget changed without a reason", "add lenetcourse.budget.reason")


def within_budget(page: Page) -> Findings:
    """Length, and code that is read between text; removed cells do not count.

    A page that is no chapter may be as short as it likes.
    """
    if page.kind in LABS:
        return
    own = {name: value for name, value in own_budget(page.nb).items() if isinstance(value, int)}
    budget = BUDGET | own
    cells = [(n, c) for n, c in enumerate(page.nb.cells, 1) if "remove-cell" not in tags(c)]
    for unit, count in (("cells", len(cells)), ("words", count_words(page.nb))):
        low = budget[f"min_{unit}"] if page.kind == "chapter" else 0
        high = budget[unit]
        if not low <= count <= high:
            todo = f"keep to {low}-{high}, or set lenetcourse.budget with its reason"
            yield Finding(None, f"{count} {unit}", todo)
    for cell_type, run in groupby(cells, key=lambda place: place[1].cell_type):
        if cell_type == "code":
            yield from code_within_budget(list(run), budget)


def code_within_budget(run: list[tuple[int, NotebookNode]], budget: Mapping[str, int]) -> Findings:
    """Yield the findings on code cells that follow one another; folded ones may be longer."""
    shown = [number for number, cell in run if "hide-input" not in tags(cell)]
    if len(shown) > budget["code_in_a_row"]:
        todo = "say between them what is seen"
        yield Finding(shown[-1], f"{len(shown)} code cells in a row", todo)
    for number, cell in run:
        lines = sum(bool(line.strip()) for line in cell.source.splitlines())
        most = budget["code_lines" if number in shown else "folded_lines"]
        if lines > most:
            yield Finding(number, f"{lines} lines of code", f"split it, at most {most}")


def fresh(page: Page) -> Findings:
    """The stored outputs come from the code as it is now."""
    if page.kind == "lab":
        return
    stored = course_metadata(page.nb).get("code_hash")
    if not stored:
        yield Finding(None, "not run by the batch", page.remake)
    elif stored != code_hash(page.nb, run_parameters(page.nb)):
        yield Finding(None, "code or parameters changed since it was run", page.remake)


def run_on_its_data(page: Page) -> Findings:
    """What is committed was run on MNIST, or on what the chapter is about, and on no stand-in."""
    if page.kind != "chapter":
        return
    wanted = course_metadata(page.nb).get("about", "mnist")
    if wanted not in ABOUT:
        yield Finding(None, f"about {wanted!r}", f"a chapter is about {', '.join(ABOUT)}")
        return
    dataset = run_parameters(page.nb).get("dataset", "an unknown data set")
    if dataset != wanted:
        yield Finding(None, f"run on {dataset}, not on {wanted}", page.remake)


def library_code_shown(page: Page) -> Findings:
    """Code shown as the library's is the library's."""
    for number, cell in cells_of(page.nb, "code"):
        if "from-library" in tags(cell):
            for node in statements(cell.source):
                if wrong := difference(node, page.root):
                    yield Finding(number, wrong, "show the library's own definition")


def difference(node: ast.stmt, root: Path) -> str | None:
    """Return how a statement differs from the library's definition of that name, or None."""
    if not isinstance(node, DEFINITIONS):
        return f"{ast.unparse(node).splitlines()[0]!r} is no function or class"
    originals = library_definitions(root).get(node.name, [])
    if not originals:
        return f"{node.name} is not in the library"
    if any(same_code(node, original) for _, original in originals):
        return None
    return f"{node.name} differs from {' and '.join(place for place, _ in originals)}"


def results_guarded(page: Page) -> Findings:
    """A re-run compares facts, and asserts the range of the results."""
    if page.kind in LABS:
        return
    cells = [cell for _, cell in cells_of(page.nb, "code")]
    if not any("nbval-check-output" in tags(cell) for cell in cells):
        yield Finding(None, "no cell tagged nbval-check-output", "tag one that prints a fact")
    guards = [
        node for cell in cells if "remove-cell" in tags(cell) for node in statements(cell.source)
    ]
    if not any(isinstance(node, ast.Assert) for guard in guards for node in ast.walk(guard)):
        todo = "assert its range in a cell tagged remove-cell"
        yield Finding(None, "no result is guarded", todo)


CHAPTER_RULES = (
    one_parameters_cell,
    title_and_promises,
    skeleton_complete,
    skeleton_in_order,
    questions_answered,
    budget_explained,
    within_budget,
    fresh,
    run_on_its_data,
    library_code_shown,
    results_guarded,
)
