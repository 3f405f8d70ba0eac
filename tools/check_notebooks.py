"""Check what nbval does not see in the notebooks: order, outputs, budgets, freshness, promises.

    python tools/check_notebooks.py [NOTEBOOK ...]

Without names: every notebook in book/ and labs/. Prints one line a finding and exits with 1 when
there are any; with 2 when a notebook cannot be read. CONTRIBUTING.md says what a chapter owes.
"""

import argparse
import ast
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, zip_longest
from pathlib import Path

from notebooks import (
    CHAPTER,
    CODE_SPAN,
    DEFINITIONS,
    ROOT,
    RUN_METADATA,
    RUN_TAGS,
    VALID_ID,
    Unusable,
    code_hash,
    count_words,
    course_metadata,
    headings,
    library_definitions,
    magics,
    numbered,
    parse_cell,
    prose,
    read_notebook,
    run_parameters,
    tags,
    without_docstrings,
)
from nbformat import NotebookNode

MAX_BYTES = 500_000
ALT_LENGTH = 15  # shorter than this says "figure", not what it shows
FIRST_CELLS = 6  # the parameters stand within these
MIME_TYPES = {"text/plain", "text/html", "text/latex", "text/markdown", "image/png"}
# HTML outputs are for tables: nothing that runs, loads something or is a picture.
ACTIVE_HTML = re.compile(
    r"<\s*(script|svg|img|iframe|object|embed|link|video|audio|canvas)\b", re.I
)

STEPS = "data idea model training result limits summary exercises references".split()
BUDGET = {
    "cells": 40,
    "min_cells": 15,
    "code_lines": 15,
    "code_in_a_row": 2,
    "words": 2000,
    "min_words": 800,
}


@dataclass(frozen=True)
class Page:
    """A notebook and what it is: a numbered "chapter", another "page" of the book, or a "lab"."""

    path: Path
    nb: NotebookNode
    root: Path
    kind: str

    @property
    def remake(self) -> str:
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


# The rules: each takes a page and yields what it finds.


def executed_in_order(page: Page) -> Findings:
    cells = list(numbered(page.nb, "code"))
    if page.kind == "lab" and not any(c.execution_count or c.outputs for _, c in cells):
        return  # labs are stored as the reader gets them: never run
    expected = 1
    for number, cell in cells:
        if cell.execution_count is None:
            yield Finding(number, "not executed", page.remake)
            continue
        if cell.execution_count != expected:
            wrong = f"executed as [{cell.execution_count}], expected [{expected}]"
            yield Finding(number, wrong, page.remake)
            return
        expected += 1


def no_magics(page: Page) -> Findings:
    for number, cell in numbered(page.nb, "code"):
        try:
            found = magics(cell.source)
        except SyntaxError as error:
            yield Finding(number, f"not valid Python, line {error.lineno}", "correct it")
            continue
        for magic in found:
            allowed = magic == "%matplotlib inline" or (
                magic.startswith("%pip ") and "setup" in tags(cell)
            )
            if not allowed:
                yield Finding(number, f"{magic.splitlines()[0]!r}", "write it in Python")


def clean_outputs(page: Page) -> Findings:
    for number, cell in numbered(page.nb, "code"):
        if any(output.get("name") == "stderr" for output in cell.outputs):
            yield Finding(number, "writes to stderr", "remove what causes the message")
        failed = any(output.output_type == "error" for output in cell.outputs)
        if failed and "raises-exception" not in tags(cell):
            yield Finding(number, "ends in an error", "correct it, or tag it raises-exception")


def known_formats(page: Page) -> Findings:
    for number, cell in numbered(page.nb, "code"):
        for output in cell.outputs:
            data = output.get("data", {})
            for mime in sorted(set(data) - MIME_TYPES):
                yield Finding(number, f"{mime} output", "use PNG figures, text and tables")
            html = data.get("text/html", "")
            if ACTIVE_HTML.search(html):
                yield Finding(number, "HTML output that is more than a table", "use a PNG or text")
            if html and "text/plain" not in data:
                yield Finding(number, "HTML output without plain text", "give it a __repr__ too")


def no_widget_state(page: Page) -> Findings:
    if "widgets" in page.nb.metadata:
        yield Finding(None, "stored widget state", page.remake)


def no_machine_paths(page: Page) -> Findings:
    for number, cell in enumerate(page.nb.cells, 1):
        texts = [cell.source, *map(output_text, cell.get("outputs", ()))]
        if found := machine_path("\n".join(texts), page.root):
            yield Finding(number, f"{found!r}, a path of one machine", "use a relative path")


