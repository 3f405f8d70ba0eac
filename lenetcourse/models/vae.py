"""The variational autoencoder: an encoder to a distribution, a decoder back to an image."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lenetcourse.errors import UsageError


class VAEOutput(NamedTuple):
    """What a VAE says of a batch: pixel scores (n, pixels), `mu` and `logvar` (n, latent)."""

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
        input_size: height and width of the images in pixels, at least 1.
        in_channels: 1 for grey, 3 for colour.
        sample: draw the latent vector (`reparameterise`); False takes its mean and makes a plain
            autoencoder of it.

    Raises UsageError for an argument outside these ranges.
    """

    def __init__(
        self,
        latent: int = 20,
        hidden: int = 400,
        sample: bool = True,
        input_size: int = 28,
        in_channels: int = 1,
    ) -> None:
        super().__init__()
        if min(latent, hidden, input_size, in_channels) < 1:
            raise UsageError(
                f"latent {latent}, hidden {hidden}, input_size {input_size} and in_channels "
                f"{in_channels} must be 1 at least"
            )
        self.settings = {"latent": latent, "hidden": hidden, "sample": sample}
        self.settings |= {"input_size": input_size, "in_channels": in_channels}
        pixels = in_channels * input_size**2
        self.encoder = nn.Linear(pixels, hidden)
        self.mu = nn.Linear(hidden, latent)
        self.logvar = nn.Linear(hidden, latent)
        self.expand = nn.Linear(latent, hidden)
        self.decoder = nn.Linear(hidden, pixels)

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return `mu` and `logvar`, (n, latent) each, of images (n, c, h, w) in [0, 1]."""
        hidden = F.relu(self.encoder(images.flatten(1)))
        return self.mu(hidden), self.logvar(hidden)

    def decode(self, latent: Tensor) -> Tensor:
        """Return the scores (n, pixels) of latent vectors (n, latent); before the sigmoid."""
        return self.decoder(F.relu(self.expand(latent)))

    def forward(self, images: Tensor) -> VAEOutput:
        """Return scores, `mu` and `logvar` of images (n, c, h, w) in [0, 1]."""
        mu, logvar = self.encode(images)
        latent = reparameterise(mu, logvar) if self.settings["sample"] else mu
        return VAEOutput(self.decode(latent), mu, logvar)


@torch.no_grad()
def decoded(model: VAE, latent: Tensor) -> Tensor:
    """Return the images, (n, channels, h, w) in [0, 1], of latent vectors (n, latent)."""
    size, channels = model.settings["input_size"], model.settings["in_channels"]
    return torch.sigmoid(model.eval().decode(latent)).reshape(-1, channels, size, size)


def require_plane(model: VAE) -> None:
    """Raise UsageError when the codes of `model` do not lie in a plane: two latents."""
    if model.settings["latent"] != 2:
        raise UsageError(f"a plane has 2 latents, not {model.settings['latent']}")


def reparameterise(mu: Tensor, logvar: Tensor) -> Tensor:
    """Return a draw from N(mu, exp(logvar)) through which gradients pass to both.

    Kingma and Welling (2014), section 2.4: the noise comes from outside, mean and standard
    deviation only move and stretch it.
    """
    std = torch.exp(0.5 * logvar)
    noise = torch.randn_like(std)
    return mu + std * noise
