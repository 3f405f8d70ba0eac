"""Lab 05, the variational autoencoder: the checks of labs/lab_05_vae.ipynb."""

from __future__ import annotations

import copy
import functools
import itertools
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import lenetcourse as lc
from lenetcourse.labs.draw import Draw
from lenetcourse.labs.expect import (
    NotYet,
    a_kind,
    as_array,
    attempted,
    call,
    keeps,
    of_shape,
    one_of,
    parts,
    same,
)
from lenetcourse.labs.frame import Lab
from lenetcourse.labs.judge import own_line
from lenetcourse.train.rejection import margin

LAB = Lab("05", "The variational autoencoder")
progress = LAB.progress

PIXELS = 784


@LAB.task(
    "Noise that lets gradients pass",
    hints=(
        "z = μ + σε. The noise ε has the shape of `mu`, and `logvar` has to become σ first.",
        "`logvar` is ln σ²: half of it is ln σ, and `torch.exp` undoes the logarithm.",
        "`sigma = torch.exp(logvar / 2)`, then `mu + sigma * torch.randn_like(sigma)`.",
    ),
    why="With the noise as an input from outside, chance is no obstacle to the chain rule any "
    "more.",
)
def q1(draw_code: object, draw: Draw) -> None:
    """`draw_code(mu, logvar)`: its spread, its noise and its gradients."""
    levels = torch.tensor([-3.0, -1.4, 0.6, 1.8])
    which = draw.integers(0, 3, 3000, 5)
    mu = (3 * draw.normal(3000, 5)).requires_grad_()
    logvar = levels[which].requires_grad_()
    given = "mu and logvar of shape (3000, 5)"
    codes = call(draw_code, mu, logvar)
    found = torch.from_numpy(of_shape(codes, (3000, 5), "The code", given).astype("float32"))
    moved = found - mu.detach()
    if found.isnan().any():
        raise NotYet(
            "The code holds nan. `logvar` may be negative: neither its root nor its logarithm is "
            "wanted, but `exp`.",
            given=given,
        )
    if moved.abs().max() < 1e-4:
        raise NotYet("This is the mean alone: there is no noise.", given=given)
    noise = moved / torch.exp(logvar.detach() / 2)
    not_mixed(found, mu.detach(), logvar.detach(), given)
    own_noise(noise, given)
    right_spread(moved, levels, which, given)
    if noise.pow(4).mean() / noise.square().mean().square() < 2.5:  # 3 for a bell curve
        raise NotYet("The noise should come from N(0, 1): `torch.randn`.", given=given)
    again = as_array(call(draw_code, mu.detach(), logvar.detach()))
    if np.array_equal(found.numpy(), again):
        raise NotYet("The noise is the same each time; each call should draw another.")
    right_gradients(codes, mu, logvar, moved, given)
    if codes.dtype != torch.float32:
        raise NotYet(
            "The code has another kind of numbers than mu, and no layer will take it: NumPy's "
            "noise is float64. `torch.randn_like(mu)` draws the same kind as mu.",
            given=given,
            expected="torch.float32",
            got=str(codes.dtype),
        )
    untouched(draw_code, mu.detach(), logvar.detach())


def not_mixed(found: Tensor, mu: Tensor, logvar: Tensor, given: str) -> None:
    """Raise NotYet when z is μ + σ, or σ(μ + ε)."""
    sigma = torch.exp(logvar / 2)
    if (found - mu - sigma).abs().max() < 1e-2:
        raise NotYet("There is no noise: this is μ + σ, the same each time.", given=given)
    noise = found / sigma - mu
    if abs(noise.std() - 1) < 0.06 and abs(noise.mean()) < 0.06:
        raise NotYet(
            "μ is multiplied by σ, too: only the noise is stretched, and μ added after that.",
            given=given,
        )


def untouched(function: object, mu: Tensor, logvar: Tensor) -> None:
    """Raise NotYet when a function changes the tensors that it is given."""
    words = (
        "`{}` itself has changed: `+=`, `*=` and methods such as `exp_` write into the tensor that "
        "came in. Make a new one."
    )
    keeps(function, mu, logvar, says=[words.format(name) for name in ("mu", "logvar")])


def right_spread(moved: Tensor, levels: Tensor, which: Tensor, given: str) -> None:
    """Raise NotYet unless z - mu has the spread that each logvar means."""
    found = torch.stack([moved[which == n].std() for n in range(len(levels))])
    middle = torch.stack([moved[which == n].mean() for n in range(len(levels))])
    wanted = torch.exp(levels / 2)

    def is_like(spread: Tensor) -> bool:
        return bool(((found / spread - 1).abs() < 0.12).all())

    expected = f"logvar {levels[0]:g}: σ = {wanted[0]:.3f}; logvar {levels[3]:g}: {wanted[3]:.3f}"
    got = f"z − μ spreads by {found[0]:.3f} and {found[3]:.3f}"
    details = {"given": given, "expected": expected, "got": got}
    if (middle.abs() > 0.3 * found).all():
        raise NotYet(
            "z − μ is not 0 on average. The noise should come from N(0, 1): `torch.randn`, not "
            "`torch.rand`, and nothing else is added.",
            **details,
        )
    if is_like(wanted):
        return
    traps = {
        "The noise is multiplied by σ², the variance: `exp(logvar)`. Wanted is its root, σ.": (
            torch.exp(levels)
        ),
        "`logvar` itself is taken for σ. It is ln σ².": levels.abs(),
        "Half of `logvar` is ln σ; the `exp` is missing.": levels.abs() / 2,
        "The noise is not stretched: it has the standard deviation 1 for each `logvar`.": (
            torch.ones(4)
        ),
        "The sign of the exponent is turned: a small `logvar` should mean little noise.": (
            torch.exp(-levels / 2)
        ),
        "`exp(logvar)` is σ² already, and σ is its root: here it is squared.": (
            torch.exp(2 * levels)
        ),
        "The noise is uniform: `torch.randn` draws from N(0, 1).": wanted / 3**0.5,
    }
    for sentence, spread in traps.items():
        if is_like(spread):
            raise NotYet(sentence, **details)
    raise NotYet("The noise has another standard deviation than σ.", **details)


def own_noise(noise: Tensor, given: str) -> None:
    """Raise NotYet unless every number of the noise is drawn by itself."""
    if (noise - noise[:1]).abs().max() < 1e-2:
        raise NotYet(
            "All images get the same noise: draw a number for each image and each latent.",
            given=given,
        )
    if (noise - noise[:, :1]).abs().max() < 1e-2:
        raise NotYet(
            "All latents of an image get the same noise; draw a number for each of them.",
            given=given,
        )


