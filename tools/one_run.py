"""One run of the batch, in a process and a folder of its own: on this machine or another.

`execute(payload)` starts this file as a program and returns what the run left behind. Everything a
run needs is in the payload and everything it made is in the outcome, so the two ends may be
different machines: tools/regenerate.py sends this file to the workers of a Dask cluster. It
imports nothing of the course but the installed library.

Every run has one thread. Two runs then do not fight for the cores, and the numbers do not depend on
how many cores there are: with more threads torch adds in another order.
"""

import base64
import contextlib
import hashlib
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil  # every kernel and every Dask worker needs it, too

ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1"
)
# glibc gives back what lies free at the end of the heap, and a run takes it again in the next step,
# page by page. Now it keeps the memory until it ends, and takes its own pages (mmap) only for what
# has more than 32 MiB, the largest limit that every glibc accepts. No number depends on it.
KEEP_MEMORY = {"MALLOC_TRIM_THRESHOLD_": str((1 << 31) - 1), "MALLOC_MMAP_THRESHOLD_": str(1 << 25)}
# Libraries whose version goes into the record of a run: what numbers and figures depend on.
RECORDED = ("torch", "torchvision", "numpy", "scikit-learn", "matplotlib")
EXECUTED = "executed.ipynb"
KERNEL_START_ERRORS = ("Kernel died before replying", "Kernel didn't respond")


def execute(payload: dict) -> dict:
    """Run `payload` in a new process; return its outcome, whatever happened.

    The payload holds `kind` ("notebook" or "command"), `notebook` (its text) with `parameters`, or
    `arguments` of the command; `files` (path -> base64) to lay out first, `keep` (names of files to
    bring back), `library` (the hash of the caller's library), `limit` in seconds.

    The outcome holds `error` (None or one line), `log`, `notebook` (as far as it ran, or None),
    `kept` (name -> base64), and of a run that came to its end `seconds`, `cores`, `versions`. An
    error in a cell of the notebook is in the notebook only.
    """
    with tempfile.TemporaryDirectory(prefix="lenetcourse-", ignore_cleanup_errors=True) as folder:
        here = Path(folder)
        (here / "payload.json").write_text(json.dumps(payload), encoding="utf-8")
        problem = run_program(here, payload["limit"])
        log = (here / "log").read_text(encoding="utf-8", errors="replace")
        outcome = here / "outcome.json"
        if outcome.is_file():
            return {"log": log} | json.loads(outcome.read_text(encoding="utf-8"))
        return {"error": problem, "log": log, "notebook": executed(here), "kept": {}}


def run_program(folder: Path, limit: float) -> str:
    """Start this file on `folder` and wait; return in a few words how the process ended."""
    with (folder / "log").open("wb") as log:
        # The pipe is a lifeline: when this process dies, however, the run sees its end.
        process = subprocess.Popen(
            [sys.executable, __file__, str(folder)],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment(),
            start_new_session=True,
        )
    try:
        return f"the process ended with exit code {process.wait(limit)}"
    except subprocess.TimeoutExpired:
        return f"stopped after {limit} s"
    finally:
        # Not through the lifeline: that removes the folder, with the log and the notebook.
        if process.poll() is None:
            kill_children(process.pid)
            process.kill()
            process.wait()
        process.stdin.close()


def environment() -> dict[str, str]:
    """Return the environment of a run: the same below a Dask worker as in the local pool.

    The user's own settings stay, but for the number of threads. What Dask's nanny gives its workers
    by default goes: MALLOC_TRIM_THRESHOLD_=65536 makes a worker small and a run half as fast. A
    user who set the very same value cannot be told apart from the nanny.
    """
    config = getattr(sys.modules.get("distributed.config"), "defaults", {})
    nanny = config.get("distributed", {}).get("nanny", {})
    by_default = {**nanny.get("environ", {}), **nanny.get("pre-spawn-environ", {})}
    own = {k: v for k, v in os.environ.items() if k not in by_default or v != str(by_default[k])}
    return KEEP_MEMORY | own | ONE_THREAD


