"""A lab's source: the solution notebook in labs/solutions/, and the answers tried beside it.

In the notebook the task q3 has a Markdown cell `q3`, answer cells `q3-answer`, `q3-answer-2`, ...,
a check cell `q3-check`, and a Markdown cell `q3-reason` that only the solution shows. How solutions
are marked stands in lenetcourse/labs/blanks.py.

The file lab_NN_tried.py beside it holds whole answer cells, each under a line that names it:

    # %% q3 right: with a loop
    # %% q3 mistake: the kernel is turned -> kernel is turned

The words after the arrow must stand in what the check says.
"""

import re
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from nbformat import NotebookNode
from notebook.reading import Unusable, cells_of, read_notebook, tags

from lenetcourse.labs.blanks import ANSWER, BlankError, emptied, solved
from lenetcourse.labs.frame import Lab, load_lab

REASON, KEEP = "reason", "keep-output"
NAME = re.compile(r"lab_(\d\d)_\w+")
HEADER = re.compile(r"# %% (q\d+) (right|mistake): (.+?)(?: -> (.+))?")


@dataclass(frozen=True)
class Tried:
    """An answer that was tried: whether it is right, its name, and what the check must say."""

    task: str
    right: bool
    name: str
    says: str
    source: str


@dataclass(frozen=True)
class LabSource:
    """The solution notebook of one lab, and the answers tried beside it."""

    path: Path
    nb: NotebookNode

    @property
    def number(self) -> str:
        """The lab's number, as in "02"."""
        return NAME.fullmatch(self.path.stem)[1]

    @property
    def lab(self) -> Lab:
        """The tasks and their checks."""
        return load_lab(self.number)

    def cell(self, name: str) -> NotebookNode:
        """Return the cell with this id. Raises Unusable."""
        for cell in self.nb.cells:
            if cell.id == name:
                return cell
        raise Unusable(f"{self.path.name}: no cell with the id {name!r}")

    @cached_property
    def tasks(self) -> list[str]:
        """The tasks that have a check cell, in order."""
        return [c.id.removesuffix("-check") for c in self.nb.cells if c.id.endswith("-check")]

    def answers(self, task: str) -> list[NotebookNode]:
        """Return the answer cells of a task."""
        found = [
            cell
            for _, cell in cells_of(self.nb, "code")
            if (match := ANSWER.fullmatch(cell.id)) and match[1] == task
        ]
        if not found:
            raise Unusable(f"{self.path.name}: {task} has no cell with the id {task}-answer")
        return found

    @cached_property
    def tried(self) -> list[Tried]:
        """The other answers, right and wrong, of lab_NN_tried.py. Raises Unusable."""
        path = self.path.with_name(f"lab_{self.number}_tried.py")
        if not path.is_file():
            return []
        return list(read_tried(path))


def read_source(path: Path) -> LabSource:
    """Return the lab in a solution notebook. Raises Unusable."""
    if not NAME.fullmatch(path.stem):
        raise Unusable(f"{path.name}: a lab is called lab_NN_name.ipynb")
    return LabSource(path, read_notebook(path))


def all_sources(root: Path) -> list[LabSource]:
    """Return the labs in labs/solutions/, in order. Raises Unusable."""
    return [read_source(path) for path in sorted((root / "labs" / "solutions").glob("*.ipynb"))]


def read_tried(path: Path) -> list[Tried]:
    """Return the answers in a lab_NN_tried.py. Raises Unusable."""
    found = []
    parts = re.split(r"^(?=# %% )", path.read_text(encoding="utf-8"), flags=re.M)
    for part in parts[1:]:
        header, _, body = part.partition("\n")
        match = HEADER.fullmatch(header)
        if not match or (match[2] == "mistake") != bool(match[4]):
            raise Unusable(f"{path.name}: {header!r} is neither a right answer nor a mistake")
        found.append(Tried(match[1], match[2] == "right", match[3], match[4] or "", body.strip()))
    return found


def handed_out(source: LabSource) -> NotebookNode:
    """Return the notebook as readers get it: blanks, no outputs but pictures that are to stay."""
    nb = deepcopy(source.nb)
    nb.cells = [cell for cell in nb.cells if REASON not in tags(cell)]
    for number, cell in cells_of(nb, "code"):
        try:
            cell.source = emptied(cell.source)
        except BlankError as error:
            raise Unusable(f"{source.path.name}: cell {number}, {cell.id}: {error}") from None
        cell.execution_count = None
        keep = KEEP in tags(cell)
        cell.outputs = [out for out in cell.outputs if keep and "image/png" in out.get("data", {})]
        if cell.outputs:  # nbval refuses outputs of cells that were not run; these do nothing yet
            cell.metadata["tags"] = [*cell.metadata.get("tags", []), "nbval-skip"]
        for output in cell.outputs:
            if "execution_count" in output:
                output.execution_count = None
    nb.metadata.pop("lenetcourse", None)
    return nb


def record(source: LabSource) -> dict:
    """Return what the library keeps of a lab: each task's check, solution and reason."""
    tasks = {}
    for task in source.tasks:
        cells: Sequence[NotebookNode] = source.answers(task)
        tasks[task] = {
            "check": source.cell(f"{task}-check").source,
            "solution": "\n\n".join(solved(cell.source) for cell in cells),
            "reason": source.cell(f"{task}-reason").source,
        }
    return {"name": source.path.stem, "tasks": tasks}
