"""The networks of the course by name, so that a file or a command can name one."""

from __future__ import annotations

import inspect

from torch import nn

from lenetcourse.errors import UsageError
from lenetcourse.models.lenet import LeNet5
from lenetcourse.models.residual import ResidualNet
from lenetcourse.models.segmentation import LeNetSegmenter, SkipSegmenter, SmallUNet
from lenetcourse.models.small import MLP, PaddedCNN, SmallCNN, WideCNN
from lenetcourse.models.vae import VAE

# The name in `lenetcourse train` -> the network.
CLASSIFIERS: dict[str, type[nn.Module]] = {
    "lenet5": LeNet5,
    "mlp": MLP,
    "wide-cnn": WideCNN,
    "padded-cnn": PaddedCNN,
    "small-cnn": SmallCNN,
}
OTHERS = (VAE, LeNetSegmenter, SkipSegmenter, SmallUNet, ResidualNet)
NETWORKS = {kind.__name__: kind for kind in (*CLASSIFIERS.values(), *OTHERS)}  # the name in a file


def make_network(name: str, settings: dict[str, object]) -> nn.Module:
    """Return a new network with these settings, as its attribute `settings` holds them.

    `name` is that of its class, such as "LeNet5". Raises UsageError for a name that is not in
    `NETWORKS`, for a setting that the network does not have, and for one out of its range.
    """
    if name not in NETWORKS:
        raise UsageError(f"unknown network {name!r}: one of {', '.join(NETWORKS)}")
    known = inspect.signature(NETWORKS[name]).parameters
    for setting in settings:
        if setting not in known:
            has = ", ".join(known) or "none"
            raise UsageError(f"{name} has no setting {setting!r}: it has {has}")
    return NETWORKS[name](**settings)
