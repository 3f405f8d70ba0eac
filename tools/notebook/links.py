"""Links from chapters and labs to the pages of the book that one can touch, where these exist.

A notebook in a checkout has no built page beside it, so it holds none of these links. They stand in
book/links.yml, and are put into what is made from notebooks: pages of the book, and the notebooks
of a release or a bundle.
"""

from collections.abc import Collection, Mapping
from copy import deepcopy
from pathlib import Path

import yaml
from nbformat import NotebookNode

from notebook.reading import FENCED, HEADING, Unusable, cells_of

LINKS = "book/links.yml"  # {notebook: {section: text}}


def read_links(root: Path, notebooks: Collection[str]) -> dict[str, dict[str, str]]:
    """Return what `LINKS` in `root` holds, nothing where there is no such file.

    Raises Unusable for what is not {notebook: {section: text}}, or not one of `notebooks`.
    """
    path = root / LINKS
    try:
        links = yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else {}
        texts = [text for sections in links.values() for text in sections.values()]
    except (yaml.YAMLError, AttributeError) as error:
        words = " ".join(str(error).split())
        raise Unusable(f"{LINKS}: write NOTEBOOK: {{SECTION: TEXT}}; {words}") from error
    for unknown in links.keys() - set(notebooks):
        raise Unusable(f"{LINKS}: {unknown} is no notebook of the book")
    for text in texts:
        if not isinstance(text, str):
            raise Unusable(f"{LINKS}: {text!r} is no text")
    return links


def with_links(
    nb: NotebookNode, path: str, links: Mapping[str, Mapping[str, str]], note: str = ""
) -> NotebookNode:
    """Return a copy of the notebook in `path` with the texts that `links` has for its sections.

    A text, with `note` behind it, comes to stand at the end of its section, right above the next
    heading of the same level or a higher one. Raises Unusable for a section that is not there just
    once, or is the last.
    """
    nb = deepcopy(nb)
    for section, text in links.get(path, {}).items():
        found = headings_of(nb)
        starts = [number for number, heading in enumerate(found) if heading[3] == section]
        if len(starts) != 1:
            raise Unusable(f"{LINKS}: {path} has {len(starts)} sections {section!r}")
        level = found[starts[0]][2]
        following = [heading for heading in found[starts[0] + 1 :] if heading[2] <= level]
        if not following:
            raise Unusable(f"{LINKS}: {path}: no section follows {section!r}")
        cell, place, *_ = following[0]
        cell.source = f"{cell.source[:place]}{text.strip()}{note}\n\n{cell.source[place:]}"
    return nb


def headings_of(nb: NotebookNode) -> list[tuple[NotebookNode, int, int, str]]:
    """Return each heading of a notebook: its cell, its place there, its level and its words."""
    return [
        (cell, match.start(), len(match[1]), match[2].strip())
        for _, cell in cells_of(nb, "markdown")
        # Lines of fenced code may look like one: they are covered, so that all places stay.
        for match in HEADING.finditer(FENCED.sub(lambda code: "`" * len(code[0]), cell.source))
    ]
