"""Work through the batch: start what can start, write back what ended, say how it goes."""

import base64
import contextlib
import traceback
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Executor, Future, wait
from pathlib import Path

import nbformat
import one_run
from notebook.outputs import cleaned
from notebook.reading import Unusable, read_notebook

from batch.hashes import PACKAGE, inputs_hash, own_code_hash, stored, why
from batch.parameters import OUT
from batch.results import COMMAND_RECORD, Job, source_bytes, write_all, write_back
from batch.runs import Run

LIMIT = 3600  # seconds: a run that takes longer hangs
SHOWN = 200  # characters of an error; all of it is in the log


class Work:
    """The runs that are waiting, those under way, and the names of those that are done.

    `failed` holds the runs that failed and those that need one of them, `skipped` those that were
    up to date.
    """

    def __init__(
        self, runs: Sequence[Run], everything: Sequence[Run], executor: Executor, slots: int,
        root: Path, force: bool,
    ):  # fmt: skip
        self.waiting, self.everything = list(runs), everything
        self.executor, self.slots = executor, slots
        self.root, self.force = root, force
        self.flying: dict[Future, Job] = {}
        self.failed: list[str] = []
        self.skipped: list[str] = []
        self.lost = False  # the cluster
        self.library = one_run.package_digest(PACKAGE)
        self.progress = Progress(runs, slots)

    def do(self) -> None:
        """Run what is not up to date, each run after those that it reads."""
        while self.waiting or self.flying:
            self.start_what_can()
            self.progress.show([job.run.name for job in self.flying.values()])
            done, _ = wait(self.flying, return_when=FIRST_COMPLETED)
            for future in done:
                self.end(self.flying.pop(future), future)
        self.progress.show([])

    def start_what_can(self) -> None:
        """Start or settle every waiting run that has a free place and all that it reads."""
        for run in list(self.waiting):
            under_way = [job.run for job in self.flying.values()]
            alone = under_way and (run.alone or under_way[0].alone)
            unfinished = {other.group for other in [*self.waiting, *under_way]}
            if len(under_way) < self.slots and not alone and not unfinished & set(run.reads):
                self.waiting.remove(run)
                self.start(run)

    def start(self, run: Run) -> None:
        """Start a run, or settle it at once: it is up to date, or something it needs failed."""
        sources = [other for other in self.everything if other.group in run.reads]
        if broken := [other.name for other in sources if other.name in self.failed]:
            return self.not_run(run, f"it reads {broken[0]}, which failed")
        if self.lost:  # a client that reconnects may take runs that it never sends
            return self.not_run(run, "the cluster is lost")
        try:
            if not self.force and not why(run, sources, self.root):
                self.skipped.append(run.name)
                self.progress.end(run, "unchanged, skipped")
                return
            before = source_bytes(run)
            job = Job(run, before, own_code_hash(run), inputs_hash(run, sources, self.root))
            payload = payload_of(run, sources, self.root, self.library)
        except (Unusable, OSError) as error:  # deleted or edited since the batch was read
            self.keep(run, {"log": "", "notebook": None}, str(error))
            return
        try:
            self.flying[self.executor.submit(one_run.execute, payload)] = job
        except Exception:  # the connection to a cluster is closed
            self.lost = True
            self.not_run(run, "the cluster is lost")

    def end(self, job: Job, future: Future) -> None:
        """Write back what a run made, or keep what is left of it."""
        outcome = {"log": "", "notebook": None}
        try:
            outcome = future.result()
            write_back(job, outcome, self.root)
        except Unusable as error:
            self.keep(job.run, outcome, str(error))
        except CancelledError:
            self.lost = True
            self.not_run(job.run, "the cluster is lost")
        except Exception as error:  # a lost worker, or something that no run should leave
            outcome["log"] += traceback.format_exc()
            self.keep(job.run, outcome, f"{type(error).__name__}: {error}")
        else:
            for path in self.kept_files(job.run):
                with contextlib.suppress(OSError):  # an old log that stays is no fault of this run
                    path.unlink()
            self.progress.end(job.run, f"{outcome['seconds']:.1f} s", outcome["seconds"])

    def not_run(self, run: Run, cause: str) -> None:
        """Count a run as failed that nothing is known of."""
        self.failed.append(run.name)
        self.progress.end(run, f"NOT RUN: {cause}")

    def keep(self, run: Run, outcome: dict, problem: str) -> None:
        """Keep the log and the notebook of a run that failed, and say so."""
        self.failed.append(run.name)
        log, notebook = self.kept_files(run)
        kept = {log: f"{outcome['log']}\n{problem}\n".encode()}
        if outcome["notebook"]:
            kept[notebook] = outcome["notebook"].encode()
        place = log.relative_to(self.root).as_posix()
        try:
            notebook.unlink(missing_ok=True)
            write_all(kept)
        except OSError as error:  # a full disk: that run is lost, the others may go on
            place = f"{place} could not be written: {error.strerror or error}"
        shown = " ".join(problem.split())[:SHOWN]
        self.progress.end(run, f"FAILED: {shown} ({place})")

    def kept_files(self, run: Run) -> tuple[Path, Path]:
        """Return where the log and the notebook of a run go when it fails."""
        place = self.root / "_build" / "executed" / run.name
        return place.with_name(place.name + ".log"), place.with_name(place.name + ".ipynb")


