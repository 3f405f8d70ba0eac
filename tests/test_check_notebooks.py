"""A good chapter passes; one bad chapter for each rule gets that rule's finding and no other."""

from copy import deepcopy

import pytest
from check_notebooks import RULES, check, main, open_page
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from notebook.reading import Unusable, code_hash, install_cell, read_notebook, write_notebook

PNG = "iVBORw0KGgo="
OTHER_DOUBLE = "def double(x):\n    return x + x"
LIBRARY = 'def double(x):\n    """Twice x."""\n    # exact\n    return 2 * x\n'


def code(source, *tags, outputs=(), **metadata):
    return new_code_cell(source, outputs=list(outputs), metadata={"tags": list(tags), **metadata})


def text(source, *tags):
    return new_markdown_cell(source, metadata={"tags": list(tags)})


def attached(source):
    cell = text(source)
    cell.attachments = {"plan.png": {"image/png": PNG}}
    return cell


def shown(mime, value):
    return new_output("display_data", {mime: value, "text/plain": "it"})


def printed(words, name="stdout"):
    return new_output("stream", name=name, text=words)


def good_chapter():
    alt = {"image": {"alt": "Two crossing lines"}}
    answer = "\n1. Why?\n   <details><summary>Answer</summary>So.</details>"
    nb = new_notebook()
    nb.cells = [
        text("# Toy\n\nA question?\n\n**In this chapter you will** see `![a plan](plan.png)`."),
        install_cell(),
        code('dataset = "auto"', "parameters"),
        text("## Data\n\n" + "word " * 1600, "skeleton-data"),
        code("print(1)", "nbval-check-output", outputs=[printed("1\n")]),
        text("## Idea\n\nThe set `{0, 1}` and `x`.", "skeleton-idea"),
        code("def double(x):\n    return (2 * x)", "from-library"),
        text("## Model\n\n```python\n# no heading\n```", "skeleton-model"),
        code("plot()", outputs=[shown("image/png", PNG)], mystnb=alt),
        text("## Training", "skeleton-training"),
        code("table", outputs=[shown("text/html", "<table></table>")]),
        text("## Result", "skeleton-result"),
        code("assert 0.9 < accuracy", "remove-cell"),
        text("### Limits", "skeleton-limits"),
        text("## What to remember", "skeleton-remember"),
        text("## Check yourself" + 5 * answer, "skeleton-check"),
        text("## Think further", "skeleton-think"),
        text(3 * answer),
        text("## Further reading", "skeleton-references"),
        code("x = 1\n" * 29, "hide-input"),
        code("y = 1", "hide-input"),
        code("z = 1", "hide-input"),
    ]
    for place, cell in enumerate(nb.cells, 1):
        cell.id = f"cell-{place}"
    return stamp(nb)


def stamp(nb):
    """Make `nb` look as if the batch had just run it, on MNIST unless it says otherwise."""
    codes = [cell for cell in nb.cells if cell.cell_type == "code"]
    for count, cell in enumerate(codes, 1):
        cell.execution_count = count
    course = nb.metadata.setdefault("lenetcourse", NotebookNode())
    parameters = course.setdefault("parameters", {"dataset": "mnist"})
    course.code_hash = code_hash(nb, parameters)
    return nb


@pytest.fixture
def root(tmp_path):
    (tmp_path / "lenetcourse").mkdir()
    (tmp_path / "lenetcourse" / "toy.py").write_text(LIBRARY, encoding="utf-8")
    return tmp_path


def save(nb, root, name="book/02_toy.ipynb"):
    path = root / name
    write_notebook(nb, path)
    return path


def test_good_chapter_passes(root):
    assert check(save(good_chapter(), root), root) == []


# Ways to spoil the good chapter. They get the notebook and change it in place.


def put(number, *cells):
    named = [NotebookNode(cell, id=f"put-in-{place}") for place, cell in enumerate(cells)]
    return lambda nb: nb.cells.__setitem__(slice(number - 1, number - 1), deepcopy(named))


def replace(number, source):
    return lambda nb: nb.cells[number - 1].update(source=source)


def retag(number, *tags):
    return lambda nb: nb.cells[number - 1].metadata.update(tags=list(tags))


def output(number, *outputs):
    return lambda nb: nb.cells[number - 1].update(outputs=list(outputs))


def count(number, value):
    return lambda nb: nb.cells[number - 1].update(execution_count=value)


def cell_metadata(number, **metadata):
    return lambda nb: nb.cells[number - 1].metadata.update(metadata)


def metadata(**values):
    return lambda nb: nb.metadata.update(values)


def course(**values):
    return lambda nb: nb.metadata.lenetcourse.update(values)


