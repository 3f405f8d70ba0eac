"""Marking: the right marks, whatever the notebook does, and nothing lost."""

import csv
import json
import signal
from pathlib import Path

import pytest

from lenetcourse import UsageError, cli
from lenetcourse.grading import child, parent, reports
from lenetcourse.grading.export import export
from lenetcourse.grading.submission import (
    Cell,
    SubmissionError,
    canonical_checks,
    checked_in,
    lab_numbers,
    read_cells,
    which_lab,
    without_magics,
)
from lenetcourse.labs import lab_01
from lenetcourse.labs.judge import NOT_ATTEMPTED, NOT_YET, RAISED, RIGHT, Outcome

SOLUTIONS = Path(__file__).resolve().parent.parent / "labs" / "solutions"
IMPORT = (
    "import torch\nfrom torch.nn import functional as F\nfrom lenetcourse.labs import lab_01 as lab"
)
RIGHT_Q1 = "def correlate(i, k):\n    return F.conv2d(i[None, None], k[None, None])[0, 0]"
RIGHT_Q6 = "corner = torch.tensor([[-1., -1, -1], [-1, 1, 1], [-1, 1, 1]])"
CHECK_Q1 = "lab.q1.check(correlate)"


def notebook(*sources, **metadata):
    cells = [
        {"cell_type": "code", "id": f"c{n}", "source": source, "outputs": [], "metadata": {}}
        for n, source in enumerate(sources)
    ]
    return json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4}).encode()


def marks(*sources, seeds=(1,), cell_seconds=20):
    """Run cells as the child does; return the kinds by task, and all lines told."""
    lab_01.LAB.reset()
    lines = []
    cells = read_cells(notebook(*sources))
    child.mark(cells, lab_01.LAB, list(seeds), cell_seconds, lines.append)
    return {line["task"]: line["kind"] for line in lines if "task" in line}, lines


# What is in a file


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe\x00", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "no notebook"),
        (b'{"cells": 3}', "no notebook"),
        (b'{"cells": [{"cell_type": "code"}]}', "no notebook"),
        (notebook("x", language_info={"name": "R"}), "written in r, not in Python"),
        (notebook("x", kernelspec={"language": "julia"}), "written in julia"),
    ],
)
def test_files_that_cannot_be_marked(content, says):
    with pytest.raises(SubmissionError, match=says):
        read_cells(content)
    marked = parent.mark_one("x.ipynb", content, "01", [1], parent.Limits())
    assert marked.points == 0
    assert set(marked.outcomes) == set(canonical_checks("01"))
    assert says in marked.trouble[0]


def test_a_file_that_is_too_large(monkeypatch):
    monkeypatch.setattr("lenetcourse.grading.submission.LARGEST", 10)
    with pytest.raises(SubmissionError, match="larger than"):
        read_cells(notebook("x = 1"))


def test_cells_and_magics():
    content = b"\xef\xbb\xbf" + notebook(["%matplotlib inline\n", "x = 1"], "%%time\ny = 2")
    assert read_cells(content) == [
        Cell("c0", "pass  # %matplotlib inline\nx = 1"),
        Cell("c1", "# %%time\n# y = 2"),
    ]
    assert without_magics("if a:\n    !ls\nb % c") == "if a:\n    pass  # !ls\nb % c"


def test_which_lab():
    assert "01" in lab_numbers()
    assert which_lab([Cell("a", IMPORT)], "work.ipynb") == "01"
    assert which_lab([Cell("a", "x")], "my lab_01 final.ipynb") == "01"
    for name in ("work.ipynb", "lab_77.ipynb"):
        with pytest.raises(SubmissionError, match="--lab"):
            which_lab([Cell("a", "x")], name)


def test_where_a_check_stands():
    tasks = ["q1", "q2"]
    assert checked_in(Cell("a", "lab.q1.check(f)\nlab.q2.check(g)"), tasks) == tasks
    assert checked_in(Cell("q2-check", "print('tampered')"), tasks) == ["q2"]
    assert checked_in(Cell("q1", "x = 1"), tasks) == []
    assert canonical_checks("01")["q7"][:2] == ["prediction", "relative_change"]


# What a notebook may do


def test_right_wrong_raised_and_blank():
    kinds, _ = marks(
        IMPORT,
        RIGHT_Q1,
        CHECK_Q1,
        "def slide(image, kernel, padding, stride):\n    return correlate(image, kernel)",
        "def max_pool(image, size):\n    return image.nothing",
        "def count(a, b, c):\n    return ...",
        RIGHT_Q6,
    )
    assert kinds["q1"] == kinds["q6"] == RIGHT
    assert kinds["q2"] == NOT_YET
    assert kinds["q3"] == RAISED
    assert kinds["q4"] == NOT_ATTEMPTED
    assert kinds["q5"] == NOT_YET  # no such name


