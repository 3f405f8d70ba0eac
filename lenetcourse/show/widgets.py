"""Controls that a reader can move in a notebook; a page, which has no kernel, gets a figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.figure import Figure

from lenetcourse.models.lenet import LeNet5
from lenetcourse.models.summary import count_macs, count_parameters
from lenetcourse.models.vae import VAE, decoded, require_plane
from lenetcourse.show.plots import show_images
from lenetcourse.show.results import mean_and_std

if TYPE_CHECKING:
    from ipywidgets import Widget


def explore_kernels(
    errors: Mapping[tuple[int, int], Sequence[float]], interactive: bool = True
) -> Widget | None:
    """Show what a LeNet-5 with other numbers of kernels costs, and which error to expect.

    `errors` maps measured pairs of kernels to the test errors (from 0 to 1) of several seeds. With
    `interactive`, two sliders choose the pair and the figure follows; else the figure is shown for
    (6, 16). The expected error is read off a straight line between the measured networks, over the
    logarithm of the multiply-adds: a guess, and none outside their range. Returns the sliders as an
    ipywidgets box, or None.
    """
    if not interactive:
        draw_kernels(errors, 6, 16)
        return None
    import ipywidgets

    # Only redrawn when a slider is let go: a drawing takes longer than a step of it.
    slider = {"continuous_update": False}
    first = ipywidgets.IntSlider(6, 1, 12, description="kernels 1", **slider)
    second = ipywidgets.IntSlider(16, 1, 32, description="kernels 2", **slider)

    def show(first: int, second: int) -> None:
        draw_kernels(errors, first, second)
        plt.show()

    return ipywidgets.interact(show, first=first, second=second).widget


def draw_kernels(
    errors: Mapping[tuple[int, int], Sequence[float]], first: int, second: int
) -> Figure:
    """Draw cost and expected error of `LeNet5((first, second))` among the measured networks."""
    costs = {pair: kernels_cost(pair) for pair in [*errors, (first, second), (6, 16)]}
    measured = sorted(errors, key=lambda pair: costs[pair].macs)
    macs = np.array([costs[pair].macs for pair in measured])
    spread = np.array([mean_and_std(errors[pair]) for pair in measured])
    here, whole = costs[first, second], costs[6, 16]
    guess = expected_error(macs, spread[:, 0], here.macs)

    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.4))
    left.errorbar(macs, 100 * spread[:, 0], 100 * spread[:, 1], fmt="o-", capsize=3)
    for pair, x, y in zip(measured, macs, spread[:, 0], strict=True):
        left.annotate(str(pair), (x, 100 * y), (5, 6), textcoords="offset points", fontsize=8)
    left.axvline(here.macs, color="C1", linestyle="--", linewidth=1)
    left.set(xscale="log", xlabel="multiply-adds an image", ylabel="test error in %")
    left.set_title(f"({first}, {second}): expect {guess}")
    shares = [here.weights / whole.weights, here.macs / whole.macs]
    bars = right.barh(["weights", "multiply-adds"], np.array(shares) * 100, color=["C2", "C0"])
    right.bar_label(bars, [f"{here.weights:,}", f"{here.macs:,}"], padding=4, fontsize=9)
    right.axvline(100, color="black", linewidth=1)
    right.set(xlim=(0, 420), xlabel="% of LeNet-5 with (6, 16)", title="Cost")
    right.grid(axis="y", visible=False)
    return figure


class Cost(NamedTuple):
    """What a network costs: its weights, and the multiply-adds of one image."""

    weights: int
    macs: int


def kernels_cost(kernels: tuple[int, int]) -> Cost:
    """Return the cost of `LeNet5(kernels)`; torch's random numbers stay where they are."""
    with torch.random.fork_rng(devices=[]):
        model = LeNet5(kernels)
    return Cost(count_parameters(model), count_macs(model))


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