def move(number, to):
    return lambda nb: nb.cells.insert(to - 1, nb.cells.pop(number - 1))


def add_cells(count):
    return lambda nb: nb.cells.extend(new_markdown_cell("", id=f"new-{i}") for i in range(count))


FAILURE = new_output("error", ename="ValueError", evalue="no", traceback=["ValueError: no"])
SVG = shown("image/svg+xml", "<svg/>")
SCRIPT = shown("text/html", "<p><script>x</script>")
HTML_ONLY = new_output("display_data", {"text/html": "<p>"})
SHORT_ALT = {"image": {"alt": "A figure"}}
LONG = "\n".join(f"x{i} = {i}" for i in range(16))
MANY_WORDS = "## Data\n\n" + "word " * 4600

# rule, cell, what is wrong (its beginning), how to get there
BAD = [
    ("no_magics", 5, "'!ls'", replace(5, "if True:\n    !ls")),
    ("no_magics", 5, "'%%timeit'", replace(5, "%%timeit\nx = 1")),
    ("no_magics", 5, "'%pip install x'", replace(5, "%pip install x")),
    ("no_magics", 5, "not valid Python, line 1", replace(5, "x = (")),
    ("clean_outputs", 5, "writes to stderr", output(5, printed("careful", "stderr"))),
    ("clean_outputs", 5, "ends in an error", output(5, FAILURE)),
    ("known_formats", 5, "image/svg+xml output", output(5, SVG)),
    ("known_formats", 5, "HTML output that is more than a table", output(5, SCRIPT)),
    ("known_formats", 5, "HTML output without plain text", output(5, HTML_ONLY)),
    ("no_widget_state", None, "stored widget state", metadata(widgets={})),
    ("no_machine_paths", 5, "'/home/', a path", replace(5, 'open("/home/ann/x")')),
    ("no_machine_paths", 5, r"'C:\\Users\\', a path", output(5, printed(r"C:\Users\ann"))),
    ("no_run_traces", None, "papermill metadata of a run", metadata(papermill={})),
    ("no_run_traces", 5, "execution left by a run", cell_metadata(5, execution={})),
    ("no_run_traces", 11, "injected-parameters left by", retag(11, "injected-parameters")),
    ("small_file", None, "616 KB, at most 500", output(5, printed("x" * 600_000))),
    ("figures_described", 9, "figure without a descr", cell_metadata(9, mystnb=SHORT_ALT)),
    ("figures_described", 7, "image without alt text", put(7, text("![](data:,)"))),
    ("figures_described", 7, "image without alt text", put(7, text('<img src="data:," alt="">'))),
    ("stable_ids", 5, "cell id 'Cell_5' is not", lambda nb: nb.cells[4].update(id="Cell_5")),
    ("install_first", 2, "first code cell is not the one that", replace(2, "import sys")),
    ("install_first", 2, "first code cell is not the one that", retag(2, "remove-cell")),
    ("nothing_beside", 7, "picture outside", put(7, text("![A plan](plan.png)"))),
    ("nothing_beside", 7, "picture outside", put(7, text('<img alt="A plan" src="plan.png">'))),
    ("nothing_beside", 7, "picture outside", put(7, attached("![A plan](data:,)"))),
    ("imports_installed", 5, "imports nbval,", replace(5, "import nbval.plugin, PIL, sklearn")),
    ("imports_installed", 5, "imports nbval,", replace(5, "if x:\n    from nbval import plugin")),
    ("plain_markdown", 7, "MyST syntax '```{note}'", put(7, text("```{note}\nRead.\n```"))),
    ("plain_markdown", 7, "MyST syntax ':::'", put(7, text(":::{tip}\nRead.\n:::"))),
    ("plain_markdown", 7, "MyST syntax '(target)='", put(7, text("(target)=\nText"))),
    ("plain_markdown", 7, "MyST syntax '{cite}`lecun`'", put(7, text("See {cite}`lecun`."))),
    ("one_parameters_cell", None, "0 code cells tagged parameters", retag(3)),
    ("one_parameters_cell", None, "2 code cells tagged parameters", retag(11, "parameters")),
    ("one_parameters_cell", 9, "parameters far from the top", move(3, 9)),
    ("title_and_promises", 7, "no single title at the top", put(7, text("# Again"))),
    ("title_and_promises", 1, "no single title at the top", put(1, text("Hello"))),
    ("title_and_promises", None, "no 'In this chapter you will'", replace(1, "# Toy")),
    ("skeleton_complete", None, "0 cells tagged skeleton-training", retag(10)),
    (
        "skeleton_complete",
        None,
        "2 cells tagged skeleton-data",
        put(4, text("## D", "skeleton-data")),
    ),
    (
        "skeleton_complete",
        None,
        "unknown skeleton step 'end'",
        put(7, text("## E", "skeleton-end")),
    ),
    ("skeleton_complete", None, "unknown skeleton step 'end'", course(skeleton_without=["end"])),
    ("skeleton_in_order", 15, "skeleton-limits after skeleton-remember", move(14, 15)),
    ("skeleton_in_order", 10, "skeleton-training is not on a heading", replace(10, "Training")),
    (
        "questions_answered",
        16,
        "4 answers of at least 5",
        replace(16, "## C" + 4 * "</details>"),
    ),
    ("questions_answered", 17, "2 answers of at least 3", replace(18, 2 * "</details>")),
    ("budget_explained", None, "budget changed without a reason", course(budget={"cells": 48})),
    ("budget_explained", None, "budget pages: 2", course(budget={"pages": 2, "reason": "long"})),
    ("within_budget", None, "4664 words", replace(4, MANY_WORDS)),
    ("within_budget", None, "64 words", replace(4, "## Data")),
    ("within_budget", None, "71 cells", add_cells(51)),
    ("within_budget", 5, "16 lines of code", replace(5, LONG)),
    ("within_budget", 5, "3 code cells in a row", put(4, code("x = 1"), code("y = 1"))),
    ("within_budget", 20, "31 lines of code", replace(20, "x = 1\n" * 31)),
    (
        "run_on_its_data",
        None,
        "run on digits, not on mnist",
        course(parameters={"dataset": "digits"}),
    ),
    ("run_on_its_data", None, "run on mnist, not on cifar10", course(about="cifar10")),
    ("run_on_its_data", None, "about 'colour-digits'", course(about="colour-digits")),
    ("library_code_shown", 7, "double differs from lenetcourse/toy.py", replace(7, OTHER_DOUBLE)),
    ("library_code_shown", 7, "triple is not in the library", replace(7, "def triple(x): ...")),
    ("library_code_shown", 7, "'x = 1' is no function or class", replace(7, "x = 1")),
    ("results_guarded", None, "no cell tagged nbval-check-output", retag(5)),
    ("results_guarded", None, "no result is guarded", replace(13, "accuracy > 0.9")),
]
STALE = "code or parameters changed since it was run"
# What lies in how a chapter was run: these are not stamped again.
BADLY_RUN = [
    ("executed_in_order", 5, "not executed", count(5, None)),
    ("executed_in_order", 5, "executed as [7], expected [3]", count(5, 7)),
    ("fresh", None, STALE, replace(5, "print(2)")),
    ("fresh", None, STALE, replace(3, 'dataset = "digits"')),
    ("fresh", None, "not run by the batch", course(code_hash=None)),
]