def right_gradients(codes: object, mu: Tensor, logvar: Tensor, moved: Tensor, given: str) -> None:
    """Raise NotYet unless the gradients of the sum of the codes are 1 and σε/2."""
    lost = (
        "The numbers are right, but no gradient finds its way back to {}. Compute with torch, "
        "outside of `no_grad` and without `detach`; `torch.normal` and `.sample()` let none pass."
    )
    if not isinstance(codes, Tensor) or not codes.requires_grad:
        raise NotYet(lost.format("`mu` and `logvar`"), given=given)
    codes.sum().backward()
    for name, tensor, wanted in (
        ("mu", mu, torch.ones_like(moved)),
        ("logvar", logvar, moved / 2),
    ):
        if tensor.grad is None or not tensor.grad.any():
            raise NotYet(lost.format(f"`{name}`"), given=given)
        same(
            tensor.grad,
            wanted,
            given=given,
            what=f"The gradient of the sum of all codes with respect to {name}",
        )


@LAB.task(
    "The price of a code",
    hints=(
        "Write the four parts for one latent first: μ², σ², −1 and −ln σ². The last is minus "
        "`logvar`, just as it comes.",
        "σ² is `logvar.exp()`. Then half of the sum over the latents, `dim=1`: one number for "
        "each image is left.",
        "`0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum(1)`",
    ),
    why="It is what the network pays for saying something about an image, and all that keeps "
    "its codes where you will look for them.",
)
def q2(price: object, draw: Draw) -> None:
    """`price(mu, logvar)` -> (n,), against torch's own KL divergence."""
    for count, latents in [(4, 3), (6, 10), (1, 1)]:
        mu, logvar = 1.5 * draw.normal(count, latents), draw.normal(count, latents)
        one = torch.distributions.Normal(mu, torch.exp(logvar / 2))
        each = torch.distributions.kl_divergence(one, torch.distributions.Normal(0.0, 1.0))
        variance = logvar.exp()
        sums = [
            mu**2 + torch.exp(logvar / 2) - 1 - logvar,
            mu**2 + variance - 1 - logvar / 2,
            mu + variance - 1 - logvar,
            mu**2 + variance - 1 + logvar,
            mu**2 + variance - logvar,
            mu**2 + logvar - 1 - variance.log(),
            mu**2 + logvar**2 - 1 - (logvar**2).log(),
        ]
        parts_of = [0.5 * part.sum(1) for part in sums]
        wanted = each.sum(1)
        same(
            call(price, mu, logvar),
            wanted,
            given=f"mu\n{as_array(mu)}\nlogvar\n{as_array(logvar)}"
            if latents < 10
            else f"mu and logvar of shape {(count, latents)}",
            what="The price",
            traps={
                "The half in front is missing.": 2 * wanted,
                "The sign is turned: a price is never negative.": -wanted,
                "This is the mean over the latents; each has its price, and they add up.": (
                    each.mean(1)
                ),
                "These are the single latents' prices; one number for each image is wanted.": each,
                "This is the sum over all images; one number for each image is wanted.": each.sum(),
                "This is the mean over all images; one number for each image is wanted.": (
                    wanted.mean()
                ),
                "This is the mean over images and latents; wanted is the sum over the latents, for "
                "each image.": each.mean(),
                "The sum goes over the images; it should go over the latents, `dim=1`.": (
                    each.sum(0)
                ),
                "The second part is σ, not its square: `logvar.exp()` is σ² already.": parts_of[0],
                "ln σ² is `logvar` itself; this is half of it, ln σ.": parts_of[1],
                "The first part is μ itself; its square is wanted.": parts_of[2],
                "`logvar` should be taken away, not added.": parts_of[3],
                "The −1 is missing: the prior itself must cost nothing.": parts_of[4],
                "σ² is `logvar.exp()`; here `logvar` stands in its place.": parts_of[5],
                "`logvar` is taken for σ: it is ln σ².": parts_of[6],
            },
        )
    priced(price, draw)
    untouched(price, mu, logvar)


def priced(price: object, draw: Draw) -> None:
    """Raise NotYet unless gradients pass from the price to mu and logvar."""
    mu, logvar = draw.normal(4, 3).requires_grad_(), draw.normal(4, 3).requires_grad_()
    got = call(price, mu, logvar)
    wanted = {"mu": mu.detach(), "logvar": (logvar.detach().exp() - 1) / 2}
    right_slopes(got, {"mu": mu, "logvar": logvar}, wanted, "the sum of all prices")


def right_slopes(
    got: object, inputs: dict[str, Tensor], wanted: dict[str, Tensor], what: str
) -> None:
    """Raise NotYet unless the gradients of the sum of `got` are those wanted."""
    lost = (
        "The number is right, but no gradient finds its way back to {}. Compute with torch from "
        "beginning to end, and give back the tensor itself: no `.item()`, `.tolist()`, `detach`, "
        "`no_grad`, `torch.tensor(...)` or NumPy."
    )
    if not isinstance(got, Tensor) or not got.requires_grad:
        raise NotYet(lost.format(" and ".join(f"`{name}`" for name in inputs)))
    found = torch.autograd.grad(got.sum(), list(inputs.values()), allow_unused=True)
    for name, slope in zip(inputs, found, strict=True):
        if slope is None or not slope.any():
            raise NotYet(lost.format(f"`{name}`"))
        same(slope, wanted[name], what=f"The gradient of {what} with respect to {name}")


