"""Diffusion models in files: safetensors with two bytes a weight, and what they need to be made."""

import json
import os
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from lenetcourse.errors import UsageError
from lenetcourse.files import replacing
from lenetcourse.models.diffusion import DiffusionMLP, DiffusionUNet
from lenetcourse.models.weights import ENTRY, WeightsError
from lenetcourse.train.diffusion import Diffusion

KINDS = {kind.__name__: kind for kind in (DiffusionUNet, DiffusionMLP)}


def save_diffusion(model: Diffusion, path: str | os.PathLike, **facts: object) -> None:
    """Write the weights of a diffusion model as float16, its settings and `facts` (JSON values).

    The file appears whole or not at all. Raises UsageError for a network that is none of ours.
    """
    network = model.network
    if type(network) is not KINDS.get(type(network).__name__):
        raise UsageError(f"{type(network).__name__} is none of {', '.join(KINDS)}")
    metadata = {**facts, "model": type(network).__name__, "settings": network.settings}
    metadata["diffusion"] = model.settings
    weights = {name: value.half().contiguous() for name, value in network.state_dict().items()}
    with replacing(path) as temporary:
        temporary.write_bytes(save(weights, {ENTRY: json.dumps(metadata, sort_keys=True)}))


def load_diffusion(path: str | os.PathLike) -> tuple[Diffusion, dict]:
    """Return the diffusion model in a file of `save_diffusion`, in evaluation mode, and its facts.

    Raises FileNotFoundError when there is no file, WeightsError when it is not such a file.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such weights file")
    try:
        with safe_open(path, framework="pt") as file:
            facts = json.loads((file.metadata() or {})[ENTRY])
            weights = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
        model = Diffusion(KINDS[facts["model"]](**facts["settings"]), **facts["diffusion"])
        model.network.load_state_dict(weights)
    except SafetensorError as error:
        raise WeightsError(f"{path}: not a safetensors file ({error})") from None
    except (KeyError, TypeError, ValueError, RuntimeError, OverflowError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise WeightsError(f"{path}: no diffusion model saved by this course: {reason}") from None
    return model.eval(), facts
