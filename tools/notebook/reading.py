"""What the notebook tools share: files, tags, the freshness hash, Markdown and library code."""

import ast
import functools
import hashlib
import json
import re
import sys
import warnings
from collections.abc import Iterator, Mapping
from copy import deepcopy
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from lenetcourse.files import write_text

ROOT = Path(__file__).resolve().parents[2]
CHAPTER = re.compile(r"\d\d_\w+")  # the stem of a numbered chapter
INSTALL = "install"  # the tag, and the id, of the first code cell, the same in every notebook
VALID_ID = re.compile(r"[a-z0-9-]{1,64}")

# What a run leaves in a notebook and must not be committed.
RUN_METADATA = ("papermill", "execution", "ExecuteTime")
RUN_TAGS = {"injected-parameters", "papermill-error-cell-tag"}

# Not after a word, "." or "~": those are web addresses and relative paths.
MACHINE_PATH = re.compile(
    r"(?<![\w.~-])/(?:home|root|Users|tmp)/|\b[A-Za-z]:[\\/]+Users[\\/]|/(?:site|dist)-packages/"
)

FENCED = re.compile(r"^[ >]*(`{3,}|~{3,})[^\n]*\n.*?(?:^[ >]*\1[`~]*[ ]*$|\Z)", re.M | re.S)
CODE_SPAN = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.S)
HEADING = re.compile(r"^(#{1,6})[ \t]+(\S.*)$", re.M)
WORD = re.compile(r"\w+(?:[-'\u2019.,]\w+)*")
# Display formulas, HTML tags and the targets of links are not read as words.
NOT_WORDS = re.compile(r"\$\$.*?\$\$|<[^<>]+>|(?<=\])\([^)]*\)", re.S)
IMAGE = re.compile(r"!\[([^\]]*)\][(\[]")
HTML_IMAGE = re.compile(r"<img\b[^>]*>", re.I)
BESIDE = re.compile(r"""(?:!\[[^\]]*\]\(|<img\b[^>]*\bsrc=["'])(?!https?:|data:)""", re.I)
HTML_ALT = re.compile(r"\balt\s*=\s*([\"'])\s*\S.*?\1", re.I | re.S)
MYST_BLOCK = re.compile(r"^[ >]*(?:(?:`{3,}|~{3,}) *\{[\w:.-]+\}|:{3,}|\([\w:.-]+\)=[ ]*$)", re.M)
MYST_ROLE = re.compile(r"\{[A-Za-z][\w:.+-]*\}$")

DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
ESCAPES = {"run_line_magic": "%", "run_cell_magic": "%%", "system": "!", "getoutput": "!"}


class Unusable(ValueError):
    """Input that a tool cannot work with; the message is the line to print."""


# Files


def read_notebook(path: Path) -> NotebookNode:
    """Return the notebook in `path` as it is stored, missing cell ids and all.

    Raises Unusable when the file cannot be read or does not hold a notebook of format 4.
    """
    try:
        text = path.read_text(encoding="utf-8")
        # nbformat.read would give cells without an id a random one, silently.
        nb = nbformat.v4.reads(text)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # check_notebooks judges the ids
            nbformat.validate(deepcopy(nb))
    except OSError as error:
        raise Unusable(f"{path}: cannot be read: {error.strerror}") from error
    except nbformat.ValidationError as error:
        raise Unusable(f"{path}: not a valid notebook: {error.message}") from error
    except (ValueError, AttributeError, KeyError, TypeError) as error:
        raise Unusable(f"{path}: not a notebook") from error
    if nb.nbformat != 4:
        raise Unusable(f"{path}: notebook format {nb.nbformat}, expected 4")
    return nb


def write_notebook(nb: NotebookNode, path: Path) -> None:
    """Write `nb` to `path`: readers see the old file or the whole new one. Raises OSError."""
    write_text(path, nbformat.writes(nb) + "\n")


# Notebooks


def tags(cell: NotebookNode) -> set[str]:
    """Return the tags of a cell."""
    return set(cell.metadata.get("tags", ()))


def cells_of(nb: NotebookNode, cell_type: str) -> Iterator[tuple[int, NotebookNode]]:
    """Yield the cells of one type, each with its number in the notebook, from 1."""
    for number, cell in enumerate(nb.cells, 1):
        if cell.cell_type == cell_type:
            yield number, cell


def install_cell() -> NotebookNode:
    """Return the cell that installs the library where it is missing: folded, and not on a page."""
    source = Path(__file__).with_name("install_cell.py").read_text(encoding="utf-8").rstrip()
    folded = {"cellView": "form", "jupyter": {"source_hidden": True}}  # for Colab, for JupyterLab
    metadata = folded | {"tags": [INSTALL, "remove-cell"]}
    return nbformat.v4.new_code_cell(source, id=INSTALL, metadata=metadata)


