"""Check what nbval does not see in the notebooks: order, outputs, budgets, freshness, promises.

    python tools/check_notebooks.py [--mend] [NOTEBOOK ...]

Without names: every notebook in book/ and labs/, and whether all that the batch left was made by
the code, the library and the data as they are now. Prints one line a finding and exits with 1 when
there are any; with 2 when a notebook cannot be read. CONTRIBUTING.md says what a chapter owes.
With --mend the cell that installs the library is written into each first, as it stands now.
"""

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path, PurePath

from batch.hashes import stale
from batch.runs import read_batch
from lab.source import all_sources
from make_labs import differences
from notebook.reading import (
    CHAPTER,
    INSTALL,
    ROOT,
    RUN_METADATA,
    RUN_TAGS,
    VALID_ID,
    Unusable,
    cells_of,
    has_bare_image,
    has_picture_beside,
    imported,
    install_cell,
    installed_with_library,
    machine_path,
    magics,
    myst_syntax,
    output_text,
    read_notebook,
    tags,
    write_notebook,
)
from notebook.rules import CHAPTER_RULES, Finding, Findings, Page

MAX_BYTES = 500_000
ALT_LENGTH = 15  # shorter than this says "figure", not what it shows
MIME_TYPES = {"text/plain", "text/html", "text/latex", "text/markdown", "image/png"}
# HTML outputs are for tables: nothing that runs, loads something or is a picture.
ACTIVE_HTML = re.compile(
    r"<\s*(script|svg|img|iframe|object|embed|link|video|audio|canvas)\b", re.I
)

# The rules: each takes a page and yields what it finds.


def executed_in_order(page: Page) -> Findings:
    """Every code cell was run, from the top, in a fresh kernel."""
    cells = list(cells_of(page.nb, "code"))
    if page.kind == "lab" and not any(cell.execution_count for _, cell in cells):
        return  # stored as the reader gets it: never run, though a picture may be kept
    for expected, (number, cell) in enumerate(cells, 1):
        count = cell.execution_count
        if count != expected:
            wrong = f"executed as [{count}], expected [{expected}]" if count else "not executed"
            yield Finding(number, wrong, page.remake)
            return  # the cells after it follow from this one


def no_magics(page: Page) -> Findings:
    """nbval passes a cell whose magic it does not know, whatever else fails in it."""
    for number, cell in cells_of(page.nb, "code"):
        try:
            found = magics(cell.source)
        except SyntaxError as error:
            yield Finding(number, f"not valid Python, line {error.lineno}", "correct it")
            continue
        for magic in found:
            if magic != "%matplotlib inline":
                yield Finding(number, repr(magic), "write it in Python")


def clean_outputs(page: Page) -> Findings:
    """No messages on stderr, and no errors but those a cell is there to show."""
    for number, cell in cells_of(page.nb, "code"):
        if any(output.get("name") == "stderr" for output in cell.outputs):
            yield Finding(number, "writes to stderr", "remove what causes the message")
        failed = any(output.output_type == "error" for output in cell.outputs)
        if failed and "raises-exception" not in tags(cell):
            yield Finding(number, "ends in an error", "correct it, or tag it raises-exception")


def known_formats(page: Page) -> Findings:
    """Figures are PNG; everything else reads as text."""
    for number, cell in cells_of(page.nb, "code"):
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
    """A stored widget is large, and dead on a page."""
    if "widgets" in page.nb.metadata:
        yield Finding(None, "stored widget state", page.remake)


def no_machine_paths(page: Page) -> Findings:
    """Neither code nor outputs say where somebody keeps the course."""
    for number, cell in enumerate(page.nb.cells, 1):
        texts = [cell.source, *map(output_text, cell.get("outputs", ()))]
        if found := machine_path("\n".join(texts), page.root):
            yield Finding(number, f"{found!r}, a path of one machine", "use a relative path")


def no_run_traces(page: Page) -> Findings:
    """No times and no marks of papermill: they change with every run."""
    for key in RUN_METADATA:
        if key in page.nb.metadata:
            yield Finding(None, f"{key} metadata of a run", page.remake)
    for number, cell in enumerate(page.nb.cells, 1):
        traces = [key for key in RUN_METADATA if key in cell.metadata]
        for trace in traces + sorted(tags(cell) & RUN_TAGS):
            yield Finding(number, f"{trace} left by a run", page.remake)


def small_file(page: Page) -> Findings:
    """The notebook opens fast and its history stays small."""
    size = page.path.stat().st_size
    if size > MAX_BYTES:
        wrong = f"{size / 1000:.0f} KB, at most {MAX_BYTES / 1000:.0f}"
        yield Finding(None, wrong, "make the figures fewer or smaller")


def figures_described(page: Page) -> Findings:
    """Every picture says in words what it shows."""
    for number, cell in cells_of(page.nb, "code"):
        alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
        shows = any("image/png" in output.get("data", {}) for output in cell.outputs)
        if shows and len(str(alt).strip()) < ALT_LENGTH:
            todo = f"set metadata mystnb.image.alt, {ALT_LENGTH} characters or more"
            yield Finding(number, "figure without a description", todo)
    for number, cell in cells_of(page.nb, "markdown"):
        if has_bare_image(cell.source):
            yield Finding(number, "image without alt text", "write ![what it shows](...)")


