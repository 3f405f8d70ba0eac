"""New images from a diffusion model: noise taken away step by step."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn

from lenetcourse.errors import UsageError
from lenetcourse.models.diffusion import NO_LABEL
from lenetcourse.train.diffusion import Diffusion


class Step(NamedTuple):
    """A moment on the way: the time, what is there, and the clean images expected of it."""

    time: int
    noisy: Tensor
    clean: Tensor


@torch.no_grad()
def sample_diffusion(
    model: Diffusion,
    labels: Tensor,
    steps: int = 50,
    eta: float = 0.0,
    guidance: float = 0.0,
    generator: torch.Generator | None = None,
    batch_size: int = 250,
) -> Tensor:
    """Return new clean data, (n, ...) on the CPU, one for each label (n,): NO_LABEL is any class.

    `as_pixels` makes images of them. `steps` of the model's times are visited, evenly spaced. With
    `eta` 0 only the first noise is drawn (DDIM: Song, Meng and Ermon, 2021, arXiv:2010.02502); with
    `eta` 1 each step draws some (DDPM: Ho et al., 2020, when all times are visited). `guidance`
    goes so much further than the class asks for, away from what any class would be (Ho and
    Salimans, 2022, arXiv:2207.12598, equation 6); 0 is none. All noise is drawn by `generator`,
    batch by batch.

    Raises UsageError for settings out of range.
    """
    found = []
    for part in labels.split(batch_size) if len(labels) else ():
        noise = torch.randn(len(part), *model.network.shape, generator=generator)
        for step in denoising_steps(model, noise, part, steps, eta, guidance, generator):
            clean = step.noisy
        found.append(clean.cpu())
    return torch.cat(found) if found else torch.empty(0, *model.network.shape)


@torch.no_grad()
def denoising_steps(
    model: Diffusion,
    noise: Tensor,
    labels: Tensor,
    steps: int = 50,
    eta: float = 0.0,
    guidance: float = 0.0,
    generator: torch.Generator | None = None,
) -> Iterator[Step]:
    """Yield what becomes of `noise`, (n, ...), after each step, at last the clean data.

    Arguments and errors as for `sample_diffusion`. The model is run in evaluation mode.
    """
    schedule = model.schedule
    if not 1 <= steps <= schedule.steps:
        raise UsageError(f"steps must be from 1 to {schedule.steps}, not {steps}")
    if not 0 <= eta <= 1 or not guidance >= 0:
        raise UsageError(f"eta {eta} must be from 0 to 1, guidance {guidance} at least 0")
    network = model.eval().network
    device = next(network.parameters()).device
    noisy, labels = noise.to(device), labels.to(device)
    times = torch.linspace(schedule.steps, 0, steps + 1, dtype=torch.float64).round().long()
    for later, earlier in zip(times[:-1].tolist(), times[1:].tolist(), strict=True):
        now = torch.full((len(noisy),), later, device=device)
        clean = model.clean(noisy, now, guided(network, noisy, now, labels, guidance))
        signal, scale = schedule.at(now, noisy)
        seen = (noisy - signal * clean) / scale  # the noise that goes with the clamped images
        fresh = eta * schedule.deviation(later, earlier)
        kept = max(float(schedule.noise[earlier]) ** 2 - fresh**2, 0) ** 0.5
        noisy = float(schedule.signal[earlier]) * clean + kept * seen
        if fresh:
            noisy = noisy + fresh * torch.randn(noise.shape, generator=generator).to(noisy)
        yield Step(earlier, noisy, clean)


def guided(
    network: nn.Module, noisy: Tensor, times: Tensor, labels: Tensor, guidance: float
) -> Tensor:
    """Return what the network sees in `noisy` with the labels and, by `guidance`, beyond them."""
    seen = network(noisy, times, labels)
    if not guidance:
        return seen
    return seen + guidance * (seen - network(noisy, times, torch.full_like(labels, NO_LABEL)))
