"""Use a trained network for another task: with a new head, and some of its layers frozen."""

from __future__ import annotations

import torch
from torch import nn

from lenetcourse.errors import UsageError


@torch.no_grad()
def with_new_head(model: nn.Module, num_classes: int) -> nn.Module:
    """Return a network of the same kind for other classes, with the weights of `model` but one.

    Its last layer with weights, the head, is new, drawn with torch's random numbers; all others are
    copies, so that one trained network can be the start of many. Raises UsageError for a network
    that has no number of classes, and for a number below 1.
    """
    settings = getattr(model, "settings", {})
    if "num_classes" not in settings:
        raise UsageError(f"{type(model).__name__} has no classes, and so no head to replace")
    new = type(model)(**(settings | {"num_classes": num_classes}))
    head = [name for name, layer in model.named_modules() if list(layer.parameters(False))][-1]
    fresh = new.state_dict()
    new.load_state_dict(
        {
            name: fresh[name] if name.rpartition(".")[0] == head else weight
            for name, weight in model.state_dict().items()
        }
    )
    return new.to(next(model.parameters()).device).train(model.training)


def freeze(model: nn.Module, up_to: str) -> nn.Module:
    """Stop the layers of `model` up to `up_to`, this one included, from learning; return it.

    `up_to` is the name of a layer or of a group of layers, such as "conv3" or "stages.2"; those
    before it are the ones that the network made before it. Their weights get no gradient, and they
    compute as in evaluation mode whatever the mode of the network is: batch normalisation in
    training mode would take the statistics of the new images, weights frozen or not, and no longer
    be the layer that was trained. Raises UsageError when there is no such layer.
    """
    layers = [(n, layer) for n, layer in model.named_modules() if not list(layer.children())]
    inside = [i for i, (name, _) in enumerate(layers) if f"{name}.".startswith(f"{up_to}.")]
    if not inside:
        known = ", ".join(name for name, _ in model.named_children())
        raise UsageError(f"{type(model).__name__} has no layer {up_to!r}: it has {known}")
    for _, layer in layers[: inside[-1] + 1]:
        layer.requires_grad_(False)
        layer.register_forward_pre_hook(_as_in_evaluation)
    return model


def _as_in_evaluation(layer: nn.Module, inputs: object) -> None:
    layer.eval()
