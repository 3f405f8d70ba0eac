"""Run the chapters on MNIST and write their outputs back, free of all that differs between runs.

    python tools/regenerate.py [NAME ...] [--dataset mnist]

Without names: every numbered chapter in book/, in order. The notebook as it ran, and the log of
one that failed, stay in _build/executed/. Exits with 1 when a chapter failed; with 2, before
anything runs, on an unknown name or parameter.
"""

import argparse
import ast
import datetime
import importlib.metadata
import json
import os
import platform
import re
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import papermill
from nbformat import NotebookNode
from notebooks import (
    CHAPTER,
    ROOT,
    RUN_METADATA,
    RUN_TAGS,
    VALID_ID,
    Unusable,
    cells_of,
    code_hash,
    course_metadata,
    read_notebook,
    tags,
    write_notebook,
)
from papermill.exceptions import PapermillExecutionError

from lenetcourse.files import replacing

CELL_SECONDS = 600
# Libraries whose version goes into the record of a run: what numbers and figures depend on.
RECORDED = ("torch", "torchvision", "numpy", "scikit-learn", "matplotlib")
# Of the kernel, what does not depend on the machine: no display names, no patch levels.
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}
LANGUAGE = {
    "name": "python",
    "file_extension": ".py",
    "mimetype": "text/x-python",
    "pygments_lexer": "ipython3",
}
# Ids as Jupyter makes them up: the next editor would make up others.
RANDOM_ID = re.compile(r"[0-9a-f]{8}(?:(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})?")


@dataclass(frozen=True)
class Job:
    """A chapter to run: `parameters` are what it runs with, `passed` those it must be told."""

    path: Path
    parameters: Mapping[str, object]
    passed: Mapping[str, object]


# What to run


def plan(names: Sequence[str], dataset: str, root: Path) -> list[Job]:
    """Return the jobs for the named notebooks, or for all chapters when none is named.

    Raises Unusable when one does not exist, cannot be read, or does not know its parameters.
    """
    stems = sorted(path.stem for path in root.glob("book/*.ipynb"))
    chapters = [stem for stem in stems if CHAPTER.fullmatch(stem)]
    if not stems:
        raise Unusable("no notebooks in book/")
    for name in names:
        if name not in stems:
            raise Unusable(f"no notebook {name!r} in book/: there are {', '.join(stems)}")
    return [plan_one(root / "book" / f"{name}.ipynb", dataset) for name in names or chapters]


def plan_one(path: Path, dataset: str) -> Job:
    """Return the job for one notebook. Raises Unusable, see `plan`."""
    nb = read_notebook(path)
    if not CHAPTER.fullmatch(path.stem):
        return Job(path, {}, {})  # a page made from results/ reads no images
    if not any("parameters" in tags(cell) for _, cell in cells_of(nb, "code")):
        raise Unusable(f"{path.stem}: no cell tagged parameters")
    parameters = {"dataset": dataset}
    # papermill only warns about a name that the notebook does not have, and passes it anyway.
    known = papermill.inspect_notebook(cleaned(nb))
    for name in parameters:
        if name not in known:
            raise Unusable(f"{path.stem}: no parameter {name!r}: there are {', '.join(known)}")
    passed = {k: v for k, v in parameters.items() if not is_default(known[k]["default"], v)}
    return Job(path, parameters, passed)


def is_default(written: str, value: object) -> bool:
    """Return whether the expression `written` in a parameters cell is `value`."""
    try:
        return ast.literal_eval(written) == value
    except (ValueError, SyntaxError):
        return False


# What is kept of a run


def cleaned(nb: NotebookNode) -> NotebookNode:
    """Return a copy of `nb` as it goes into a run: no traces of earlier ones, stable ids."""
    nb = deepcopy(nb)
    nb.cells = [cell for cell in nb.cells if not tags(cell) & RUN_TAGS]
    for holder in (nb, *nb.cells):
        for key in RUN_METADATA:
            holder.metadata.pop(key, None)
    nb.metadata.pop("widgets", None)
    nb.metadata.update(kernelspec=KERNEL, language_info=LANGUAGE)
    nb.nbformat_minor = 5  # the first with cell ids
    give_stable_ids(nb.cells)
    return nb


def give_stable_ids(cells: Sequence[NotebookNode]) -> None:
    """Name each cell whose id is missing, random, invalid or taken after its place."""
    taken: set[str] = set()
    nameless = []
    for place, cell in enumerate(cells, 1):
        name = cell.get("id", "")
        if not VALID_ID.fullmatch(name) or RANDOM_ID.fullmatch(name) or name in taken:
            nameless.append((f"cell-{place:02d}", cell))
        else:
            taken.add(name)
    for name, cell in nameless:
        while name in taken:
            name += "-b"
        cell["id"] = name
        taken.add(name)


