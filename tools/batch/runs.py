"""The batch as a list of runs: read from book/batch.yml, checked before anything starts."""

import itertools
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from pathlib import Path, PurePosixPath

from notebook.reading import CHAPTER, Unusable, read_notebook

from batch.entries import check_value, inner_paths, mapping, read_yaml, short, strings
from batch.parameters import command_words, defaults, to_pass

BATCH_KEYS = {"dataset", "chapters", "sweeps"}
CHAPTER_KEYS = {"parameters", "reads", "files"}
SWEEP_KEYS = {"command", "notebook", "grid", "pictures", "weights", "alone"}
# What a sweep may keep, how its names end, and in which folder of book/ it lies.
KEPT = {"pictures": (".png", "figures"), "weights": (".safetensors", "networks")}
CHAPTER_NAME = re.compile(r"[A-Za-z0-9_-]+")
SWEEP_NAME = re.compile(r"[A-Za-z0-9_]+")
LONGEST_NAME = 150  # characters: file systems take 255, and pictures add their own name


@dataclass(frozen=True)
class Run:
    """One run: what it executes, with what, and where its results go.

    `group` is what a reader names: the chapter itself, or the sweep. `parameters` are those it runs
    with, the data set included; `passed` are those of a notebook that differ from its defaults.
    """

    name: str
    group: str
    kind: str  # "chapter", "notebook" or "command"
    source: Path | tuple[str, ...]  # a notebook, or the words of a command
    parameters: Mapping[str, object]
    record: Path
    passed: Mapping[str, object] = field(default_factory=dict)
    reads: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    pictures: tuple[str, ...] = ()
    weights: tuple[str, ...] = ()
    alone: bool = False


def read_batch(root: Path, dataset: str | None = None) -> list[Run]:
    """Return all runs of the batch in `root`: sweeps, then chapters, each after what it reads.

    `dataset` replaces the one in the file. Raises Unusable for whatever cannot be run as written.
    """
    batch = mapping(read_yaml(root / "book" / "batch.yml"), "the file", BATCH_KEYS)
    dataset = dataset or batch.get("dataset", "mnist")
    if not isinstance(dataset, str):
        raise Unusable(f"batch.yml: dataset: expected a name, got {short(dataset)}")
    runs = []
    sweeps = mapping(batch.get("sweeps"), "sweeps")
    for name, entry in sweeps.items():
        runs += sweep_runs(name, mapping(entry, name, SWEEP_KEYS), dataset, root)
    for name, entry in mapping(batch.get("chapters"), "chapters").items():
        if name in sweeps:
            raise Unusable(f"batch.yml: {name}: a chapter and a sweep have this name")
        runs.append(chapter_run(name, mapping(entry, name, CHAPTER_KEYS), dataset, root))
    check_together(runs, root)
    return in_order(runs)


# One entry


def chapter_run(name: str, entry: dict, dataset: str, root: Path) -> Run:
    """Return the run of a notebook in book/; only one with parameters is told the data set."""
    if not CHAPTER_NAME.fullmatch(name):
        raise Unusable(f"batch.yml: chapter {name!r}: letters, digits, _ and - only")
    path = notebook(f"{name}.ipynb", name, root)
    read_notebook(path)  # refuses a broken one
    parameters = mapping(entry.get("parameters"), f"{name}: parameters")
    if CHAPTER.fullmatch(name) or parameters:
        parameters = {"dataset": dataset} | parameters
    for key, value in parameters.items():
        check_value(value, f"{name}: {key}")
    return Run(
        name=name,
        group=name,
        kind="chapter",
        source=path,
        parameters=parameters,
        passed=to_pass(path, parameters, defaults(path)) if parameters else {},
        reads=strings(entry.get("reads", []), f"{name}: reads"),
        files=inner_paths(entry.get("files", []), f"{name}: files"),
        record=root / "book" / "results" / f"{name}.json",
    )


def sweep_runs(name: str, entry: dict, dataset: str, root: Path) -> list[Run]:
    """Return one run for every combination of the grid of a sweep."""
    kind = sweep_kind(name, entry)
    path = notebook(entry["notebook"], name, root) if kind == "notebook" else None
    known = defaults(path) if path else {}
    kept = {key: inner_paths(entry.get(key, []), f"{name}: {key}") for key in KEPT}
    points = list(grid_points(entry.get("grid"), name))
    lowest = lowest_seeds(points)
    runs = []
    for point in points:
        short_name = run_name(point, name)
        parameters = {"dataset": dataset} | point
        # Pictures and weights of other seeds differ by chance only.
        first = point.get("seed") == lowest[other_parameters(point)]
        run = Run(
            name=f"{name}/{short_name}",
            group=name,
            kind=kind,
            source=path or command_words(name, entry["command"], parameters),
            parameters=parameters,
            passed=to_pass(path, parameters, known) if path else {},
            record=root / "book" / "results" / name / f"{short_name}.json",
            alone=entry.get("alone", False),
            **(kept if first else {}),
        )
        runs.append(run)
    return runs


def sweep_kind(name: str, entry: dict) -> str:
    """Return "command" or "notebook". Raises Unusable for a sweep that is not written right."""
    if not SWEEP_NAME.fullmatch(name):
        raise Unusable(f"batch.yml: sweep {name!r}: letters, digits and _ only")
    if ("command" in entry) == ("notebook" in entry):
        raise Unusable(f"batch.yml: {name}: give either a command or a notebook")
    kind = "command" if "command" in entry else "notebook"
    if not isinstance(entry[kind], str) or not isinstance(entry.get("alone", False), bool):
        raise Unusable(f"batch.yml: {name}: {kind} is a string, alone is true or false")
    for key, (end, _) in KEPT.items():
        for file in strings(entry.get(key, []), f"{name}: {key}"):
            if not file.endswith(end):
                raise Unusable(f"batch.yml: {name}: {key}: {file!r} does not end in {end}")
    return kind


