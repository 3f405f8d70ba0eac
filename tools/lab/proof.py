"""The proof of a lab: its solution passes, its blanks do not, mistakes fail, other answers pass.

Nothing here starts a kernel. A lab's cells run once; then, for every blank and every answer tried,
only the cells run again that depend on what was changed.
"""

import ast
import contextlib
import io
import os
import symtable
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from nbformat import NotebookNode
from notebook.reading import cells_of

from lab.source import LabSource, Tried, handed_out, read_source
from lenetcourse.labs.blanks import blanks, emptied, solved
from lenetcourse.labs.frame import NOT_ATTEMPTED, NOT_YET, RAISED, RIGHT, Lab, Outcome
from lenetcourse.labs.judge import run_cell
from lenetcourse.labs.shown import outcome_message

SLOW_CELL = 30  # seconds; more than a reader on a laptop should wait for one cell


@dataclass
class Report:
    """What the proof of one lab found. `wrong` names all that is not as it should be."""

    lab: str
    tasks: int = 0
    blanks: int = 0
    mistakes: int = 0
    others: int = 0
    seconds: float = 0
    slowest: float = 0
    wrong: list[str] = field(default_factory=list)


@dataclass
class Cell:
    """A code cell: its id and code, the names that it reads and those that it makes."""

    id: str
    source: str

    def __post_init__(self) -> None:
        self.reads, self.makes = names(self.source)


def names(source: str) -> tuple[set[str], set[str]]:
    """Return the names of the notebook that code reads, and those that it makes or changes.

    Names that are a function's own count for neither. `lab.q3` counts as a name: a check makes it,
    `lab.q3.passed` reads it.
    """
    reads, makes = set(), set()
    tables = [symtable.symtable(source, "<cell>", "exec")]
    while tables:
        table = tables.pop()
        tables += table.get_children()
        top = table.get_type() == "module"
        for symbol in table.get_symbols():
            if symbol.is_referenced() and (top or symbol.is_global()):
                reads.add(symbol.get_name())
            if symbol.is_assigned() and (top or symbol.is_declared_global()):
                makes.add(symbol.get_name())
            if top and (symbol.is_imported() or symbol.is_namespace()):
                makes.add(symbol.get_name())
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Attribute(
                value=ast.Attribute(value=ast.Name(id="lab"), attr=task), attr=action
            ):
                (makes if action == "check" else reads).add(f"lab.{task}")
            case (
                ast.Attribute(ctx=ast.Store(), value=inner)
                | ast.Subscript(ctx=ast.Store(), value=inner)
            ):  # net.weight = ..., known[3] = ...: what is changed counts as made
                inside = {part.id for part in ast.walk(inner) if isinstance(part, ast.Name)}
                makes |= inside & reads
    return reads - {"lab"}, makes - {"lab"}


class Bench:
    """One lab on the bench: its cells run once, then again in part with other answers."""

    def __init__(self, source: LabSource) -> None:
        self.source = source
        self.lab = source.lab
        self.cells = [Cell(c.id, solved(c.source)) for _, c in cells_of(source.nb, "code")]
        self.before: list[dict] = []  # the names before each cell, and after the last
        self.full: dict[str, Outcome] = {}  # the outcomes of the full run
        self.slowest = 0.0

    def outcomes(self) -> dict[str, Outcome]:
        """Return the outcome of every task as it stands."""
        return {name: task.outcome for name, task in self.lab.tasks.items()}

    def run_all(self) -> dict[str, Outcome]:
        """Run the solution from the top and keep what stood before each cell."""
        self.lab.reset()
        space: dict = {"__name__": "__main__"}
        for cell in self.cells:
            self.before.append(dict(space))
            start = time.process_time()  # what else runs on the machine is no fault of the cell
            execute(cell, space)
            self.slowest = max(self.slowest, time.process_time() - start)
        self.before.append(dict(space))
        self.full = self.outcomes()
        return self.full

    def run_again(
        self, name: str, changed: str, until: str | None = None
    ) -> tuple[dict[str, Outcome], list[str]]:
        """Return the outcomes with the cell `name` changed, and the errors of cells that raised.

        Of the cells after it those run that depend on it, up to the cell `until`.
        """
        place = next(n for n, cell in enumerate(self.cells) if cell.id == name)
        space = dict(self.before[place])
        for task, outcome in self.full.items():  # those that are tried again change
            self.lab.tasks[task].outcome = outcome
        cells = [Cell(name, changed), *self.cells[place + 1 :]]
        touched = cells[0].makes | self.cells[place].makes
        errors = []
        for number, cell in enumerate(cells):
            if number == 0 or cell.reads & touched:
                touched |= cell.makes
                try:
                    execute(cell, space)
                except Exception as error:
                    errors.append(f"{cell.id}: {type(error).__name__}: {error}")
            else:  # as it was in the full run
                then, now = self.before[place + number], self.before[place + number + 1]
                new = {key: value for key, value in now.items() if then.get(key) is not value}
                space.update({key: value for key, value in new.items() if key not in touched})
            if cell.id == until:
                break
        return self.outcomes(), errors


def execute(cell: Cell, space: dict) -> None:
    """Run a cell, its prints and figures put aside."""
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            run_cell(cell.id, cell.source, space)
        finally:
            if "matplotlib.pyplot" in sys.modules:
                sys.modules["matplotlib.pyplot"].close("all")


