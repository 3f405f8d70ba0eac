"""AlexNet with the weights that torchvision offers, from a file on this machine."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

import torch

from lenetcourse.models.alexnet import AlexNet
from lenetcourse.models.weights import WeightsError

# torchvision's name of a layer -> ours: there the layers of a part are numbered, ReLU and all.
LAYERS = {
    "features.0": "conv1",
    "features.3": "conv2",
    "features.6": "conv3",
    "features.8": "conv4",
    "features.10": "conv5",
    "classifier.1": "fc1",
    "classifier.4": "fc2",
    "classifier.6": "fc3",
}
# Of ImageNet's training photographs, as shares of 255: all of torchvision's networks expect them.
IMAGENET_MEAN, IMAGENET_DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
HASH = re.compile(r"-([0-9a-f]{8,64})\.pth")  # the first digits of the sha256, in the file's name


def load_torchvision_alexnet(path: str | os.PathLike) -> AlexNet:
    """Return AlexNet, in evaluation mode, with the weights in a file of torchvision's.

    The file is what `torch.save(torchvision.models.alexnet().state_dict(), path)` writes; the one
    trained on ImageNet is called alexnet-owt-7be5be79.pth. The digits in such a name are the first
    of the file's sha256, and are compared before anything is read of it. It is a pickle: only
    tensors are read (`weights_only=True`), no code is run. The network normalises its images, which
    are in [0, 1] as everywhere in the course, itself.

    Raises FileNotFoundError when there is no file, WeightsError when it is damaged or of another
    network.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such weights file")
    _check_hash(path)
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # the reader of pickles raises any kind on damaged files
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise WeightsError(f"{path}: no weights of torchvision's ({reason})") from None
    try:
        weights = {_our_name(name): value for name, value in found.items()}
        classes, hidden = weights["fc3.weight"].shape
        with torch.device("meta"):  # no memory for weights that are replaced at once
            model = AlexNet(classes, hidden)
        normalise = {"normalise.mean": IMAGENET_MEAN, "normalise.deviation": IMAGENET_DEVIATION}
        for name, values in normalise.items():
            weights[name] = torch.tensor(values)[:, None, None]
        model.load_state_dict(weights, assign=True)
    except (AttributeError, KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise WeightsError(f"{path}: not of torchvision's AlexNet ({reason})") from None
    return model.float().eval()


def _our_name(name: str) -> str:
    layer, _, kind = name.rpartition(".")
    return f"{LAYERS[layer]}.{kind}"


def _check_hash(path: Path) -> None:
    """Raise WeightsError when the file's name holds digits that are not those of its sha256."""
    named = HASH.search(path.name)
    if named is None:
        return
    with path.open("rb") as file:
        found = hashlib.sha256()
        while part := file.read(1 << 20):
            found.update(part)
    if not found.hexdigest().startswith(named[1]):
        raise WeightsError(
            f"{path}: truncated or altered: its sha256 does not begin with {named[1]}: "
            "fetch it again"
        )
