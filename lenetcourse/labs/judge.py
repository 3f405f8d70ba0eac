"""How an answer is tried: within a time limit, its errors caught, and never a traceback of ours."""

from __future__ import annotations

import _thread
import contextlib
import inspect
import linecache
import signal
import sysconfig
import threading
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from lenetcourse.labs.draw import Draw
from lenetcourse.labs.expect import NotAttempted, NotYet, a_kind, blank

NOT_ATTEMPTED, RAISED, NOT_YET, RIGHT = "not attempted", "your code raised", "not yet", "right"

LIBRARY = Path(__file__).resolve().parent.parent
INSTALLED = {Path(sysconfig.get_path(key)).resolve() for key in ("stdlib", "purelib", "platlib")}


@dataclass(frozen=True)
class Outcome:
    """One of the four outcomes, with what there is to say about it."""

    kind: str
    message: str
    given: str | None = None
    expected: str | None = None
    got: str | None = None


class OutOfTime(BaseException):
    """The time limit is over; no Exception, so that an answer's `except Exception` lets it go."""


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise OutOfTime in the block after `seconds`; no limit outside the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    with _alarm(seconds) if hasattr(signal, "SIGALRM") else _interrupt(seconds):
        yield


@contextlib.contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    def stop(*_: object) -> None:
        raise OutOfTime

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextlib.contextmanager
def _interrupt(seconds: float) -> Iterator[None]:
    """Do the same where the system has no alarm, as on Windows: another thread interrupts."""
    over = threading.Event()

    def end() -> None:
        over.set()
        _thread.interrupt_main()

    def stop(*signal_and_frame: object) -> None:
        if over.is_set():
            over.clear()
            raise OutOfTime
        if not callable(before):
            raise KeyboardInterrupt
        before(*signal_and_frame)

    before = signal.signal(signal.SIGINT, stop)
    timer = threading.Timer(seconds, end)
    timer.daemon = True
    try:
        timer.start()
        yield
    finally:
        try:
            timer.cancel()
            timer.join()  # what it has sent arrives before the old handler is back
        finally:
            signal.signal(signal.SIGINT, before)


def judge(
    check: Callable[..., str | None],
    answers: tuple[object, ...],
    *,
    seed: int | None = None,
    seconds: float = 20,
) -> Outcome:
    """Return the outcome of `check(*answers, draw)`.

    Only KeyboardInterrupt goes through. torch's random state is as before afterwards.
    """
    if wrong := _wrong_number(check, answers):
        return wrong
    if blank(answers):
        return Outcome(NOT_ATTEMPTED, "")
    try:
        with torch.random.fork_rng(), time_limit(seconds):
            return Outcome(RIGHT, check(*answers, draw=Draw(seed)) or "")
    except NotAttempted:
        return Outcome(NOT_ATTEMPTED, "")
    except NotYet as error:
        return Outcome(NOT_YET, error.message, error.given, error.expected, error.got)
    except OutOfTime:
        return Outcome(NOT_YET, f"No answer after {seconds:g} seconds: does a loop never end?")
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return _raised(error, answers)


def _wrong_number(check: Callable, answers: tuple[object, ...]) -> Outcome | None:
    """Return the outcome for too few or too many answers."""
    wanted = [name for name in inspect.signature(check).parameters if name != "draw"]
    if len(answers) == len(wanted):
        return None
    return Outcome(NOT_YET, f"This check wants {len(wanted)}: check({', '.join(wanted)}).")


def _raised(error: BaseException, answers: tuple[object, ...]) -> Outcome:
    """Return the outcome for an error: the reader's line, or what we could not use."""
    with contextlib.suppress(Exception):
        if "ellipsis" in str(error).lower():
            return Outcome(NOT_ATTEMPTED, "A blank is left: one `...` in the code is not replaced.")
    place = own_line(error)
    if place is None:
        kinds = " and ".join(map(a_kind, answers))
        return Outcome(
            NOT_YET, "This answer cannot be used here. Is it what is asked for?", got=kinds
        )
    return Outcome(RAISED, f"{_words(error)}\nin {place}", getattr(error, "lab_inputs", None))


def _words(error: BaseException) -> str:
    """Return an error as Python's last line tells it, even if it cannot tell itself."""
    try:
        return "".join(traceback.format_exception_only(type(error), error)).strip()
    except Exception:
        return type(error).__name__


def own_line(error: BaseException) -> str | None:
    """Return the deepest line of the reader's own code that `error` passed, or None."""
    frames = [
        frame for frame in traceback.extract_tb(error.__traceback__) if _is_own(frame.filename)
    ]
    if not frames:
        return None
    last = frames[-1]
    place = f"{last.name}, line {last.lineno}"
    return f"{place}: {last.line}" if last.line else place


def run_cell(name: str, source: str, space: dict) -> None:
    """Run a notebook's cell outside of a kernel; `own_line` and tracebacks can tell its lines."""
    filename = f"<{name}>"
    lines = source.splitlines(keepends=True)
    linecache.cache[filename] = (len(source), None, lines, filename)
    exec(compile(source, filename, "exec", dont_inherit=True), space)


def _is_own(filename: str) -> bool:
    """Return whether a file is the reader's: neither the library's nor an installed one."""
    if filename.startswith("<"):
        return not filename.startswith("<frozen")
    parents = Path(filename).resolve().parents
    return LIBRARY not in parents and not any(place in parents for place in INSTALLED)
