"""Diffusion: noise added in many steps, and a network that learns to take it away.

Sohl-Dickstein et al. (2015), arXiv:1503.03585; Ho, Jain and Abbeel (2020), arXiv:2006.11239, whose
simplified loss is the one here. `lenetcourse.train.sampling` draws new images.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lenetcourse.data.images import as_inputs
from lenetcourse.errors import UsageError
from lenetcourse.models.diffusion import NO_LABEL

TARGETS = ("noise", "velocity")
MOST = 0.999  # of the variance that one step may add: all of it would leave no image


class NoiseSchedule:
    """How much of an image, and how much noise, is left after each step.

    After step t the noisy image is signal[t] x + noise[t] e, where x is the image and e is noise
    from N(0, I). A step keeps the variance: it multiplies by sqrt(1 - beta[t]) and adds noise of
    variance beta[t]. So signal[t]^2 is the product of all 1 - beta up to t, and signal^2 + noise^2
    is 1.

    Args:
        kind: "cosine" (Nichol and Dhariwal, 2021, arXiv:2102.09672, section 3.2) or "linear", in
            which beta rises evenly (Ho et al., 2020, section 4: from 0.0001 to 0.02 in 1000 steps;
            for another number of steps so that the whole noise is about the same).
        steps: at least 1.

    Attributes:
        beta, signal, noise: float64, (steps + 1,), from t = 0, the image itself.

    Raises UsageError for an unknown kind or no step.
    """

    def __init__(self, kind: str = "cosine", steps: int = 1000) -> None:
        if kind not in ("cosine", "linear"):
            raise UsageError(f"unknown schedule {kind!r}: cosine or linear")
        if steps < 1:
            raise UsageError(f"steps must be at least 1, not {steps}")
        self.kind, self.steps = kind, steps
        if kind == "cosine":
            share = torch.arange(steps + 1, dtype=torch.float64) / steps
            left = torch.cos((share + 0.008) / 1.008 * math.pi / 2) ** 2
            beta = 1 - left[1:] / left[:-1]
        else:
            beta = torch.linspace(0.1 / steps, 20 / steps, steps, dtype=torch.float64)
        self.beta = torch.cat([torch.zeros(1, dtype=torch.float64), beta.clamp(max=MOST)])
        left = torch.cumprod(1 - self.beta, 0)
        self.signal, self.noise = left.sqrt(), (1 - left).sqrt()

    def add_noise(self, clean: Tensor, times: Tensor, noise: Tensor) -> Tensor:
        """Return what is left of `clean` after `times` steps, (n,), all at once.

        `clean` and `noise` are (n, ...); 0 steps leave an image as it is.
        """
        signal, scale = self.at(times, clean)
        return signal * clean + scale * noise

    def velocity(self, clean: Tensor, times: Tensor, noise: Tensor) -> Tensor:
        """Return signal e - noise x, of which image and noise can be told at any time.

        The target of Salimans and Ho (2022), arXiv:2202.00512, section 4: near the end, where
        hardly any image is left, noise alone says next to nothing about it.
        """
        signal, scale = self.at(times, clean)
        return signal * noise - scale * clean

    def at(self, times: Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
        """Return signal and noise at `times`, (n,), in a shape that multiplies `like`, (n, ...)."""
        shape = (-1, *[1] * (like.ndim - 1))
        signal, noise = self.signal.to(like), self.noise.to(like)
        return signal[times].reshape(shape), noise[times].reshape(shape)

    def deviation(self, later: int, earlier: int) -> float:
        """Return the standard deviation of x_earlier where x_later and the clean image are known.

        Their distribution is a normal one: Ho et al. (2020), equation 7, for any two times.
        """
        passed = 1 - (self.signal[later] / self.signal[earlier]) ** 2
        return float(self.noise[earlier] / self.noise[later] * passed.sqrt())


class Denoiser(NamedTuple):
    """What a diffusion model sees in noisy images of these classes: call it with such images.

    What `Diffusion` returns, and what `denoising_loss` compares with the truth.
    """

    model: nn.Module  # a Diffusion
    labels: Tensor

    def __call__(self, noisy: Tensor, times: Tensor) -> Tensor:
        """Return noise or velocity, as the model's target is, in (n, ...) at `times`, (n,)."""
        return self.model.network(noisy, times, self.labels)


