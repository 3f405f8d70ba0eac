"""What the notebook tools share: reading, writing, the hash, magics, Markdown."""

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from notebook.reading import (
    Unusable,
    code_hash,
    count_words,
    machine_path,
    magics,
    myst_syntax,
    read_notebook,
    write_notebook,
)


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", "[1, 2", '{"nbformat": 4, "cells": [1]}', '{"nbformat": 3}', "\x80"]
)
def test_not_a_notebook(tmp_path, content):
    path = tmp_path / "x.ipynb"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(Unusable, match=r"x\.ipynb: not") as caught:
        read_notebook(path)
    assert "\n" not in str(caught.value)


def test_old_format(tmp_path):
    path = tmp_path / "x.ipynb"
    old = '{"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [], "cells": []}'
    path.write_text(old, encoding="utf-8")
    with pytest.raises(Unusable, match=r"x\.ipynb"):
        read_notebook(path)


def test_reading_does_not_repair(tmp_path):
    nb = new_notebook(cells=[new_markdown_cell("a")])
    del nb.cells[0]["id"]
    nb.nbformat_minor = 4
    write_notebook(nb, tmp_path / "x.ipynb")
    assert read_notebook(tmp_path / "x.ipynb") == nb


def test_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "x.ipynb"
    write_notebook(new_notebook(), path)
    before = path.read_bytes()
    with pytest.raises(TypeError):
        write_notebook(new_notebook(metadata={"x": object()}), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_code_hash():
    nb = new_notebook(cells=[new_code_cell("a = 1"), new_markdown_cell("text"), new_code_cell("a")])
    before = code_hash(nb, {"dataset": "mnist"})
    nb.cells[0].source = "a = 1\n"
    nb.cells[1].source = "other text"
    assert code_hash(nb, {"dataset": "mnist"}) == before
    assert code_hash(nb, {"dataset": "digits"}) != before
    nb.cells.reverse()
    assert code_hash(nb, {"dataset": "mnist"}) != before


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("files = !ls", ["!ls"]),
        ("print?", ["%pinfo print"]),
        ("get_ipython().system('ls')", ["!ls"]),
        ("x = (7\n% 3)", []),
        ("x = 7 \\\n  % 3", []),
        ("x = '''\n%ls\n!ls\n'''", []),
    ],
)
def test_magics(source, expected):
    assert magics(source) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("saved in /tmp/x", "/tmp/"),
        ("file:///home/ann", "/home/"),
        ("D:/Users/ann", "D:/Users/"),
        ("/usr/lib/python3/site-packages/torch", "/site-packages/"),
        ("in /srv/course/book", "/srv/course"),
        ("https://example.org/home/x", None),
        ("~/tmp/x and ../tmp/x", None),
        ("https://example.org/srv/course", None),
        ("/srv/courses", None),
    ],
)
def test_machine_path(tmp_path, text, expected):
    assert machine_path(text, tmp_path.__class__("/srv/course")) == expected


@pytest.mark.parametrize("source", ["`{a}` and `b`", "a {b} `c`", "```\n{a}`b`\n```", "$\\{x\\}$"])
def test_plain_markdown_is_not_myst(source):
    assert myst_syntax(source) is None


def test_count_words():
    source = (
        "# One-word\n\n[two](https://x.org/y) <b>three</b>\n\n```\ncode\n```\n\n$$x + y$$\nit's"
    )
    assert count_words(new_notebook(cells=[new_markdown_cell(source)])) == 4