def payload_of(run: Run, sources: Sequence[Run], root: Path, library: str) -> dict:
    """Return all that a run needs, for `one_run.execute`."""
    book = root / "book"
    paths = [*(book / name for name in run.files), *(source.record for source in sources)]
    payload = {
        "kind": "command" if run.kind == "command" else "notebook",
        "files": {
            path.relative_to(book).as_posix(): base64.b64encode(path.read_bytes()).decode()
            for path in paths
        },
        "keep": list(run.pictures + run.weights),
        "library": library,
        "limit": LIMIT,
    }
    if run.kind == "command":
        names = [COMMAND_RECORD, *(f"{OUT}/{name}" for name in payload["keep"])]
        return payload | {"arguments": list(run.source), "keep": names}
    nb = cleaned(read_notebook(run.source))
    return payload | {"notebook": nbformat.writes(nb), "parameters": dict(run.passed)}


class Progress:
    """What ended, what runs and how long the rest may take, a line for every run that ends."""

    def __init__(self, runs: Sequence[Run], slots: int):
        self.left = {run.name: run for run in runs}
        self.total, self.slots = len(runs), slots
        stored_seconds = ((run.name, stored(run).get("seconds")) for run in runs)
        self.expected = {k: v for k, v in stored_seconds if isinstance(v, (int, float))}
        self.took: dict[str, list[float]] = {}
        self.running: list[str] = []

    def end(self, run: Run, text: str, seconds: float | None = None) -> None:
        """Print what became of `run`; `seconds` is how long it took, None when it is no measure."""
        self.left.pop(run.name)
        if seconds is not None:
            self.took.setdefault(run.group, []).append(seconds)
        print(f"[{self.total - len(self.left)}/{self.total}] {run.name}: {text}", flush=True)

    def show(self, running: Sequence[str]) -> None:
        """Print what runs now, when that is something new, and how long the rest may take."""
        if running and list(running) != self.running:
            text = f"  running: {', '.join(running)}; {self.total - len(self.left)} done"
            seconds = self.seconds_left()
            if seconds is not None:
                text += f"; about {max(1, round(seconds / 60))} min left"
            print(text, flush=True)
        self.running = list(running)

    def seconds_left(self) -> float | None:
        """Return the expected seconds for the runs that are left; None before any is known."""
        everything = [seconds for group in self.took.values() for seconds in group]
        guess = sum(everything) / len(everything) if everything else None
        total = 0.0
        for run in self.left.values():
            group = self.took.get(run.group)
            own = sum(group) / len(group) if group else self.expected.get(run.name, guess)
            if own is None:
                return None
            total += own * (self.slots if run.alone else 1)
        return total / self.slots