class Diffusion(nn.Module):
    """A network that sees noise, and its noise schedule, in the form that `fit` trains.

    Inputs are labels, targets the images that they belong to:
    `fit(Diffusion(DiffusionUNet()), (labels, images), ..., loss_fn=denoising_loss)`. In training a
    label is now and then withheld, so that the network learns images of any class, too: Ho and
    Salimans (2022), arXiv:2207.12598.

    Args:
        network: takes noisy images, times and labels: a `DiffusionUNet` or `DiffusionMLP`.
        kind: of the noise schedule.
        steps: of the noise schedule.
        target: what the network gives: "velocity", or "noise" as in Ho et al. (2020).
        withheld: share of the labels that are withheld in training, 0 to 1.
        limit: the largest value, up or down, that clean data have: 1 for images.

    Raises UsageError for an argument outside these ranges.
    """

    def __init__(
        self,
        network: nn.Module,
        kind: str = "cosine",
        steps: int = 1000,
        target: str = "velocity",
        withheld: float = 0.1,
        limit: float = 1.0,
    ) -> None:
        super().__init__()
        if target not in TARGETS:
            raise UsageError(f"unknown target {target!r}: {' or '.join(TARGETS)}")
        if not 0 <= withheld <= 1:
            raise UsageError(f"withheld is a share from 0 to 1, not {withheld}")
        if not limit > 0:
            raise UsageError(f"limit must be above 0, not {limit}")
        self.settings = {"kind": kind, "steps": steps, "target": target}
        self.settings |= {"withheld": withheld, "limit": limit}
        self.network = network
        self.schedule = NoiseSchedule(kind, steps)

    def forward(self, labels: Tensor) -> Denoiser:
        """Return a denoiser for images of these classes, (n,); NO_LABEL stands for any class."""
        if self.training:
            hidden = torch.rand(labels.shape, device=labels.device) < self.settings["withheld"]
            labels = torch.where(hidden, NO_LABEL, labels)
        return Denoiser(self, labels)

    def clean(self, noisy: Tensor, times: Tensor, seen: Tensor) -> Tensor:
        """Return the clean images of which `noisy`, (n, ...), were made, if `seen` is right.

        `seen` is what the network gives for them; values beyond the model's limit are clamped.
        """
        signal, scale = self.schedule.at(times, noisy)
        if self.settings["target"] == "noise":
            clean = (noisy - scale * seen) / signal
        else:
            clean = signal * noisy - scale * seen
        return clean.clamp(-self.settings["limit"], self.settings["limit"])


def denoising_loss(denoiser: Denoiser, clean: Tensor) -> Tensor:
    """Return the mean squared error of what is seen in `clean` made noisy.

    With the noise as the target it is the simplified loss of Ho et al. (2020), equation 14; with
    the velocity an error of the noise weighs more, the less of the image is left. `clean` are uint8
    images, (n, h, w) or (n, 3, h, w), or codes (n, size). Every time is as likely; within a batch
    they are spread evenly, which says the same with less chance (Kingma et al., 2021,
    arXiv:2107.00630, section 5.1). Times and noise come from torch's generator, which `fit` seeds;
    in evaluation they are the same ones each time, so that epochs can be compared.
    """
    schedule, clean = denoiser.model.schedule, as_signals(clean)
    generator = None if denoiser.model.training else torch.Generator().manual_seed(0)
    first = torch.rand(1, generator=generator)
    share = (first + torch.arange(len(clean)) / len(clean)) % 1
    times = 1 + (share * schedule.steps).long().clamp(max=schedule.steps - 1)
    noise = torch.randn(clean.shape, generator=generator)
    times, noise = times.to(clean.device), noise.to(clean)
    seen = denoiser(schedule.add_noise(clean, times, noise), times)
    if denoiser.model.settings["target"] == "velocity":
        return F.mse_loss(seen, schedule.velocity(clean, times, noise))
    return F.mse_loss(seen, noise)


def as_signals(images: Tensor) -> Tensor:
    """Return uint8 images as float32 (n, channels, h, w) from -1 to 1; others as they are."""
    return 2 * as_inputs(images) - 1 if images.dtype == torch.uint8 else images


def as_pixels(signals: Tensor) -> Tensor:
    """Return signals (n, channels, h, w) from -1 to 1 as uint8 images, (n, h, w) for grey."""
    pixels = ((signals + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
    return pixels.squeeze(1) if pixels.shape[1] == 1 else pixels