def test_the_check_of_the_library_counts_and_not_the_notebooks():
    kinds, _ = marks(IMPORT, "class lab:\n    q1 = None", RIGHT_Q6, "print('lab.q6.check(3)')")
    assert kinds["q6"] == RIGHT
    kinds, _ = marks(IMPORT, "def correlate(i, k):\n    return 0", "lab.q1.check(right)")
    assert kinds["q1"] == NOT_YET


def test_a_later_cell_does_not_change_an_earlier_mark():
    kinds, _ = marks(IMPORT, RIGHT_Q1, CHECK_Q1, "correlate = None")
    assert kinds["q1"] == RIGHT


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        ("while True: pass", "ran for more than 0.5 seconds"),
        ("import sys; sys.exit(0)", "SystemExit"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("1 / 0", "ZeroDivisionError: division by zero (<module>, line 1: 1 / 0)"),
        ("def broken(:", "SyntaxError"),
        ("input()", "Error"),
        ("def f(): f()\nf()", "RecursionError"),
    ],
)
def test_a_cell_that_fails_stops_nothing(cell, says):
    check_trouble(cell, says)


@pytest.mark.parametrize("cell", ["while True: pass", "try:\n    while 1: pass\nfinally: x = 1"])
def test_an_endless_cell_where_the_system_has_no_alarm(cell, monkeypatch):
    """As on Windows."""
    monkeypatch.delattr(signal, "SIGALRM", raising=False)
    check_trouble(cell, "ran for more than 0.5 seconds")
    check_trouble("raise KeyboardInterrupt", "KeyboardInterrupt")


def check_trouble(cell, says):
    kinds, lines = marks(IMPORT, cell, RIGHT_Q6, cell_seconds=0.5)
    trouble = [line["trouble"] for line in lines if "trouble" in line]
    assert len(trouble) == 1
    assert says in trouble[0]
    assert kinds["q6"] == RIGHT


def test_a_cell_runs_as_in_a_kernel():
    """Not by what the marker itself imports from the future."""
    _, lines = marks(IMPORT, "def f(x: int): pass\nassert f.__annotations__['x'] is int")
    assert not [line for line in lines if "trouble" in line]


def test_constants_fail_with_other_seeds():
    """An answer fitted to the inputs of one seed passes with that seed, and fails with others."""
    fitted = (
        "seen = {}\ndef correlate(i, k):\n"
        "    return torch.full((i.shape[0] - k.shape[0] + 1, i.shape[1] - k.shape[1] + 1), 3.0)"
    )
    kinds, _ = marks(IMPORT, fitted, seeds=(1, 2, 3))
    assert kinds["q1"] == NOT_YET


# A process of its own


def test_a_notebook_in_its_process_keeps_what_was_known():
    content = notebook(
        IMPORT, RIGHT_Q1, CHECK_Q1, "print('x' * 10**7)", "import os; os._exit(0)", RIGHT_Q6
    )
    marked = parent.mark_one("anna.ipynb", content, None, [1], parent.Limits(seconds=120))
    assert marked.lab == "01"
    assert marked.points == 1
    assert marked.outcomes["q1"].kind == RIGHT
    assert "ended in c4" in marked.outcomes["q6"].message
    assert marked.trouble == ["c4: the process ended by itself, with status 0"]


def test_a_notebook_that_takes_too_long_is_stopped():
    endless = "while True:\n    try:\n        pass\n    except BaseException:\n        pass"
    content = notebook(IMPORT, endless)
    marked = parent.mark_one("x.ipynb", content, None, [1], parent.Limits(120, 12, 6))
    assert "more than 12 seconds" in marked.trouble[-1]
    assert marked.points == 0


def example():
    outcomes = {
        "q1": Outcome(RIGHT, ""),
        "q2": Outcome(NOT_YET, "The <map> has the wrong shape.", "an image", "shape (3,)", "4"),
    }
    return parent.Marked("Anna Li_17_assignsubmission_file/lab.ipynb", "01", outcomes, ["c4: odd"])


def test_what_an_instructor_gets(tmp_path):
    other = parent.Marked("=cmd.ipynb", None, {}, ["the file is not JSON"])
    for marked in (example(), other):
        reports.write_student(marked, tmp_path / "grades")
    reports.write_grades([other, example()], tmp_path / "grades.csv")
    with (tmp_path / "grades.csv").open(encoding="utf-8-sig", newline="") as file:
        odd, anna = csv.DictReader(file)
    assert (anna["Identifier"], anna["Full name"]) == ("Participant 17", "Anna Li")
    assert (anna["Grade"], anna["Maximum grade"], anna["q2"]) == ("1", "2", NOT_YET)
    assert odd["Full name"] == "'=cmd"
    assert odd["Feedback comments"] == "the file is not JSON"
    place = tmp_path / "grades" / "Anna Li_17_assignsubmission_file" / "lab"
    results = json.loads((place / "results.json").read_text(encoding="utf-8"))
    assert results["score"] == 1
    assert [test["status"] for test in results["tests"]] == ["passed", "failed"]
    assert results["tests"][0]["max_score"] == 1
    page = (place / "report.html").read_text(encoding="utf-8")
    assert "Lab 01: 1 of 2" in page
    assert "The &lt;map&gt; has" in page
    assert "c4: odd" in page
    text = reports.summary([example(), other])
    assert "| q2, Padding and stride | 0 of 1 | 1 x The <map> has the wrong shape. |" in text
    assert "* =cmd.ipynb: the file is not JSON" in text