def no_run_traces(page: Page) -> Findings:
    for key in RUN_METADATA:
        if key in page.nb.metadata:
            yield Finding(None, f"{key} metadata of a run", page.remake)
    for number, cell in enumerate(page.nb.cells, 1):
        traces = [key for key in RUN_METADATA if key in cell.metadata]
        for trace in traces + sorted(tags(cell) & RUN_TAGS):
            yield Finding(number, f"{trace} left by a run", page.remake)


def small_file(page: Page) -> Findings:
    size = page.path.stat().st_size
    if size > MAX_BYTES:
        wrong = f"{size / 1000:.0f} KB, at most {MAX_BYTES / 1000:.0f}"
        yield Finding(None, wrong, "make the figures fewer or smaller")


def figures_described(page: Page) -> Findings:
    for number, cell in numbered(page.nb, "code"):
        alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
        shows = any("image/png" in output.get("data", {}) for output in cell.outputs)
        if shows and len(str(alt).strip()) < ALT_LENGTH:
            todo = f"set metadata mystnb.image.alt, {ALT_LENGTH} characters or more"
            yield Finding(number, "figure without a description", todo)
    for number, cell in numbered(page.nb, "markdown"):
        if has_bare_image(cell.source):
            yield Finding(number, "image without alt text", "write ![what it shows](...)")


def stable_ids(page: Page) -> Findings:
    seen: set[str] = set()
    for number, cell in enumerate(page.nb.cells, 1):
        name = cell.get("id", "")
        if not VALID_ID.fullmatch(name):
            wrong = f"cell id {name!r} is not made of a-z, 0-9 and -" if name else "no cell id"
            yield Finding(number, wrong, page.remake)
        elif name in seen:
            yield Finding(number, f"cell id {name!r} is used twice", page.remake)
        seen.add(name)


def one_parameters_cell(page: Page) -> Findings:
    if page.kind != "chapter":
        return
    found = [n for n, cell in numbered(page.nb, "code") if "parameters" in tags(cell)]
    if len(found) != 1:
        wrong = f"{len(found)} code cells tagged parameters"
        yield Finding(found[1] if found else None, wrong, "tag exactly one")
    elif found[0] > FIRST_CELLS:
        todo = f"move it into the first {FIRST_CELLS} cells"
        yield Finding(found[0], "parameters far from the top", todo)


def setup_first(page: Page) -> Findings:
    first = next(numbered(page.nb, "code"), None)
    if first and "setup" not in tags(first[1]):
        yield Finding(first[0], "first code cell is not tagged setup", "start with imports")


def plain_markdown(page: Page) -> Findings:
    for number, cell in numbered(page.nb, "markdown"):
        if found := myst_syntax(cell.source):
            todo = "write plain Markdown: Colab shows this as raw text"
            yield Finding(number, f"MyST syntax {found!r}", todo)


def title_and_promises(page: Page) -> Findings:
    if page.kind != "chapter":
        return
    titles = [
        (number, text)
        for number, cell in numbered(page.nb, "markdown")
        for level, text in headings(cell.source)
        if level == 1
    ]
    if [number for number, _ in titles] != [1] or not page.nb.cells[0].source.startswith("# "):
        wrong = f"{len(titles)} titles (# ...)"
        yield Finding(titles[1][0] if titles[1:] else 1, wrong, "write one, atop the first cell")
    top = " ".join(cell.source.lower() for cell in page.nb.cells[:2])
    if "in this chapter you will" not in top:
        yield Finding(None, "no 'In this chapter you will'", "write it into the first two cells")


def skeleton_in_order(page: Page) -> Findings:
    if page.kind != "chapter":
        return
    without = course_metadata(page.nb).get("skeleton_without", [])
    places = [
        (step, number, cell)
        for number, cell in enumerate(page.nb.cells, 1)
        for step in sorted(tag[9:] for tag in tags(cell) if tag.startswith("skeleton-"))
    ]
    found = [step for step, _, _ in places]
    for step in sorted({*found, *without} - set(STEPS)):
        yield Finding(None, f"unknown skeleton step {step!r}", "steps are " + ", ".join(STEPS))
    for step in STEPS:
        if found.count(step) != 1 and not (step in without and step not in found):
            wrong = f"{found.count(step)} cells tagged skeleton-{step}"
            yield Finding(None, wrong, "tag one, or name the step in skeleton_without")
    for step, number, cell in places:
        if cell.cell_type != "markdown" or not re.match("##+ ", cell.source):
            wrong = f"skeleton-{step} is not on a heading"
            yield Finding(number, wrong, "tag the Markdown cell that starts with the heading")
    ranks = [(STEPS.index(step), number) for step, number, _ in places if step in STEPS]
    for (rank, _), (next_rank, number) in pairwise(ranks):
        if next_rank < rank:
            wrong = f"skeleton-{STEPS[next_rank]} after skeleton-{STEPS[rank]}"
            yield Finding(number, wrong, "keep the order " + ", ".join(STEPS))


