"""Mark notebooks: each in a process with limits, several at a time; none can stop the others."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import site
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path

from lenetcourse.errors import CourseError, UsageError
from lenetcourse.grading.submission import (
    LARGEST,
    SubmissionError,
    canonical_checks,
    read_cells,
    which_lab,
)
from lenetcourse.labs.judge import NOT_YET, RIGHT, Outcome

RESULTS = 5_000_000  # bytes that one notebook may leave as results


@dataclass(frozen=True)
class Limits:
    """What one notebook may take: seconds for a cell and for all, and memory in GB."""

    cell_seconds: float = 120
    seconds: float = 900
    memory_gb: float = 6


@dataclass
class Marked:
    """What came of one submission: the outcome of each task, and what else there is to say."""

    name: str
    lab: str | None = None
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    trouble: list[str] = field(default_factory=list)

    @property
    def points(self) -> int:
        """The number of tasks that are right."""
        return sum(outcome.kind == RIGHT for outcome in self.outcomes.values())


def find_submissions(folder: Path) -> list[Path]:
    """Return the notebooks in a folder and its folders, in order. Raises UsageError."""
    if not folder.is_dir():
        raise UsageError(f"{folder}: no such folder: name the one that holds the notebooks")
    found = sorted(
        path
        for path in folder.rglob("*.ipynb")
        if path.is_file() and not {".ipynb_checkpoints", "__MACOSX"} & set(path.parts)
    )
    if not found:
        raise UsageError(f"{folder}: no notebook in it: they end in .ipynb")
    return found


def read_bytes(path: Path) -> bytes:
    """Return a file's content, but no more than one byte above what can be marked."""
    with path.open("rb") as file:
        return file.read(LARGEST + 1)


def mark_one(
    name: str, content: bytes, lab: str | None, seeds: Sequence[int], limits: Limits
) -> Marked:
    """Return what came of one notebook; whatever is in it, this returns."""
    try:
        cells = read_cells(content)
        lab = lab or which_lab(cells, name)
    except SubmissionError as error:
        with contextlib.suppress(SubmissionError):
            lab = lab or which_lab([], name)
        tasks = canonical_checks(lab) if lab else {}
        lost = {task: Outcome(NOT_YET, "The notebook cannot be read.") for task in tasks}
        return Marked(name, lab, lost, [str(error)])
    order = {
        "cells": [(cell.name, cell.source) for cell in cells],
        "lab": lab,
        "seeds": list(seeds),
        "cell_seconds": limits.cell_seconds,
    }
    lines, ending = run_child(json.dumps(order).encode(), limits)
    return collected(Marked(name, lab), lines, ending)


def collected(marked: Marked, lines: list[dict], ending: str | None) -> Marked:
    """Put together what a child told line by line; `ending` says why it stopped early."""
    last = "its first cell"
    for line in lines:
        if "task" in line:
            task = line.pop("task")
            marked.outcomes.setdefault(task, Outcome(**line))
        elif "cell" in line:
            last = line["cell"]
            if "trouble" in line:
                marked.trouble.append(f"{last}: {line['trouble']}")
    if ending:
        marked.trouble.append(f"{last}: {ending}")
    for task in canonical_checks(marked.lab):
        marked.outcomes.setdefault(
            task, Outcome(NOT_YET, f"The notebook ended in {last}, before this task was checked.")
        )
    return marked


