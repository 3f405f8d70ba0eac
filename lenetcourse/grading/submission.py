"""What is in a reader's notebook: its code cells, and which lab it is. Nothing is run here."""

from __future__ import annotations

import ast
import json
import re
from dataclasses import dataclass
from importlib.resources import files

from lenetcourse.errors import CourseError
from lenetcourse.labs.record import read_record

LARGEST = 100_000_000  # bytes; outputs make a notebook large, and are not read
LAB_IMPORT = re.compile(r"from\s+lenetcourse\.labs\s+import\s+lab_(\d\d)\b")
LAB_NAME = re.compile(r"lab_(\d\d)")


class SubmissionError(CourseError):
    """A file that is no notebook which can be marked; the message says why."""


@dataclass(frozen=True)
class Cell:
    """A code cell: its id, or its place where it has none, and its code without magics."""

    name: str
    source: str


def lab_numbers() -> list[str]:
    """Return the numbers of the labs that this version of the library has."""
    folder = files("lenetcourse") / "labs"
    names = (LAB_NAME.fullmatch(item.name.removesuffix(".py")) for item in folder.iterdir())
    return sorted(match[1] for match in names if match)


def read_cells(content: bytes) -> list[Cell]:
    """Return the code cells of a notebook. Raises SubmissionError."""
    if len(content) > LARGEST:
        raise SubmissionError(f"the file is larger than {LARGEST // 1_000_000} MB")
    try:
        notebook = json.loads(content.decode("utf-8-sig"))
        cells = notebook["cells"]
        language = _language(notebook.get("metadata", {}))
        found = [
            Cell(str(cell.get("id") or f"cell {place}"), without_magics(_source(cell)))
            for place, cell in enumerate(cells, 1)
            if cell["cell_type"] == "code"
        ]
    except (ValueError, RecursionError) as error:
        raise SubmissionError(f"the file is not JSON: {error}") from None
    except (KeyError, TypeError, AttributeError):
        raise SubmissionError("the file is JSON, but no notebook of format 4") from None
    if language not in ("", "python"):
        raise SubmissionError(f"the notebook is written in {language}, not in Python")
    return found


def _language(metadata: dict) -> str:
    info, kernel = metadata.get("language_info", {}), metadata.get("kernelspec", {})
    return str(info.get("name") or kernel.get("language") or "").lower()


def _source(cell: dict) -> str:
    source = cell["source"]
    return source if isinstance(source, str) else "".join(map(str, source))


def without_magics(source: str) -> str:
    """Return code with its magics and shell lines turned into comments."""
    if source.lstrip().startswith("%%"):
        return re.sub(r"^", "# ", source, flags=re.M)
    return re.sub(r"^(\s*)([%!])", r"\1pass  # \2", source, flags=re.M)


def which_lab(cells: list[Cell], filename: str) -> str:
    """Return the lab's number: by its import, else by the file's name. Raises SubmissionError."""
    named = [match[1] for cell in cells for match in LAB_IMPORT.finditer(cell.source)]
    named += [match[1] for match in LAB_NAME.finditer(filename)]
    for number in named:
        if number in lab_numbers():
            return number
    raise SubmissionError("no lab is imported here, and none is in the file's name: use --lab")


def canonical_checks(number: str) -> dict[str, list[str]]:
    """Return, for every task of a lab, the expressions that its own check cell hands over."""
    checks = {}
    for task, kept in read_record(number)["tasks"].items():
        call = ast.parse(kept["check"]).body[-1].value
        checks[task] = [ast.unparse(argument) for argument in call.args]
    return checks


def checked_in(cell: Cell, tasks: list[str]) -> list[str]:
    """Return the tasks whose check stands in a cell, by its code or by its id."""
    found = [
        task for task in tasks if re.search(rf"\blab\s*\.\s*{task}\s*\.\s*check\b", cell.source)
    ]
    if not found and cell.name.removesuffix("-check") in tasks and cell.name.endswith("-check"):
        found = [cell.name.removesuffix("-check")]
    return found