def test_the_command(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["labs", "list"]) == 0
    assert "q1  Correlate by hand" in capsys.readouterr().out
    folder = tmp_path / "in"
    assert cli.main(["labs", "grade", "in"]) == 2
    folder.mkdir()
    assert cli.main(["labs", "grade", "in"]) == 2
    (folder / "a.ipynb").write_bytes(b"{")
    seeds = tmp_path / "seeds"
    seeds.write_text("1 two")
    for wrong in (["--lab", "77"], ["--seeds", "seeds"], ["--jobs", "0"], ["--out", "no/x.csv"]):
        assert cli.main(["labs", "grade", "in", *wrong]) == 2
    assert not (tmp_path / "grades.csv").exists()
    capsys.readouterr()
    seeds.write_text("1\n2")
    assert cli.main(["labs", "grade", "in", "--lab", "01", "--seeds", "seeds"]) == 0
    assert "1/1 a.ipynb: 0 of" in capsys.readouterr().out
    assert (tmp_path / "grades.csv").is_file()
    assert "the file is not JSON" in (tmp_path / "grades" / "summary.md").read_text()
    with pytest.raises(UsageError, match="no such folder"):
        parent.find_submissions(tmp_path / "missing")


# For other graders; tools/check_exports.py has them mark these


def exported(tmp_path, grader):
    written = export(SOLUTIONS, grader, tmp_path / grader)
    assert len(written) == len(lab_numbers())
    path = next(path for path in written if path.name.startswith("lab_01"))
    return path, json.loads(path.read_text(encoding="utf-8"))["cells"]


def test_export_for_nbgrader(tmp_path):
    path, cells = exported(tmp_path, "nbgrader")
    assert path == tmp_path / "nbgrader" / "source" / "lab_01" / "lab_01_convolution.ipynb"
    assert (tmp_path / "nbgrader" / "nbgrader_config.py").is_file()
    marked = {cell["id"]: cell for cell in cells if "nbgrader" in cell["metadata"]}
    answers = {cell for cell in marked if "-answer" in cell}
    assert {cell.partition("-")[0] for cell in answers} == set(canonical_checks("01"))
    assert marked["q1-check"]["source"] == "lab.q1.check(correlate)\nassert lab.q1.passed"
    for name, cell in marked.items():
        marks = cell["metadata"]["nbgrader"]
        assert marks["solution"] == (name in answers) != marks["grade"]
        assert marks["grade"] == ("points" in marks)
        assert ("# BEGIN SOLUTION" in cell["source"]) == (name in answers)
    assert not any(cell["id"].endswith("-reason") for cell in cells)
    assert all(not cell.get("outputs") for cell in cells)


def test_export_for_otter(tmp_path):
    path, cells = exported(tmp_path, "otter")
    assert path == tmp_path / "otter" / "lab_01_convolution.ipynb"
    marks = [cell["source"].splitlines()[0] for cell in cells if cell["cell_type"] == "raw"]
    question = ["BEGIN QUESTION", "BEGIN SOLUTION", "END SOLUTION",
                "BEGIN TESTS", "END TESTS", "END QUESTION"]  # fmt: skip
    tasks = len(canonical_checks("01"))
    assert marks == [f"# {mark}" for mark in ["ASSIGNMENT CONFIG", *question * tasks]]
    assert len({cell["id"] for cell in cells}) == len(cells)


def test_export_refuses(tmp_path, capsys):
    (tmp_path / "old").mkdir()
    command = ["labs", "export", "--for", "otter", "--from"]
    assert cli.main([*command, str(SOLUTIONS), str(tmp_path / "old")]) == 2
    assert "name a new folder" in capsys.readouterr().err
    assert cli.main([*command, str(tmp_path), str(tmp_path / "new")]) == 2
    assert "name labs/solutions with --from" in capsys.readouterr().err
    (tmp_path / "lab_01_broken.ipynb").write_text("{}", encoding="utf-8")
    assert cli.main([*command, str(tmp_path), str(tmp_path / "new")]) == 2
    assert "not a notebook" in capsys.readouterr().err
