"""What the batch has measured, as the chapters read it: one JSON a run in `book/results/`."""

from __future__ import annotations

import json
import math
import os
import statistics
from collections.abc import Sequence
from pathlib import Path

from lenetcourse.errors import UsageError

LIBRARY = Path(__file__).parents[1]


def course_file(name: str) -> Path:
    """Return the path of a file or folder of the book that chapters read, such as "results".

    A notebook may lie alone: what is not beside it came with the library. Raises FileNotFoundError
    when it is in neither place.
    """
    for path in _places(name):
        if path.exists():
            return path
    raise FileNotFoundError(f"no {name} beside the notebook, and none came with lenetcourse")


def read_results(name: str, folder: str | os.PathLike | None = None) -> list[dict]:
    """Return the records that `make figures` has left of a sweep, or of one chapter, in order.

    A record has `parameters`, `values`, `seed`, `dataset`, `seconds`, `versions` and more. They are
    looked for in `folder`; without one in `results` beside the notebook, then with the library.
    Raises FileNotFoundError when there are none.
    """
    for place in [Path(folder)] if folder else _places("results"):
        paths = sorted((place / name).glob("[!.]*.json"), key=_natural)
        if paths or (place / f"{name}.json").is_file():
            paths = paths or [place / f"{name}.json"]
            return [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    raise FileNotFoundError(
        f"no results of {name!r} in {folder or 'results'}, nor with the library: measure them with "
        f"`make figures ONLY={name}`"
    )


def _places(name: str) -> list[Path]:
    """Return where a file or folder of the book may be: beside the notebook, with the library.

    With the library means `recorded` of a wheel, or `book` of the course's folder.
    """
    return [place / name for place in (Path(), LIBRARY / "recorded", LIBRARY.parent / "book")]


def _natural(path: Path) -> list:
    """Order 2 before 10."""
    return [(not part.isdigit(), part.zfill(12)) for part in path.stem.replace("_", "-").split("-")]


def select(records: Sequence[dict], **parameters: object) -> list[dict]:
    """Return the records whose parameters have these values; a missing parameter counts as None."""
    return [
        record
        for record in records
        if all(record["parameters"].get(name) == value for name, value in parameters.items())
    ]


def mean_and_std(values: Sequence[float]) -> tuple[float, float]:
    """Return the mean and the sample standard deviation (n - 1); nan for a single value."""
    values = [float(value) for value in values]
    std = statistics.stdev(values) if len(values) > 1 else math.nan
    return statistics.fmean(values), std


def mean_interval(values: Sequence[float]) -> tuple[float, float]:
    """Return the 95 % confidence interval of a mean, by Student's t with n - 1 degrees of freedom.

    Student, Biometrika 6 (1908), 1-25. For paired runs, give the differences. Raises UsageError
    for fewer than two values.
    """
    if len(values) < 2:
        raise UsageError("an interval needs at least two values")
    from scipy.stats import t

    mean, std = mean_and_std(values)
    half = float(t.ppf(0.975, len(values) - 1)) * std / math.sqrt(len(values))
    return mean - half, mean + half
