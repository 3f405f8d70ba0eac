"""What a run leaves in book/: its pictures and weights, a chapter's outputs, last its record."""

import base64
import contextlib
import datetime
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import nbformat
from notebook.outputs import cleaned, what_stopped, with_outputs
from notebook.reading import Unusable, cells_of, code_hash, course_metadata, tags
from PIL import Image
from safetensors import SafetensorError
from safetensors.torch import load

from batch.parameters import OUT
from batch.runs import Run, kept_path
from lenetcourse.files import replacing

COMMAND_RECORD = f"{OUT}/history.json"
DIGITS = 6  # significant digits of the numbers in a record
LARGEST_WEIGHTS = 1_500_000  # bytes: they lie in the repository


@dataclass(frozen=True)
class Job:
    """A run under way, with what it was made from: its source and hashes when it started."""

    run: Run
    before: bytes  # of a notebook; nothing for a command
    code: str
    inputs: str


def source_bytes(run: Run) -> bytes:
    """Return the notebook of a run as it stands now, nothing for a command."""
    return run.source.read_bytes() if isinstance(run.source, Path) else b""


def write_back(job: Job, outcome: Mapping, root: Path) -> None:
    """Write what a run made into book/.

    Raises Unusable when the run failed or left something else than the batch needs; then nothing
    is written.
    """
    run, ran = job.run, None
    if outcome["error"]:
        raise Unusable(outcome["error"])
    if run.kind == "command":
        values = command_values(json.loads(kept(outcome, COMMAND_RECORD)))
    else:
        ran = nbformat.reads(outcome["notebook"], as_version=4)
        if problem := what_stopped(ran):
            raise Unusable(problem)
        values = notebook_values(ran, run)
    made = {
        kept_path(run, name, root): picture(kept(outcome, name, f"{OUT}/{name}"), 64)
        for name in run.pictures
    }
    for name in run.weights:
        made[kept_path(run, name, root)] = weights(kept(outcome, name, f"{OUT}/{name}"), name)
    if run.kind == "chapter":
        made[run.source] = chapter_text(job, ran).encode()
    made[run.record] = record_text(job, outcome, values).encode()
    if source_bytes(run) != job.before:
        raise Unusable("edited while it ran, not written back")
    write_all(made)


def write_all(made: Mapping[Path, bytes]) -> None:
    """Write files, their folders too: readers see an old file or the whole new one.

    All are written before the first takes its place, so that a full disk changes none. They take
    their places in the order given.
    """
    with contextlib.ExitStack() as stack:
        for path, content in reversed(made.items()):  # the stack ends with what came first
            path.parent.mkdir(parents=True, exist_ok=True)
            stack.enter_context(replacing(path, durable=True)).write_bytes(content)


def kept(outcome: Mapping, *names: str) -> bytes:
    """Return a file that came back from a run. Raises Unusable when it did not make it."""
    for name in names:
        if name in outcome["kept"]:
            return base64.b64decode(outcome["kept"][name])
    raise Unusable(f"left no {names[0]}")


def chapter_text(job: Job, ran: nbformat.NotebookNode) -> str:
    """Return a chapter with the outputs of its run and the stamp of the code that made them."""
    source = cleaned(nbformat.v4.reads(job.before.decode("utf-8")))
    nb = with_outputs(source, ran)
    for _, cell in cells_of(nb, "code"):
        for output in cell.outputs:
            if "image/png" in output.get("data", {}):
                small = picture(base64.b64decode(output.data["image/png"]), 256)
                output.data["image/png"] = base64.b64encode(small).decode() + "\n"
    own = ("code_hash", "parameters", "dataset")
    meta = {k: v for k, v in course_metadata(source).items() if k not in own}
    parameters = dict(job.run.parameters)
    nb.metadata["lenetcourse"] = meta | {
        "code_hash": code_hash(nb, parameters),
        "parameters": parameters,
    }
    return nbformat.writes(nb) + "\n"


def record_text(job: Job, outcome: Mapping, values: Mapping) -> str:
    """Return the record of a run. Raises Unusable when JSON cannot hold its values."""
    parameters = dict(job.run.parameters)
    record = {
        "run": job.run.name,
        "dataset": parameters.get("dataset"),
        "seed": parameters.get("seed"),
        "parameters": parameters,
        "values": rounded(values),
        "code_hash": job.code,
        "inputs": job.inputs,
        "finished": datetime.date.today().isoformat(),
        "seconds": outcome["seconds"],
        "cores": outcome["cores"],
        "versions": outcome["versions"],
    }
    try:
        # One key a line: small, and a diff shows what changed.
        lines = [f" {json.dumps(k)}: {json.dumps(v, allow_nan=False)}" for k, v in record.items()]
    except ValueError:
        raise Unusable("its values hold a NaN or an infinity, which JSON cannot") from None
    return "{\n" + ",\n".join(lines) + "\n}\n"


def command_values(history: dict) -> dict:
    """Return what is worth keeping of a training run: a list for every curve."""
    run = history["history"]
    left_out = ("model", "dataset", "history")
    values = {k: v for k, v in history.items() if k not in left_out}
    values["best_epoch"] = run["best_epoch"]
    values["train_loss"] = run["train_loss"]
    for name in ("training", "validation"):
        rows = run[name]
        values[name] = {key: [row[key] for row in rows] for key in (rows[0] if rows else ())}
    return values


def notebook_values(nb: nbformat.NotebookNode, run: Run) -> dict:
    """Return the JSON object that the cell tagged `values` printed.

    A sweep needs such a cell, a chapter may have one. Raises Unusable when it printed no object.
    """
    found = [cell for _, cell in cells_of(nb, "code") if "values" in tags(cell)]
    if not found and run.kind == "chapter":
        return {}
    if len(found) != 1:
        raise Unusable(f"{len(found)} cells tagged values, expected one")
    text = "".join(o.text for o in found[0].outputs if o.get("name") == "stdout")
    try:
        values = json.loads(text)
    except ValueError:
        values = None
    if not isinstance(values, dict):
        raise Unusable("the cell tagged values printed no JSON object")
    return values


def rounded(value: object) -> object:
    """Return `value` with its numbers rounded to a few significant digits."""
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    if isinstance(value, dict):
        return {key: rounded(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [rounded(inner) for inner in value]
    return value


def weights(content: bytes, name: str) -> bytes:
    """Return the bytes of a file of weights. Raises Unusable when it is none, or too large."""
    if len(content) > LARGEST_WEIGHTS:
        raise Unusable(f"{name} has {len(content):,} bytes: {LARGEST_WEIGHTS:,} at most")
    try:
        load(content)
    except SafetensorError as error:
        raise Unusable(f"{name} is not a safetensors file: {error}") from None
    return content


def picture(content: bytes, colors: int) -> bytes:
    """Return a PNG with so few colours: a figure needs no more, and takes a quarter of the room."""
    packed = io.BytesIO()
    with Image.open(io.BytesIO(content)) as image:
        image.convert("RGB").quantize(colors).save(packed, "PNG", optimize=True)
    return packed.getvalue()