def prove(path: Path) -> Report:
    """Return the report on the lab in a solution notebook."""
    os.environ.setdefault("MPLBACKEND", "agg")
    os.environ["LENETCOURSE_LEADERBOARD"] = "off"  # a proof enters nothing in anybody's board
    start = time.perf_counter()
    source = read_source(path)
    bench = Bench(source)
    report = Report(f"lab_{source.number}", tasks=len(bench.lab.tasks))
    report.wrong += list(same_tasks(bench))
    if not report.wrong:
        report.wrong += list(solution_passes(bench))
        report.slowest = bench.slowest
        report.wrong += list(handed_out_is_not_attempted(bench))
    if not report.wrong:  # without these the rest says nothing
        for step in (blanks_fail, mistakes_fail, others_pass):
            report.wrong += list(step(bench, report))
    report.seconds = time.perf_counter() - start
    return report


def same_tasks(bench: Bench) -> Iterator[str]:
    """The notebook and the module have the same tasks, and each is complete."""
    if list(bench.lab.tasks) != bench.source.tasks:
        yield f"the notebook has {bench.source.tasks}, the module {list(bench.lab.tasks)}"
        return
    for name, task in bench.lab.tasks.items():
        if len(task.hints) < 2:
            yield f"{name}: {len(task.hints)} hints, at least 2"
        if not any(blanks(cell.source) for cell in bench.source.answers(name)):
            yield f"{name}: no blank"
        mistakes = sum(t.task == name and not t.right for t in bench.source.tried)
        others = sum(t.task == name and t.right for t in bench.source.tried)
        if mistakes < 3 or others < 2:
            yield f"{name}: {mistakes} mistakes and {others} other answers; at least 3 and 2"


def solution_passes(bench: Bench) -> Iterator[str]:
    """(a) Every check says that the solution is right, and no cell takes too long."""
    try:
        outcomes = bench.run_all()
    except Exception as error:
        yield f"(a) the solution raises {type(error).__name__}: {error}"
        return
    for name, outcome in outcomes.items():
        if outcome.kind != RIGHT:
            yield f"(a) {name}: {told(bench, name, outcome)}"
    if bench.slowest > SLOW_CELL:
        yield f"(a) a cell took {bench.slowest:.0f} s, at most {SLOW_CELL}"


def handed_out_is_not_attempted(bench: Bench) -> Iterator[str]:
    """(b) The notebook as handed out runs, and every check says "not attempted"."""
    bench.lab.reset()
    space: dict = {"__name__": "__main__"}
    nb: NotebookNode = handed_out(bench.source)
    for _, cell in cells_of(nb, "code"):
        try:
            execute(Cell(cell.id, cell.source), space)
        except Exception as error:
            yield f"(b) cell {cell.id} raises {type(error).__name__}: {error}"
            return
    for name, outcome in bench.outcomes().items():
        if outcome.kind != NOT_ATTEMPTED:
            yield f"(b) {name}: {told(bench, name, outcome)}"


def blanks_fail(bench: Bench, report: Report) -> Iterator[str]:
    """(c) A blank emptied alone fails its own check and those that build on it, and no other."""
    for name in bench.lab.tasks:
        wanted = builds_on(bench.lab, name)
        for cell in bench.source.answers(name):
            for number in range(blanks(cell.source)):
                report.blanks += 1
                outcomes, errors = bench.run_again(cell.id, emptied(cell.source, number))
                failed = {task for task, outcome in outcomes.items() if outcome.kind != RIGHT}
                place = f"(c) {name}, blank {number + 1} of {cell.id}"
                if failed != wanted:
                    yield f"{place}: fails {sorted(failed)}, should fail {sorted(wanted)}"
                if outcomes[name].kind != NOT_ATTEMPTED:
                    yield f"{place}: {told(bench, name, outcomes[name])}"
                for error in errors:
                    yield f"{place}: {error}"


def builds_on(lab: Lab, name: str) -> set[str]:
    """Return the task and all that need it, directly or by way of others."""
    found = {name}
    for task in lab.tasks.values():  # in order: a task needs only those before it
        if found & set(task.needs):
            found.add(task.name)
    return found


def mistakes_fail(bench: Bench, report: Report) -> Iterator[str]:
    """(d) Every typical mistake fails, with the words that help."""
    for tried in bench.source.tried:
        if tried.right:
            continue
        report.mistakes += 1
        outcome = outcome_of(bench, tried)
        said = told(bench, tried.task, outcome)
        place = f"(d) {tried.task}, {tried.name!r}"
        if outcome.kind not in (NOT_YET, RAISED):
            yield f"{place}: {outcome.kind}"
        elif tried.says not in " ".join(said.split()):
            yield f"{place}: says {' '.join(said.split())!r}, without {tried.says!r}"


def others_pass(bench: Bench, report: Report) -> Iterator[str]:
    """(e) Right answers of another style pass."""
    for tried in bench.source.tried:
        if not tried.right:
            continue
        report.others += 1
        outcome = outcome_of(bench, tried)
        if outcome.kind != RIGHT:
            said = " ".join(told(bench, tried.task, outcome).split())
            yield f"(e) {tried.task}, {tried.name!r}: {said}"


def outcome_of(bench: Bench, tried: Tried) -> Outcome:
    """Return the outcome of the task with this answer in place of its last answer cell."""
    cell = bench.source.answers(tried.task)[-1]
    outcomes, errors = bench.run_again(cell.id, tried.source, until=f"{tried.task}-check")
    found = outcomes[tried.task]
    # When a cell raised before the check, what stands there is the outcome of another answer.
    if errors and (errors[0].startswith(f"{cell.id}: ") or found.kind == RIGHT):
        return Outcome(RAISED, errors[0])
    return found


def told(bench: Bench, name: str, outcome: Outcome) -> str:
    """Return the whole text that a reader would see."""
    task = bench.lab.tasks[name]
    return str(outcome_message(name, task.title, outcome, task.why))
