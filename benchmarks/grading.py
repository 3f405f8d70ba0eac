"""Mark a hundred notebooks whose marks are known: how long it takes, and how many come out right.

    python benchmarks/grading.py [--labs 01 02] [--count 100] [--jobs 2] [--seed 0]

Most are made from the solutions: task by task the solution, another right answer, a typical mistake
or the blank, drawn from labs/solutions/. Twelve are hostile. A task whose answer is wrong makes
those that build on it wrong as well, so these get a mistake or a blank, too.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))

from lab.proof import builds_on  # noqa: E402
from lab.source import LabSource, all_sources, handed_out  # noqa: E402

from lenetcourse.grading import parent  # noqa: E402
from lenetcourse.labs.blanks import emptied, solved  # noqa: E402
from lenetcourse.labs.judge import RIGHT  # noqa: E402


def as_bytes(cells: list[dict], **metadata: object) -> bytes:
    """Return a notebook with these cells."""
    return json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4}).encode()


def plain_cells(source: LabSource) -> list[dict]:
    """Return the cells of a lab as it is handed out."""
    return [
        {"cell_type": cell.cell_type, "id": cell.id, "source": cell.source, "metadata": {}}
        for cell in handed_out(source).cells
    ]


def drawn(source: LabSource, chance: random.Random) -> tuple[bytes, set[str]]:
    """Return a notebook with answers drawn by `chance`, and the tasks that should be right."""
    cells, right, wrong = plain_cells(source), set(), set()
    for task in source.lab.tasks:
        kinds = ["mistake", "blank"]
        if task not in wrong:
            kinds += ["solution"] * 3 + ["right"] * 2
        kind = chance.choice(kinds)
        tried = [t for t in source.tried if t.task == task and t.right == (kind == "right")]
        answers = [cell.id for cell in source.answers(task)]
        for cell in cells:
            if cell["id"] in answers:
                original = source.cell(cell["id"]).source
                cell["source"] = emptied(original) if kind == "blank" else solved(original)
                if kind in ("mistake", "right") and cell["id"] == answers[-1]:
                    cell["source"] = chance.choice(tried).source
        if kind in ("mistake", "blank"):
            wrong |= builds_on(source.lab, task)
        else:
            right.add(task)
    return as_bytes(cells), right


def hostile(source: LabSource) -> Iterator[tuple[str, bytes, set[str]]]:
    """Yield (what it does, the notebook, the tasks that should be right)."""
    full = [
        cell | {"source": solved(source.cell(cell["id"]).source)} for cell in plain_cells(source)
    ]
    tasks = set(source.tasks)
    first = source.tasks[0]

    def with_first(code: str) -> bytes:
        return as_bytes([{"cell_type": "code", "id": "extra", "source": code}, *full])

    yield "not-json", b"PK\x03\x04 a zip file by the name of a notebook", set()
    large = [full[0] | {"outputs": ["x" * 50_000_000]}, *full[1:]]
    yield "50-mb", as_bytes(large), tasks
    yield "endless-loop", with_first("while True: pass"), tasks
    yield "sys-exit", with_first("import sys; sys.exit(1)"), tasks
    yield "os-exit", with_first("import os; os._exit(0)"), set()
    yield "prints", with_first("for n in range(3_000_000): print('x' * 50)"), tasks
    yield "wrong-kernel", as_bytes(full, kernelspec={"language": "R"}), set()
    without = [cell for cell in full if not cell["id"].startswith(f"{first}-")]
    yield "deleted-cells", as_bytes(without), None
    yield "no-checks", as_bytes([c for c in full if not c["id"].endswith("-check")]), None
    ids = [cell | {"id": f"tampered-{n}"} for n, cell in enumerate(full)]
    yield "tampered-ids", as_bytes(ids), tasks
    children = "import subprocess, sys\nfor n in range(20):\n    subprocess.Popen(['sleep', '600'])"
    yield "children", with_first(children), tasks
    blank = plain_cells(source)
    forged = [*blank[:-1], {"cell_type": "code", "id": "z", "source": "lab = type('L', (), {})"}]
    yield "own-lab", as_bytes(forged), set()


def main() -> int:
    """Make, mark and compare; print the table. Returns 1 when a mark is wrong."""
    parser = argparse.ArgumentParser(description="Mark notebooks whose marks are known.")
    parser.add_argument("--labs", nargs="*", metavar="NN", help="default: all")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    chance = random.Random(options.seed)
    sources = [s for s in all_sources(ROOT) if not options.labs or s.number in options.labs]
    expected: dict[str, set[str] | None] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        simplest = next((s for s in sources if s.number == "01"), sources[0])
        for what, content, right in hostile(simplest):
            path = folder / f"lab_{simplest.number} hostile {what}.ipynb"
            path.write_bytes(content)
            expected[path.name] = right
        for number in range(options.count - len(expected)):
            source = sources[number % len(sources)]
            content, right = drawn(source, chance)
            path = folder / f"student-{number:03}.ipynb"
            path.write_bytes(content)
            expected[path.name] = right
        start = time.perf_counter()
        limits = parent.Limits(cell_seconds=30, seconds=300)
        with parent.local_executor(options.jobs) as executor:
            marked = list(parent.mark_all(folder, None, [options.seed + 1], limits, executor))
        seconds = time.perf_counter() - start
    return report(marked, expected, seconds, options.jobs)


def report(marked: list[parent.Marked], expected: dict, seconds: float, jobs: int) -> int:
    """Print time, marks and whatever is not as it should be."""
    right = wrong = 0
    for one in sorted(marked, key=lambda m: m.name):
        wanted = expected.pop(one.name)
        found = {task for task, outcome in one.outcomes.items() if outcome.kind == RIGHT}
        if "hostile" in one.name:
            print(
                f"{one.name}: {one.points} of {len(one.outcomes)}; {'; '.join(one.trouble)[:150]}"
            )
        if wanted is None:
            continue
        right += len(one.outcomes) - len(found ^ wanted)
        wrong += len(found ^ wanted)
        for task in sorted(found ^ wanted):
            print(f"WRONG {one.name} {task}: {one.outcomes.get(task)}")
    print(f"{len(marked)} notebooks with {jobs} processes: {seconds:.0f} s; "
          f"marks right {right}, wrong {wrong}; lost {len(expected)}")  # fmt: skip
    return 1 if wrong or expected else 0


if __name__ == "__main__":
    sys.exit(main())