def grid_points(grid: object, name: str) -> Iterable[dict]:
    """Yield every combination of a grid, or of each grid in a list of them."""
    if grid == []:
        raise Unusable(f"batch.yml: {name}: grid: an empty list makes no runs")
    for part in grid if isinstance(grid, list) else [grid]:
        axes = mapping(part, f"{name}: grid")
        for key, values in axes.items():
            if not isinstance(values, list) or not values:
                raise Unusable(f"batch.yml: {name}: {key}: expected a list of values")
            for value in values:
                check_value(value, f"{name}: {key}")
                if key == "seed" and type(value) is not int:
                    raise Unusable(f"batch.yml: {name}: seed: no whole number: {short(value)}")
        for values in itertools.product(*axes.values()):
            yield dict(zip(axes, values, strict=True))


def lowest_seeds(points: Sequence[dict]) -> dict[str, int | None]:
    """Return the lowest seed for every combination of the other parameters, None for no seed."""
    lowest: dict[str, int | None] = {}
    for point in points:
        others, seed = other_parameters(point), point.get("seed")
        if lowest.get(others) is None or (seed is not None and seed < lowest[others]):
            lowest[others] = seed
    return lowest


def other_parameters(point: Mapping[str, object]) -> str:
    """Return all parameters but the seed, as text."""
    return json.dumps({k: v for k, v in point.items() if k != "seed"}, sort_keys=True)


def run_name(point: Mapping[str, object], sweep: str) -> str:
    """Return the name of a run's files. Raises Unusable when no file can have it."""
    name = "_".join(f"{key}-{written(value)}" for key, value in point.items()) or "run"
    if len(name) > LONGEST_NAME:
        raise Unusable(f"batch.yml: {sweep}: too long for the name of a file: {name[:50]}...")
    return name


def written(value: object) -> str:
    """Return a parameter's value as a part of a file name."""
    text = "-".join(map(str, value)) if isinstance(value, list) else str(value)
    return re.sub(r"[^A-Za-z0-9.-]", "-", text)


def notebook(name: str, where: str, root: Path) -> Path:
    """Return the path of a notebook in book/. Raises Unusable when it is not there."""
    (name,) = inner_paths([name], f"{where}: notebook")
    path = root / "book" / name
    if not path.is_file():
        raise Unusable(f"batch.yml: {where}: no notebook book/{name}")
    return path


# All entries


def check_together(runs: Sequence[Run], root: Path) -> None:
    """Raise Unusable when two runs write one file, or one reads what is not there."""
    if not runs:
        raise Unusable("book/batch.yml: no chapters and no sweeps")
    owners: dict[str, str] = {}
    groups = {run.group for run in runs}
    for run in runs:
        for path in written_files(run, root):
            place = path.relative_to(root).as_posix()
            key = place.casefold()  # Windows and macOS take them for one file
            if key in owners:
                raise Unusable(f"batch.yml: {owners[key]} and {run.name} both write {place}")
            owners[key] = run.name
        for name in run.reads:
            if name not in groups:
                raise Unusable(f"batch.yml: {run.name}: reads {name!r}, which nothing makes")
        for name in run.files:
            if not (root / "book" / name).is_file():
                raise Unusable(f"batch.yml: {run.name}: no file book/{name}")


def in_order(runs: Sequence[Run]) -> list[Run]:
    """Return `runs`, each after those that it reads. Raises Unusable when some read one another."""
    reads: dict[str, set[str]] = {}
    for run in runs:
        reads.setdefault(run.group, set()).update(run.reads)
    try:
        order = list(TopologicalSorter(reads).static_order())
    except CycleError as error:
        circle = ", ".join(reversed(error.args[1]))
        raise Unusable(f"batch.yml: these read one another: {circle}") from None
    return sorted(runs, key=lambda run: order.index(run.group))


def written_files(run: Run, root: Path) -> list[Path]:
    """Return every file that a run writes in book/."""
    own = [run.source] if run.kind == "chapter" else []
    return [run.record, *own, *(kept_path(run, name, root) for name in run.pictures + run.weights)]


def kept_path(run: Run, name: str, root: Path) -> Path:
    """Return where a file of a sweep goes: book/figures/SWEEP/RUN-NAME, or book/networks/..."""
    folder, _, stem = run.name.rpartition("/")
    place = next(place for end, place in KEPT.values() if name.endswith(end))
    return root / "book" / place / folder / f"{stem}-{PurePosixPath(name).name}"


def choose(runs: Sequence[Run], wanted: Sequence[str]) -> list[Run]:
    """Return the runs of the named chapters and sweeps, with all that those chapters read.

    Raises Unusable for an unknown name. Without names: all runs.
    """
    if not wanted:
        return list(runs)
    reads = {run.group: run.reads for run in runs}
    chosen, waiting = set(), list(wanted)
    while waiting:
        name = waiting.pop()
        if name not in reads:
            raise Unusable(f"nothing called {name!r} in book/batch.yml: {', '.join(reads)}")
        if name not in chosen:
            chosen.add(name)
            waiting += reads[name]
    return [run for run in runs if run.group in chosen]
