"""Losses of the course's generative and segmenting networks.

What is averaged over what decides the balance of a sum of losses. Everywhere here: **sums over
pixels and over latents, the mean over the images of a batch**. A mean over the 784 pixels would
make the reconstruction 784 times smaller, and the KL term would silence the latents: posterior
collapse.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from lenetcourse.data.images import as_shares
from lenetcourse.errors import UsageError
from lenetcourse.models.vae import VAEOutput


def kl_to_standard_normal(mu: Tensor, logvar: Tensor) -> Tensor:
    """Return KL(N(mu, exp(logvar)) || N(0, I)) in nats, (n,), summed over the latents.

    Closed form: Kingma and Welling (2014), appendix B.
    """
    return 0.5 * (mu.square() + logvar.exp() - 1 - logvar).sum(1)


def mean_kl(outputs: VAEOutput, images: Tensor) -> Tensor:
    """Return the KL term of a VAE's loss, the mean over a batch; a metric for `fit`."""
    return kl_to_standard_normal(outputs.mu, outputs.logvar).mean()


def squared_error(logits: Tensor, images: Tensor) -> Tensor:
    """Return the squared error, (n,), of sigmoid(logits) to images in [0, 1], pixels summed."""
    return (torch.sigmoid(logits) - images.flatten(1)).square().sum(1)


def bernoulli_error(logits: Tensor, images: Tensor) -> Tensor:
    """Return the binary cross-entropy in nats, (n,), summed over pixels; grey pixels as shares."""
    pixels = F.binary_cross_entropy_with_logits(logits, images.flatten(1), reduction="none")
    return pixels.sum(1)


RECONSTRUCTIONS = {"mse": squared_error, "bce": bernoulli_error}


def vae_loss(
    outputs: VAEOutput, images: Tensor, beta: float = 1.0, reconstruction: str = "mse"
) -> Tensor:
    """Return reconstruction + beta * KL: summed over pixels and latents, mean over the images.

    `images` are uint8 or in [0, 1], (n, 28, 28) or (n, 1, 28, 28). With "bce" and beta 1 it is the
    negative evidence lower bound; with "mse" that of a Gaussian decoder with variance 1/2, but for
    a constant. Raises UsageError for an unknown reconstruction.
    """
    if reconstruction not in RECONSTRUCTIONS:
        raise UsageError(f"unknown reconstruction {reconstruction!r}: mse or bce")
    images = as_shares(images)
    error = RECONSTRUCTIONS[reconstruction](outputs.logits, images)
    return (error + beta * kl_to_standard_normal(outputs.mu, outputs.logvar)).mean()


def mask_loss(scores: Tensor, masks: Tensor) -> Tensor:
    """Return the binary cross-entropy in nats, the mean over pixels and images.

    `scores` are (n, 1, h, w), before the sigmoid, `masks` (n, h, w) of 0 and 1. Here a mean is
    right: there is one term only, and its size does not depend on that of the images.
    """
    return F.binary_cross_entropy_with_logits(scores.squeeze(1), masks.float())
