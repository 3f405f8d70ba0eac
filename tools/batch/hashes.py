"""What must be unchanged for a run to be skipped: its code, parameters, data and the library."""

import ast
import functools
import hashlib
import json
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from nbformat import NotebookNode
from notebook.outputs import cleaned, what_stopped
from notebook.reading import cells_of, code_hash, course_metadata, read_notebook, statements

import lenetcourse
from batch.library_code import STOPS, code_digest, command_digest
from batch.parameters import command_options
from batch.runs import Run, kept_path
from lenetcourse.data.cifar import ARCHIVE, CIFAR10
from lenetcourse.data.datasets import NAMES
from lenetcourse.data.sources import SOURCES
from lenetcourse.models.networks import CLASSIFIERS

PACKAGE = Path(lenetcourse.__file__).parent
TRAIN = ("command.train", "run")  # where the command starts
# Where the walk through the library stops, too: at the plots when a run leaves no picture, at the
# augmentation when a command does not ask for it, at the lists of all networks when a command
# trains one, at the embedded digits when the data are others, and at the door to the data sets in
# colour when the data are grey.
PICTURES = frozenset({"plots"})
AUGMENTATION = frozenset({"handwriting"})
REGISTRY = frozenset({"networks.CLASSIFIERS", "networks.OTHERS", "networks.NETWORKS"})
DIGITS = frozenset({"digits"})
COLOUR = frozenset({"colour"})


def own_code_hash(run: Run) -> str:
    """Return a hash of a run's own code and parameters: notebook cells, or the command."""
    if run.kind == "command":
        text = json.dumps(options_set(run), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()
    return code_hash(code_of(run.source, run.source.read_bytes()), run.parameters)


def options_set(run: Run) -> dict[str, str]:
    """Return the options of a command that differ from their defaults: a new one changes nothing.

    Only what has no default, the model, is always among them.
    """
    options = vars(command_options(run.group, run.source))
    command, model = run.source[:2]
    usual = vars(command_options(run.group, (command, model)))
    return {k: str(v) for k, v in options.items() if k == "model" or v != usual[k]}


def inputs_hash(run: Run, sources: Sequence[Run], root: Path) -> str:
    """Return a hash of all that decides a run's results.

    That is its code and parameters, the bytes of its data set, the library code that it reaches,
    the files that it opens, and the values that it reads of `sources`, the runs that made them.
    """
    stops = stops_of(run)
    if run.kind == "command":
        library = train_digest(run.source[1], stops)
    else:
        library = library_hash(run.source, stops)
    read = {source.name: stored(source).get("values") for source in sources}
    files = [
        [name, hashlib.sha256((root / "book" / name).read_bytes()).hexdigest()]
        for name in run.files
    ]
    data = data_identity(run.parameters.get("dataset"))
    text = json.dumps([own_code_hash(run), library, read, files, data], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def stops_of(run: Run) -> frozenset[str]:
    """Return where the walk through the library stops: at what decides nothing of this run."""
    stops = STOPS
    if run.kind != "chapter" and not run.pictures:
        stops |= PICTURES
    if run.kind == "command" and "--augment" not in run.source:
        stops |= AUGMENTATION
    dataset = run.parameters.get("dataset")
    if dataset in SOURCES:
        stops |= DIGITS
    if dataset in NAMES:
        stops |= COLOUR
    return stops


def data_identity(dataset: str | None) -> list[str | bool | None]:
    """Return what the bytes of a data set are held to: published md5s, or scikit-learn's version.

    The embedded digits, which "auto" may mean, come with scikit-learn, and so do those in colour. A
    folder of photographs is held to nothing: the record says that it was one, where its run does.
    """
    if dataset in SOURCES:
        source = SOURCES[dataset]
        files = [file for part in source.parts.values() for file in part]
        return [source.archive, source.transposed, *(file.md5 or file.gz_md5 for file in files)]
    if dataset == CIFAR10.name:
        return [ARCHIVE.gz_md5]
    return [version("scikit-learn")] if dataset and dataset != "flowers" else []


@functools.cache
def train_digest(model: str, stops: frozenset[str]) -> str:
    """Return a hash of the library code that `lenetcourse train MODEL` reaches."""
    return command_digest([TRAIN, ("", CLASSIFIERS[model].__name__)], PACKAGE, stops | REGISTRY)


def library_hash(path: Path, stops: frozenset[str]) -> str:
    """Return a hash of the library code that a notebook reaches."""
    return digest_of_code(path, path.read_bytes(), stops)


@functools.cache
def digest_of_code(path: Path, content: bytes, stops: frozenset[str]) -> str:
    """Return the library's part in a notebook; `content` is what `path` holds now."""
    cells = cells_of(code_of(path, content), "code")
    code = [statement for _, cell in cells for statement in statements(cell.source)]
    return code_digest(ast.Module(code, []), PACKAGE, stops)


@functools.cache
def code_of(path: Path, content: bytes) -> NotebookNode:
    """Return a notebook as it goes into a run: a sweep asks for the same one for every run."""
    return cleaned(read_notebook(path))


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
        nb = read_notebook(run.source)
        if course_metadata(nb).get("code_hash") != record["code_hash"]:
            return "its outputs are not those of the recorded run"
        if what_stopped(nb):
            return "outputs are missing"
    if any(not kept_path(run, name, root).is_file() for name in run.pictures):
        return "a picture is missing"
    if any(not kept_path(run, name, root).is_file() for name in run.weights):
        return "its weights are missing"
    if record.get("inputs") != inputs_hash(run, sources, root):
        return "the library, the data or what it reads changed"
    return None


def stale(runs: Sequence[Run], root: Path) -> dict[str, list[str]]:
    """Return what is not up to date: chapter or sweep -> why, once for each of its runs."""
    found: dict[str, list[str]] = {}
    for run in runs:
        if cause := why(run, [other for other in runs if other.group in run.reads], root):
            found.setdefault(run.group, []).append(cause)
    return found