def budget_explained(page: Page) -> Findings:
    budget = course_metadata(page.nb).get("budget", {})
    for name in sorted(set(budget) - set(BUDGET) - {"reason"}):
        yield Finding(None, f"unknown budget {name!r}", "budgets are " + ", ".join(BUDGET))
    if budget and not str(budget.get("reason", "")).strip():
        yield Finding(None, "budget changed without a reason", "add lenetcourse.budget.reason")


def within_budget(page: Page) -> Findings:
    if page.kind != "chapter":
        return
    budget = {**BUDGET, **course_metadata(page.nb).get("budget", {})}
    cells = [(n, c) for n, c in enumerate(page.nb.cells, 1) if "remove-cell" not in tags(c)]
    for unit, count in (("cells", len(cells)), ("words", count_words(page.nb))):
        low, high = budget[f"min_{unit}"], budget[unit]
        if not low <= count <= high:
            todo = f"keep to {low}-{high}, or give a budget with its reason"
            yield Finding(None, f"{count} {unit}", todo)
    for number, cell in cells:
        lines = sum(bool(line.strip()) for line in cell.source.splitlines())
        if cell.cell_type == "code" and lines > budget["code_lines"]:
            todo = f"split it, at most {budget['code_lines']}"
            yield Finding(number, f"{lines} lines of code", todo)
    for cell_type, run in groupby(cells, key=lambda place: place[1].cell_type):
        row = [number for number, _ in run]
        if cell_type == "code" and len(row) > budget["code_in_a_row"]:
            yield Finding(
                row[-1], f"{len(row)} code cells in a row", "say between them what is seen"
            )


def fresh(page: Page) -> Findings:
    if page.kind == "lab":
        return
    stored = course_metadata(page.nb).get("code_hash")
    if stored != code_hash(page.nb, run_parameters(page.nb)):
        wrong = (
            "code or parameters changed since the batch ran" if stored else "not run by the batch"
        )
        yield Finding(None, wrong, page.remake)


def run_on_mnist(page: Page) -> Findings:
    dataset = course_metadata(page.nb).get("dataset")
    if page.kind == "chapter" and dataset != "mnist":
        yield Finding(None, f"run on {dataset or 'an unknown data set'}, not mnist", page.remake)


def library_code_shown(page: Page) -> Findings:
    for number, cell in numbered(page.nb, "code"):
        if "from-library" in tags(cell):
            for wrong in differences(parse_cell(cell.source).body, page.root):
                yield Finding(number, wrong, "show the library's own definition")


def differences(shown: list[ast.stmt], root: Path) -> Iterator[str]:
    """Yield how the statements of a cell differ from the library's definitions."""
    for node in shown:
        if not isinstance(node, DEFINITIONS):
            yield f"{ast.unparse(node).splitlines()[0]!r} in a from-library cell"
            continue
        originals = library_definitions(root).get(node.name, [])
        if not originals:
            yield f"{node.name} is not in the library"
        elif not any(same_code(node, original) for _, original in originals):
            yield f"{node.name} differs from {originals[0][0]}"


def same_code(one: ast.AST, other: ast.AST) -> bool:
    """Return whether two definitions do the same: formatting, comments, docstrings aside."""
    return ast.dump(without_docstrings(one)) == ast.dump(without_docstrings(other))


def results_guarded(page: Page) -> Findings:
    if page.kind != "chapter":
        return
    cells = [cell for _, cell in numbered(page.nb, "code")]
    if not any("nbval-check-output" in tags(cell) for cell in cells):
        yield Finding(None, "no cell tagged nbval-check-output", "tag one that prints a fact")
    hidden = [cell for cell in cells if "remove-cell" in tags(cell)]
    trees = [ast.walk(parse_cell(cell.source)) for cell in hidden]
    if not any(isinstance(node, ast.Assert) for tree in trees for node in tree):
        todo = "assert the result's range in a cell tagged remove-cell"
        yield Finding(None, "no result is guarded", todo)


RULES = (
    executed_in_order,
    no_magics,
    clean_outputs,
    known_formats,
    no_widget_state,
    no_machine_paths,
    no_run_traces,
    small_file,
    figures_described,
    stable_ids,
    one_parameters_cell,
    setup_first,
    plain_markdown,
    title_and_promises,
    skeleton_in_order,
    budget_explained,
    within_budget,
    fresh,
    run_on_mnist,
    library_code_shown,
    results_guarded,
)


def check(path: Path, root: Path = ROOT) -> list[Finding]:
    """Return the findings on one notebook. Raises Unusable when it cannot be read."""
    page = open_page(path, root)
    return [finding for rule in RULES for finding in rule(page)]