@LAB.task(
    "The loss, with the right sums",
    needs=("q2",),
    hints=(
        "`torch.sigmoid(scores)` is the ink, (n, 784). The images are (n, 1, 28, 28): "
        "`images.flatten(1)` gives them the same shape.",
        "In `error`: square, then `.sum(1)`, over the pixels. In `loss`: for each image error plus "
        "β times price, then the mean over the images.",
        "`(torch.sigmoid(scores) - images.flatten(1)).square().sum(1)`, and "
        "`(error(scores, images) + beta * price(mu, logvar)).mean()`.",
    ),
    why="One `mean` too many here, and every digit comes back as the same blur: the collapse of "
    "the chapter.",
)
def q3(error: object, loss: object, draw: Draw) -> None:
    """`error(scores, images)` -> (n,), and `loss(scores, images, mu, logvar, beta)`."""
    attempted(error, loss)
    for count in (1, 5):
        scores, images = 2 * draw.normal(count, PIXELS), draw.uniform(count, 1, 28, 28)
        mu, logvar = draw.normal(count, 4), draw.normal(count, 4)
        compare_error(call(error, scores, images), scores, images)
        beta = draw.number(2, 5)
        got = call(loss, scores, images, mu, logvar, beta)
        compare_loss(got, scores, images, mu, logvar, beta)
    inputs = {"scores": scores, "mu": mu, "logvar": logvar}
    for tensor in inputs.values():
        tensor.requires_grad_()
    wanted = the_loss(scores, images, mu, logvar, beta)
    slopes = torch.autograd.grad(wanted, list(inputs.values()))
    got = call(loss, scores, images, mu, logvar, beta)
    right_slopes(got, inputs, dict(zip(inputs, slopes, strict=True)), "the loss")


def the_loss(scores: Tensor, images: Tensor, mu: Tensor, logvar: Tensor, beta: float) -> Tensor:
    """Return the loss as the task words it."""
    error = (torch.sigmoid(scores) - images.flatten(1)).square().sum(1)
    return (error + beta * 0.5 * (mu.square() + logvar.exp() - 1 - logvar).sum(1)).mean()


def compare_error(got: object, scores: Tensor, images: Tensor) -> None:
    """Compare the error of each image."""
    pixels = images.flatten(1)
    apart = (torch.sigmoid(scores) - pixels).square()
    same(
        got,
        apart.sum(1),
        given=f"scores of shape {tuple(scores.shape)}, images of shape {tuple(images.shape)}",
        what="The error",
        traps={
            "This is the mean over the pixels, 784 times too small: add them up.": apart.mean(1),
            "This is the sum over all images; one number for each image is wanted.": apart.sum(),
            "This is the mean over the images; one number for each image is wanted.": (
                apart.sum(1).mean()
            ),
            "This is the mean over everything, as `F.mse_loss` takes it when nothing is said. "
            "Wanted is a sum over the pixels, for each image.": apart.mean(),
            "The sum goes over the images; it should go over the pixels, `dim=1`.": apart.sum(0),
            "These are the single pixels; one number for each image is wanted.": apart,
            "The scores go in as they are: `torch.sigmoid` makes ink of them.": (
                (scores - pixels).square().sum(1)
            ),
            "Sigmoid twice: the scores should go through it once.": (
                (torch.sigmoid(torch.sigmoid(scores)) - pixels).square().sum(1)
            ),
            "These are absolute differences; the squared error is wanted.": (apart.sqrt().sum(1)),
            "This is the root of the squared error; leave it as it is.": apart.sum(1).sqrt(),
        },
    )


def compare_loss(
    got: object, scores: Tensor, images: Tensor, mu: Tensor, logvar: Tensor, beta: float
) -> None:
    """Compare the loss of a batch."""
    apart = (torch.sigmoid(scores) - images.flatten(1)).square()
    each = 0.5 * (mu.square() + logvar.exp() - 1 - logvar)
    errors, prices = apart.sum(1), each.sum(1)
    wanted = (errors + beta * prices).mean()
    given = f"{len(images)} images, beta = {beta}; errors {as_array(errors)}, "
    given += f"prices {as_array(prices)}"
    found = as_array(got, "The loss")
    same(
        found.reshape(()) if found.size == 1 else found,
        wanted,
        given=given,
        what="The loss",
        traps={
            "`beta` has no effect: it is the weight of the price.": (errors + prices).mean(),
            "`beta` weighs the error; it should weigh the price.": (beta * errors + prices).mean(),
            "`beta` weighs the error as well; it should weigh the price only.": (
                beta * (errors + prices)
            ).mean(),
            "This is the sum over the images; the mean is wanted, so that the loss does not depend "
            "on the size of the batch.": (errors + beta * prices).sum(),
            "The errors are the mean over the images, the prices are their sum.": (
                errors.mean() + beta * prices.sum()
            ),
            "The errors are added up over the images, the prices are their mean.": (
                errors.sum() + beta * prices.mean()
            ),
            "The error is a mean over the pixels and the price a sum: this is the bug that makes "
            "the code collapse.": apart.mean() + beta * prices.mean(),
            "The price is a mean over the latents, too: it should be their sum.": (
                errors.mean() + beta * each.mean()
            ),
            "The price is taken away; it should be added.": (errors - beta * prices).mean(),
            "The price is missing.": errors.mean(),
            "One number is wanted, for the whole batch: the mean over the images.": (
                errors + beta * prices
            ),
        },
    )


LAYERS = ("encoder", "mu", "logvar", "expand", "decoder")


def drawn_network(
    make: object, latents: int, hidden: int, extra: int, draw: Draw
) -> tuple[nn.Module, dict[str, Tensor]]:
    """Return a reader's network with weights that are drawn, and these weights."""
    network = call(make, latents, hidden)
    if not isinstance(network, nn.Module):
        raise NotYet(
            "The class itself is wanted, as its first lines were handed out.", got=a_kind(network)
        )
    sizes = {
        "encoder": (hidden, PIXELS + extra),
        "mu": (latents, hidden),
        "logvar": (latents, hidden),
        "expand": (hidden, latents + extra),
        "decoder": (PIXELS, hidden),
    }
    weights = {}
    for name, size in sizes.items():
        layer = getattr(network, name, None)
        if not isinstance(layer, nn.Linear) or tuple(layer.weight.shape) != size:
            raise NotYet(
                f"The layer `{name}` is not as handed out; leave `__init__` as it was.",
                expected=f"Linear({size[1]}, {size[0]})",
                got=repr(layer),
            )
        for part, shape in (("weight", size), ("bias", size[:1])):
            scale = 1.5 / size[1] ** 0.5 if part == "weight" else 0.3
            weights[f"{name}.{part}"] = scale * draw.normal(*shape)
            with torch.no_grad():
                getattr(layer, part).copy_(weights[f"{name}.{part}"])
    return network, weights


def through(weights: dict[str, Tensor], name: str, values: Tensor) -> Tensor:
    """Return what a layer makes of values."""
    return F.linear(values, weights[f"{name}.weight"], weights[f"{name}.bias"])


def encoded(
    weights: dict[str, Tensor], pixels: Tensor, act: Callable[[Tensor], Tensor] = F.relu
) -> tuple[Tensor, Tensor]:
    """Return mean and log variance."""
    hidden = act(through(weights, "encoder", pixels))
    return through(weights, "mu", hidden), through(weights, "logvar", hidden)


