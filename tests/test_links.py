"""Links to the pages that one can touch: where they are put, and what is refused."""

import re
from copy import deepcopy
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from notebook.links import LINKS, read_links, with_links
from notebook.reading import Unusable, read_notebook
from release.stamp import LINK, linked, notebooks_of, pages_of

ROOT = Path(__file__).resolve().parent.parent
PATH = "book/01_small.ipynb"
WRITTEN = read_links(ROOT, notebooks_of(ROOT))
TOUCH = {"draw", "slide", "plane", "learn"}


@pytest.fixture
def nb():
    """Return a notebook whose sections end between cells, within one, and with the notebook."""
    cells = [
        new_markdown_cell("# Title\n\nFirst."),
        new_markdown_cell("## Slide\n\n```console\n# no heading\n```\n\n### By hand\n\nThree."),
        new_code_cell("1 + 1"),
        new_markdown_cell("It is 2.\n\n## Twice\n\nOnce."),
        new_markdown_cell("### Twice\n\nAgain."),
        new_markdown_cell("## Limits\n\nMany."),
    ]
    return new_notebook(cells=cells)


def pages_in(text):
    """Return the names of the pages that the links of a Markdown text lead to."""
    return {Path(match[2]).stem for match in LINK.finditer(text)}


@pytest.mark.parametrize("section", ["Slide", "By hand"])
def test_a_text_stands_at_the_end_of_its_section_and_nothing_else_changes(nb, section):
    before = deepcopy(nb)
    put = with_links(nb, PATH, {PATH: {section: "Touch.\n"}, "book/other.ipynb": {"Title": "No."}})
    assert nb == before
    assert put.cells[3].source == "It is 2.\n\nTouch.\n\n## Twice\n\nOnce."
    put.cells[3].source = nb.cells[3].source
    assert put == nb


def test_a_section_may_end_where_a_cell_begins(nb):
    nb.cells[4].source = "## Next"
    put = with_links(nb, PATH, {PATH: {"Twice": "Touch."}})
    assert put.cells[4].source == "Touch.\n\n## Next"


def test_texts_of_two_sections_that_end_together_are_both_there(nb):
    put = with_links(nb, PATH, {PATH: {"Slide": "One.", "By hand": "Two."}})
    assert put.cells[3].source == "It is 2.\n\nOne.\n\nTwo.\n\n## Twice\n\nOnce."


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ("Slid", "has 0 sections 'Slid'"),
        ("no heading", "has 0 sections 'no heading'"),
        ("Twice", "has 2 sections 'Twice'"),
        ("Title", "no section follows 'Title'"),
        ("Limits", "no section follows 'Limits'"),
    ],
)
def test_a_section_that_is_not_there_once_or_has_no_end_is_refused(nb, section, words):
    with pytest.raises(Unusable, match=rf"^{re.escape(LINKS)}: {re.escape(PATH)}:? {words}$"):
        with_links(nb, PATH, {PATH: {section: "Touch."}})


def test_a_link_to_no_page_is_refused(nb):
    put = with_links(nb, PATH, {PATH: {"Slide": "[A page](nowhere.md)"}})
    with pytest.raises(Unusable, match=r"01_small\.ipynb: a link to nowhere\.md, which is no page"):
        linked(put, PATH, ["book/draw"], "https://b.org/")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("book/02_large.ipynb: {Title: text}", "book/02_large.ipynb is no notebook of the book"),
        ("book/01_small.ipynb: {Title: 5}", "5 is no text"),
        ("book/01_small.ipynb: text", "write NOTEBOOK: {SECTION: TEXT}; 'str' object .*"),
        ("", "write NOTEBOOK: {SECTION: TEXT}; 'NoneType' object .*"),
        ("a: b: c", "write NOTEBOOK: {SECTION: TEXT}; mapping values are not allowed here .*"),
    ],
)
def test_what_is_no_text_for_a_section_of_a_notebook_is_one_line(tmp_path, text, words):
    (tmp_path / "book").mkdir()
    (tmp_path / LINKS).write_text(text, encoding="utf-8")
    with pytest.raises(Unusable, match=rf"^{re.escape(LINKS)}: {words}$"):
        read_links(tmp_path, [PATH])


def test_a_course_may_have_none(tmp_path, nb):
    assert read_links(tmp_path, [PATH]) == {}
    assert with_links(nb, PATH, {}) == nb


# What the course has


@pytest.mark.parametrize("path", WRITTEN)
def test_each_text_of_the_course_has_its_place_and_leads_to_a_page_to_touch(path):
    put = with_links(read_notebook(ROOT / path), path, WRITTEN)
    new = "\n".join(cell.source for cell in put.cells)
    assert [new.count(text) for text in WRITTEN[path].values()] == [1] * len(WRITTEN[path])
    assert all(pages_in(text) and pages_in(text) <= TOUCH for text in WRITTEN[path].values())
    linked(put, path, pages_of(ROOT), "https://b.org/")  # refuses what is no page
    assert len(WRITTEN[path]) <= (2 if path.startswith("book/") else 1)


def test_every_page_to_touch_is_led_to():
    texts = [text for sections in WRITTEN.values() for text in sections.values()]
    assert set().union(*map(pages_in, texts)) == TOUCH


@pytest.mark.parametrize("path", notebooks_of(ROOT))
def test_a_notebook_of_a_checkout_has_no_link_that_needs_a_built_page(path):
    nb = read_notebook(ROOT / path)
    assert not TOUCH & pages_in("\n".join(cell.source for cell in nb.cells))
