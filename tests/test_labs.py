"""The labs' frame: the four outcomes, whatever comes in; hints, solutions, progress; the tools."""

import contextlib
import json
import re
import subprocess
import sys
import time

import make_labs
import numpy as np
import pytest
import torch
from lab import proof, source
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from notebook.reading import Unusable, write_notebook

from lenetcourse.labs import blanks, lab_01
from lenetcourse.labs.draw import Draw
from lenetcourse.labs.expect import (
    NotAttempted,
    NotYet,
    as_array,
    call,
    keeps,
    of_shape,
    one_of,
    parts,
    same,
    whole_number,
)
from lenetcourse.labs.frame import NOT_ATTEMPTED, NOT_YET, RAISED, RIGHT, Lab
from lenetcourse.labs.judge import judge
from lenetcourse.labs.shown import Message, outcome_message


def double_check(double, draw):
    """Compare a function with doubling."""
    x = draw.normal(3)
    same(call(double, x), 2 * x, given=x, traps={"This is the square.": x**2})


def outcome(answer, check=double_check, **options):
    return judge(check, (answer,), **options)


@pytest.mark.parametrize(
    "right",
    [
        lambda x: 2 * x,
        lambda x: x + x,
        lambda x: (2 * x).numpy(),
        lambda x: (2 * x).tolist(),
        lambda x: (2 * x).double().requires_grad_(),
        lambda x: tuple(2 * x),
    ],
)
def test_right_whatever_its_style(right):
    assert outcome(right).kind == RIGHT


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda x: x**2, "This is the square."),
        (lambda x: 2 * x[:2], "wrong shape"),
        (lambda x: (2 * x)[None], "wrong shape"),
        (
            lambda x: torch.cat([2 * x[:1], x[1:]]),
            "2 of its 3 values are wrong; the first is at [1]",
        ),
        (lambda x: 2 * x * torch.tensor([1, 1, torch.nan]), "holds nan, at [2]"),
        (lambda x: None, "gives back None"),
        (lambda x: "2x", "should be numbers"),
        (lambda x: (value for value in x), "should be numbers"),
        (lambda x: 2j * x, "should be numbers"),
        (lambda x: {"result": 2 * x}, "should be numbers"),
        (lambda x: [[1, 2], [3]], "should be numbers"),
        (7, "A function is wanted"),
        ("double", "A function is wanted"),
        (None, "A function is wanted"),
        (torch.zeros(3), "A function is wanted"),
        (lambda x, y: x, "cannot be called with the inputs that the task names"),
        (lambda: 3, "cannot be called with the inputs that the task names"),
        ((value for value in range(3)), "A function is wanted"),
    ],
)
def test_wrong_gets_a_reason_and_never_our_traceback(wrong, says):
    found = outcome(wrong)
    assert found.kind == NOT_YET
    assert says in found.message


@pytest.mark.parametrize(
    "unusable",
    [torch.nn.Linear(5, 1), lambda image, kernel: torch.zeros(3, device="meta"), print, dict],
)
def test_what_no_check_can_use(unusable):
    found = lab_01.q1.judge(unusable)
    assert found.kind == NOT_YET
    assert "lenetcourse" not in found.message


def test_every_wrong_element_counts():
    """A check that complains only when all elements are wrong would let these pass."""
    for place in range(12):
        wanted = torch.arange(12.0).reshape(3, 4)
        got = wanted.clone()
        got.view(-1)[place] += 0.01
        with pytest.raises(NotYet, match="1 of its 12 values is wrong"):
            same(got, wanted)


def test_large_arrays_are_told_by_the_first_place_that_differs():
    wanted = torch.zeros(10, 10)
    got = wanted.clone()
    got[3, 4] = 2
    for traps in ({}, {"Trapped.": got}):
        with pytest.raises(NotYet) as error:
            same(got, wanted, traps=traps)
        assert (error.value.expected, error.value.got) == ("0 at [3, 4]", "2 at [3, 4]")


def test_rounding_is_tolerated_and_counts_are_not():
    same(np.float32(0.1) + np.float32(0.2), 0.3)
    same(torch.tensor([1000.0, 0.0]), torch.tensor([1000.0001, 0.0]))
    same(156.0, 156)
    with pytest.raises(NotYet):
        same([150, 122_304], [156, 122_304])


def broken(x):
    return x + undefined_name  # noqa: F821


def leaves(x):
    sys.exit(3)