def decoded(
    weights: dict[str, Tensor], codes: Tensor, act: Callable[[Tensor], Tensor] = F.relu
) -> Tensor:
    """Return scores."""
    return through(weights, "decoder", act(through(weights, "expand", codes)))


def use(method: object, *inputs: object, given: str, advice: str) -> object:
    """Return what a reader's method gives; wrong sizes are told in words."""
    try:
        return call(method, *inputs)
    except RuntimeError as error:
        if not any(words in str(error) for words in ("mat1 and mat2", "Sizes of tensors", "size")):
            raise
        raise NotYet(
            f"It stops with sizes that do not fit: {error}\n{advice}",
            given=given,
            got=own_line(error),
        ) from None


@LAB.task(
    "The network, and an epoch of training",
    needs=("q1", "q3"),
    seconds=40,
    hints=(
        "`encode`: flatten, `self.encoder`, ReLU, and then two layers side by side, `self.mu` and "
        "`self.logvar`, on the same hidden values. `decode`: `self.expand`, ReLU, `self.decoder`.",
        "`forward` is three steps: `mu, logvar = self.encode(images, labels)`, a code by your "
        "`draw_code`, and `self.decode(codes, labels)`.",
        "In the loop: `scores, mu, logvar = network(images, labels)`, `optimizer.zero_grad()`, "
        "`loss(scores, images, mu, logvar, beta).backward()`, `optimizer.step()`; and "
        "`total_error += error(scores, images).sum().item()`, the same for the price. At the end "
        "divide both by the number of images.",
    ),
    why="This is the whole of it: the loop of lab 02, and one random number in the middle.",
)
def q4(vae: object, train_one_epoch: object, draw: Draw) -> None:
    """The class `VAE(latents, hidden)`, and `train_one_epoch(network, batches, optimizer, beta)`.

    Half by half, then one epoch of a small network without noise.
    """
    attempted(vae, train_one_epoch)
    network, weights = drawn_network(vae, 3, 40, 0, draw)
    with torch.no_grad():
        right_encoding(network, weights, draw)
        right_decoding(network, weights, draw)
        right_forward(network, weights, draw)
    right_epoch(train_one_epoch, draw)


def right_encoding(network: nn.Module, weights: dict[str, Tensor], draw: Draw) -> None:
    """Compare `encode`."""
    images = draw.uniform(5, 1, 28, 28)
    given = "images of shape (5, 1, 28, 28), latents = 3"
    words = "Two things are wanted: mu and logvar."
    advice = "Is it `images.flatten(1)` that goes into the first layer?"
    got = parts(use(network.encode, images, None, given=given, advice=advice), 2, words)
    mu, logvar = encoded(weights, images.flatten(1))
    if same_shape_and_near(got, (logvar, mu)):
        raise NotYet("The two are exchanged: first mu, then logvar.", given=given)
    bare = encoded(weights, images.flatten(1), act=lambda values: values)
    pale = encoded(weights, images.flatten(1) / 255)
    divided = "The images are divided by 255, but they are ink from 0 to 1 already."
    traps = [
        {
            divided: pale[0],
            "The ReLU after the encoder's first layer is missing.": bare[0],
            "A ReLU stands behind the mean; a mean may be negative.": mu.relu(),
        },
        {
            divided: pale[1],
            "The ReLU after the encoder's first layer is missing.": bare[1],
            "A ReLU stands behind `logvar`; it may be negative.": logvar.relu(),
            "This is σ; `encode` should give `logvar` as its layer does.": torch.exp(logvar / 2),
            "This is σ²; `encode` should give `logvar` as its layer does.": logvar.exp(),
            "Both come from the layer `self.mu`; `logvar` has a layer of its own.": mu,
        },
    ]
    for value, wanted, name, wrong in zip(got, (mu, logvar), ("mu", "logvar"), traps, strict=True):
        same(value, wanted, given=given, what=f"`{name}` of encode", traps=wrong, tolerance=1e-3)


def same_shape_and_near(found: Sequence[object], wanted: tuple[Tensor, ...]) -> bool:
    """Return whether all numbers agree."""
    arrays = [as_array(value) for value in found]
    return all(
        array.shape == tuple(right.shape) and np.allclose(array, right.numpy(), atol=1e-3)
        for array, right in zip(arrays, wanted, strict=True)
    )


def right_decoding(network: nn.Module, weights: dict[str, Tensor], draw: Draw) -> None:
    """Compare `decode`."""
    codes = draw.normal(5, 3)
    given = "codes of shape (5, 3)"
    advice = "The code goes through `self.expand`, what comes out through `self.decoder`."
    got = use(network.decode, codes, None, given=given, advice=advice)
    wanted = decoded(weights, codes)
    same(
        got,
        wanted,
        given=given,
        what="The scores of decode",
        traps={
            "These are ink already. Scores are wanted: the sigmoid is in your `error`.": (
                torch.sigmoid(wanted)
            ),
            "The ReLU between the two layers is missing.": decoded(
                weights, codes, act=lambda values: values
            ),
            "A ReLU stands behind the last layer: no score below zero is left.": wanted.relu(),
        },
        tolerance=1e-3,
    )


def right_forward(network: nn.Module, weights: dict[str, Tensor], draw: Draw) -> None:
    """Let the decoder show the code, then compare what `forward` gives."""
    latents, count = 3, 600
    eye = torch.eye(latents)
    for name, shown in (("expand", torch.cat([eye, -eye])), ("decoder", torch.cat([eye, -eye], 1))):
        layer = getattr(network, name)  # relu(z) - relu(-z) is z: the first scores are the code
        layer.weight.zero_()
        layer.bias.zero_()
        layer.weight[: shown.shape[0], : shown.shape[1]] = shown
    images = draw.uniform(count, 1, 28, 28)
    labels = draw.integers(0, 9, count)
    given = f"images of shape ({count}, 1, 28, 28), latents = {latents}"
    words = "Three things are wanted: scores, mu, logvar."
    got = parts(call(network, images, labels), 3, words)
    mu, logvar = encoded(weights, images.flatten(1))
    shapes = ((count, PIXELS), (count, latents), (count, latents))
    scores, found_mu, found_logvar = (
        torch.from_numpy(of_shape(value, shape, f"`{name}` of forward", given).astype("float32"))
        for value, shape, name in zip(got, shapes, ("scores", "mu", "logvar"), strict=True)
    )
    if same_shape_and_near([found_mu, found_logvar], (logvar, mu)):
        raise NotYet("`mu` and `logvar` are exchanged in what forward gives.", given=given)
    same(found_mu, mu, given=given, what="`mu` of forward", tolerance=1e-3)
    same(found_logvar, logvar, given=given, what="`logvar` of forward", tolerance=1e-3)
    noise = (scores[:, :latents] - mu) / torch.exp(logvar / 2)
    if noise.abs().max() < 1e-2:
        raise NotYet(
            "The decoder gets the mean of the code: no noise, a plain autoencoder. It should get a "
            "code from `draw_code(mu, logvar)`.",
            given=given,
        )
    if abs(noise.std() - 1) > 0.15 or abs(noise.mean()) > 0.15:
        raise NotYet(
            "The decoder should get a code that is drawn by `draw_code(mu, logvar)`.",
            given=given,
            expected="(z − μ)/σ with mean 0 and standard deviation 1",
            got=f"mean {noise.mean():.2f}, standard deviation {noise.std():.2f}",
        )
    labels_arrive(network, images[:4], labels[:4])