def findings_by_rule(nb, root):
    page = open_page(save(nb, root), root)
    found = {rule.__name__: list(rule(page)) for rule in RULES}
    return {name: findings for name, findings in found.items() if findings}


def expect(nb, root, rule, cell, wrong):
    found = findings_by_rule(nb, root)
    assert list(found) == [rule]
    [finding] = found[rule]
    assert finding.cell == cell
    assert finding.wrong.startswith(wrong)
    assert finding.todo


@pytest.mark.parametrize(("rule", "cell", "wrong", "spoil"), BAD)
def test_bad_chapter(root, rule, cell, wrong, spoil):
    nb = good_chapter()
    spoil(nb)
    expect(stamp(nb), root, rule, cell, wrong)


@pytest.mark.parametrize(("rule", "cell", "wrong", "spoil"), BADLY_RUN)
def test_badly_run(root, rule, cell, wrong, spoil):
    nb = good_chapter()
    spoil(nb)
    expect(nb, root, rule, cell, wrong)


@pytest.mark.parametrize("ids", [None, "cell-6"])
def test_missing_and_repeated_ids(root, ids):
    path = save(good_chapter(), root)
    line = '   "id": "cell-5",\n'
    text = path.read_text(encoding="utf-8")
    assert line in text
    path.write_text(
        text.replace(line, line.replace("cell-5", ids) if ids else ""), encoding="utf-8"
    )
    wrong = "cell id 'cell-6' is used twice" if ids else "no cell id"
    assert [finding.wrong for finding in check(path, root)] == [wrong]


def test_every_rule_has_a_bad_chapter():
    assert {rule for rule, *_ in BAD + BADLY_RUN} == {rule.__name__ for rule in RULES}