def recursive(x):
    return recursive(x)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (broken, "NameError: name 'undefined_name' is not defined"),
        (leaves, "SystemExit"),
        (recursive, "RecursionError"),
    ],
)
def test_the_readers_error_with_the_readers_line(answer, says):
    found = outcome(answer)
    assert found.kind == RAISED
    assert says in found.message
    assert f"in {answer.__name__}, line" in found.message
    assert "judge" not in found.message


def test_an_error_inside_torch_names_the_readers_line():
    def product(x):
        return x @ torch.ones(7)

    found = outcome(product)
    assert found.kind == RAISED
    assert "product, line" in found.message
    assert "x @ torch.ones(7)" in found.message
    assert "shape (3,)" in found.given  # the input for which it raises


class Untellable(Exception):
    def __str__(self):
        raise RuntimeError


def test_an_error_that_cannot_be_told():
    def odd(x):
        raise Untellable

    assert outcome(odd).kind == RAISED


@pytest.mark.parametrize(
    "blank", [..., lambda x: ..., lambda x: (x, ...), lambda x: [...], lambda x: 2 * ...]
)
def test_a_blank_is_not_attempted(blank):
    assert outcome(blank).kind == NOT_ATTEMPTED


def test_an_endless_loop_ends():
    def endless(x):
        while True:
            with contextlib.suppress(Exception):
                time.sleep(0.01)

    start = time.perf_counter()
    found = outcome(endless, seconds=0.3)
    assert found.kind == NOT_YET
    assert "does a loop never end" in found.message
    assert time.perf_counter() - start < 5


def test_ctrl_c_is_the_readers():
    def interrupted(x):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        outcome(interrupted)


def test_wrong_number_of_answers():
    found = judge(double_check, ())
    assert found.kind == NOT_YET
    assert found.message == "This check wants 1: check(double)."


def test_random_state_is_left_alone_and_inputs_are_fresh():
    seen = []

    def spy(x):
        seen.append(x.clone())
        torch.manual_seed(0)
        x.zero_()  # the check's own input is not touched
        return 2 * seen[-1]

    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    assert outcome(spy).kind == RIGHT
    assert torch.equal(torch.rand(3), expected)
    assert outcome(spy).kind == RIGHT
    assert not torch.equal(seen[0], seen[1])
    outcome(spy, seed=1), outcome(spy, seed=1)
    assert torch.equal(seen[2], seen[3])


def test_draw():
    draw = Draw(0)
    numbers = draw.integers(2, 4, 500)
    assert sorted(set(numbers.tolist())) == [2, 3, 4]
    assert {draw.integer(1, 2) for _ in range(50)} == {1, 2}
    assert draw.normal(2, 3).dtype == draw.uniform(2).dtype == torch.float32
    assert draw.normal(2, 3).shape == (2, 3)
    assert 1 <= draw.number(1, 2) <= 2
    assert sorted(draw.order(5).tolist()) == list(range(5))
    assert draw.choice("ab") in "ab"
    assert Draw(3).integer(0, 10**9) == Draw(3).integer(0, 10**9)
    assert Draw().seed != Draw().seed


def test_small_helpers():
    assert whole_number(torch.tensor([3.0])) == 3
    for wrong in (2.5, [1, 2], "3", True):
        with pytest.raises(NotYet):
            whole_number(wrong)
    one_of(" Max ", ("max", "average"))
    one_of(True, (True, False))
    for wrong in ("mix", 1, None):
        with pytest.raises(NotYet):
            one_of(wrong, ("max", "average", True))
    with pytest.raises(NotAttempted):
        one_of(..., ("max",))
    assert as_array([torch.tensor(1), 2.0]).tolist() == [1, 2]
    assert as_array(torch.ones(2, dtype=torch.bfloat16)).dtype == np.float32


@pytest.mark.parametrize("zeros", [torch.zeros, np.zeros])
def test_an_answer_that_writes_into_what_it_is_given(zeros):
    few, many = zeros((2, 2)), zeros((200, 60))

    def touch(one, other, place):
        [one, other][place][1, 1] += 1
        return 1

    assert keeps(lambda *inputs: len(inputs), few, many, 0, says=["few", "many"]) == 3
    with pytest.raises(NotYet, match="few") as told:
        keeps(touch, few, many, 0, says=["few", "many"])
    assert "[0., 1.]" in told.value.got
    with pytest.raises(NotYet, match="many") as told:
        keeps(touch, few, many, 1, says=["few", "many"])
    assert (told.value.expected, told.value.got) == (
        "the input as it was, 0 at [1, 1]",
        "1 at [1, 1]",
    )
    assert not few.any()
    assert not many.any()  # what the check goes on with