def labels_arrive(network: nn.Module, images: Tensor, labels: Tensor) -> None:
    """Raise NotYet unless `forward` hands the labels on to both halves."""
    seen = {}

    def spy(name: str) -> Callable:
        method = getattr(network, name)

        @functools.wraps(method)
        def noted(values: Tensor, labels: Tensor | None = None) -> object:
            seen[name] = labels
            return method(values, labels)

        return noted

    for name in ("encode", "decode"):
        setattr(network, name, spy(name))
    network(images, labels)
    for name in ("encode", "decode"):
        if not isinstance(seen.get(name), Tensor) or not torch.equal(seen[name], labels):
            raise NotYet(
                f"`forward` should call `self.{name}` and hand the labels on to it. It does not "
                "need them yet; the network of task 7 will."
            )


class Watched(nn.Module):
    """A small network without noise that notes whether it got labels."""

    def __init__(self, draw: Draw) -> None:
        super().__init__()
        self.front = nn.Linear(PIXELS, 4)
        self.back = nn.Linear(2, PIXELS)
        with torch.no_grad():
            for weights in self.parameters():
                weights.copy_(0.05 * draw.normal(*weights.shape))
        self.modes: list[bool] = []

    def forward(self, images: Tensor, labels: Tensor | None = None) -> tuple[Tensor, ...]:
        if not isinstance(labels, Tensor) or labels.shape != images.shape[:1]:
            raise NotYet(
                "Hand the labels over as well, `network(images, labels)`: the network of task 7 "
                "needs them."
            )
        self.modes.append(self.training)
        both = self.front(images.flatten(1))
        return self.back(both[:, :2]), both[:, :2], both[:, 2:]

    def vector(self) -> Tensor:
        return nn.utils.parameters_to_vector(self.parameters()).detach().clone()


def right_epoch(train_one_epoch: object, draw: Draw) -> None:
    """Compare the weights after an epoch, and the error and price that it reports."""
    network, rate, beta = Watched(draw), 2e-3, draw.number(2, 4)
    start = copy.deepcopy(network)
    size = draw.integer(6, 9)
    count = 3 * size + draw.integer(1, 3)
    batches = lc.Batches(draw.uniform(count, 1, 28, 28), draw.integers(0, 9, count), size)
    optimizer = torch.optim.SGD(network.parameters(), lr=rate)
    got = call(train_one_epoch, network, batches, optimizer, beta)
    given = f"{count} images in {len(batches)} batches, the last smaller than the others; "
    given += f"beta = {beta}"
    weights, each = an_epoch(start, batches, rate, beta)
    same(
        network.vector(),
        weights,
        given=given,
        what="The vector of all weights after the epoch",
        traps={
            "The weights have not moved. Is `optimizer.step()` missing, or is the gradient "
            "forgotten between `backward()` and `step()`?": start.vector(),
            "The gradients of earlier batches are still there: `optimizer.zero_grad()` belongs "
            "into the loop, before `backward()`.": an_epoch(
                start, batches, rate, beta, forget=True
            )[0],
            "Only the first batch is used: is the `return` inside the loop?": an_epoch(
                start, list(batches)[:1], rate, beta
            )[0],
            "`beta` does not reach the loss.": an_epoch(start, batches, rate, 1.0)[0],
            "The price is not in the loss.": an_epoch(start, batches, rate, 0.0)[0],
            "The loss is added up over the images of a batch; your `loss` is their mean, and goes "
            "into `backward()` as it is.": an_epoch(start, batches, rate, beta, added=True)[0],
            "The images are divided by 255, but they are ink from 0 to 1 already.": an_epoch(
                start, [(images / 255, labels) for images, labels in batches], rate, beta
            )[0],
        },
        tolerance=1e-5,
    )
    pair = parts(got, 2, "Two numbers are wanted: the mean error and the mean price.")
    found = [as_array(value, "Each of the two") for value in pair]
    if any(value.size != 1 for value in found):
        raise NotYet("Two numbers are wanted: the mean error and the mean price.", got=got)
    errors, prices, sizes = each
    total = sizes.sum()
    error, price = (errors * sizes).sum() / total, (prices * sizes).sum() / total
    same(
        [value.item() for value in found],
        [error, price],
        given=given,
        what="(error, price)",
        traps={
            "This is a mean of the batches' means: an image of the small last batch counts more "
            "than others. Add up over images, and divide once.": [errors.mean(), prices.mean()],
            "This is the last batch alone.": [errors[-1], prices[-1]],
            "These are sums over all images: divide by their number.": [
                error * total,
                price * total,
            ],
            "These sums are divided by the number of batches; divide by the number of images.": [
                error * total / len(sizes),
                price * total / len(sizes),
            ],
            "The first is the whole loss; the error alone is wanted.": [
                error + beta * price,
                price,
            ],
            "The price has its weight in it; report it without beta.": [error, beta * price],
            "The two are exchanged: first the error, then the price.": [price, error],
        },
    )


