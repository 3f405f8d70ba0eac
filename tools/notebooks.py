"""What the notebook tools share: files, tags, the freshness hash, Markdown and library code."""

import ast
import functools
import hashlib
import json
import os
import re
import warnings
from collections.abc import Iterator, Mapping
from copy import deepcopy
from pathlib import Path

import nbformat
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parent.parent
CHAPTER = re.compile(r"\d\d_\w+")  # the stem of a numbered chapter
VALID_ID = re.compile(r"[a-z0-9-]{1,64}")

# What a run leaves in a notebook and must not be committed.
RUN_METADATA = ("papermill", "execution", "ExecuteTime")
RUN_TAGS = {"injected-parameters", "papermill-error-cell-tag"}

FENCED = re.compile(r"^[ >]*(`{3,}|~{3,})[^\n]*\n.*?(?:^[ >]*\1[`~]*\s*$|\Z)", re.M | re.S)
CODE_SPAN = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.S)
HEADING = re.compile(r"^(#{1,6})[ \t]+(\S.*)$", re.M)
WORD = re.compile(r"\w+(?:[-'’.,]\w+)*")
# Display formulas, HTML tags and the targets of links are not read as words.
NOT_WORDS = re.compile(r"\$\$.*?\$\$|<[^<>]+>|(?<=\])\([^)]*\)", re.S)

DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
ESCAPES = {"run_line_magic": "%", "run_cell_magic": "%%", "system": "!", "getoutput": "!"}


class Unusable(ValueError):
    """Input that a tool cannot work with; the message is the line to print."""


def read_notebook(path: Path) -> NotebookNode:
    """Return the notebook in `path` as it is stored, missing cell ids and all.

    Raises Unusable when the file cannot be read or does not hold a version 4 notebook.
    """
    try:
        text = path.read_text(encoding="utf-8")
        if json.loads(text).get("nbformat") != 4:
            raise Unusable(f"{path}: not a notebook of format 4")
        # nbformat.read would give cells without an id a random one, silently.
        nb = nbformat.v4.reads(text)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # ids are judged elsewhere
            nbformat.validate(deepcopy(nb))
    except OSError as error:
        raise Unusable(f"{path}: cannot be read: {error.strerror}") from error
    except nbformat.ValidationError as error:
        raise Unusable(f"{path}: not a valid notebook: {error.message}") from error
    except (ValueError, AttributeError, KeyError, TypeError) as error:
        if isinstance(error, Unusable):
            raise
        raise Unusable(f"{path}: not a notebook") from error
    return nb


def write_notebook(nb: NotebookNode, path: Path) -> None:
    """Write `nb` to `path`: readers see the old file or the whole new one. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_text(nbformat.writes(nb) + "\n", encoding="utf-8", newline="\n")
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def tags(cell: NotebookNode) -> set[str]:
    """Return the tags of a cell."""
    return set(cell.metadata.get("tags", ()))


def numbered(nb: NotebookNode, cell_type: str) -> Iterator[tuple[int, NotebookNode]]:
    """Yield the cells of one type, each with its number in the notebook, from 1."""
    for number, cell in enumerate(nb.cells, 1):
        if cell.cell_type == cell_type:
            yield number, cell


def course_metadata(nb: NotebookNode) -> Mapping[str, object]:
    """Return what this course stores in a notebook: hash, data set, budget, left-out steps."""
    return nb.metadata.get("lenetcourse", {})


def run_parameters(nb: NotebookNode) -> dict[str, object]:
    """Return the parameters that the batch passed when it wrote `nb`."""
    course = course_metadata(nb)
    return {name: course[name] for name in ("dataset",) if name in course}


def code_hash(nb: NotebookNode, parameters: Mapping[str, object]) -> str:
    """Return a hash of all that decides a run: the code cells in order, and the parameters.

    It takes the text, not the syntax tree, whose form changes from one Python to the next.
    """
    sources = [cell.source.rstrip() for _, cell in numbered(nb, "code")]
    text = json.dumps([sources, dict(parameters)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


# Code


def parse_cell(source: str) -> ast.Module:
    """Return the syntax tree of a code cell, magics included (as calls of `get_ipython()`).

    Raises SyntaxError when the cell is neither Python nor IPython.
    """
    try:
        return ast.parse(source)
    except SyntaxError:
        # No magic is valid Python: only a cell that does not parse needs the slow import.
        from IPython.core.inputtransformer2 import TransformerManager

        return ast.parse(TransformerManager().transform_cell(source))


def magics(source: str) -> list[str]:
    """Return the magics and shell escapes of a code cell as they are written in a notebook.

    Raises SyntaxError when the cell is neither Python nor IPython.
    """
    return [found for node in ast.walk(parse_cell(source)) if (found := _escape(node))]


def _escape(node: ast.AST) -> str | None:
    match node:
        case ast.Call(
            func=ast.Attribute(value=ast.Call(func=ast.Name(id="get_ipython")), attr=attr)
        ) if attr in ESCAPES:
            words = [arg.value for arg in node.args if isinstance(arg, ast.Constant)]
            return ESCAPES[attr] + " ".join(map(str, words)).strip()
    return None


def without_docstrings(node: ast.AST) -> ast.AST:
    """Return a copy of a definition without any docstring in it."""
    node = deepcopy(node)
    for inner in ast.walk(node):
        if isinstance(inner, DEFINITIONS) and ast.get_docstring(inner, clean=False) is not None:
            del inner.body[0]
    return node


@functools.cache
def library_definitions(root: Path) -> dict[str, list[tuple[str, ast.AST]]]:
    """Return the library's functions and classes: name -> [(module's path, definition)].

    Reads the sources without importing them. Raises Unusable when one does not parse.
    """
    found: dict[str, list[tuple[str, ast.AST]]] = {}
    for path in sorted((root / "lenetcourse").rglob("*.py")):
        place = path.relative_to(root).as_posix()
        try:
            body = ast.parse(path.read_text(encoding="utf-8")).body
        except SyntaxError as error:
            raise Unusable(f"{place}: line {error.lineno}: {error.msg}") from error
        for node in body:
            if isinstance(node, DEFINITIONS):
                found.setdefault(node.name, []).append((place, node))
    return found


# Markdown


def prose(source: str) -> str:
    """Return Markdown without its fenced code."""
    return FENCED.sub("", source)


def headings(source: str) -> list[tuple[int, str]]:
    """Return the headings of a Markdown cell as (level, text)."""
    return [(len(marks), text.strip()) for marks, text in HEADING.findall(prose(source))]


def count_words(nb: NotebookNode) -> int:
    """Return the number of words in the Markdown cells; code and display formulas aside."""
    text = "\n".join(prose(cell.source) for _, cell in numbered(nb, "markdown"))
    return len(WORD.findall(NOT_WORDS.sub(" ", text)))
