"""Save and load resumable runs: PyTorch checkpoints, read with `weights_only=True`."""

import os
from pathlib import Path

import torch

from lenetcourse.errors import CourseError
from lenetcourse.files import replacing


class CheckpointError(CourseError, ValueError):
    """A file is no checkpoint of this course, or belongs to another run."""


def save_checkpoint(state: dict, path: str | os.PathLike) -> None:
    """Write `state` (tensors, numbers, strings, lists, dictionaries); whole or not at all."""
    # Not by name: PyTorch writes the name into the file, and refuses some of those without a dot.
    with replacing(path, durable=True) as temporary, temporary.open("wb") as file:
        torch.save(state, file)


def load_checkpoint(path: str | os.PathLike) -> dict:
    """Return the state in a checkpoint, on the CPU.

    Raises FileNotFoundError when there is none, CheckpointError when it cannot be read.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no checkpoint to resume from; start without --resume")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # the reader of pickles raises any kind on damaged files
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise CheckpointError(f"{path}: not a readable checkpoint ({reason})") from None
    if not isinstance(state, dict):
        raise CheckpointError(f"{path}: holds a {type(state).__name__}, not a checkpoint")
    return state