def an_epoch(
    network: Watched,
    batches: lc.Batches | list[tuple[Tensor, Tensor]],
    rate: float,
    beta: float,
    *,
    forget: bool = False,
    added: bool = False,
) -> tuple[Tensor, Tensor]:
    """Return the weights after an epoch on a copy; and error, price and size of each batch."""
    network = copy.deepcopy(network)
    optimizer = torch.optim.SGD(network.parameters(), lr=rate)
    rows = []
    for images, labels in batches:
        scores, mu, logvar = network(images, labels)
        error = (torch.sigmoid(scores) - images.flatten(1)).square().sum(1).mean()
        price = 0.5 * (mu.square() + logvar.exp() - 1 - logvar).sum(1).mean()
        if not forget:
            optimizer.zero_grad()
        ((error + beta * price) * (len(images) if added else 1)).backward()
        optimizer.step()
        rows.append([error.item(), price.item(), len(images)])
    return network.vector(), torch.tensor(rows).T


class Shown:
    """A decoder that notes its codes; with `labelled`, one that wants labels as well."""

    def __init__(self, latents: int, draw: Draw, labelled: bool = False) -> None:
        self.latents = latents
        self.weights = draw.normal(latents, PIXELS).requires_grad_()
        self.marks = 2 * draw.normal(10, PIXELS) if labelled else None
        self.codes: list[Tensor] = []
        self.training = False

    def eval(self) -> Shown:
        return self

    def train(self, mode: bool = True) -> Shown:
        return self

    def scores(self, codes: Tensor, labels: Tensor | None) -> Tensor:
        scores = codes @ self.weights
        return scores if self.marks is None else scores + self.marks[labels]

    def decode(self, codes: Tensor, labels: Tensor | None = None) -> Tensor:
        wanted = f"(n, {self.latents})"
        if not isinstance(codes, Tensor) or codes.ndim != 2 or codes.shape[1] != self.latents:
            shape = f"shape {tuple(codes.shape)}" if isinstance(codes, Tensor) else a_kind(codes)
            raise NotYet(f"`decode` wants codes of shape {wanted}.", got=shape)
        if self.marks is not None:
            if not isinstance(labels, Tensor) or labels.ndim != 1:
                raise NotYet("`decode` wants the digits as its second input, a tensor (n,).")
            if len(codes) != len(labels):
                raise NotYet(
                    "`decode` wants one code for each digit: the same code, as often as there are "
                    "digits.",
                    expected=f"codes of shape ({len(labels)}, {self.latents})",
                    got=f"shape {tuple(codes.shape)}",
                )
        self.codes.append(codes.detach().float().clone())
        return self.scores(codes, labels)


def compare_ink(got: object, scores: Tensor, given: str, what: str) -> None:
    """Compare images with the ink that scores (n, 784) mean."""
    ink = torch.sigmoid(scores.detach())
    shape = (len(scores), 28, 28)
    images = ink.reshape(shape)
    same(
        got,
        images,
        given=given,
        what=what,
        traps={
            "These are scores: `torch.sigmoid` makes ink of them.": scores.detach().reshape(shape),
            "Sigmoid twice: paper has become grey. Once is enough.": torch.sigmoid(images),
            "The ink should go from 0 to 1; here it goes to 255.": (255 * images).round(),
            "These are rows of 784 pixels; images of 28 by 28 are wanted.": ink,
            "The images lie on their side: rows and columns are exchanged.": (
                images.transpose(1, 2)
            ),
        },
        tolerance=1e-3,
    )
    if isinstance(got, Tensor) and got.requires_grad:
        raise NotYet(
            "The images are right, but each still holds what a backward pass would need: "
            "`torch.no_grad()`.",
            given=given,
        )


@LAB.task(
    "Digits out of noise",
    hints=(
        "There is no image to encode: the code comes from `torch.randn`, and only the decoder is "
        "used. How many numbers has a code? `network.latents`.",
        "Multiply numbers of N(0, 1) by `spread`, and their standard deviation is `spread`.",
        "Under `torch.no_grad()`: `codes = spread * torch.randn(count, network.latents)`, then "
        "`torch.sigmoid(network.decode(codes)).reshape(-1, 28, 28)`.",
    ),
    why="To draw a digit nobody wrote takes the prior and the decoder; the encoder has done its "
    "work.",
)
def q5(prediction: object, invent: object, draw: Draw) -> None:
    """The prediction, and `invent(network, count, spread)` -> ink (count, 28, 28)."""
    attempted(prediction, invent)
    one_of(prediction, ("more", "fewer", "as many"), "The prediction")
    for count, spread in ((900, draw.number(0.3, 0.6)), (800, draw.number(1.6, 2.2))):
        network = Shown(draw.integer(5, 9), draw)
        given = f"count = {count}, spread = {spread}, a network with {network.latents} latents"
        got = call(invent, network, count, spread)
        if not network.codes:
            raise NotYet("`network.decode` was never called.", given=given)
        codes = torch.cat(network.codes)
        if len(codes) != count:
            raise NotYet(
                "`count` codes are wanted, one for each image.",
                given=given,
                expected=f"{count} codes",
                got=f"{len(codes)}",
            )
        right_codes(codes, spread, given)
        compare_ink(got, network.scores(codes, None), given, "The ink")
        network.codes.clear()
        call(invent, network, count, spread)
        if torch.equal(torch.cat(network.codes), codes):
            raise NotYet("Each call should draw other codes; these are always the same.")


def right_codes(codes: Tensor, spread: float, given: str) -> None:
    """Raise NotYet unless the codes are drawn from N(0, spread²), each by itself."""
    if (codes - codes[:1]).abs().max() < 1e-4:
        raise NotYet("All images get the same code.", given=given)
    if (codes - codes[:, :1]).abs().max() < 1e-4:
        raise NotYet("All latents of a code are the same number; draw each by itself.", given=given)
    found, middle = codes.std().item(), codes.mean().item()
    details = {
        "given": given,
        "expected": f"codes with mean 0 and standard deviation {spread:g}",
        "got": f"mean {middle:.2f}, standard deviation {found:.2f}",
    }
    if abs(middle) > 0.15 * found:
        raise NotYet(
            "The prior has mean 0. Codes from `torch.rand` are all positive, and nothing is to be "
            "added.",
            **details,
        )
    if abs(found / spread - 1) > 0.08:
        if abs(found - 1) < 0.06:
            says = "`spread` has no effect yet."
        elif abs(found / spread**2 - 1) < 0.08 or abs(found / spread**0.5 - 1) < 0.08:
            says = "`spread` is the standard deviation, not the variance: multiply once by it."
        elif abs(found * spread - 1) < 0.08:
            says = "The codes are divided by `spread`; multiply by it."
        else:
            says = "The codes have another standard deviation than `spread`."
        raise NotYet(says, **details)
    noise = codes / spread
    if noise.pow(4).mean() / noise.square().mean().square() < 2.5:
        raise NotYet("The prior is a bell curve: `torch.randn`.", **details)


