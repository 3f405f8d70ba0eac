"""Labs in the form of two other graders, nbgrader and Otter: written from the solution notebooks.

Their tests only ask what our checks say, so the installed library does the marking there as well.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from lenetcourse.errors import CourseError, UsageError
from lenetcourse.files import write_text
from lenetcourse.labs.blanks import ANSWER, for_other_graders

CHECK = re.compile(r"(q\d+)-check")
NBGRADER_CONFIG = '''"""The settings of the exported labs: our own blanks stay below this line."""

c = get_config()  # noqa: F821
c.ClearSolutions.code_stub = {"python": "# YOUR CODE HERE"}
c.ExecutePreprocessor.timeout = 120
'''


def export(solutions: Path, grader: str, folder: Path) -> list[Path]:
    """Write every lab in `solutions` for a grader into `folder`, which must not exist.

    Returns the notebooks written. Raises UsageError and CourseError.
    """
    sources = sorted(solutions.glob("lab_*.ipynb"))
    if not sources:
        raise UsageError(
            f"{solutions}: no lab_NN_name.ipynb there: name labs/solutions with --from"
        )
    if folder.exists():
        raise UsageError(f"{folder} exists: name a new folder")
    written = []
    for source in sources:
        notebook = _read(source)
        cells = [cell for cell in notebook["cells"] if "reason" not in _tags(cell)]
        place = _place(folder, grader, source)
        convert = nbgrader_cells if grader == "nbgrader" else otter_cells
        notebook["cells"] = list(convert(cells, source.stem))
        notebook["metadata"].pop("lenetcourse", None)
        write_text(place, json.dumps(notebook, indent=1, ensure_ascii=False) + "\n")
        written.append(place)
    if grader == "nbgrader":
        write_text(folder / "nbgrader_config.py", NBGRADER_CONFIG)
    return written


def _place(folder: Path, grader: str, source: Path) -> Path:
    """Return where a grader looks for a lab."""
    parent = folder / "source" / source.stem[:6] if grader == "nbgrader" else folder
    return parent / source.name


def _read(path: Path) -> dict:
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        return {**notebook, "cells": [_whole(cell) for cell in notebook["cells"]]}
    except (ValueError, KeyError, TypeError):
        raise CourseError(f"{path}: not a notebook") from None


def _whole(cell: dict) -> dict:
    """Return a cell with its source in one string, without outputs."""
    source = cell["source"]
    cell = {**cell, "source": source if isinstance(source, str) else "".join(source)}
    return {**cell, "outputs": [], "execution_count": None} if cell["cell_type"] == "code" else cell


def _tags(cell: dict) -> list[str]:
    return cell["metadata"].get("tags", [])


def asserted(source: str, task: str) -> str:
    """Return a check cell that also raises when the answer is not right."""
    return f"{source}\nassert lab.{task}.passed"


def nbgrader_cells(cells: list[dict], name: str) -> Iterator[dict]:
    """Yield a lab's cells with nbgrader's metadata: answers, and tests of one point."""
    for cell in cells:
        answer, check = ANSWER.fullmatch(cell["id"]), CHECK.fullmatch(cell["id"])
        if not (answer or check):
            yield cell
            continue
        marks = {
            "grade_id": cell["id"],
            "schema_version": 3,
            "grade": bool(check),
            "solution": bool(answer),
            "locked": bool(check),
            "task": False,
        }
        source = for_other_graders(cell["source"])
        if check:
            marks["points"] = 1
            source = asserted(cell["source"], check[1])
        yield {**cell, "source": source, "metadata": {**cell["metadata"], "nbgrader": marks}}


def otter_cells(cells: list[dict], name: str) -> Iterator[dict]:
    """Yield a lab's cells between the raw cells that Otter reads.

    A question starts at its first answer and ends with its check, which becomes its test; what lies
    between, such as a run, belongs to the question.
    """

    def raw(text: str, place: str) -> dict:
        return {"cell_type": "raw", "id": f"otter-{place}", "metadata": {}, "source": text}

    config = f"# ASSIGNMENT CONFIG\nname: {name}\ninit_cell: false\nexport_cell: false\n"
    yield raw(config + "check_all_cell: false\ngenerate: true", "config")
    last = {m[1]: c["id"] for c in cells if (m := ANSWER.fullmatch(c["id"]))}
    first: set[str] = set()
    for cell in cells:
        answer, check = ANSWER.fullmatch(cell["id"]), CHECK.fullmatch(cell["id"])
        if answer and answer[1] not in first:
            first.add(answer[1])
            yield raw(f"# BEGIN QUESTION\nname: {answer[1]}\npoints: 1", f"{answer[1]}-begin")
            yield raw("# BEGIN SOLUTION", f"{answer[1]}-solution")
        if answer:
            yield {**cell, "source": for_other_graders(cell["source"])}
            if cell["id"] == last[answer[1]]:
                yield raw("# END SOLUTION", f"{answer[1]}-solved")
        elif check:
            task = check[1]
            test = cell["source"].replace(".check(", ".judge(") + ".kind"
            output = {
                "output_type": "execute_result",
                "execution_count": 1,
                "metadata": {},
                "data": {"text/plain": "'right'"},
            }
            yield raw("# BEGIN TESTS", f"{task}-tests")
            yield {**cell, "source": test, "outputs": [output], "execution_count": 1}
            yield raw("# END TESTS", f"{task}-tested")
            yield raw("# END QUESTION", f"{task}-end")
            yield {**cell, "id": f"{task}-own-check"}
        else:
            yield cell
