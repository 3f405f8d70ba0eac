"""What a reader calls: `lab.q3.check(answer)`, `.hint()`, `.solution()` and `lab.progress()`.

The interface is that of Kaggle's learntools. A lab is a list of tasks; a task is a function that
compares an answer with an oracle, on inputs that are drawn anew at every check.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence

from lenetcourse.labs.judge import NOT_ATTEMPTED, NOT_YET, RAISED, RIGHT, Outcome, judge
from lenetcourse.labs.record import read_record
from lenetcourse.labs.shown import COLOURS, SIGNS, Message, outcome_message, show


class Task:
    """One task of a lab; made by `Lab.task`."""

    def __init__(
        self,
        lab: Lab,
        check: Callable[..., str | None],
        title: str,
        hints: Sequence[str],
        why: str,
        needs: Sequence[str],
        seconds: float,
    ) -> None:
        self.lab, self.title, self.why = lab, title, why
        self.name = check.__name__
        self.hints, self.needs, self.seconds = tuple(hints), tuple(needs), seconds
        self.outcome = Outcome(NOT_ATTEMPTED, "")
        self._check = check
        self._hints_shown = 0

    @property
    def passed(self) -> bool:
        """Whether the last check said that the answer is right."""
        return self.outcome.kind == RIGHT

    def judge(self, *answers: object, seed: int | None = None) -> Outcome:
        """Return the outcome for `answers`, and keep it, but show nothing."""
        self.outcome = judge(self._check, answers, seed=seed, seconds=self.seconds)
        return self.outcome

    def check(self, *answers: object) -> None:
        """Try the answer and show: not attempted, your code raised, not yet, or right."""
        show(outcome_message(self.name, self.title, self.judge(*answers), self.why))

    def hint(self) -> None:
        """Show the next hint; each says more than the one before."""
        place = min(self._hints_shown, len(self.hints) - 1)
        self._hints_shown = place + 1
        last = self._hints_shown == len(self.hints)
        more = f"That was the last: `lab.{self.name}.solution()` shows ours." if last else ""
        head = f"Hint {self._hints_shown} of {len(self.hints)}  {self.name}, {self.title}"
        show(Message(head, [self.hints[place], more] if more else [self.hints[place]]))

    def solution(self) -> None:
        """Show one right answer, and why it is right."""
        found = read_record(self.lab.number)["tasks"].get(self.name)
        if found is None:
            show(Message(f"No solution is stored for {self.name}."))
            return
        head = f"One solution  {self.name}, {self.title}"
        show(Message(head, [found["reason"]], [("", found["solution"])]))


class Lab:
    """The tasks of one lab, in order. `number` is that of its chapter: "00", "01", ..."""

    def __init__(self, number: str, title: str) -> None:
        self.number, self.title = number, title
        self.tasks: dict[str, Task] = {}

    def task(
        self,
        title: str,
        *,
        hints: Sequence[str],
        why: str,
        needs: Sequence[str] = (),
        seconds: float = 20,
    ) -> Callable[[Callable[..., str | None]], Task]:
        """Make the function below a task, under its own name.

        The function takes the answers and `draw`, raises what `expect` raises, and may return a
        sentence for whoever is right. `hints` go from a nudge to nearly all, `why` is the sentence
        on why it matters, `needs` names the tasks whose answers this one uses, and `seconds` is the
        time that a check may take.
        """

        def made(check: Callable[..., str | None]) -> Task:
            task = Task(self, check, title, hints, why, needs, seconds)
            self.tasks[task.name] = task
            return task

        return made

    def progress(self) -> None:
        """Show which tasks are done, and which is next."""
        tasks = self.tasks.values()
        done = sum(task.passed for task in tasks)
        rows = [f"{SIGNS[t.outcome.kind]} {t.name}  {t.title}: {t.outcome.kind}" for t in tasks]
        following = next((task for task in tasks if not task.passed), None)
        last = f"Next: {following.name}, {following.title}." if following else "All done."
        colour = COLOURS[NOT_ATTEMPTED if following else RIGHT]
        head = f"Lab {self.number}, {self.title}: {done} of {len(self.tasks)} done"
        show(Message(head, [last], [("", "\n".join(rows))], colour))

    def reset(self) -> None:
        """Forget all outcomes and hints."""
        for task in self.tasks.values():
            task.outcome = Outcome(NOT_ATTEMPTED, "")
            task._hints_shown = 0


def load_lab(number: str) -> Lab:
    """Return the lab with this number, as in "02"."""
    return importlib.import_module(f"lenetcourse.labs.lab_{number}").LAB


__all__ = ["NOT_ATTEMPTED", "NOT_YET", "RAISED", "RIGHT", "Lab", "Outcome", "Task", "load_lab"]
