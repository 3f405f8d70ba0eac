"""The batch on a toy course: what it writes back, what it refuses, what it reports."""

import papermill
import pytest
import regenerate
from check_notebooks import check
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from notebooks import read_notebook, write_notebook


def code(source, *tags):
    return new_code_cell(source, metadata={"tags": list(tags)})


def chapter(*more, parameters='dataset = "auto"', **course):
    nb = new_notebook(metadata={"lenetcourse": course})
    nb.cells = [
        new_markdown_cell("# Toy"),
        code("import os, sys", "setup"),
        code(parameters, "parameters"),
        code("print(dataset, os.path.basename(os.getcwd()))\nsys.stdout.flush()\nprint(2)\n3"),
        *more,
    ]
    return nb


GOOD = [code("int('x')", "raises-exception"), code("4"), new_markdown_cell("The end.")]
FAILING = [code("1 / 0"), code("5")]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A toy course whose three notebooks were run once: a good one, a bad one, a good one."""
    root = tmp_path_factory.mktemp("course")
    good = chapter(*GOOD, budget={"words": 9, "reason": "toy"})
    good.cells[1].id = "setup"
    good.cells[3].metadata.update(execution={"start": "now"}, papermill={"duration": 1})
    good.metadata.update(papermill={}, widgets={})
    good.metadata.kernelspec = {"name": "conda-env", "display_name": "Ann's Python 3.10"}
    write_notebook(good, root / "book" / "01_good.ipynb")
    write_notebook(chapter(*FAILING), root / "book" / "02_bad.ipynb")
    write_notebook(chapter(), root / "book" / "table.ipynb")
    return root


@pytest.fixture(scope="module")
def first_run(root):
    before = (root / "book" / "02_bad.ipynb").read_bytes()
    with pytest.MonkeyPatch.context() as patch:
        printed = []
        patch.setattr("builtins.print", lambda *args, **_: printed.append(" ".join(args)))
        status = regenerate.main(["02_bad", "01_good"], root)
    return status, printed, before


@pytest.fixture
def good(root, first_run):
    return read_notebook(root / "book" / "01_good.ipynb")


def test_failure_does_not_stop_the_rest(root, first_run):
    status, (failed, passed, summary), before = first_run
    assert status == 1
    assert failed.startswith("02_bad: FAILED after ")
    assert failed.endswith("s: ZeroDivisionError: division by zero (_build/executed/02_bad.log)")
    assert passed.startswith("01_good: ")
    assert summary == "1 of 2 failed and were left as they are: 02_bad"
    assert (root / "book" / "02_bad.ipynb").read_bytes() == before
    executed = root / "_build" / "executed"
    assert "1 / 0" in (executed / "02_bad.log").read_text(encoding="utf-8")
    kept = read_notebook(executed / "02_bad.ipynb")
    assert "error" in [
        output.output_type for cell in kept.cells for output in cell.get("outputs", ())
    ]
    assert not (executed / "01_good.log").exists()


def test_outputs(good):
    """The run's outputs in the source's cells: no injected cell, one stream, counted 1..n."""
    codes = [cell for cell in good.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in codes] == [1, 2, 3, 4, 5]
    assert codes[1].source == 'dataset = "auto"'
    stream, result = codes[2].outputs
    assert stream.text == "mnist book\n2\n"
    assert result.data == {"text/plain": "3"}
    assert result.execution_count == 3
    assert [output.ename for output in codes[3].outputs] == ["ValueError"]
    assert good.cells[-1].source == "The end."


def test_metadata(good):
    assert set(good.metadata) == {"kernelspec", "language_info", "lenetcourse"}
    assert good.metadata.kernelspec.display_name == "Python 3"
    assert "version" not in good.metadata.language_info
    assert good.metadata.lenetcourse.dataset == "mnist"
    assert good.metadata.lenetcourse.budget == {"words": 9, "reason": "toy"}
    assert [cell.metadata for cell in good.cells[:4]] == [
        {},
        {"tags": ["setup"]},
        {"tags": ["parameters"]},
        {"tags": []},
    ]


def test_ids(good):
    assert [cell.id for cell in good.cells] == [
        "cell-01",
        "setup",
        "cell-03",
        "cell-04",
        "cell-05",
        "cell-06",
        "cell-07",
    ]


def test_second_run_gives_the_same_file_and_a_change_is_seen(root, good, capsys):
    path = root / "book" / "01_good.ipynb"
    before = path.read_bytes()
    assert regenerate.main(["01_good"], root) == 0
    assert path.read_bytes() == before
    stale = "code or parameters changed since it was run"
    assert stale not in [finding.wrong for finding in check(path, root)]
    good.cells[5].source = "44"
    write_notebook(good, path)
    assert stale in [finding.wrong for finding in check(path, root)]


# What follows starts no kernel.


@pytest.fixture
def no_kernel(monkeypatch):
    """Stand in for papermill; returns the list of the parameters it was called with."""
    calls = []

    def execute(source, target, parameters, **options):
        calls.append(parameters)

    monkeypatch.setattr(papermill, "execute_notebook", execute)
    return calls


def refused(tmp_path, capsys, *argv):
    assert regenerate.main(argv, tmp_path) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    return captured.err


def test_refused_before_anything_runs(tmp_path, capsys, no_kernel):
    book = tmp_path / "book"
    assert "no notebooks in book/" in refused(tmp_path, capsys)
    write_notebook(chapter(), book / "01_toy.ipynb")
    assert "no notebook '03_no' in book/: there are 01_toy" in refused(tmp_path, capsys, "03_no")
    write_notebook(chapter(parameters="epochs = 1\nseed = 0"), book / "02_odd.ipynb")
    message = "02_odd: no parameter 'dataset': there are epochs, seed"
    assert message in refused(tmp_path, capsys)
    untagged = chapter()
    untagged.cells[2].metadata.tags = []
    write_notebook(untagged, book / "02_odd.ipynb")
    assert "02_odd: no cell tagged parameters" in refused(tmp_path, capsys)
    (book / "02_odd.ipynb").write_text("{", encoding="utf-8")
    assert "02_odd.ipynb: not a notebook" in refused(tmp_path, capsys)
    assert no_kernel == []


def test_all_chapters_in_order_and_no_default_passed(tmp_path, capsys, no_kernel):
    for name in ("02_b", "01_a", "table"):
        write_notebook(chapter(), tmp_path / "book" / f"{name}.ipynb")
    assert regenerate.main([], tmp_path) == 0
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()] == ["01_a", "02_b"]
    assert regenerate.main(["01_a", "--dataset", "auto"], tmp_path) == 0
    assert regenerate.main(["table"], tmp_path) == 0
    assert no_kernel == [{"dataset": "mnist"}, {"dataset": "mnist"}, {}, {}]
    table = read_notebook(tmp_path / "book" / "table.ipynb")
    assert set(table.metadata.lenetcourse) == {"code_hash"}


def test_a_chapter_edited_meanwhile_is_kept(tmp_path, capsys, monkeypatch):
    path = tmp_path / "book" / "01_toy.ipynb"
    write_notebook(chapter(), path)
    edited = chapter(new_markdown_cell("A new idea."))
    monkeypatch.setattr(papermill, "execute_notebook", lambda *a, **k: write_notebook(edited, path))
    assert regenerate.main([], tmp_path) == 1
    assert "edited while it ran" in capsys.readouterr().out
    assert read_notebook(path) == edited


def test_stable_ids():
    uuid = "0f0e0d0c-1111-4222-8333-444455556666"
    ids = ["kept", "0123abcd", "kept", "cell-02", "A_b", None, uuid]
    cells = [new_code_cell("") for _ in ids]
    for cell, name in zip(cells, ids, strict=True):
        cell["id"] = name
    del cells[5]["id"]
    regenerate.give_stable_ids(cells)
    expected = ["kept", "cell-02-b", "cell-03", "cell-02", "cell-05", "cell-06", "cell-07"]
    assert [cell.id for cell in cells] == expected
    regenerate.give_stable_ids(cells)
    assert [cell.id for cell in cells] == expected


def test_prints_are_joined_in_place():
    def stream(text, name="stdout"):
        return new_output("stream", name=name, text=text)

    figure = new_output("display_data", {"image/png": ""})
    joined = regenerate.joined_streams(
        [stream("a"), stream("b"), stream("!", "stderr"), stream("c"), figure, stream("d")]
    )
    assert [output.get("text") for output in joined] == ["ab", "!", "c", None, "d"]
