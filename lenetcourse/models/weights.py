"""Trained weights as safetensors: numbers only, so loading runs no code from the file."""

import json
import os
from importlib import resources
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import nn

from lenetcourse.errors import CourseError, UsageError
from lenetcourse.files import replacing
from lenetcourse.models.networks import NETWORKS, make_network

# One entry holds everything as JSON: safetensors writes several entries in random order.
ENTRY = "lenetcourse"
OWN_WEIGHTS = ("reader", "lenet5")  # what lies in lenetcourse/weights/


class WeightsError(CourseError, ValueError):
    """A file is no weights file of this course, or does not fit the model."""


def save_model(model: nn.Module, path: str | os.PathLike, **facts: object) -> None:
    """Write weights and `model.settings` to a safetensors file, with `facts` as metadata.

    `facts` (recipe, seed, data set, accuracy, ...) must be JSON values. The file appears whole or
    not at all. Raises UsageError for a network that is none of the course's.
    """
    if type(model) is not NETWORKS.get(type(model).__name__):
        raise UsageError(f"{type(model).__name__} is none of {', '.join(NETWORKS)}")
    metadata = {**facts, "model": type(model).__name__, "settings": model.settings}
    weights = {name: value.contiguous().cpu() for name, value in model.state_dict().items()}
    with replacing(path) as temporary:
        temporary.write_bytes(save(weights, {ENTRY: json.dumps(metadata, sort_keys=True)}))


def load_model(path: str | os.PathLike = "reader") -> tuple[nn.Module, dict]:
    """Return the model in a file of `save_model`, in evaluation mode, and its metadata.

    The file names its network, any of the course, and that network's settings. Two names stand for
    LeNet-5s that come with the library, trained on MNIST: "lenet5" on the images as they are,
    "reader", which is meant by default, on images changed at random so that it reads other people's
    handwriting (a file of such a name is "./reader"). Raises FileNotFoundError when there is no
    file, WeightsError when it is not such a file.
    """
    if path in OWN_WEIGHTS:
        path = resources.files("lenetcourse") / "weights" / f"{path}.safetensors"
    path = Path(str(path))
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such weights file")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = json.loads((file.metadata() or {})[ENTRY])
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        name, settings = metadata["model"], dict(metadata["settings"])
    except SafetensorError as error:
        raise WeightsError(
            f"{path}: not a safetensors file ({error}); "
            "pickled weights (.pt, .pth) are not loaded, because they can run code"
        ) from None
    except (KeyError, TypeError, json.JSONDecodeError):
        raise WeightsError(f"{path}: no weights saved by this course (metadata missing)") from None
    try:
        with torch.device("meta"):  # no memory for sizes that the file only claims
            model = make_network(name, settings)
        model.load_state_dict(weights, assign=True)
    except (RuntimeError, ValueError, TypeError, OverflowError) as error:
        raise WeightsError(f"{path}: no network that fits its weights: {error}") from None
    return model.float().eval(), metadata
