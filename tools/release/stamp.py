"""Notebooks as a release holds them: they install its wheel, and their links lead to its pages."""

import json
import posixpath
import re
import shutil
from collections.abc import Collection
from copy import deepcopy
from pathlib import Path

import yaml
from nbformat import NotebookNode
from notebook.links import read_links, with_links
from notebook.reading import INSTALL, Unusable, cells_of, read_notebook, tags, write_notebook

from release.address import Release
from release.badges import with_badges
from release.wheel import build_wheel, sha256_of

NO_WHEEL = 'WHEEL = ""'  # in the cell that installs
FOLDER = "${LENETCOURSE:-.}"  # in .binder/postBuild: what is installed, by default this folder
LINK = re.compile(r"""(\]\(|\bhref=")(?![a-z]+:|\#|/)([^)\s"#]+)(#[^)\s"]*)?""")
SOURCES = (".ipynb", ".md", ".html")  # what a page is made from, or is


def pages_of(root: Path) -> list[str]:
    """Return the pages of the book in order, as _toc.yml names them."""
    toc = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))
    parts = [chapter["file"] for part in toc["parts"] for chapter in part["chapters"]]
    return [toc["root"], *parts]


def notebooks_of(root: Path) -> list[str]:
    """Return the pages of the book that are notebooks: their paths, seen from the root."""
    paths = [f"{page}.ipynb" for page in pages_of(root)]
    return [path for path in paths if (root / path).is_file()]


def installing(nb: NotebookNode, path: str, wheel: str) -> NotebookNode:
    """Return a copy of the notebook in `path` whose first code cell installs `wheel`, an address.

    Raises Unusable.
    """
    nb = deepcopy(nb)
    cells = [cell for _, cell in cells_of(nb, "code") if INSTALL in tags(cell)]
    if len(cells) != 1 or cells[0].source.count(NO_WHEEL) != 1:
        raise Unusable(f"{path}: no cell tagged {INSTALL} that holds {NO_WHEEL!r}")
    cells[0].source = cells[0].source.replace(NO_WHEEL, f"WHEEL = {json.dumps(wheel)}")
    return nb


def linked(
    nb: NotebookNode, path: str, pages: list[str], book: str, beside: Collection[str] = ()
) -> NotebookNode:
    """Return a copy of `nb` whose links to other pages lead to the book at the address `book`.

    `path` is the notebook's place, as in "labs/lab_02_lenet5.ipynb". A notebook that is opened
    alone has nothing beside it that a relative link could reach; where some files lie beside it as
    they do in the course, `beside` names them, and links to these stay. Raises Unusable for a link
    to something that is no page.
    """
    nb = deepcopy(nb)

    def absolute(match: re.Match) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(path), match[2]))
        page, ending = posixpath.splitext(target)
        if ending not in SOURCES or page not in pages:
            raise Unusable(f"{path}: a link to {match[2]}, which is no page of the book")
        if target in beside:
            return match[0]
        return f"{match[1]}{book}{page}.html{match[3] or ''}"

    for _, cell in cells_of(nb, "markdown"):
        cell.source = LINK.sub(absolute, cell.source)
    return nb


def write_release(root: Path, release: Release | None) -> None:
    """Write what depends on the release: the README's badges, its wheel and its notebooks.

    Without a release there are none of them. Raises Unusable and OSError.
    """
    readme = root / "README.md"
    if readme.is_file():  # a small book may have none
        text = readme.read_text(encoding="utf-8")
        if (new := with_badges(text, release)) != text:
            readme.write_text(new, encoding="utf-8", newline="\n")
    folder = root / "_build" / "notebooks"
    shutil.rmtree(folder, ignore_errors=True)
    if release:
        wheel = build_wheel(root, root / "_build" / "dist")
        write_notebooks(root, folder, release, f"{release.wheel}#sha256={sha256_of(wheel)}")


def write_notebooks(root: Path, folder: Path, release: Release, wheel: str) -> None:
    """Write the branch `notebooks` into `folder`: each notebook installs `wheel`."""
    pages, notebooks = pages_of(root), notebooks_of(root)
    links = read_links(root, notebooks)
    for path in notebooks:
        nb = installing(with_links(read_notebook(root / path), path, links), path, wheel)
        write_notebook(linked(nb, path, pages, release.pages), folder / path)
    shutil.copytree(root / ".binder", folder / ".binder")
    script = folder / ".binder" / "postBuild"
    text = script.read_text(encoding="utf-8")
    if text.count(FOLDER) != 1:
        raise Unusable(f".binder/postBuild: no {FOLDER!r}, so it would not install the wheel")
    installing_wheel = text.replace(FOLDER, FOLDER.replace(":-.", f":-{wheel}"))
    script.write_text(installing_wheel, encoding="utf-8", newline="\n")
    (folder / "README.md").write_text(
        f"# Notebooks of {release.tag}\n\nThey are written by each release, to be opened on "
        f"Colab, Kaggle and Binder. The course is at {release.repository}, the book at "
        f"{release.pages}\n",
        encoding="utf-8",
    )
