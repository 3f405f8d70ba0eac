"""Controls that a reader can move in a notebook; a page, which has no kernel, gets a figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
import torch

from lenetcourse.models.vae import VAE, decoded, require_plane
from lenetcourse.show.cost_drawing import draw_cost_series, draw_costs, layers_of
from lenetcourse.show.plots import show_images
from lenetcourse.show.results import mean_and_std

if TYPE_CHECKING:
    from ipywidgets import Widget


def explore_kernels(
    errors: Mapping[tuple[int, int], Sequence[float]], interactive: bool = True
) -> Widget | None:
    """Show what a LeNet-5 with other numbers of kernels costs, and which error to expect.

    `errors` maps measured pairs of kernels to the errors (from 0 to 1) of several seeds. They are
    to help in a choice: give validation errors. With `interactive`, two sliders choose the pair,
    and rectangles for its weights and multiply-adds follow; else those of the measured pairs are
    drawn side by side. The expected error is read off a straight line between the measured
    networks, over the logarithm of the multiply-adds: a guess, and none outside their range.
    Returns the sliders as an ipywidgets box, or None.
    """
    if not interactive:
        pairs = sorted(errors, key=macs_of)
        captions = [f"validation\nerror\n{mean_and_std(errors[pair])[0]:.2%}" for pair in pairs]
        draw_cost_series(pairs, captions)
        return None
    import ipywidgets

    # Only redrawn when a slider is let go: a drawing takes longer than a step of it.
    slider = {"continuous_update": False}
    first = ipywidgets.IntSlider(6, 1, 12, description="kernels 1", **slider)
    second = ipywidgets.IntSlider(16, 1, 32, description="kernels 2", **slider)

    def show(first: int, second: int) -> None:
        figure = draw_costs((first, second))
        figure.suptitle(f"({first}, {second}): expect {guess(errors, (first, second))}")
        plt.show()

    return ipywidgets.interact(show, first=first, second=second).widget


def guess(errors: Mapping[tuple[int, int], Sequence[float]], kernels: tuple[int, int]) -> str:
    """Return the error to expect of `LeNet5(kernels)` among the measured networks, in words."""
    macs = {pair: macs_of(pair) for pair in errors}
    measured = sorted(errors, key=macs.get)
    means = np.array([mean_and_std(errors[pair])[0] for pair in measured])
    costs = np.array([macs[pair] for pair in measured])
    return expected_error(costs, means, macs_of(kernels))


def macs_of(kernels: tuple[int, int]) -> int:
    """Return the multiply-adds of `LeNet5(kernels)` for one image."""
    return sum(layer.macs for layer in layers_of(kernels))


def expected_error(macs: np.ndarray, errors: np.ndarray, cost: int) -> str:
    """Return the error to expect at `cost` multiply-adds in words; `macs` must rise."""
    if not macs[0] <= cost <= macs[-1]:
        return "nothing: not measured"
    return f"{np.interp(np.log(cost), np.log(macs), errors):.2%}"


def explore_latent(model: VAE, interactive: bool = True) -> Widget | None:
    """Show the digit that a VAE with two latents decodes at a point of its plane.

    With `interactive`, two sliders move the point; else nine points are shown side by side. Returns
    the sliders as an ipywidgets box, or None. Raises UsageError for another number of latents.
    """
    require_plane(model)
    if not interactive:
        steps = np.linspace(-2, 2, 9)
        images = [_decoded(model, step, step) for step in steps]
        show_images(images, [f"({step:g}, {step:g})" for step in steps], columns=9, vmax=1)
        return None
    import ipywidgets

    def show(x: float, y: float) -> None:
        show_images([_decoded(model, x, y)], [f"({x:.1f}, {y:.1f})"], size=2, vmax=1)
        plt.show()

    slider = {"min": -3.0, "max": 3.0, "step": 0.1, "continuous_update": False}
    boxes = {name: ipywidgets.FloatSlider(0.0, description=f"latent {n}", **slider)
             for n, name in ((1, "x"), (2, "y"))}  # fmt: skip
    return ipywidgets.interact(show, **boxes).widget


def _decoded(model: VAE, x: float, y: float) -> np.ndarray:
    point = torch.tensor([[x, y]], dtype=torch.float32)
    return decoded(model, point)[0].numpy()
