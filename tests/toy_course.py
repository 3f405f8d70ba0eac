"""Toy courses for the tests of the batch: a book/ with a batch.yml and notebooks of a few cells."""

import contextlib
import io
from pathlib import Path

import regenerate
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from notebook.reading import write_notebook


def code(source, *tags):
    return new_code_cell(source, metadata={"tags": list(tags)} if tags else {})


def notebook(*cells, parameters='dataset = "auto"', **course):
    """Return a notebook: a title, a parameters cell (None leaves it out), and more cells."""
    nb = new_notebook(metadata={"lenetcourse": course} if course else {})
    nb.cells = [new_markdown_cell("# Toy")]
    if parameters is not None:
        nb.cells.append(code(parameters, "parameters"))
    nb.cells += [code(cell) if isinstance(cell, str) else cell for cell in cells]
    for number, cell in enumerate(nb.cells):
        cell["id"] = f"toy-{number}"
    return nb


def course(root: Path, batch: str, **notebooks) -> Path:
    """Write a course into `root`; return `root`."""
    (root / "book").mkdir(exist_ok=True)
    (root / "book" / "batch.yml").write_text(batch, encoding="utf-8")
    for name, nb in notebooks.items():
        write_notebook(nb, root / "book" / f"{name}.ipynb")
    return root


def regenerated(root: Path, *argv: str) -> tuple[int, list[str], list[str]]:
    """Run the batch in `root`; return its status and the lines on stdout and on stderr."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = regenerate.main(argv, root)
    return status, out.getvalue().splitlines(), err.getvalue().splitlines()


def listed(root: Path, *argv: str) -> dict[str, str]:
    """Return what --list says about every run."""
    status, lines, _ = regenerated(root, "--list", *argv)
    assert status == 0
    return dict(line.split(": ", 1) for line in lines)
