"""Save and load: trained weights as safetensors, resumable runs as PyTorch checkpoints.

Neither way of loading runs code from the file: safetensors holds numbers only, and checkpoints
are read with `weights_only=True`.
"""

import json
import os
from importlib import resources
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from lenetcourse.files import replacing
from lenetcourse.models.lenet import LeNet5

# One entry holds everything as JSON: safetensors writes several entries in random order.
ENTRY = "lenetcourse"
OWN_WEIGHTS = ("reader", "lenet5")  # what lies in lenetcourse/weights/


class WeightsError(ValueError):
    """A file is no weights file of this course, or does not fit the model."""


class CheckpointError(ValueError):
    """A file is no checkpoint of this course, or belongs to another run."""


def save_model(model: LeNet5, path: str | os.PathLike, **facts) -> None:
    """Write weights and `model.settings` to a safetensors file, with `facts` as metadata.

    `facts` (recipe, seed, data set, accuracy, ...) must be JSON values. The file appears whole or
    not at all.
    """
    metadata = {"model": type(model).__name__, "settings": model.settings, **facts}
    weights = {name: value.contiguous().cpu() for name, value in model.state_dict().items()}
    with replacing(path) as temporary:
        temporary.write_bytes(save(weights, {ENTRY: json.dumps(metadata, sort_keys=True)}))


def load_model(path: str | os.PathLike | None = "reader") -> tuple[LeNet5, dict]:
    """Return the model in a file of `save_model`, in evaluation mode, and its metadata.

    Two names stand for LeNet-5s that come with the library, trained on MNIST: "lenet5" on the
    images as they are, "reader", which is meant by default, on images changed at random so that it
    reads other people's handwriting (a file of such a name is "./reader"). Raises
    FileNotFoundError when there is no file, WeightsError when it is not such a file.
    """
    if path is None or path in OWN_WEIGHTS:
        name = "reader" if path is None else path
        path = resources.files("lenetcourse") / "weights" / f"{name}.safetensors"
    path = Path(str(path))
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such weights file")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = json.loads((file.metadata() or {})[ENTRY])
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if metadata["model"] != "LeNet5":
            raise WeightsError(f"{path}: holds a {metadata['model']}, not a LeNet5")
        model = LeNet5(**metadata["settings"])
        model.load_state_dict(weights)
    except WeightsError:
        raise
    except SafetensorError as error:
        raise WeightsError(
            f"{path}: not a safetensors file ({error}); "
            "pickled weights (.pt, .pth) are not loaded, because they can run code"
        ) from None
    except (KeyError, TypeError, json.JSONDecodeError):
        raise WeightsError(f"{path}: no weights saved by this course (metadata missing)") from None
    except (RuntimeError, ValueError) as error:
        raise WeightsError(f"{path}: the weights do not fit their LeNet5: {error}") from None
    return model.eval(), metadata


def save_checkpoint(state: dict, path: str | os.PathLike) -> None:
    """Write `state` (tensors, numbers, strings, lists, dictionaries); whole or not at all."""
    # Not by name: PyTorch writes the name into the file, and refuses some of those without a dot.
    with replacing(path) as temporary, temporary.open("wb") as file:
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