def test_parts_and_shapes():
    for pair in ((1, 2), [1, 2], torch.tensor([1, 2]), np.array([1, 2])):
        assert parts(pair, 2, "Two are wanted.") == (1, 2)
    rows = torch.zeros(2, 3)
    assert len(parts(rows, 2, "Two are wanted.", stacked=True)) == 2
    for wrong in ((1, 2, 3), torch.tensor([1]), torch.tensor(1), rows, 5, "ab", {1: 2, 3: 4}):
        with pytest.raises(NotYet, match="Two are wanted"):
            parts(wrong, 2, "Two are wanted.")
    with pytest.raises(NotAttempted):
        parts((1, ...), 2, "Two are wanted.")
    assert of_shape([[1, 2]], (1, 2), "The table").tolist() == [[1, 2]]
    with pytest.raises(NotYet, match=r"^The table has the wrong shape.$") as told:
        of_shape(rows, (3, 2), "The table")
    assert (told.value.expected, told.value.got) == ("shape (3, 2)", "shape (2, 3)")
    with pytest.raises(NotYet, match=r"^One for each.$"):
        of_shape(rows, (2,), "The table", says="One for each.")


def test_what_is_shown_says_everything_without_colour():
    found = outcome(lambda x: x**2)
    message = outcome_message("q1", "Double <it>", found, "why")
    text, markup = str(message), message._repr_html_()
    assert text.startswith("Not yet ✗  q1, Double <it>")
    for part in ("This is the square.", "given", "expected", "got", "lab.q1.hint()"):
        assert part in text
        assert part in markup
    assert "&lt;it&gt;" in markup
    assert "<it>" not in markup
    right = outcome_message("q1", "Double", outcome(lambda x: 2 * x), "It matters.")
    assert str(right) == "Right ✓  q1, Double\nIt matters."
    assert "<code>x</code>" in Message("a", ["take `x`"])._repr_html_()
    assert "a `b" in Message("a", ["a `b"])._repr_html_()


def small_lab():
    lab = Lab("99", "Small")

    @lab.task("Double", hints=("a nudge", "nearly all"), why="It matters.")
    def q1(double, draw):
        double_check(double, draw)

    @lab.task("Again", hints=("one", "two"), why="Also.", needs=("q1",))
    def q2(double, draw):
        double_check(double, draw)
        return "Well done."

    return lab, q1, q2


def test_hints_solution_and_progress(capsys):
    lab, q1, q2 = small_lab()

    def said():
        return capsys.readouterr().out

    q1.hint()
    assert said() == "Hint 1 of 2  q1, Double\na nudge\n"
    q1.hint()
    assert "nearly all\nThat was the last: `lab.q1.solution()`" in said()
    q1.hint()
    assert "Hint 2 of 2" in said()
    q1.solution()
    assert "No solution is stored" in said()
    lab.progress()
    assert "0 of 2 done\nNext: q1, Double." in said()
    q1.check(lambda x: 2 * x)
    assert "Right ✓" in said()
    assert q1.passed
    q2.check(lambda x: x)
    assert "Not yet ✗" in said()
    lab.progress()
    text = said()
    assert "1 of 2 done\nNext: q2, Again." in text
    assert "✓ q1  Double: right" in text
    q2.check(lambda x: 2 * x)
    assert "Well done.\nAlso." in said()
    lab.progress()
    assert "All done." in said()
    lab.reset()
    assert not q1.passed


def test_solution_of_a_real_task(capsys):
    lab_01.q1.solution()
    text = capsys.readouterr().out
    assert "def correlate(image, kernel):" in text
    assert "BEGIN SOLUTION" not in text


def test_in_a_terminal_and_without_ipython():
    code = (
        "import sys; from lenetcourse.labs import lab_01 as lab; lab.q6.check([[1, 2], [3, 4]]);"
        "lab.progress(); print('IPython' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True
    )
    assert "three rows and three columns" in done.stdout
    assert done.stdout.endswith("False\n")


# The tools that make and prove labs

SOLUTION = '''def double(x):
    """Return twice x."""
    # BEGIN SOLUTION
    #: return ...  # twice x
    y = x + x
    return y
    # END SOLUTION


# BEGIN SOLUTION
#: three = ...
three = 3
# END SOLUTION'''


def test_blanks():
    assert blanks.blanks(SOLUTION) == 2
    assert blanks.emptied(SOLUTION).endswith("    return ...  # twice x\n\n\nthree = ...")
    assert "y = x + x" not in blanks.emptied(SOLUTION)
    only = blanks.emptied(SOLUTION, 1)
    assert "y = x + x" in only
    assert only.endswith("three = ...")
    assert "SOLUTION" not in only
    assert blanks.solved(SOLUTION).endswith("    return y\n\n\nthree = 3")