@LAB.task(
    "A walk, straight and round",
    hints=(
        "`torch.linspace(0, 1, steps)` has the shares of `stop`. As a column, (steps, 1), they "
        "meet each latent of the codes.",
        "For the round walk take the points of the straight one. `points.norm(dim=1, "
        "keepdim=True)` are their lengths; they should be `torch.linspace` from `start.norm()` to "
        "`stop.norm()`.",
        "`lengths = torch.linspace(start.norm().item(), stop.norm().item(), steps)[:, None]`, then "
        "`points * lengths / points.norm(dim=1, keepdim=True)`.",
    ),
    why="In many dimensions the straight way leads through places where hardly any code lives; "
    "who walks there should know it.",
)
def q6(straight: object, round_walk: object, draw: Draw) -> None:
    """`straight(start, stop, steps)` and `round_walk(start, stop, steps)` -> (steps, latents)."""
    attempted(straight, round_walk)
    for latents, steps in ((2, 3), (10, 7)):
        start, stop = draw.normal(latents) + 1, 2 * draw.normal(latents) + 0.5
        given = f"start {as_array(start).round(3)}, stop {as_array(stop).round(3)}, steps = {steps}"
        shares = torch.linspace(0, 1, steps)[:, None]
        points = (1 - shares) * start + shares * stop
        late = (torch.arange(steps) / steps)[:, None]
        inner = (torch.arange(1, steps + 1) / (steps + 1))[:, None]
        same(
            call(straight, start, stop, steps),
            points,
            given=given,
            what="The straight walk",
            traps={
                "The last point is not `stop` yet: the share of `stop` goes up to 1.": (
                    start + late * (stop - start)
                ),
                "The walk leaves out its ends: it should begin with `start` and end with `stop`.": (
                    start + inner * (stop - start)
                ),
                "The walk goes from `stop` to `start`.": points.flip(0),
                "Rows and columns are exchanged: a point is a row.": points.T,
                "These are the steps from `start`; add `start` itself.": shares * (stop - start),
                "There is a step too many: `steps` counts the points, with both ends.": (
                    start + torch.linspace(0, 1, steps + 1)[:, None] * (stop - start)
                ),
            },
        )
        compare_round(call(round_walk, start, stop, steps), start, stop, steps, points, given)


def compare_round(
    got: object, start: Tensor, stop: Tensor, steps: int, points: Tensor, given: str
) -> None:
    """Compare the walk with lengths that change evenly."""
    shares = torch.linspace(0, 1, steps)[:, None]
    lengths = (1 - shares) * start.norm() + shares * stop.norm()
    now = points.norm(dim=1, keepdim=True)
    angle = torch.arccos(F.cosine_similarity(start, stop, dim=0))
    turned = (
        torch.sin((1 - shares) * angle) * start / start.norm()
        + torch.sin(shares * angle) * stop / stop.norm()
    ) / torch.sin(angle)
    same(
        got,
        points * lengths / now,
        given=given,
        what="The round walk",
        traps={
            "This is the straight walk: no point is stretched.": points,
            "All points have length 1 now; their lengths should go from that of `start` to that of "
            "`stop`.": points / now,
            "The points are multiplied by the lengths, but not divided by the lengths they "
            "had.": points * lengths,
            "All points have the length of `start`; it should change evenly to that of `stop`.": (
                points / now * start.norm()
            ),
            "The lengths go from that of `stop` to that of `start`.": (
                points * lengths.flip(0) / now
            ),
            "The middle is stretched, but by the mean length of both ends everywhere.": (
                points / now * (start.norm() + stop.norm()) / 2
            ),
            "The length goes over all points together: `norm(dim=1, keepdim=True)` takes one a "
            "row.": points * lengths / points.norm(),
            "The length goes down the columns: `dim=1` takes one a row.": (
                points * lengths / points.norm(dim=0, keepdim=True)
            ),
            "These are even steps of the *angle*: a round walk, too, but another one. Here the "
            "points of the straight walk are to be stretched.": turned * lengths,
        },
        tolerance=1e-3,
    )


@LAB.task(
    "The digit you ask for",
    hints=(
        "`F.one_hot(labels, 10)` makes ten numbers of a label: nine zeros and a one.",
        "`torch.cat([images.flatten(1), marks], 1)` puts them behind the pixels: 794 numbers. The "
        "same behind the code. From there all is as in task 4, with the same layers.",
        "In `write`: `codes = code.expand(len(digits), -1)` is the same code for each digit; then "
        "`torch.sigmoid(network.decode(codes, digits)).reshape(-1, 28, 28)` under "
        "`torch.no_grad()`.",
    ),
    why="What the decoder is told, the code need not say: it is left with the handwriting.",
)
def q7(writer: object, write: object, draw: Draw) -> None:
    """The class `Writer(latents, hidden)`, and `write(network, digits, code)`."""
    attempted(writer, write)
    network, weights = drawn_network(writer, 3, 40, 10, draw)
    with torch.no_grad():
        for labels in (draw.order(10), draw.integers(0, 5, 4)):
            right_conditions(network, weights, labels, draw)
    right_writing(write, draw)