def with_outputs(source: NotebookNode, ran: NotebookNode) -> NotebookNode:
    """Return `source` with the outputs of the run, numbered as if nothing had been injected."""
    nb = deepcopy(source)
    own_cells = [cell for cell in ran.cells if not tags(cell) & RUN_TAGS]
    count = 0
    for cell, run_cell in zip(nb.cells, own_cells, strict=True):
        if cell.cell_type != "code":
            continue
        cell.execution_count = None
        if run_cell.execution_count is not None:
            cell.execution_count = count = count + 1
        cell.outputs = joined_streams(run_cell.outputs)
        for output in cell.outputs:
            if "execution_count" in output:
                output.execution_count = cell.execution_count
    return nb


def joined_streams(outputs: Sequence[NotebookNode]) -> list[NotebookNode]:
    """Return `outputs` with neighbouring prints as one: where they are cut is up to timing."""
    joined: list[NotebookNode] = []
    for output in outputs:
        name = output.get("name")
        if name and joined and joined[-1].get("name") == name:
            joined[-1].text += output.text
        else:
            joined.append(deepcopy(output))
    return joined


def ran_as_meant(nb: NotebookNode) -> bool:
    """Return whether all code cells ran, and only those failed that are tagged to."""
    for _, cell in cells_of(nb, "code"):
        failed = any(output.output_type == "error" for output in cell.outputs)
        unrun = cell.source.strip() and cell.execution_count is None
        if unrun or (failed and "raises-exception" not in tags(cell)):
            return False
    return True


# Running


def run(job: Job, executed: Path) -> dict[str, object]:
    """Run a chapter in book/ and write it back; `executed` is where the run itself is kept.

    Returns the code hash and the parameters that it was stamped with. Raises what stopped the run,
    and Unusable when the chapter was edited meanwhile.
    """
    before = job.path.read_bytes()
    source = cleaned(read_notebook(job.path))
    write_notebook(source, executed)
    try:
        papermill.execute_notebook(
            str(executed),
            str(executed),
            parameters=dict(job.passed),
            kernel_name=KERNEL["name"],
            language=KERNEL["language"],
            cwd=str(job.path.parent),
            progress_bar=False,
            execution_timeout=CELL_SECONDS,
        )
    except PapermillExecutionError:
        # papermill takes the error of a cell tagged raises-exception for a failure.
        if not ran_as_meant(read_notebook(executed)):
            raise
    nb = with_outputs(source, read_notebook(executed))
    kept = {k: v for k, v in course_metadata(source).items() if k != "dataset"}
    stamp = {"code_hash": code_hash(nb, job.parameters), **job.parameters}
    nb.metadata["lenetcourse"] = kept | stamp
    if job.path.read_bytes() != before:
        raise Unusable("edited while it ran, not written back")
    write_notebook(nb, job.path)
    return stamp


def write_record(job: Job, stamp: Mapping[str, object], seconds: float) -> None:
    """Write book/results/NAME.json: what the chapter ran with, when, and how long it took."""
    record = {
        **stamp,
        "finished": datetime.date.today().isoformat(),
        "seconds": round(seconds, 1),
        "cores": os.cpu_count(),
        "versions": {"Python": platform.python_version()}
        | {name: importlib.metadata.version(name) for name in RECORDED},
    }
    path = job.path.parent / "results" / f"{job.path.stem}.json"
    path.parent.mkdir(exist_ok=True)
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def reason(error: Exception) -> str:
    """Return in one line why a chapter failed."""
    if isinstance(error, PapermillExecutionError):
        return f"{error.ename}: {error.evalue}".splitlines()[0]
    return f"{type(error).__name__}: {error}".splitlines()[0]


def run_and_report(job: Job, root: Path) -> bool:
    """Run a chapter, print a line about it, and return whether it was written back."""
    name = job.path.stem
    executed = root / "_build" / "executed" / f"{name}.ipynb"
    log = executed.with_suffix(".log")
    start = time.perf_counter()
    try:
        stamp = run(job, executed)
        write_record(job, stamp, time.perf_counter() - start)
    except Exception as error:  # whatever stops one chapter must not stop the others
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(traceback.format_exc(), encoding="utf-8")
        seconds = time.perf_counter() - start
        place = log.relative_to(root)
        print(f"{name}: FAILED after {seconds:.1f} s: {reason(error)} ({place})", flush=True)
        return False
    log.unlink(missing_ok=True)
    print(f"{name}: {time.perf_counter() - start:.1f} s", flush=True)
    return True


def main(argv: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Run the named chapters, or all; return 0, 1 when one failed, 2 on unusable input."""
    parser = argparse.ArgumentParser(description="Run the chapters and write their outputs back.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="such as 02_lenet5 (default: all)")
    parser.add_argument("--dataset", default="mnist", help="what the chapters run on (%(default)s)")
    args = parser.parse_args(argv)
    try:
        jobs = plan(args.names, args.dataset, root)
    except Unusable as error:
        print(f"regenerate: {error}", file=sys.stderr)
        return 2
    failed = [job.path.stem for job in jobs if not run_and_report(job, root)]
    if failed:
        print(f"{len(failed)} of {len(jobs)} failed and were left as they are: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