def kill_children(pid: int) -> None:
    """Kill all that a process started. A kernel is in no process group of ours."""
    with contextlib.suppress(psutil.NoSuchProcess):
        for child in psutil.Process(pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()


def executed(folder: Path) -> str | None:
    """Return the notebook as far as it ran, None when there is none or it is half-written."""
    try:
        text = (folder / EXECUTED).read_text(encoding="utf-8")
        json.loads(text)
    except (OSError, ValueError):
        return None
    return text


# What follows happens in the new process.


def main(folder: Path) -> None:
    """Do what payload.json in `folder` says, and write outcome.json there."""
    threading.Thread(target=die_with_the_caller, args=[folder], daemon=True).start()
    payload = json.loads((folder / "payload.json").read_text(encoding="utf-8"))
    here = folder / "book"
    here.mkdir()
    for name, content in payload["files"].items():
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        (here / name).write_bytes(base64.b64decode(content))
    error = None
    start = time.perf_counter()
    try:
        check_library(payload["library"])
        run = run_notebook if payload["kind"] == "notebook" else run_command
        error = run(payload, here)
    except Exception as problem:  # whatever stops a run belongs into its outcome
        traceback.print_exc()
        error = " ".join(f"{type(problem).__name__}: {problem}".split())
    seconds = time.perf_counter() - start
    kept = {name: here / name for name in payload["keep"]}
    outcome = {
        "error": error,
        "notebook": executed(folder),
        "kept": {
            name: base64.b64encode(path.read_bytes()).decode()
            for name, path in kept.items()
            if path.is_file()
        },
        "seconds": round(seconds, 1),
        "cores": os.cpu_count(),
        "versions": versions(),
    }
    partial = folder / "outcome.part"
    partial.write_text(json.dumps(outcome), encoding="utf-8")
    partial.replace(folder / "outcome.json")


def die_with_the_caller(folder: Path) -> None:
    """End this process and all it started when the caller is gone: its end of the pipe closes."""
    os.read(0, 1)
    kill_children(os.getpid())
    shutil.rmtree(folder, ignore_errors=True)
    if os.name == "posix":
        os.killpg(0, signal.SIGKILL)  # whom the list of children did not name, too
    os._exit(1)


def check_library(expected: str) -> None:
    """Raise RuntimeError when this machine has another library than the caller."""
    import lenetcourse

    if package_digest(Path(lenetcourse.__file__).parent) != expected:
        raise RuntimeError(
            "the library here is not the one that the batch started with: install the same version "
            "on every worker, and start again after editing it"
        )


def package_digest(package: Path) -> str:
    """Return a hash of every file of the package but compiled ones."""
    hashed = hashlib.sha256()
    for path in sorted(package.rglob("*")):
        if path.is_file() and path.suffix != ".pyc":
            hashed.update(path.relative_to(package).as_posix().encode() + b"\0")
            hashed.update(hashlib.sha256(path.read_bytes()).digest())
    return hashed.hexdigest()


def run_notebook(payload: dict, here: Path) -> str | None:
    """Execute the notebook in `here`; return what stopped it other than an error in a cell."""
    import papermill
    from papermill.exceptions import PapermillExecutionError

    source = here.parent / "source.ipynb"
    source.write_text(payload["notebook"], encoding="utf-8")
    for attempt in (1, 2):
        try:
            papermill.execute_notebook(
                str(source),
                str(here.parent / EXECUTED),
                parameters=payload["parameters"],
                kernel_name="python3",
                language="python",
                cwd=str(here),
                progress_bar=False,
            )
        except PapermillExecutionError as problem:
            # It takes the error of a cell tagged raises-exception for a failure: the caller judges.
            return None if problem.evalue or problem.traceback else str(problem.ename)
        except RuntimeError as problem:
            # Kernels choose their ports in a race, and the loser does not start.
            if attempt == 1 and str(problem).startswith(KERNEL_START_ERRORS):
                continue
            raise
        return None


def run_command(payload: dict, here: Path) -> str | None:
    """Run the command `lenetcourse` in `here`; return what stopped it, or None."""
    from lenetcourse.cli import main as lenetcourse

    os.chdir(here)
    code = lenetcourse(payload["arguments"])
    return f"exit code {code}" if code else None


def versions() -> dict[str, str]:
    """Return the versions of Python and of the recorded libraries that are installed."""
    found = {"Python": platform.python_version()}
    for name in RECORDED:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1]))
