"""Try, in a process of its own, what can fail in any way: packages at import, then what needs them.

A library that crashes, as one does that was built for another processor, ends that process and not
the doctor. `python -m lenetcourse.doctor.probe torch numpy device` does the steps that it is given
and prints a JSON object a line: {"step": ..., "file": ...} when one begins, and {"step": ..., and
"found": ... or "error": ...} when it has ended.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence

LONGEST = 300  # characters of an error that are shown: some libraries write a page


def probe(modules: Sequence[str]) -> dict[str, dict]:
    """Return step -> its JSON objects in one, for each module and then for each of `LOOKS`.

    A step that ended the process has an error that says so, and what comes after it is tried in a
    new process. The looks need nearly all modules: without one of them there are none. Raises
    RuntimeError when no process could be started.
    """
    found, left = {}, [*modules, *LOOKS]
    while left:
        steps, how_it_ended = _in_a_process(left)
        found |= steps
        if not steps:
            raise RuntimeError(f"no second Python could be started: {how_it_ended}")
        last = list(steps)[-1]
        if "error" in steps[last] or "found" in steps[last]:
            break
        found[last]["error"] = how_it_ended
        left = left[left.index(last) + 1 :]
        if last in modules:
            left = [step for step in left if step not in LOOKS]
    return found


def _in_a_process(steps: Sequence[str]) -> tuple[dict[str, dict], str]:
    """Return what a new process said of each step that it began, and how it ended."""
    command = [sys.executable, "-m", "lenetcourse.doctor.probe", *steps]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    last_words = done.stderr.decode("utf-8", "replace").split("\n")[-2:-1]
    how_it_ended = _one_line(": ".join([_ending(done.returncode), *last_words]))
    return _reports(done.stdout.decode("ascii", "replace")), how_it_ended


def _reports(text: str) -> dict[str, dict]:
    """Return step -> its JSON objects in one; what libraries print at import is left out."""
    reports = {}
    for line in text.splitlines():
        try:
            report = json.loads(line)
            reports.setdefault(report["step"], {}).update(report)
        except (ValueError, TypeError, KeyError):
            continue
    return reports


def _ending(code: int) -> str:
    """Return how a process ended, in words."""
    if code < 0:
        return f"it crashes Python ({signal.Signals(-code).name})"
    return f"it ends Python (exit status {code if code < 256 else hex(code)})"


def _one_line(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."


def main(steps: Sequence[str]) -> None:
    """Do the steps in this process and print what came of each."""
    fine = True
    for step in steps:
        look = LOOKS.get(step)
        if look and not fine:
            return
        _say(step, file=None if look else _file(step))
        try:
            _say(step, found=look() if look else importlib.import_module(step) and None)
        except BaseException as error:  # a broken library can leave in any way, by sys.exit, too
            kind = type(error).__name__
            _say(step, error=_one_line(str(error)) or kind, kind=kind)
            fine = fine and bool(look)


def _file(module: str) -> str | None:
    """Return the file that will be imported, without importing it."""
    try:
        return importlib.util.find_spec(module).origin
    except (AttributeError, ImportError, ValueError):  # there is none; the import will say so
        return None


def _say(step: str, **facts: object) -> None:
    # The first line break ends whatever a library has printed without one.
    print("\n" + json.dumps({"step": step, **facts}), flush=True)


def _device() -> str:
    import torch

    from lenetcourse import pick_device

    device = pick_device("auto")
    name = f" ({torch.cuda.get_device_name()})" if device.type == "cuda" else ""
    return f"{device}{name}, {torch.get_num_threads()} threads on {os.cpu_count()} cores"


def _weights() -> str:
    from lenetcourse import load_model
    from lenetcourse.models.weights import OWN_WEIGHTS

    found = []
    for name in OWN_WEIGHTS:
        _, facts = load_model(name)
        found.append(f"{name} {facts['test']['accuracy']:.2%} on {facts['dataset']}'s test set")
    return ", ".join(found)


def _pictures() -> str:
    from lenetcourse import example_pictures

    count = len(example_pictures())
    if not count:
        raise FileNotFoundError("their folder is empty")
    return f"{count} of digits"


def _results() -> str:
    from lenetcourse.show.results import course_file

    course_file("published.json")
    folder = course_file("results")
    count = sum(1 for _ in folder.rglob("*.json"))
    if not count:
        raise FileNotFoundError(f"{folder} is empty")
    return f"{count} recorded runs in {folder.absolute()}"


def _digits() -> str:
    from sklearn.datasets import load_digits

    return f"{len(load_digits().target):,} digits of scikit-learn"


def _choice() -> str:
    from lenetcourse.data.datasets import NAMES
    from lenetcourse.errors import UsageError

    chosen = os.environ.get("LENETCOURSE_DATASET", "auto")
    if chosen not in NAMES:
        raise UsageError(f"{chosen} is no data set: one of {', '.join(NAMES)}")
    return chosen


def _mnist() -> str | None:
    from lenetcourse.data.datasets import dataset_folder

    folder = dataset_folder("mnist")
    return f"MNIST in {folder}" if folder else None


LOOKS = {
    "device": _device,
    "weights": _weights,
    "results": _results,
    "pictures": _pictures,
    "digits": _digits,
    "choice": _choice,
    "mnist": _mnist,
}

if __name__ == "__main__":
    main(sys.argv[1:])
