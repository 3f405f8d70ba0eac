"""Run the batch: chapters and sweeps of book/batch.yml, and write back what they leave.

    python tools/regenerate.py [NAME ...] [--list] [--jobs N] [--dask ADDRESS] [--force]

A name is a chapter, with all that it reads, or a sweep; without names everything is run. Runs whose
code, parameters, data and library code are unchanged are skipped. What was finished stays finished:
a batch that was killed goes on where it stopped. The notebook and the log of a run that failed are
kept in _build/executed/. Exits with 1 when a run failed; with 2, before anything runs, on input
that cannot be used.
"""

import argparse
import base64
import contextlib
import datetime
import fcntl
import io
import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from pathlib import Path

import nbformat
import one_run
from batch import (
    COMMAND_RECORD,
    OUT,
    PACKAGE,
    Run,
    choose,
    inputs_hash,
    own_code_hash,
    picture_path,
    read_batch,
    stored,
    why,
)
from notebook_outputs import cleaned, ran_as_meant, with_outputs
from notebooks import (
    ROOT,
    Unusable,
    cells_of,
    code_hash,
    course_metadata,
    read_notebook,
    tags,
    write_notebook,
)
from PIL import Image

from lenetcourse.files import replacing

LIMIT = 3600  # seconds: a run that takes longer hangs
DIGITS = 6  # significant digits of the numbers in a record
LEFT_HALF_WRITTEN = re.compile(r"\.(\d+)-.+")  # the temporary names of lenetcourse.files


# One run: what goes out, what comes back


def payload_of(run: Run, sources: Sequence[Run], root: Path, library: str) -> dict:
    """Return all that a run needs, for `one_run.execute`."""
    texts = {name: root / "book" / name for name in run.files}
    texts |= {s.record.relative_to(root / "book").as_posix(): s.record for s in sources}
    payload = {
        "kind": "command" if run.kind == "command" else "notebook",
        "files": {name: path.read_text(encoding="utf-8") for name, path in texts.items()},
        "keep": list(run.pictures),
        "library": library,
        "limit": LIMIT,
    }
    if run.kind == "command":
        names = [COMMAND_RECORD, *(f"{OUT}/{name}" for name in run.pictures)]
        return payload | {"arguments": list(run.source), "keep": names}
    nb = cleaned(read_notebook(run.source))
    return payload | {"notebook": nbformat.writes(nb), "parameters": dict(run.passed)}


def write_back(run: Run, outcome: dict, before: bytes, inputs: str, root: Path) -> None:
    """Write what a run made into book/: pictures, the notebook, and last the record.

    Raises Unusable when the outcome is not what the batch needs; then nothing is written.
    """
    if run.kind == "command":
        values = command_values(json.loads(kept(outcome, COMMAND_RECORD)))
    else:
        values = notebook_values(nbformat.reads(outcome["notebook"], as_version=4), run)
    pictures = {name: picture(kept(outcome, name, f"{OUT}/{name}")) for name in run.pictures}
    if isinstance(run.source, Path) and run.source.read_bytes() != before:
        raise Unusable("edited while it ran, not written back")
    for name, content in pictures.items():
        write_bytes(picture_path(run, name, root), content)
    if run.kind == "chapter":
        write_chapter(run, outcome["notebook"])
    record = {
        "run": run.name,
        "dataset": run.parameters.get("dataset"),
        "seed": run.parameters.get("seed"),
        "parameters": dict(run.parameters),
        "values": rounded(values),
        "code_hash": own_code_hash(run),
        "inputs": inputs,
        "finished": datetime.date.today().isoformat(),
        "seconds": outcome["seconds"],
        "cores": outcome["cores"],
        "versions": outcome["versions"],
    }
    # One key a line: small, and a diff shows what changed.
    lines = [f" {json.dumps(key)}: {json.dumps(value)}" for key, value in record.items()]
    write_bytes(run.record, ("{\n" + ",\n".join(lines) + "\n}\n").encode())


