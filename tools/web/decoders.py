"""What `export_web` writes of an autoencoder: its decoder, in half the letters.

The page that walks the plane has the codes and needs no encoder. The decoder's 400 x 784 weights
would still take 837 kB of text as float16. So each becomes one byte: for every pixel there is a
step, its largest weight divided by 127, and each weight is the nearest whole number of steps, from
-127 to 127. That is *quantisation* to eight bits. The rest, little, stays float16.
"""

import torch
from torch import Tensor

from lenetcourse.models.vae import VAE

LEVELS = 127  # whole numbers on either side of 0 in a signed byte


def quantised(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Return steps (m,), numbers that float16 keeps, and int8 (m, n) for a weight (m, n)."""
    most = weight.abs().amax(1) / LEVELS
    steps = torch.where(most.half() > 0, most.half(), torch.ones(()).half())
    levels = (weight / steps.float()[:, None]).round().clamp(-LEVELS, LEVELS)
    return steps, levels.to(torch.int8)


def parts(model: VAE) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Return the decoder's tensors, name -> tensor: those kept as float16, those as int8."""
    steps, levels = quantised(model.decoder.weight.detach())
    small = {
        name: value.half()
        for name, value in model.state_dict().items()
        if name in ("expand.weight", "expand.bias", "decoder.bias")
    }
    return small | {"decoder.steps": steps}, {"decoder.weight": levels}


def as_in_the_page(model: VAE) -> VAE:
    """Round the decoder's weights of `model`, in place, as its script does; return it."""
    small, large = parts(model)
    with torch.no_grad():
        for name, value in model.state_dict().items():
            if name in small:
                value.copy_(small[name])
        model.decoder.weight.copy_(
            large["decoder.weight"].float() * small["decoder.steps"].float()[:, None]
        )
    return model
