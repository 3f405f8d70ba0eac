"""Where in an image a network looks: gradient-weighted class activation maps (Grad-CAM)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lenetcourse.data.images import as_inputs
from lenetcourse.errors import UsageError


def grad_cam(
    model: nn.Module, images: Tensor, layer: nn.Module, classes: Tensor | None = None
) -> Tensor:
    """Return how much each place of `images` speaks for a class, (n, h, w), 0 and more.

    Selvaraju et al. (arXiv:1610.02391), section 3: each map of `layer`, a convolution of `model`,
    is weighted with the mean over its places of the gradient of the class's score; the weighted
    sum, where it is above 0, is enlarged to the size of the images. `images` are uint8 (n, h, w) or
    (n, 3, h, w), or what the network takes; `classes`, int64 (n,), are the network's own answers by
    default. The model runs in evaluation mode and is left as it was, its gradients too. Raises
    UsageError for a layer that the model does not run.
    """
    kept = {}
    was_training = model.training
    hook = layer.register_forward_hook(lambda _layer, _inputs, maps: kept.update(maps=maps))
    try:
        # Inputs with a gradient, so that there is one where all weights are frozen, too.
        inputs = as_inputs(images).to(next(model.parameters()).device).detach().requires_grad_()
        with torch.enable_grad():
            scores = model.eval()(inputs)
            if not kept:
                raise UsageError(f"{layer} is no layer that {type(model).__name__} runs")
            classes = scores.argmax(1) if classes is None else classes.to(scores.device)
            chosen = scores.gather(1, classes[:, None]).sum()  # no image has a part in another's
            (gradient,) = torch.autograd.grad(chosen, kept["maps"])
    finally:
        hook.remove()
        model.train(was_training)
    weights = gradient.mean((2, 3), keepdim=True)  # (n, maps, 1, 1)
    heat = F.relu((weights * kept["maps"].detach()).sum(1, keepdim=True))  # (n, 1, rows, columns)
    return F.interpolate(heat, size=inputs.shape[-2:], mode="bilinear")[:, 0].cpu()