@pytest.mark.parametrize(
    "wrong",
    [
        "# BEGIN SOLUTION\n#: x = ...\nx = 1",
        "# END SOLUTION",
        "# BEGIN SOLUTION\n# BEGIN SOLUTION\n",
        "# BEGIN SOLUTION\nx = 1\n# END SOLUTION",
        "# BEGIN SOLUTION\n#: x = 0\nx = 1\n# END SOLUTION",
    ],
)
def test_marks_that_do_not_match(wrong):
    with pytest.raises(blanks.BlankError):
        blanks.emptied(wrong)


def test_marks_for_other_graders_leave_valid_python():
    text = blanks.for_other_graders(SOLUTION)
    assert "#:" not in text
    without = re.sub(r"( *)# BEGIN SOLUTION.*?# END SOLUTION", r"\1pass", text, flags=re.S)
    space = {}
    exec(without, space)
    assert space["double"](2) is ...
    assert space["three"] is ...
    space = {}
    exec(text, space)
    assert (space["double"](2), space["three"]) == (4, 3)


def toy_lab(root, answer=SOLUTION):
    (root / "labs" / "solutions").mkdir(parents=True)
    nb = new_notebook(metadata={"lenetcourse": {"code_hash": "x"}})
    nb.cells = [
        new_markdown_cell("# Lab", id="title"),
        new_markdown_cell("## 1", id="q1"),
        new_code_cell(answer, id="q1-answer", execution_count=1),
        new_code_cell("lab.q1.check(double)", id="q1-check"),
        new_markdown_cell("Because.", id="q1-reason", metadata={"tags": ["reason"]}),
    ]
    path = root / "labs" / "solutions" / "lab_99_toy.ipynb"
    write_notebook(nb, path)
    return path


def test_make_labs_writes_checks_and_refuses(tmp_path, capsys):
    path = toy_lab(tmp_path)
    assert make_labs.main(["--check"], tmp_path) == 1
    assert "labs/lab_99_toy.ipynb: differs" in capsys.readouterr().out
    assert make_labs.main([], tmp_path) == 0
    assert make_labs.main(["--check"], tmp_path) == 0
    out = json.loads((tmp_path / "labs" / "lab_99_toy.ipynb").read_text(encoding="utf-8"))
    assert [cell["id"] for cell in out["cells"]] == ["title", "q1", "q1-answer", "q1-check"]
    assert out["cells"][2]["execution_count"] is None
    assert "lenetcourse" not in out["metadata"]
    kept = tmp_path / "lenetcourse" / "labs" / "solutions" / "lab_99.json"
    record = json.loads(kept.read_text(encoding="utf-8"))["tasks"]["q1"]
    assert record == {
        "check": "lab.q1.check(double)",
        "solution": blanks.solved(SOLUTION),
        "reason": "Because.",
    }
    kept.write_text("{}", encoding="utf-8")
    assert make_labs.main(["--check"], tmp_path) == 1
    path.unlink()
    toy = tmp_path / "other"
    toy_lab(toy, answer="# BEGIN SOLUTION\nx = 1\n# END SOLUTION")
    assert make_labs.main([], toy) == 2
    assert "q1-answer" in capsys.readouterr().err


def test_names_that_a_cell_reads_and_makes():
    code = "import numpy as np\nif lab.q3.passed:\n    net.weight = f(np, [y for y in data])"
    reads, makes = proof.names(code)
    assert {"np", "lab.q3", "f", "data", "net"} <= reads
    assert {"np", "net"} <= makes
    assert proof.names("lab.q3.check(f)") == ({"f"}, {"lab.q3"})


def test_tried_answers_are_read(tmp_path):
    path = tmp_path / "lab_99_tried.py"
    path.write_text(
        '"""Doc."""\n\n# %% q1 right: plain\nx = 1\n# %% q1 mistake: odd -> is odd\nx = 2\n'
    )
    right, wrong = source.read_tried(path)
    assert (right.task, right.right, right.name, right.source) == ("q1", True, "plain", "x = 1")
    assert (wrong.right, wrong.says) == (False, "is odd")
    for line in ("# %% q1 mistake: no words", "# %% q1 right: a -> b", "# %% other"):
        path.write_text(f"{line}\nx = 1\n")
        with pytest.raises(Unusable):
            source.read_tried(path)
