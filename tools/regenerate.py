"""Run the batch: chapters and sweeps of book/batch.yml, and write back what they leave.

    python tools/regenerate.py [NAME ...] [--list] [--jobs N] [--dask ADDRESS] [--force]

A name is a chapter, with all that it reads, or a sweep; without names everything is run. Runs whose
code, parameters, data and library code are unchanged are skipped. What was finished stays finished:
a batch that was killed goes on where it stopped. The notebook and the log of a run that failed are
kept in _build/executed/. Exits with 1 when a run failed; with 2, before anything runs, on input
that cannot be used; with 130 when interrupted.

A Dask cluster sends a run whose worker dies to another worker, and waits for one when there is none
left. What it works on when the batch is stopped goes on there, and is lost.
"""

import argparse
import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path

import one_run
from batch.hashes import why
from batch.runs import Run, choose, read_batch, written_files
from batch.work import Work
from notebook.reading import ROOT, Unusable

from lenetcourse.files import TEMPORARY, locked

CONNECT = 20  # seconds that a Dask scheduler has to answer
INTERRUPTED = 130


@contextlib.contextmanager
def only_batch(root: Path) -> Iterator[None]:
    """Hold the batch's lock, which the system lets go of however this process ends."""
    path = root / "_build" / "batch.lock"
    path.parent.mkdir(exist_ok=True)
    try:
        with locked(path, wait=False):
            yield
    except BlockingIOError:
        raise Unusable("another batch is running in this folder") from None


def remove_half_written(everything: Sequence[Run], root: Path) -> None:
    """Remove the temporary files of a batch that was killed while it wrote."""
    # Under the lock nobody else writes these files.
    targets = {path for run in everything for path in written_files(run, root)}
    for folder in {path.parent for path in targets if path.parent.is_dir()}:
        for path in folder.glob(".lenetcourse-*"):
            match = TEMPORARY.fullmatch(path.name)
            if match and folder / match[3] in targets:
                path.unlink(missing_ok=True)


@contextlib.contextmanager
def dask_executor(address: str) -> Iterator[tuple[Executor, int]]:
    """Give an executor on the cluster, and how many runs it takes at a time."""
    try:
        from dask.distributed import Client
    except ImportError:
        raise Unusable("--dask needs dask.distributed: pip install 'lenetcourse[dask]'") from None
    try:
        client = Client(address, timeout=CONNECT)
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
    for path in sorted((root / "book" / "results").rglob("[!.]*.json")):
        if path not in known:
            place = path.relative_to(root).as_posix()
            print(f"{place}: no run in batch.yml makes this: delete it")


def print_summary(total: int, work: Work, seconds: float) -> None:
    """Print how many runs ran, were skipped and failed, and which failed."""
    failed, skipped = len(work.failed), len(work.skipped)
    ran = total - failed - skipped
    print(f"{ran} run, {skipped} skipped, {failed} failed in {seconds:.1f} s")
    if failed:
        print(f"not written: {', '.join(work.failed)}; the logs are in _build/executed/")


class OneLineParser(argparse.ArgumentParser):
    """A parser whose errors are one line, as all others are."""

    def error(self, message: str):
        raise Unusable(f"{message}; see --help")


def options_of(argv: Sequence[str] | None) -> argparse.Namespace:
    """Return the options of the command. Raises Unusable."""
    parser = OneLineParser(description="Run the chapters and sweeps of book/batch.yml.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="a chapter or a sweep")
    parser.add_argument("--list", action="store_true", help="say what would run, and why")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="runs at a time")
    parser.add_argument("--dask", metavar="ADDRESS", help="send the runs to a Dask scheduler")
    parser.add_argument("--force", action="store_true", help="run also what is unchanged")
    parser.add_argument("--dataset", help="instead of the one in batch.yml")
    options = parser.parse_args(argv)
    if options.jobs < 1:
        raise Unusable(f"--jobs must be at least 1, not {options.jobs}")
    return options


def main(argv: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Run the batch; return 0, 1 when a run failed, 2 on unusable input, 130 on Ctrl-C."""
    start = time.perf_counter()
    try:
        options = options_of(argv)
        everything = read_batch(root, options.dataset)
        runs = choose(everything, options.names)
        print_leftovers(everything, root)
        if options.list:
            print_list(runs, everything, root, options.force)
            return 0
        place: Callable = dask_executor if options.dask else local_executor
        with only_batch(root), place(options.dask or options.jobs) as (executor, slots):
            remove_half_written(everything, root)
            work = Work(runs, everything, executor, slots, root, options.force)
            work.do()
    except Unusable as error:
        print(f"regenerate: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nregenerate: interrupted; finished runs are kept", file=sys.stderr)
        return INTERRUPTED
    print_summary(len(runs), work, time.perf_counter() - start)
    return 1 if work.failed else 0


if __name__ == "__main__":
    code = main()
    if code == INTERRUPTED:
        sys.stdout.flush()
        os._exit(code)  # the threads would wait for their runs, which end with this process
    sys.exit(code)