def stable_ids(page: Page) -> Findings:
    """Every cell has one name that the next run keeps."""
    seen: set[str] = set()
    for number, cell in enumerate(page.nb.cells, 1):
        name = cell.get("id", "")
        if not VALID_ID.fullmatch(name):
            wrong = f"cell id {name!r} is not made of a-z, 0-9 and -" if name else "no cell id"
            yield Finding(number, wrong, page.remake)
        elif name in seen:
            yield Finding(number, f"cell id {name!r} is used twice", page.remake)
        seen.add(name)


def install_first(page: Page) -> Findings:
    """The first code cell installs the library where it is missing, in every notebook alike."""
    for number, cell in [*cells_of(page.nb, "code")][:1]:
        right = install_cell()
        if any(cell.get(key) != right[key] for key in ("source", "metadata")):
            todo = "run `python tools/check_notebooks.py --mend`"
            yield Finding(number, "first code cell is not the one that installs the library", todo)


def mend_install_cell(path: Path) -> None:
    """Write the cell that installs the library into a notebook, as it stands now.

    Raises Unusable and OSError.
    """
    nb = read_notebook(path)
    code = [number for number, _ in cells_of(nb, "code")]
    old = [number for number in code if INSTALL in tags(nb.cells[number - 1])]
    place = (old or code or [1])[0] - 1
    new = install_cell()
    if old:
        new |= {key: nb.cells[place][key] for key in ("execution_count", "outputs")}
    nb.cells[place : place + bool(old)] = [new]
    write_notebook(nb, path)


def nothing_beside(page: Page) -> Findings:
    """A notebook may lie alone, and Colab does not show attachments."""
    for number, cell in cells_of(page.nb, "markdown"):
        if cell.get("attachments") or has_picture_beside(cell.source):
            yield Finding(number, "picture outside the notebook", "draw it in a code cell")


def imports_installed(page: Page) -> Findings:
    """A notebook imports nothing but what comes with Python, Jupyter or the library's wheel."""
    for number, cell in cells_of(page.nb, "code"):
        for name in sorted(imported(cell.source) - installed_with_library()):
            todo = "do without it: it need not be there where a notebook lies alone"
            yield Finding(number, f"imports {name}, which the wheel does not bring", todo)


def plain_markdown(page: Page) -> Findings:
    """Jupyter and Colab show the text as the book does."""
    for number, cell in cells_of(page.nb, "markdown"):
        if found := myst_syntax(cell.source):
            todo = "write plain Markdown: Colab shows this as raw text"
            yield Finding(number, f"MyST syntax {found!r}", todo)


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
    install_first,
    nothing_beside,
    imports_installed,
    plain_markdown,
    *CHAPTER_RULES,
)


def open_page(path: Path, root: Path) -> Page:
    """Return the notebook in `path`, told apart by where it lies. Raises Unusable."""
    folder, root = path.resolve().parent, root.resolve()
    kind = "solution" if folder == root / "labs" / "solutions" else "lab"
    if folder == root / "book":
        kind = "chapter" if CHAPTER.fullmatch(path.stem) else "page"
    return Page(path, read_notebook(path), root, kind)


def check(path: Path, root: Path = ROOT) -> list[Finding]:
    """Return the findings on one notebook. Raises Unusable when it cannot be read."""
    page = open_page(path, root)
    return [finding for rule in RULES for finding in rule(page)]


def all_notebooks(root: Path) -> list[Path]:
    """Return the notebooks of the book and the labs, without Jupyter's checkpoints."""
    found = [*root.glob("book/*.ipynb"), *root.glob("labs/**/*.ipynb")]
    return sorted(path for path in found if ".ipynb_checkpoints" not in path.parts)


def stale_results(root: Path) -> list[str]:
    """Return a line for each chapter and sweep whose results are not those of what stands here."""
    if not (root / "book" / "batch.yml").is_file():
        return []
    runs = read_batch(root)
    lines = []
    for name, causes in stale(runs, root).items():
        count = f"{len(causes)} of {sum(run.group == name for run in runs)} runs"
        why = ", ".join(sorted(set(causes)))
        lines.append(f"{name}: {count} not up to date ({why}): run `make figures ONLY={name}`")
    return lines


def main(argv: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Check the named notebooks, or all; return 0, 1 with findings, 2 on unusable input."""
    parser = argparse.ArgumentParser(description="Check order, budgets, freshness and promises.")
    parser.add_argument("notebooks", nargs="*", type=Path, metavar="NOTEBOOK")
    parser.add_argument(
        "--mend", action="store_true", help="write the install cell into them first"
    )
    options = parser.parse_args(argv)
    named, paths = options.notebooks, options.notebooks or all_notebooks(root)
    try:
        for path in paths if options.mend else ():
            mend_install_cell(path)
        lines = [
            f"{shown(path, root)}: {finding}" for path in paths for finding in check(path, root)
        ]
        lines += [] if named else [*differences(all_sources(root), root), *stale_results(root)]
    except Unusable as error:
        print(f"check_notebooks: {error}", file=sys.stderr)
        return 2
    if lines:
        print("\n".join(lines))
        return 1
    print(f"{len(paths)} notebooks checked, nothing found")
    return 0


def shown(path: PurePath, root: PurePath) -> str:
    """Return a path as it is printed: from the course's folder on, where it lies there."""
    return (path.relative_to(root) if path.is_relative_to(root) else path).as_posix()


if __name__ == "__main__":
    sys.exit(main())