def right_conditions(
    network: nn.Module, weights: dict[str, Tensor], labels: Tensor, draw: Draw
) -> None:
    """Compare `encode` and `decode` with labels, put behind or before."""
    count = len(labels)
    images, codes = draw.uniform(count, 1, 28, 28), draw.normal(count, 3)
    given = f"images of shape {tuple(images.shape)}, codes (n, 3), labels {labels.tolist()}"
    advice = (
        "794 numbers should go into the encoder, latents + 10 into `expand`, for any batch: with "
        "`F.one_hot(labels, 10)` a batch without a nine gets ten numbers, too."
    )
    words = "`encode` should give two things: mu and logvar."
    found = parts(use(network.encode, images, labels, given=given, advice=advice), 2, words)
    scores = use(network.decode, codes, labels, given=given, advice=advice)
    for value, what in ((found[0], "`mu`"), (found[1], "`logvar`")):
        of_shape(value, (count, 3), f"{what} of encode", given)
    marks, none = F.one_hot(labels, 10).float(), torch.zeros(count, 10)

    def joined(values: Tensor, marks: Tensor, behind: bool) -> Tensor:
        return torch.cat([values, marks] if behind else [marks, values], 1)

    pixels = images.flatten(1)
    behind = not same_shape_and_near(found, encoded(weights, joined(pixels, marks, False)))
    wanted = encoded(weights, joined(pixels, marks, behind))
    without = encoded(weights, joined(pixels, none, behind))
    for n, what in enumerate(("`mu` of encode", "`logvar` of encode")):
        same(
            found[n],
            wanted[n],
            given=given,
            what=what,
            traps={
                "The labels do not reach the encoder: in the place of the ten numbers stand zeros, "
                "for each label.": without[n],
                "The ReLU after the encoder's first layer is missing.": encoded(
                    weights, joined(pixels, marks, behind), act=lambda values: values
                )[n],
            },
            tolerance=1e-3,
        )
    before = decoded(weights, joined(codes, marks, False))
    behind = not same_shape_and_near([scores], (before,))
    right = decoded(weights, joined(codes, marks, behind))
    same(
        scores,
        right,
        given=given,
        what="The scores of decode",
        traps={
            "The labels do not reach the decoder: in the place of the ten numbers stand zeros, for "
            "each label.": decoded(weights, joined(codes, none, behind)),
            "These are ink already. Scores are wanted.": torch.sigmoid(right),
            "The ReLU between the two layers is missing.": decoded(
                weights, joined(codes, marks, behind), act=lambda values: values
            ),
        },
        tolerance=1e-3,
    )


def right_writing(write: object, draw: Draw) -> None:
    """Compare digits written with one code."""
    for count in (4, 1):
        network = Shown(draw.integer(4, 8), draw, labelled=True)
        digits, code = draw.integers(0, 9, count), draw.normal(network.latents)
        given = f"digits {digits.tolist()}, a code of shape ({network.latents},)"
        got = call(write, network, digits, code)
        if not network.codes:
            raise NotYet("`network.decode` was never called.", given=given)
        if (torch.cat(network.codes) - code).abs().max() > 1e-4:
            raise NotYet(
                "The digits should be written with the code that comes in; no other is drawn.",
                given=given,
            )
        compare_ink(got, network.scores(code.expand(count, -1), digits), given, "The ink")


TIMES = 50  # of each digit, in the open task
MUST_READ, MUST_VARY, MAY_COPY = 0.75, 0.2, 0.05
NEAR = 0.5  # squared distance of a copy, also after a step of one pixel


@LAB.task(
    "Open: legible, and in many hands",
    needs=("q4", "q7"),
    seconds=240,
    hints=(
        "Two things pull against each other: a smaller spread of the codes is easier to read, and "
        "each digit looks more like all others of its kind.",
        "You need not hand in the first try. Draw several images of each digit, and keep the one "
        'of which a network is surest; `lc.load_model("lenet5")[0]` is a network, and not the '
        "one that judges.",
        "For k tries: `write` or `writer.decode` with fresh codes, `lc.predict_probabilities(judge,"
        " as_bytes(ink))[torch.arange(len(digits)), digits]`, and keep for each digit the ink with "
        "the largest probability (`argmax` over the tries).",
    ),
    why="A generator is judged by what it draws, and by how much of it is different: one number "
    "alone is easily cheated.",
)
def q8(mine: object, train: object, validation: object, draw: Draw) -> str:
    """Any `mine(digits)` -> ink: read as asked, with variety, and no copies of images at hand."""
    for images, name in ((train, "train"), (validation, "validation")):
        if not isinstance(images, lc.ImageSet):
            raise NotYet(f"The image set `{name}` is wanted as it was loaded.", got=a_kind(images))
    digits = torch.arange(10).repeat(TIMES)[draw.order(10 * TIMES)]
    given = f"{len(digits)} digits, {TIMES} of each"
    found = of_shape(call(mine, digits), (len(digits), 28, 28), "The ink", given)
    ink = torch.from_numpy(found.astype("float32"))
    if not bool((ink >= -1e-3).all() & (ink <= 1.001).all()):
        raise NotYet(
            "The ink should go from 0 to 1.",
            given=given,
            got=f"numbers from {ink.min():.3g} to {ink.max():.3g}",
        )
    read, varied, copies = judged(ink, digits, train, validation)
    words = (
        f"{read:.0%} are accepted and read as asked, the variety is {varied:.0%} of that of the "
        f"training digits, and {copies:.0%} are copies of training or validation images."
    )
    if copies > MAY_COPY:
        raise NotYet(
            f"Some are training or validation images, or nearly so, perhaps a pixel further: "
            f"somebody has written these. {words}",
            given=given,
            expected=f"at most {MAY_COPY:.0%} copies",
        )
    if varied < MUST_VARY:
        raise NotYet(
            f"Too much alike: rubber stamps, more than handwriting. {words}",
            given=given,
            expected=f"variety {MUST_VARY:.0%} at least",
        )
    if read < MUST_READ:
        raise NotYet(
            f"Too few can be read as the digit that was asked for. {words}",
            given=given,
            expected=f"{MUST_READ:.0%} at least",
        )
    return words


def judged(
    ink: Tensor, digits: Tensor, train: lc.ImageSet, validation: lc.ImageSet
) -> tuple[float, float, float]:
    """Return the share read as asked, the variety beside that of `train`, and the share of copies.

    Variety is the squared distance to the mean image of the same digit, on average.
    """
    reader, facts = lc.load_model("reader")
    images = (255 * ink.clamp(0, 1)).round().to(torch.uint8)
    probabilities = lc.predict_probabilities(reader, images)
    sure = margin(probabilities) >= facts["unsure_below"]
    read = (sure & (probabilities.argmax(1) == digits)).float().mean().item()
    real = train.images[:10_000].flatten(1).float() / 255
    labels = train.labels[:10_000]
    drawn = images.flatten(1).float() / 255
    varied = variety(drawn, digits) / variety(real, labels)
    written = torch.cat([real, validation.images[:10_000].flatten(1).float() / 255])
    copies = torch.zeros(len(drawn), dtype=torch.bool)
    for down, right in itertools.product((0, -1, 1), repeat=2):
        moved = drawn.reshape(-1, 28, 28).roll((down, right), (1, 2)).flatten(1)
        copies |= torch.cdist(moved, written).amin(1).square() < NEAR
    return read, varied, copies.float().mean().item()


def variety(rows: Tensor, labels: Tensor) -> float:
    """Return the mean over the ten digits of the variance of their images, pixels summed."""
    spreads = [rows[labels == digit].var(0).sum() for digit in range(10)]
    return torch.stack(spreads).mean().item()
