"""What must be unchanged for a run to be skipped: its code, parameters, data and the library."""

import ast
import functools
import hashlib
import json
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from batch import Run, picture_path
from batch_parameters import command_options
from library_code import code_digest, command_digest
from notebook_outputs import cleaned, what_stopped
from notebooks import cells_of, code_hash, course_metadata, read_notebook, statements

import lenetcourse

PACKAGE = Path(lenetcourse.__file__).parent


def own_code_hash(run: Run) -> str:
    """Return a hash of a run's own code and parameters: notebook cells, or the command."""
    if run.kind == "command":
        options = vars(command_options(run.group, run.source))
        text = json.dumps({k: str(v) for k, v in options.items() if k != "run"}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()
    return code_hash(cleaned(read_notebook(run.source)), run.parameters)


def inputs_hash(run: Run, sources: Sequence[Run], root: Path) -> str:
    """Return a hash of all that decides a run's results.

    That is its code and parameters, the data set (files are held to their md5s, which are part of
    the library's code; the embedded digits come with scikit-learn), the library code that it
    reaches, and the values that it reads of `sources`, the runs that made them.
    """
    library = train_digest() if run.kind == "command" else library_hash(run.source)
    read = {source.name: stored(source).get("values") for source in sources}
    files = [
        [name, hashlib.sha256((root / "book" / name).read_bytes()).hexdigest()]
        for name in run.files
    ]
    digits = version("scikit-learn") if run.parameters.get("dataset") in ("digits", "auto") else ""
    text = json.dumps([own_code_hash(run), library, read, files, digits], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


@functools.cache
def train_digest() -> str:
    """Return a hash of the library code that `lenetcourse train` reaches."""
    return command_digest("cli", ["_train"], PACKAGE)


def library_hash(path: Path) -> str:
    """Return a hash of the library code that a notebook reaches."""
    cells = cells_of(cleaned(read_notebook(path)), "code")
    code = [statement for _, cell in cells for statement in statements(cell.source)]
    return code_digest(ast.Module(code, []), PACKAGE)


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
    if any(not picture_path(run, name, root).is_file() for name in run.pictures):
        return "a picture is missing"
    if record.get("inputs") != inputs_hash(run, sources, root):
        return "the library, the data or what it reads changed"
    return None