def write_bytes(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as part:
        part.write_bytes(content)


def write_chapter(run: Run, executed: str) -> None:
    """Write the outputs of a run into its chapter, with the stamp of the code that made them."""
    source = cleaned(read_notebook(run.source))
    nb = with_outputs(source, nbformat.reads(executed, as_version=4))
    own = ("code_hash", "parameters", "dataset")
    meta = {k: v for k, v in course_metadata(source).items() if k not in own}
    parameters = dict(run.parameters)
    nb.metadata["lenetcourse"] = meta | {
        "code_hash": code_hash(nb, parameters),
        "parameters": parameters,
    }
    write_notebook(nb, run.source)


def kept(outcome: dict, *names: str) -> bytes:
    """Return a file that came back from a run. Raises Unusable when it did not make it."""
    for name in names:
        if name in outcome["kept"]:
            return base64.b64decode(outcome["kept"][name])
    raise Unusable(f"left no {names[0]}")


def command_values(history: dict) -> dict:
    """Return what is worth keeping of a training run: a list for every curve."""
    run = history.pop("history")
    values = {k: v for k, v in history.items() if k not in ("model", "dataset")}
    values["best_epoch"] = run["best_epoch"]
    values["train_loss"] = run["train_loss"]
    for name in ("training", "validation"):
        rows = run[name]
        values[name] = {key: [row[key] for row in rows] for key in (rows[0] if rows else ())}
    return values


def notebook_values(nb: nbformat.NotebookNode, run: Run) -> dict:
    """Return the JSON object that the cell tagged `values` printed.

    A sweep needs such a cell, a chapter may have one. Raises Unusable when it printed no object.
    """
    found = [cell for _, cell in cells_of(nb, "code") if "values" in tags(cell)]
    if not found and run.kind == "chapter":
        return {}
    if len(found) != 1:
        raise Unusable(f"{len(found)} cells tagged values, expected one")
    text = "".join(o.text for o in found[0].outputs if o.get("name") == "stdout")
    try:
        values = json.loads(text)
    except ValueError:
        values = None
    if not isinstance(values, dict):
        raise Unusable("the cell tagged values printed no JSON object")
    return values


def rounded(value: object) -> object:
    """Return `value` with its numbers rounded to a few significant digits."""
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    if isinstance(value, dict):
        return {key: rounded(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [rounded(inner) for inner in value]
    return value


def picture(content: bytes) -> bytes:
    """Return a PNG with 64 colours: a line plot needs no more, and takes a quarter of the room."""
    packed = io.BytesIO()
    with Image.open(io.BytesIO(content)) as image:
        image.convert("RGB").quantize(64).save(packed, "PNG", optimize=True)
    return packed.getvalue()


# All runs


class Progress:
    """What is done and what is left, in a line for every run that ends."""

    def __init__(self, runs: Sequence[Run], slots: int):
        self.left = {run.name: run for run in runs}
        self.total, self.slots = len(runs), slots
        self.expected = {run.name: stored(run).get("seconds") for run in runs}
        self.took: dict[str, list[float]] = {}

    def line(self, run: Run, text: str, running: Sequence[str] = ()) -> None:
        """Print what became of `run`, what is running, and how long the rest may take."""
        self.left.pop(run.name)
        parts = [f"[{self.total - len(self.left)}/{self.total}] {run.name}: {text}"]
        if running:
            parts.append(f"running: {', '.join(running)}")
        seconds = self.seconds_left()
        if self.left and seconds is not None:
            parts.append(f"about {max(1, round(seconds / 60))} min left")
        print("; ".join(parts), flush=True)

    def seconds_left(self) -> float | None:
        """Return the expected seconds for the runs that are left; None before any is known."""
        everything = [seconds for group in self.took.values() for seconds in group]
        guess = sum(everything) / len(everything) if everything else None
        total = 0.0
        for run in self.left.values():
            group = self.took.get(run.group)
            own = sum(group) / len(group) if group else self.expected[run.name] or guess
            if own is None:
                return None
            total += own
        return total / self.slots


def work(
    runs: Sequence[Run], everything: Sequence[Run], executor: Executor, slots: int, root: Path,
    force: bool,
) -> tuple[list[str], list[str]]:  # fmt: skip
    """Run what is not up to date, each run after those that it reads.

    Returns the names of the runs that failed, those that need one of them included, and of those
    that were skipped.
    """
    library = one_run.package_digest(PACKAGE)
    progress = Progress(runs, slots)
    waiting, failed, skipped = list(runs), [], []
    flying: dict[Future, tuple[Run, bytes, str]] = {}

    def busy(names: Sequence[str]) -> bool:
        unfinished = [*waiting, *(run for run, _, _ in flying.values())]
        return any(other.group in names for other in unfinished)

    def start(run: Run) -> None:
        sources = [other for other in everything if other.group in run.reads]
        waiting.remove(run)
        if broken := [other.name for other in sources if other.name in failed]:
            failed.append(run.name)
            progress.line(run, f"NOT RUN: it reads {broken[0]}, which failed")
        elif not force and not why(run, sources, root):
            skipped.append(run.name)
            progress.line(run, "unchanged, skipped")
        else:
            before = run.source.read_bytes() if isinstance(run.source, Path) else b""
            inputs = inputs_hash(run, sources, root)
            payload = payload_of(run, sources, root, library)
            flying[executor.submit(one_run.execute, payload)] = (run, before, inputs)

    while waiting or flying:
        for run in list(waiting):
            alone = run.alone or any(other.alone for other, _, _ in flying.values())
            if len(flying) < slots and not busy(run.reads) and not (alone and flying):
                start(run)
        done, _ = wait(flying, return_when=FIRST_COMPLETED)
        for future in done:
            run, before, inputs = flying.pop(future)
            running = [other.name for other, _, _ in flying.values()]
            if not finish(run, future, before, inputs, root, progress, running):
                failed.append(run.name)
    return failed, skipped


def finish(run, future, before, inputs, root, progress, running) -> bool:
    """Write back what a run made, or keep what is left of it; return whether it succeeded."""
    try:
        outcome = future.result()
    except Exception as error:  # the worker itself is lost
        outcome = {"error": f"{type(error).__name__}: {error}", "log": "", "notebook": None}
    problem = outcome["error"]
    if problem and outcome["notebook"]:
        # papermill takes the error of a cell tagged raises-exception for a failure.
        ran = nbformat.reads(outcome["notebook"], as_version=4)
        problem = None if ran_as_meant(ran) else problem
    try:
        if not problem:
            write_back(run, outcome, before, inputs, root)
    except (Unusable, OSError, ValueError) as error:
        problem = str(error)
    place = root / "_build" / "executed" / run.name
    log = place.with_name(place.name + ".log")
    if not problem:
        log.unlink(missing_ok=True)
        progress.took.setdefault(run.group, []).append(outcome["seconds"])
        progress.line(run, f"{outcome['seconds']:.1f} s", running)
        return True
    write_bytes(log, f"{outcome['log']}\n{problem}\n".encode())
    if outcome["notebook"]:
        write_bytes(place.with_name(place.name + ".ipynb"), outcome["notebook"].encode())
    shown = f"FAILED: {problem[:200]} ({log.relative_to(root).as_posix()})"
    progress.line(run, shown, running)
    return False


# The command


@contextlib.contextmanager
def only_batch(root: Path) -> Iterator[None]:
    """Hold the batch's lock, which the system lets go of however this process ends."""
    path = root / "_build" / "batch.lock"
    path.parent.mkdir(exist_ok=True)
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Unusable("another batch is running in this folder") from None
        yield


def remove_half_written(root: Path) -> None:
    """Remove the temporary files of a batch that was killed while it wrote."""
    for path in (root / "book").rglob(".*-*"):
        if match := LEFT_HALF_WRITTEN.fullmatch(path.name):
            try:
                os.kill(int(match[1]), 0)
            except (ProcessLookupError, OverflowError):
                path.unlink(missing_ok=True)
            except PermissionError:
                continue


@contextlib.contextmanager
def dask_executor(address: str) -> Iterator[tuple[Executor, int]]:
    """Give an executor on the cluster, and how many runs it takes at a time."""
    try:
        from dask.distributed import Client
    except ImportError:
        raise Unusable("--dask needs dask.distributed: pip install 'lenetcourse[dask]'") from None
    try:
        client = Client(address, timeout=20)
    except (OSError, ValueError) as error:
        raise Unusable(f"no Dask scheduler at {address!r}: {type(error).__name__}") from None
    with client:
        slots = sum(client.nthreads().values())
        if not slots:
            raise Unusable(f"the Dask scheduler at {address} has no workers")
        client.upload_file(one_run.__file__)
        yield client.get_executor(pure=False), slots


@contextlib.contextmanager
def local_executor(jobs: int) -> Iterator[tuple[Executor, int]]:
    """Give an executor whose threads wait for one process each."""
    executor = ThreadPoolExecutor(jobs)
    try:
        yield executor, jobs
    finally:
        executor.shutdown(wait=False, cancel_futures=True)


def print_list(runs: Sequence[Run], everything: Sequence[Run], root: Path, force: bool) -> None:
    """Print for every run whether it would be run, and why."""
    stale: set[str] = set()
    for run in runs:
        sources = [other for other in everything if other.group in run.reads]
        first = next((name for name in run.reads if name in stale), None)
        cause = "asked to" if force else why(run, sources, root)
        if not cause and first:
            cause = f"unless {first}, which it reads, comes out the same"
        if cause:
            stale.add(run.group)
        print(f"{run.name}: {'run: ' + cause if cause else 'skip: unchanged'}")


def print_leftovers(everything: Sequence[Run], root: Path) -> None:
    """Name the records in book/results/ that no run of the batch makes."""
    known = {run.record for run in everything}
    for path in sorted((root / "book" / "results").rglob("*.json")):
        if path not in known:
            place = path.relative_to(root).as_posix()
            print(f"{place}: no run in batch.yml makes this: delete it")


def summary(runs: Sequence[Run], failed: Sequence[str], skipped: Sequence[str], seconds: float):
    ran = len(runs) - len(failed) - len(skipped)
    print(f"{ran} run, {len(skipped)} skipped, {len(failed)} failed in {seconds:.1f} s")
    if failed:
        print(f"not written: {', '.join(failed)}; the logs are in _build/executed/")


def options_of(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Run the chapters and sweeps of book/batch.yml.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="a chapter or a sweep")
    parser.add_argument("--list", action="store_true", help="say what would run, and why")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="runs at a time")
    parser.add_argument("--dask", metavar="ADDRESS", help="send the runs to a Dask scheduler")
    parser.add_argument("--force", action="store_true", help="run also what is unchanged")
    parser.add_argument("--dataset", help="instead of the one in batch.yml")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Run the batch; return 0, 1 when a run failed, 2 on unusable input."""
    options = options_of(argv)
    start = time.perf_counter()
    try:
        if options.jobs < 1:
            raise Unusable(f"--jobs must be at least 1, not {options.jobs}")
        everything = read_batch(root, options.dataset)
        runs = choose(everything, options.names)
        print_leftovers(everything, root)
        if options.list:
            print_list(runs, everything, root, options.force)
            return 0
        place: Callable = dask_executor if options.dask else local_executor
        with only_batch(root), place(options.dask or options.jobs) as (executor, slots):
            remove_half_written(root)
            failed, skipped = work(runs, everything, executor, slots, root, options.force)
    except Unusable as error:
        print(f"regenerate: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nregenerate: interrupted; finished runs are kept", file=sys.stderr)
        os._exit(130)  # the threads would wait for their runs, which end with this process
    summary(runs, failed, skipped, time.perf_counter() - start)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
