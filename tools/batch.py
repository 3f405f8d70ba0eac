"""The batch as a list of runs: read from book/batch.yml, checked before anything starts."""

import argparse
import ast
import contextlib
import hashlib
import io
import itertools
import json
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import papermill
import yaml
from library_code import code_digest, command_digest
from notebook_outputs import cleaned
from notebooks import (
    Unusable,
    cells_of,
    code_hash,
    course_metadata,
    read_notebook,
    statements,
    tags,
)

import lenetcourse
from lenetcourse import cli

PACKAGE = Path(lenetcourse.__file__).parent
BATCH_KEYS = {"dataset", "chapters", "sweeps"}
CHAPTER_KEYS = {"parameters", "reads", "files"}
SWEEP_KEYS = {"command", "notebook", "grid", "pictures", "alone"}
COMMAND = ["lenetcourse", "train"]
OUT = "run"  # where a command writes, in its own folder
COMMAND_RECORD = f"{OUT}/history.json"
NAME = re.compile(r"[A-Za-z0-9_]+")


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
    alone: bool = False


# Reading book/batch.yml


def read_batch(root: Path, dataset: str | None = None) -> list[Run]:
    """Return all runs of the batch in `root`, in the order of the file: sweeps, then chapters.

    `dataset` replaces the one in the file. Raises Unusable for whatever cannot be run as written.
    """
    path = root / "book" / "batch.yml"
    try:
        batch = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Unusable(f"{path}: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise Unusable("book/batch.yml: not YAML: " + " ".join(str(error).split())) from error
    batch = mapping(batch, "book/batch.yml", BATCH_KEYS)
    dataset = dataset or batch.get("dataset", "mnist")
    runs = []
    for name, entry in mapping(batch.get("sweeps"), "sweeps").items():
        runs += sweep_runs(name, mapping(entry, name, SWEEP_KEYS), dataset, root)
    for name, entry in mapping(batch.get("chapters"), "chapters").items():
        runs.append(chapter_run(name, mapping(entry, name, CHAPTER_KEYS), dataset, root))
    check_together(runs, root)
    return runs


def mapping(value: object, where: str, keys: set[str] | None = None) -> dict:
    """Return `value` as a dictionary, {} for nothing. Raises Unusable for anything else."""
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise Unusable(f"batch.yml: {where}: expected names with values, got {value!r}")
    for key in value if keys is not None else ():
        if key not in keys:
            raise Unusable(f"batch.yml: {where}: unknown key {key!r}: {', '.join(sorted(keys))}")
    return value


def names(value: object, where: str) -> tuple[str, ...]:
    """Return a list of strings as a tuple. Raises Unusable for anything else."""
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise Unusable(f"batch.yml: {where}: expected a list of names, got {value!r}")
    return tuple(value)


def chapter_run(name: str, entry: dict, dataset: str, root: Path) -> Run:
    """Return the run of a notebook in book/; only one with parameters is told the data set."""
    path = root / "book" / f"{name}.ipynb"
    nb = read_notebook(path) if path.is_file() else None
    if nb is None:
        raise Unusable(f"batch.yml: {name}: no notebook book/{name}.ipynb")
    parameters = mapping(entry.get("parameters"), f"{name}: parameters")
    numbered = re.fullmatch(r"\d\d_\w+", name)
    if numbered or parameters:
        parameters = {"dataset": dataset} | parameters
    return Run(
        name=name,
        group=name,
        kind="chapter",
        source=path,
        parameters=parameters,
        passed=known_parameters(path, parameters) if parameters else {},
        reads=names(entry.get("reads", []), f"{name}: reads"),
        files=names(entry.get("files", []), f"{name}: files"),
        record=root / "book" / "results" / f"{name}.json",
    )


def sweep_runs(name: str, entry: dict, dataset: str, root: Path) -> list[Run]:
    """Return one run for every combination of the grid of a sweep."""
    if not NAME.fullmatch(name):
        raise Unusable(f"batch.yml: sweep {name!r}: letters, digits and _ only")
    if ("command" in entry) == ("notebook" in entry):
        raise Unusable(f"batch.yml: {name}: give either a command or a notebook")
    pictures = names(entry.get("pictures", []), f"{name}: pictures")
    combinations = list(grid_points(entry.get("grid"), name))
    lowest = min((point["seed"] for point in combinations if "seed" in point), default=None)
    runs = []
    for point in combinations:
        run_name = "_".join(f"{key}-{written(value)}" for key, value in point.items()) or "run"
        parameters = {"dataset": dataset} | point
        common = {
            "name": f"{name}/{run_name}",
            "group": name,
            "parameters": parameters,
            "record": root / "book" / "results" / name / f"{run_name}.json",
            "pictures": pictures if point.get("seed") == lowest else (),
            "alone": bool(entry.get("alone", False)),
        }
        if "command" in entry:
            words = command_words(name, str(entry["command"]), parameters)
            runs.append(Run(kind="command", source=words, **common))
        else:
            path = root / "book" / str(entry["notebook"])
            if not path.is_file():
                raise Unusable(f"batch.yml: {name}: no notebook book/{entry['notebook']}")
            passed = known_parameters(path, parameters)
            runs.append(Run(kind="notebook", source=path, passed=passed, **common))
    return runs


def grid_points(grid: object, name: str) -> Iterable[dict]:
    """Yield every combination of a grid, or of each grid in a list of them."""
    for part in grid if isinstance(grid, list) else [grid]:
        axes = mapping(part, f"{name}: grid")
        for key, values in axes.items():
            if not isinstance(values, list) or not values:
                raise Unusable(f"batch.yml: {name}: {key}: expected a list of values")
        for values in itertools.product(*axes.values()):
            yield dict(zip(axes, values, strict=True))


def written(value: object) -> str:
    """Return a parameter's value as a part of a file name."""
    text = "-".join(map(str, value)) if isinstance(value, list) else str(value)
    return re.sub(r"[^A-Za-z0-9.-]", "-", text)


def known_parameters(path: Path, parameters: Mapping[str, object]) -> dict[str, object]:
    """Return the parameters that a notebook must be told. Raises Unusable for unknown ones."""
    nb = read_notebook(path)
    if not any("parameters" in tags(cell) for _, cell in cells_of(nb, "code")):
        raise Unusable(f"{path.stem}: no cell tagged parameters")
    # papermill only warns about a name that the notebook does not have, and passes it anyway.
    known = papermill.inspect_notebook(cleaned(nb))
    for name in parameters:
        if name not in known:
            raise Unusable(f"{path.stem}: no parameter {name!r}: there are {', '.join(known)}")
    return {k: v for k, v in parameters.items() if not is_default(known[k]["default"], v)}


def is_default(text: str, value: object) -> bool:
    """Return whether the expression `text` of a parameters cell is `value`."""
    try:
        return ast.literal_eval(text) == value
    except (ValueError, SyntaxError):
        return False


def command_words(name: str, command: str, parameters: Mapping[str, object]) -> tuple[str, ...]:
    """Return the arguments of `lenetcourse` for one run. Raises Unusable when it refuses them."""
    words = shlex.split(command)
    if words[:2] != COMMAND:
        raise Unusable(f"batch.yml: {name}: a command starts with `{' '.join(COMMAND)}`")
    arguments = words[1:]
    for key, value in parameters.items():
        values = value if isinstance(value, list) else [value]
        arguments += [f"--{key.replace('_', '-')}", *map(str, values)]
    arguments += ["--device", "cpu", "--out", OUT]
    command_options(name, arguments)
    return tuple(arguments)


def command_options(name: str, arguments: Sequence[str]) -> argparse.Namespace:
    """Return what the command makes of its arguments. Raises Unusable when it refuses them."""
    heard = io.StringIO()
    try:
        with contextlib.redirect_stderr(heard):
            return cli._parser().parse_args(list(arguments))
    except SystemExit:
        raise Unusable(f"batch.yml: {name}: {heard.getvalue().strip()}") from None


def check_together(runs: Sequence[Run], root: Path) -> None:
    """Raise Unusable when two runs write one file, or one reads what nobody makes."""
    if not runs:
        raise Unusable("book/batch.yml: no chapters and no sweeps")
    owners: dict[Path, str] = {}
    groups = {run.group for run in runs}
    for run in runs:
        for path in written_files(run, root):
            if path in owners:
                place = path.relative_to(root).as_posix()
                raise Unusable(f"batch.yml: {owners[path]} and {run.name} both write {place}")
            owners[path] = run.name
        for name in run.reads:
            if name not in groups:
                raise Unusable(f"batch.yml: {run.name}: reads {name!r}, which nothing makes")
        for name in run.files:
            if not (root / "book" / name).is_file():
                raise Unusable(f"batch.yml: {run.name}: no file book/{name}")
    circle_free(runs)


def circle_free(runs: Sequence[Run]) -> None:
    """Raise Unusable when a chapter reads, in the end, itself."""
    reads = {run.name: set(run.reads) for run in runs if run.reads}
    while reads:
        free = [name for name, sources in reads.items() if not sources & set(reads)]
        if not free:
            raise Unusable(f"batch.yml: these read one another: {', '.join(sorted(reads))}")
        for name in free:
            del reads[name]


def written_files(run: Run, root: Path) -> list[Path]:
    """Return every file that a run writes in book/."""
    notebook = [run.source] if run.kind == "chapter" else []
    return [run.record, *notebook, *(picture_path(run, name, root) for name in run.pictures)]


def picture_path(run: Run, name: str, root: Path) -> Path:
    """Return where a picture of a sweep goes: book/figures/SWEEP/RUN-NAME."""
    folder, _, stem = run.name.rpartition("/")
    return root / "book" / "figures" / folder / f"{stem}-{Path(name).name}"


def choose(runs: Sequence[Run], wanted: Sequence[str]) -> list[Run]:
    """Return the runs of the named chapters and sweeps, with all that those chapters read.

    Raises Unusable for an unknown name. Without names: all runs.
    """
    if not wanted:
        return list(runs)
    groups = dict.fromkeys(run.group for run in runs)
    reads = {run.group: run.reads for run in runs}
    chosen, waiting = set(), list(wanted)
    while waiting:
        name = waiting.pop()
        if name not in groups:
            raise Unusable(f"nothing called {name!r} in book/batch.yml: {', '.join(groups)}")
        if name not in chosen:
            chosen.add(name)
            waiting += reads[name]
    return [run for run in runs if run.group in chosen]


# Inputs: what must be unchanged for a run to be skipped


def own_code_hash(run: Run) -> str:
    """Return a hash of a run's own code and parameters: notebook cells, or the command."""
    if run.kind == "command":
        options = vars(command_options(run.group, run.source))
        text = json.dumps({k: str(v) for k, v in options.items() if k != "run"}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()
    return code_hash(read_notebook(run.source), run.parameters)


def inputs_hash(run: Run, sources: Sequence[Run], root: Path) -> str:
    """Return a hash of all that decides a run's results.

    That is its code and parameters, the data set (files are held to their md5s, which are part of
    the library's code; the embedded digits come with scikit-learn), the library code that it
    reaches, and the values that it reads of `sources`, the runs that made them.
    """
    if run.kind == "command":
        library = command_digest("cli", ["_train"], PACKAGE)
    else:
        code = [
            s for _, c in cells_of(read_notebook(run.source), "code") for s in statements(c.source)
        ]
        library = code_digest(ast.Module(code, []), PACKAGE)
    read = {source.name: stored(source).get("values") for source in sources}
    files = [(root / "book" / name).read_text(encoding="utf-8") for name in run.files]
    digits = version("scikit-learn") if run.parameters.get("dataset") in ("digits", "auto") else ""
    text = json.dumps([own_code_hash(run), library, read, files, digits], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def stored(run: Run) -> dict:
    """Return the record that a run has left, {} when there is none or it cannot be read."""
    try:
        record = json.loads(run.record.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def why(run: Run, sources: Sequence[Run], root: Path) -> str | None:
    """Return in a few words why a run is not up to date, or None when it is."""
    record = stored(run)
    if not record:
        return "never run"
    if record.get("code_hash") != own_code_hash(run):
        return "its code or parameters changed"
    if run.kind == "chapter":
        meta = course_metadata(read_notebook(run.source))
        if meta.get("code_hash") != record["code_hash"]:
            return "its outputs are not those of the recorded run"
    if any(not picture_path(run, name, root).is_file() for name in run.pictures):
        return "a picture is missing"
    if record.get("inputs") != inputs_hash(run, sources, root):
        return "the library, the data or the results it reads changed"
    return None
