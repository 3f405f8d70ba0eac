"""Run one notebook and its checks, in a process of its own: started by `parent`, never by hand.

Reads {"cells", "lab", "seeds", "cell_seconds"} as JSON from the standard input, and writes one line
of JSON for every cell begun and every task judged, at once, so that whatever ends the process takes
nothing with it that was known before.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict

from lenetcourse.grading.submission import Cell, canonical_checks, checked_in
from lenetcourse.labs.frame import Lab, Task, load_lab
from lenetcourse.labs.judge import (
    NOT_YET,
    RIGHT,
    Outcome,
    OutOfTime,
    own_line,
    run_cell,
    time_limit,
)

Tell = Callable[[dict], None]


def main() -> None:
    """Do what the standard input asks for."""
    order = json.loads(sys.stdin.buffer.read())
    # Prints of the notebook go nowhere; the results have a way of their own.
    results = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)

    def tell(line: dict) -> None:
        results.write(json.dumps(line) + "\n")
        results.flush()

    lab = load_lab(order["lab"])
    tell({"ready": True})
    mark([Cell(*cell) for cell in order["cells"]], lab, order["seeds"], order["cell_seconds"], tell)
    tell({"finished": True})
    os._exit(0)  # threads and exit handlers of the notebook would keep the process alive


def mark(cells: list[Cell], lab: Lab, seeds: list[int], cell_seconds: float, tell: Tell) -> None:
    """Run the cells in order; check each task where its check stands, else at the end.

    The notebook's own check cells decide where a check is made, never what is checked.
    """
    checks = canonical_checks(lab.number)
    space: dict = {"__name__": "__main__"}
    done: set[str] = set()
    for cell in cells:
        here = checked_in(cell, list(checks))
        tell({"cell": cell.name})
        only_checks = here and "\n" not in cell.source.strip()
        trouble = None if only_checks else trouble_in(cell, space, cell_seconds)
        if trouble:
            tell({"cell": cell.name, "trouble": trouble})
        for task in here:
            tell(judged(lab.tasks[task], checks[task], space, seeds))
            done.add(task)
    for task in checks:
        if task not in done:
            tell(judged(lab.tasks[task], checks[task], space, seeds))


def trouble_in(cell: Cell, space: dict, seconds: float) -> str | None:
    """Run a cell; return what went wrong in one line, or None."""
    try:
        with time_limit(seconds):
            run_cell(cell.name, cell.source, space)
    except OutOfTime:
        return f"ran for more than {seconds:g} seconds and was stopped"
    except BaseException as error:  # SystemExit and KeyboardInterrupt are the notebook's own
        place = own_line(error)
        return f"{type(error).__name__}: {str(error)[:300]}" + (f" ({place})" if place else "")
    return None


def judged(task: Task, expressions: list[str], space: dict, seeds: list[int]) -> dict:
    """Return the outcome of a task for every seed: the first that is not right, or right."""
    outcome = Outcome(NOT_YET, "There is no check to make.")
    for seed in seeds:
        try:
            answers = [eval(expression, space) for expression in expressions]
        except NameError as error:
            text = f"{error}: was its cell deleted, or the name changed?"
            task.outcome = outcome = Outcome(NOT_YET, text)
        except BaseException as error:
            task.outcome = outcome = Outcome(NOT_YET, f"{type(error).__name__}: {error}")
        else:
            outcome = task.judge(*answers, seed=seed)
        if outcome.kind != RIGHT:
            break
    return {"task": task.name, **asdict(outcome)}


if __name__ == "__main__":
    main()
