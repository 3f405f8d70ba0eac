"""The parameters of a run: what its notebook or its command takes, and what it must be told."""

import argparse
import ast
import contextlib
import functools
import io
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

import papermill
from notebook.outputs import cleaned
from notebook.reading import Unusable, cells_of, read_notebook, tags

from lenetcourse import cli

COMMAND = ["lenetcourse", "train"]
OUT = "run"  # where a command writes, in its own folder


def defaults(path: Path) -> dict[str, str]:
    """Return the parameters of a notebook, each with the code of its default.

    Raises Unusable when no cell is tagged `parameters`.
    """
    nb = read_notebook(path)
    if not any("parameters" in tags(cell) for _, cell in cells_of(nb, "code")):
        raise Unusable(f"{path.stem}: no cell tagged parameters")
    return {k: v["default"] for k, v in papermill.inspect_notebook(cleaned(nb)).items()}


def to_pass(path: Path, parameters: Mapping[str, object], known: Mapping[str, str]) -> dict:
    """Return the parameters that differ from their defaults. Raises Unusable for unknown ones."""
    # papermill only warns about a name that the notebook does not have, and passes it anyway.
    for name in parameters:
        if name not in known:
            raise Unusable(f"{path.stem}: no parameter {name!r}: there are {', '.join(known)}")
    return {k: v for k, v in parameters.items() if not is_default(known[k], v)}


def is_default(text: str, value: object) -> bool:
    """Return whether the expression `text` of a parameters cell is `value`."""
    try:
        default = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError):
        return False
    return type(default) is type(value) and default == value  # 1 == True == 1.0


def command_words(name: str, command: str, parameters: Mapping[str, object]) -> tuple[str, ...]:
    """Return the arguments of `lenetcourse` for one run. Raises Unusable when it refuses them."""
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise Unusable(f"batch.yml: {name}: command: {error}") from None
    if words[:2] != COMMAND:
        raise Unusable(f"batch.yml: {name}: a command starts with `{' '.join(COMMAND)}`")
    arguments = words[1:]
    for key, value in parameters.items():
        values = value if isinstance(value, list) else [value]
        arguments += [f"--{key.replace('_', '-')}", *map(str, values)]
    arguments += ["--device", "cpu", "--out", OUT]
    known = vars(command_options(name, arguments))
    for key in parameters:
        # argparse takes the beginning of an option's name for the option, and the last of two.
        if key not in known or key in ("device", "out"):
            raise Unusable(f"batch.yml: {name}: {key!r} is not a parameter of the command")
    return tuple(arguments)


def command_options(name: str, arguments: Sequence[str]) -> argparse.Namespace:
    """Return what the command makes of its arguments. Raises Unusable when it refuses them."""
    heard = io.StringIO()
    try:
        with contextlib.redirect_stderr(heard), contextlib.redirect_stdout(io.StringIO()):
            return parser().parse_args(list(arguments))
    except SystemExit:
        told = " ".join(heard.getvalue().split()) or "this command trains nothing"
        raise Unusable(f"batch.yml: {name}: {told}") from None


@functools.cache
def parser() -> argparse.ArgumentParser:
    """Return the parser of the command: made once, for the hundreds of commands of a batch."""
    return cli.parser()