def output_text(output: NotebookNode) -> str:
    """Return everything in an output that is text."""
    data = [str(value) for mime, value in output.get("data", {}).items() if mime != "image/png"]
    return "\n".join([output.get("text", ""), *output.get("traceback", ()), *data])


def course_metadata(nb: NotebookNode) -> Mapping[str, object]:
    """Return what this course stores in a notebook: hash, parameters, budget, left-out steps."""
    return nb.metadata.get("lenetcourse", {})


def run_parameters(nb: NotebookNode) -> dict[str, object]:
    """Return the parameters with which the batch ran `nb`."""
    return dict(course_metadata(nb).get("parameters", {}))


def code_hash(nb: NotebookNode, parameters: Mapping[str, object]) -> str:
    """Return a hash of all that decides a run: the code cells in order, and the parameters.

    It takes the text, not the syntax tree, whose form changes from one Python to the next. The cell
    that installs the library does nothing where it is installed, and decides nothing.
    """
    sources = [c.source.rstrip() for _, c in cells_of(nb, "code") if INSTALL not in tags(c)]
    text = json.dumps([sources, dict(parameters)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def machine_path(text: str, root: Path) -> str | None:
    """Return the first sign of a path that exists on one machine only, or None."""
    here = re.compile(rf"(?<![\w.~-]){re.escape(str(root))}(?![\w-])")
    found = MACHINE_PATH.search(text) or here.search(text)
    return found.group() if found else None


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


def statements(source: str) -> list[ast.stmt]:
    """Return the statements of a code cell; none when it does not parse."""
    try:
        return parse_cell(source).body
    except SyntaxError:
        return []


def imported(source: str) -> set[str]:
    """Return the packages that a code cell imports, as in "torch"; none when it does not parse."""
    names = set()
    for statement in statements(source):
        for node in ast.walk(statement):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names.add(node.module)
    return {name.partition(".")[0] for name in names}


@functools.cache
def installed_with_library() -> set[str]:
    """Return the names that can be imported where the library, and Jupyter, are installed."""
    needs = (re.match(r"[\w.-]+", line)[0] for line in requires("lenetcourse") if ";" not in line)
    packages = {"lenetcourse", "ipython", *map(str.lower, needs)}
    brought = {
        name
        for name, owners in packages_distributions().items()
        if packages & {owner.lower() for owner in owners}
    }
    return {"lenetcourse", *brought, *sys.stdlib_module_names}


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
            # Of a cell magic its name and line: the third argument is the cell below.
            words = [str(arg.value) for arg in node.args[:2] if isinstance(arg, ast.Constant)]
            return ESCAPES[attr] + " ".join(words).strip()
    return None


def same_code(one: ast.AST, other: ast.AST) -> bool:
    """Return whether two definitions do the same: format, comments, docstrings and types aside.

    A page shows a function without its types, which would take as many lines as it has.
    """
    return ast.dump(_bare(one)) == ast.dump(_bare(other))


def _bare(node: ast.AST) -> ast.AST:
    """Return a definition without docstrings and without the types of functions."""
    node = deepcopy(node)
    for inner in ast.walk(node):
        if isinstance(inner, DEFINITIONS) and ast.get_docstring(inner, clean=False) is not None:
            del inner.body[0]
        if isinstance(inner, ast.arg):
            inner.annotation = None
        elif isinstance(inner, (ast.FunctionDef, ast.AsyncFunctionDef)):
            inner.returns = None
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
    text = "\n".join(prose(cell.source) for _, cell in cells_of(nb, "markdown"))
    return len(WORD.findall(NOT_WORDS.sub(" ", text)))


def has_bare_image(source: str) -> bool:
    """Return whether a Markdown cell shows an image without saying what it shows."""
    text = CODE_SPAN.sub("", prose(source))
    return any(not alt.strip() for alt in IMAGE.findall(text)) or any(
        not HTML_ALT.search(tag) for tag in HTML_IMAGE.findall(text)
    )


def has_picture_beside(source: str) -> bool:
    """Return whether a Markdown cell shows a picture that is a file beside it, or attached."""
    return bool(BESIDE.search(CODE_SPAN.sub("", prose(source))))


def myst_syntax(source: str) -> str | None:
    """Return the first MyST directive, role or target of a Markdown cell, or None."""
    if block := MYST_BLOCK.search(source):
        return block.group().strip()
    text = prose(source)
    # A role is a name in braces right before a code span, not inside one.
    for span in CODE_SPAN.finditer(text):
        if role := MYST_ROLE.search(text[: span.start()]):
            return role.group() + span.group()
    return None
