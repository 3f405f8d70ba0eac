"""What counts as green on Colab's versions; check_colab.py itself runs in CI every week."""

from copy import deepcopy
from pathlib import Path

import pytest
from check_colab import CONTROL, findings, up_to_setup, wanted
from nbformat.v4 import new_code_cell, new_notebook, new_output
from notebook.reading import ROOT, Unusable

PAGE, SOLUTION, LAB = Path("book/x.ipynb"), Path("labs/solutions/x.ipynb"), Path("labs/x.ipynb")


def shown(**data):
    return new_output("display_data", {name.replace("_", "/"): text for name, text in data.items()})


def notebook(name, *outputs, source="table"):
    cell = new_code_cell(source, outputs=list(outputs))
    cell.id = name
    return new_notebook(cells=[cell])


TABLE = notebook("table", shown(text_html="<table></table>", text_plain="a table"))
RIGHT = notebook("q1-check", shown(text_plain="Right ✓  q1"))
SLIDERS = "lc.explore_kernels(errors, interactive)"


@pytest.mark.parametrize(
    ("stored", "ran", "path", "found"),
    [
        (TABLE, TABLE, PAGE, []),
        (TABLE, notebook("table", shown(text_plain="a table")), PAGE, ["table: no text/html"]),
        (TABLE, notebook("table"), LAB, []),
        (RIGHT, RIGHT, SOLUTION, []),
        (RIGHT, notebook("q1-check"), SOLUTION, ["q1-check: "]),
        (RIGHT, notebook("q1-check"), LAB, []),
        (RIGHT, notebook("q1-check", shown(text_plain="Not yet ✗")), SOLUTION, ["q1-check: Not"]),
        (TABLE, notebook("table", source=SLIDERS), PAGE, ["table: no control"]),
        (
            TABLE,
            notebook("table", new_output("display_data", {CONTROL: {}}), source=SLIDERS),
            PAGE,
            [],
        ),
    ],
)
def test_findings(stored, ran, path, found):
    lines = list(findings(stored, ran, path))
    assert len(lines) == len(found)
    assert all(line.startswith(start) for line, start in zip(lines, found, strict=True))


def test_messages_on_stderr_are_found():
    ran = deepcopy(TABLE)
    warning = "x.py:3: DeprecationWarning: old\n  old()\n"
    ran.cells[0].outputs.append(new_output("stream", name="stderr", text=warning))
    assert list(findings(TABLE, ran, PAGE)) == ["table: old()"]


def test_up_to_setup():
    cells = [
        new_code_cell(name, metadata={"tags": [name]}) for name in ("install", "setup", "more")
    ]
    assert len(up_to_setup(new_notebook(cells=cells)).cells) == 2
    with pytest.raises(Unusable, match="no cell tagged setup"):
        up_to_setup(new_notebook(cells=cells[2:]))


def test_colabs_versions_satisfy_the_library():
    from packaging.requirements import Requirement

    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    block = text.partition("dependencies = [")[2].partition("]")[0]
    needs = [Requirement(line.strip().strip('",')) for line in block.strip().splitlines()]
    versions = wanted()
    assert len(needs) > 8
    assert [str(n) for n in needs if not n.specifier.contains(versions.get(n.name, "0"))] == []