def test_allowed(root):
    """What looks like a finding and is none."""
    nb = good_chapter()
    nb.cells[2].source += "\n%matplotlib inline"
    nb.cells[4].source = 'print("""\n%ls\n!ls\n""", 7 \\\n  % 3, "a/home/b")'
    nb.cells[4].metadata.tags.append("raises-exception")
    nb.cells[4].outputs.append(deepcopy(FAILURE))
    nb.cells[9].metadata.tags = []
    nb.cells[10].source = "x = 1\n\n" * 20
    nb.metadata.lenetcourse.skeleton_without = ["training"]
    nb.metadata.lenetcourse.budget = {"code_lines": 20, "reason": "one table"}
    assert check(save(stamp(nb), root), root) == []


def test_a_chapter_about_photographs(root):
    nb = good_chapter()
    course(about="cifar10", parameters={"dataset": "cifar10"})(nb)
    assert check(save(stamp(nb), root), root) == []


def test_labs_owe_less(root):
    nb = new_notebook(cells=[install_cell(), text("No skeleton.")])
    nb.cells[1].id = "text"
    assert check(save(nb, root, "labs/lab_toy.ipynb"), root) == []


def test_mending_writes_the_install_cell(root):
    for cells in ([], [install_cell()], [text("# Toy"), code("import sys", execution_count=1)]):
        nb = new_notebook(cells=cells)
        if cells and cells[0].cell_type == "code":
            nb.cells[0].update(source="old", execution_count=1)
        path = save(nb, root, "labs/lab_toy.ipynb")
        main(["--mend", str(path)], root)
        code_cells = [cell for cell in read_notebook(path).cells if cell.cell_type == "code"]
        assert code_cells[0].source == install_cell().source
        assert len(code_cells) == 1 + bool(len(cells) == 2)
        assert code_cells[0].execution_count == (1 if len(cells) == 1 else None)


def good_page():
    """A page that is no chapter: no skeleton, no parameters, no MNIST, and short."""
    nb = new_notebook()
    nb.cells = [
        text("# A table\n\nNo skeleton."),
        install_cell(),
        code("print(1)", "nbval-check-output", outputs=[printed("1\n")]),
        code("assert 0.9 < accuracy", "remove-cell"),
        text("## Check yourself\n\n" + "<details>a</details>\n" * 5, "skeleton-check"),
    ]
    for place, cell in enumerate(nb.cells, 1):
        cell.id = f"cell-{place}"
    nb.metadata.lenetcourse = NotebookNode(parameters={})
    return stamp(nb)


def page_findings(nb, root):
    return [finding.wrong for finding in check(save(nb, root, "book/table.ipynb"), root)]


def test_good_page_passes(root):
    assert page_findings(good_page(), root) == []


BAD_PAGES = [
    ("no single title at the top", replace(1, "No title.")),
    ("no cell tagged nbval-check-output", retag(3)),
    ("no result is guarded", replace(4, "accuracy")),
    ("4 answers of at least 5", replace(5, "## Check\n\n" + "<details>a</details>\n" * 4)),
    ("16 lines of code", replace(3, LONG)),
    ("4509 words", replace(1, "# A table\n\n" + "word " * 4500)),
]


@pytest.mark.parametrize(("wrong", "spoil"), BAD_PAGES)
def test_bad_page(root, wrong, spoil):
    nb = good_page()
    spoil(nb)
    assert page_findings(stamp(nb), root) == [wrong]


def test_page_without_questions(root):
    nb = good_page()
    del nb.cells[-1]
    assert page_findings(stamp(nb), root) == []


def test_page_that_was_never_run(root):
    nb = good_page()
    for cell in nb.cells:
        if cell.cell_type == "code":
            cell.execution_count = None
    del nb.metadata.lenetcourse["code_hash"]
    assert page_findings(nb, root) == ["not executed", "not run by the batch"]


def test_exit_codes(root, capsys):
    assert main([], root) == 0
    assert capsys.readouterr().out == "0 notebooks checked, nothing found\n"
    path = save(good_chapter(), root)
    assert main([], root) == 0
    path.write_text(path.read_text(encoding="utf-8").replace("print(1)", "print(2)"))
    assert main([str(path)], root) == 1
    line = f"book/02_toy.ipynb: notebook: {STALE}: run `make figures ONLY=02_toy`\n"
    assert capsys.readouterr().out.endswith(line)


def test_unusable_input(root, capsys):
    path = root / "missing.ipynb"
    assert main([str(path)], root) == 2
    line = f"check_notebooks: {path}: cannot be read: No such file or directory\n"
    assert capsys.readouterr() == ("", line)


def test_library_that_does_not_parse(root):
    (root / "lenetcourse" / "broken.py").write_text("def (", encoding="utf-8")
    with pytest.raises(Unusable, match=r"lenetcourse/broken\.py: line 1"):
        check(save(good_chapter(), root), root)
