"""`lenetcourse labs`: list the labs, mark notebooks, write them for other graders."""

from __future__ import annotations

import argparse
import contextlib
import os
from pathlib import Path

from lenetcourse.errors import UsageError


def add(commands: argparse._SubParsersAction) -> None:
    """Add the subcommand and its actions."""
    labs = commands.add_parser("labs", help="list the labs, mark notebooks")
    actions = labs.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("list", help="print labs and tasks").set_defaults(run=show_list)
    grade = actions.add_parser("grade", help="mark all notebooks in a folder")
    grade.add_argument("folder", type=Path, metavar="FOLDER", help="with its folders")
    grade.add_argument("--out", type=Path, default=Path("grades.csv"), help="default: grades.csv")
    grade.add_argument("--lab", metavar="NN", help="default: what each notebook imports")
    grade.add_argument("--seeds", type=Path, metavar="FILE", help="whole numbers: other inputs")
    grade.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="notebooks at a time")
    grade.add_argument("--dask", metavar="ADDRESS", help="send them to a Dask scheduler")
    grade.add_argument("--cell-seconds", type=float, default=120, help="default: 120")
    grade.add_argument("--seconds", type=float, default=900, help="for a notebook; default: 900")
    grade.add_argument("--memory", type=float, default=6, help="GB for a notebook; default: 6")
    grade.set_defaults(run=grade_all)
    export = actions.add_parser("export", help="write the labs for nbgrader or Otter")
    export.add_argument("folder", type=Path, metavar="FOLDER", help="a new one")
    export.add_argument("--for", dest="grader", choices=["nbgrader", "otter"], required=True)
    solutions = Path("labs/solutions")
    export.add_argument("--from", dest="solutions", type=Path, default=solutions, metavar="FOLDER",
                        help="default: labs/solutions in this folder")  # fmt: skip
    export.set_defaults(run=export_all)


def show_list(options: argparse.Namespace) -> int:
    """Print every lab with its tasks."""
    from lenetcourse.grading.submission import lab_numbers
    from lenetcourse.labs.frame import load_lab
    from lenetcourse.labs.record import read_record

    for number in lab_numbers():
        lab = load_lab(number)
        print(f"{number} {lab.title}: {read_record(number)['name']}.ipynb")
        for task in lab.tasks.values():
            print(f"   {task.name}  {task.title}")
    return 0


def read_seeds(path: Path | None) -> list[int]:
    """Return the whole numbers in a file, parted by spaces or lines. Raises UsageError."""
    import secrets

    if path is None:
        return [secrets.randbits(63)]
    words = path.read_text(encoding="utf-8").split()
    if not words or not all(word.isascii() and word.isdigit() for word in words):
        raise UsageError(f"{path}: whole numbers, parted by spaces or lines, are wanted")
    return [int(word) for word in words]


def grade_all(options: argparse.Namespace) -> int:
    """Mark every notebook; return 0, also when some could not be marked: the CSV says so."""
    from lenetcourse.files import write_text
    from lenetcourse.grading import parent, reports
    from lenetcourse.grading.submission import lab_numbers

    if options.lab is not None and options.lab not in lab_numbers():
        raise UsageError(f"no lab {options.lab!r}; there are {', '.join(lab_numbers())}")
    if min(options.jobs, options.seconds, options.cell_seconds, options.memory) <= 0:
        raise UsageError("--jobs, --seconds, --cell-seconds and --memory must be above 0")
    seeds = read_seeds(options.seeds)
    limits = parent.Limits(options.cell_seconds, options.seconds, options.memory)
    folder = options.out.with_suffix("")
    if not options.out.resolve().parent.is_dir():
        raise UsageError(f"{options.out.parent}: no such folder: make it first")
    total = len(parent.find_submissions(options.folder))
    place = (
        parent.dask_executor(options.dask) if options.dask else parent.local_executor(options.jobs)
    )
    done: list[parent.Marked] = []
    with contextlib.ExitStack() as stack:
        executor = stack.enter_context(place)
        try:
            for marked in parent.mark_all(options.folder, options.lab, seeds, limits, executor):
                reports.write_student(marked, folder)
                done.append(marked)
                print(
                    f"{len(done)}/{total} {marked.name}: {marked.points} of {len(marked.outcomes)}"
                )
        finally:  # also when interrupted: what is known is written
            if done:
                reports.write_grades(done, options.out)
                write_text(folder / "summary.md", reports.summary(done))
    print(f"{options.out}, and a page for each in {folder}/; summary in {folder / 'summary.md'}")
    return 0


def export_all(options: argparse.Namespace) -> int:
    """Write every lab in the form of another grader."""
    from lenetcourse.grading.export import export

    written = export(options.solutions, options.grader, options.folder)
    print(f"{len(written)} labs for {options.grader} written to {options.folder}")
    return 0