def run_child(order: bytes, limits: Limits) -> tuple[list[dict], str | None]:
    """Run a notebook in a process and a folder of its own; return its lines, and what ended it."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        child = subprocess.Popen(
            [sys.executable, "-m", "lenetcourse.grading.child"],
            cwd=folder,
            env=environment(folder),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=_limiter(limits) if os.name == "posix" else None,
        )
        ending = None
        try:
            out, _ = child.communicate(order, timeout=limits.seconds)
        except subprocess.TimeoutExpired as error:
            ending = f"the notebook took more than {limits.seconds:g} seconds and was stopped"
            _kill(child)
            out = error.stdout or b""
            with contextlib.suppress(subprocess.TimeoutExpired, ValueError):
                out = child.communicate(timeout=10)[0] or out
        finally:
            _kill(child)
    lines = list(read_lines(out[:RESULTS]))
    if not ending and not any("finished" in line for line in lines):
        ending = f"the process ended by itself, with status {child.returncode}"
    return lines, ending


def environment(folder: str) -> dict[str, str]:
    """Return the variables of a child: offline, one thread, the embedded digits unless named."""
    variables = {
        "LENETCOURSE_DATASET": "digits",
        **os.environ,
        "LENETCOURSE_LEADERBOARD": "off",
        "LENETCOURSE_OFFLINE": "1",
        "MPLBACKEND": "agg",
        "OMP_NUM_THREADS": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": folder,
        "USERPROFILE": folder,  # the home of Windows
        "PYTHONUSERBASE": site.getuserbase(),  # where pip install --user put the packages
    }
    # The folder of this process is the child's no longer: what it was told stays true.
    library = str(Path(__file__).resolve().parents[2])
    paths = [library, *filter(None, variables.get("PYTHONPATH", "").split(os.pathsep))]
    variables["PYTHONPATH"] = os.pathsep.join(str(Path(path).resolve()) for path in paths)
    return variables


def _limiter(limits: Limits) -> Callable[[], None]:
    """Return what a child does before it starts, where the system has such limits."""
    import resource

    def limit() -> None:
        memory = int(limits.memory_gb * 1e9)
        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000_000, 200_000_000))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    return limit


def _kill(child: subprocess.Popen) -> None:
    """End a child and all that it started; on Windows all that it still knows of."""
    if os.name == "posix":
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
    elif child.poll() is None:
        command = ["taskkill", "/F", "/T", "/PID", str(child.pid)]
        subprocess.run(command, capture_output=True, check=False)


def read_lines(out: bytes) -> Iterator[dict]:
    """Yield what a child told; a line that was cut off is left out."""
    for line in out.splitlines():
        with contextlib.suppress(ValueError):
            told = json.loads(line)
            if isinstance(told, dict):
                yield told


def mark_all(
    folder: Path,
    lab: str | None,
    seeds: Sequence[int],
    limits: Limits,
    executor: Executor,
) -> Iterator[Marked]:
    """Yield what came of each notebook in `folder`, as soon as it is known. Raises UsageError."""
    waiting = {}
    for path in find_submissions(folder):
        name = path.relative_to(folder).as_posix()
        try:
            content = read_bytes(path)
        except OSError as error:
            yield Marked(name, lab, {}, [f"cannot be read: {error.strerror}"])
            continue
        waiting[executor.submit(mark_one, name, content, lab, seeds, limits)] = name
    for future in as_completed(waiting):
        try:
            yield future.result()
        except Exception as error:  # a worker that died: its notebook is named, the rest goes on
            yield Marked(waiting[future], lab, {}, [f"not marked: {type(error).__name__}: {error}"])


@contextlib.contextmanager
def local_executor(jobs: int) -> Iterator[Executor]:
    """Give an executor whose threads each wait for one process."""
    executor = ThreadPoolExecutor(jobs)
    try:
        yield executor
    finally:
        executor.shutdown(wait=False, cancel_futures=True)


@contextlib.contextmanager
def dask_executor(address: str) -> Iterator[Executor]:
    """Give an executor on a Dask cluster whose workers have this library. Raises CourseError."""
    try:
        from dask.distributed import Client
    except ImportError:
        raise UsageError("--dask needs pip install 'lenetcourse[dask]'") from None
    try:
        client = Client(address, timeout=20)
    except (OSError, ValueError) as error:
        raise CourseError(f"no Dask scheduler at {address!r}: {type(error).__name__}") from None
    with client:
        yield client.get_executor(pure=False)
