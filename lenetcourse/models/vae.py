"""The variational autoencoder: an encoder to a distribution, a decoder back to an image."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lenetcourse.errors import UsageError


class VAEOutput(NamedTuple):
    """What a VAE says of a batch: pixel scores (n, 784), `mu` and `logvar` (n, latent)."""

    logits: Tensor
    mu: Tensor
    logvar: Tensor


class VAE(nn.Module):
    """Variational autoencoder with dense layers, after Kingma and Welling (2014).

    784-400-20-400-784 as in PyTorch's own example: 652,824 weights. `mu` and `logvar` are mean and
    log variance of the latent's normal distribution; the decoder gives scores, and their sigmoid
    is the image in [0, 1].

    Args:
        latent: numbers in the latent vector, at least 1.
        hidden: units of the hidden layers, at least 1.
        sample: draw the latent vector (`reparameterise`); False takes its mean and makes a plain
            autoencoder of it.

    Raises UsageError for an argument outside these ranges.
    """

    def __init__(self, latent: int = 20, hidden: int = 400, sample: bool = True):
        super().__init__()
        if latent < 1 or hidden < 1:
            raise UsageError(f"latent {latent} and hidden {hidden} must be 1 at least")
        self.settings = {"latent": latent, "hidden": hidden, "sample": sample}
        self.encoder = nn.Linear(28 * 28, hidden)
        self.mu = nn.Linear(hidden, latent)
        self.logvar = nn.Linear(hidden, latent)
        self.expand = nn.Linear(latent, hidden)
        self.decoder = nn.Linear(hidden, 28 * 28)

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return `mu` and `logvar`, (n, latent) each, of images (n, 1, 28, 28) in [0, 1]."""
        hidden = F.relu(self.encoder(images.flatten(1)))
        return self.mu(hidden), self.logvar(hidden)

    def decode(self, latent: Tensor) -> Tensor:
        """Return the scores (n, 784) of latent vectors (n, latent); before the sigmoid."""
        return self.decoder(F.relu(self.expand(latent)))

    def forward(self, images: Tensor) -> VAEOutput:
        """Return scores, `mu` and `logvar` of images (n, 1, 28, 28) in [0, 1]."""
        mu, logvar = self.encode(images)
        latent = reparameterise(mu, logvar) if self.settings["sample"] else mu
        return VAEOutput(self.decode(latent), mu, logvar)


def reparameterise(mu: Tensor, logvar: Tensor) -> Tensor:
    """Return a draw from N(mu, exp(logvar)) through which gradients pass to both.

    Kingma and Welling (2014), section 2.4: the noise comes from outside, mean and standard
    deviation only move and stretch it.
    """
    std = torch.exp(0.5 * logvar)
    noise = torch.randn_like(std)
    return mu + std * noise
