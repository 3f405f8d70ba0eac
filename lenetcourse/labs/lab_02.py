"""Lab 02, LeNet-5: the checks of labs/lab_02_lenet5.ipynb."""

from __future__ import annotations

import copy
import functools
import itertools
import math
import re
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import torch
from scipy.stats import binomtest
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
    of_shape,
    one_of,
    parts,
    same,
    whole_number,
)
from lenetcourse.labs.frame import Lab
from lenetcourse.labs.judge import own_line

LAB = Lab("02", "LeNet-5")
progress = LAB.progress


@LAB.task(
    "The header of an IDX file",
    hints=(
        "`content[2]` is a number already: one byte of `bytes` is an int from 0 to 255.",
        "The byte at place 3 says how many lengths follow. Each takes four bytes, so the header is "
        "4 + 4 * dimensions long.",
        '`int.from_bytes(content[place : place + 4], "big")` is one length; the places are 4, 8, '
        "12, … up to the end of the header.",
    ),
    why="Every file of MNIST starts like this; so few bytes decide whether all that follow are "
    "read rightly.",
)
def q1(read_header: object, draw: Draw) -> None:
    """`read_header(content)` -> (kind, shape, start), for one to four dimensions."""
    kinds = [np.uint8, np.int16, np.float32, np.float64]
    shapes = [(60_000, 28, 28), (10_000,)]
    shapes += [tuple(draw.integers(1, 999, rank).tolist()) for rank in (1, 4)]
    shapes[2] = (draw.integer(2**24, 2**26), *shapes[2])  # needs all four bytes
    for shape in shapes:
        array = np.broadcast_to(np.zeros((), draw.choice(kinds)), shape)  # takes no memory
        header = lc.idx_header(array)
        content = header + bytes(draw.integers(0, 255, 24).tolist())
        got = parts(
            call(read_header, content),
            3,
            "Three things are wanted: (kind, shape, start), where shape is a tuple itself.",
        )
        compare_header(got, header, shape, content)


def compare_header(
    got: tuple[object, ...], header: bytes, shape: tuple[int, ...], content: bytes
) -> None:
    """Raise NotYet unless `got` is the (kind, shape, start) of a header."""
    given = f"a file that begins with {header.hex(' ')}"
    kind = whole_number(got[0], "The kind")
    if kind == int.from_bytes(header[:4], "big"):
        raise NotYet(
            "The kind is only the third byte; this is the number that the first four make.",
            given=given,
            expected=str(header[2]),
            got=str(kind),
        )
    same(kind, header[2], given=given, what="The kind")
    lengths = as_array(got[1], "The shape")
    ends = range(4, len(header), 4)
    three = [int.from_bytes(content[k : k + 4], "big") for k in (4, 8, 12)]
    same(
        lengths.reshape(-1) if lengths.ndim == 0 else lengths,
        list(shape),
        given=given,
        what="The shape",
        traps={
            "The bytes are read from the wrong end: in IDX the most significant byte comes "
            "first.": [int.from_bytes(header[k : k + 4], "little") for k in ends],
            "Only the last byte of each length is read; a length has four.": [
                header[k + 3] for k in ends
            ],
            "Only the last two bytes of each length are read; a length has four.": [
                int.from_bytes(header[k + 2 : k + 4], "big") for k in ends
            ],
            "Three lengths, always? The fourth byte says how many there are.": three,
            "The first length stands at place 4: this begins with the first four bytes.": [
                int.from_bytes(header[k - 4 : k], "big") for k in ends
            ],
        },
    )
    same(
        whole_number(got[2], "The start"),
        len(header),
        given=given,
        what="The start",
        traps={
            "16 is right for three dimensions only: the header grows with their number.": 16,
            "This is the place of the header's last byte; the numbers start one further.": (
                len(header) - 1
            ),
        },
    )


def run(network: nn.Module, inputs: Tensor, side: int) -> Tensor:
    """Return the outputs of a reader's network; its errors are told in words."""
    try:
        outputs = network(inputs.clone())
    except Exception as error:
        if own_line(error):
            raise  # the line of the reader's own `forward` is shown
        words = f"On images of shape {tuple(inputs.shape)} the network stops: {error}."
        all_values = len(inputs) * 16 * last_width(side) ** 2
        if re.search(rf"(?<!\d){all_values}(?!\d)", str(error)):
            words += (
                f" The {len(inputs)} images were laid in one row: `Flatten` must keep the first "
                "axis, one row for each image, as `nn.Flatten()` does."
            )
        elif "mat1 and mat2" in str(error):
            words += (
                " A dense layer gets another number of values than it was made for. Is `Flatten` "
                "before the first of them, and does its size follow from `side`?"
            )
        raise NotYet(words) from None
    attempted(outputs)
    if not isinstance(outputs, Tensor):
        raise NotYet("The network should give a tensor of scores.", got=outputs)
    return outputs


def last_width(side: int) -> int:
    """Return how wide the sixteen maps are that the first dense layer reads."""
    return ((side - 4) // 2 - 4) // 2


STEPS = ("first convolution", "second convolution", "first dense layer", "second dense layer")


def scores(
    weights: dict[str, Tensor],
    images: Tensor,
    *,
    pool: Callable[[Tensor, int], Tensor] = F.max_pool2d,
    act: Callable[[Tensor], Tensor] = F.relu,
    without: str = "",
) -> Tensor:
    """Return what a LeNet-5 with these weights gives; `without` names a step with no ReLU."""

    def bent(values: Tensor, step: str) -> Tensor:
        return values if step == without else act(values)

    def layer(name: str) -> tuple[Tensor, Tensor]:
        return weights[f"{name}.weight"], weights[f"{name}.bias"]

    x = pool(bent(F.conv2d(images, *layer("conv1")), STEPS[0]), 2)
    x = pool(bent(F.conv2d(x, *layer("conv2")), STEPS[1]), 2).flatten(1)
    x = bent(F.linear(x, *layer("fc1")), STEPS[2])
    x = bent(F.linear(x, *layer("fc2")), STEPS[3])
    return F.linear(x, *layer("fc3"))


@LAB.task(
    "The network",
    hints=(
        "A 5x5 kernel has `side - 4` places along a side, and pooling halves that, rounded down.",
        "For `side` 28 the maps are 24, 12, 8 and 4 wide. The first dense layer reads all sixteen "
        "maps: 16 times the square of the last width.",
        "`width = ((side - 4) // 2 - 4) // 2`; then `nn.Sequential(nn.Conv2d(1, 6, 5), nn.ReLU(), "
        "nn.MaxPool2d(2), ..., nn.Flatten(), nn.Linear(16 * width**2, 120), ...)`, and nothing "
        "after the layer with ten units.",
    ),
    why="Nothing in it is hidden any more: it is the arithmetic of lab 01, written as a list.",
)
def q2(make_network: object, draw: Draw) -> None:
    """`make_network(side)`: LeNet-5 by its weights and by what it computes with given ones."""
    for side in (28, 32, 21, 26, 39, 44, draw.integer(18, 44)):  # every remainder by four
        network = call(make_network, side)
        if not isinstance(network, nn.Module):
            raise NotYet(
                "A network is wanted: `nn.Sequential(...)`, or an object of your own class.",
                got=a_kind(network),
            )
        network.eval()
        images = draw.uniform(3, 1, side, side)
        with torch.no_grad():
            got = run(network, images, side)
            weights = filled(network, side, draw)
            words = "Ten scores for each image are wanted."
            of_shape(got, (3, 10), "The scores", given="three images", says=words)
            got = run(network, images, side)
            compare_scores(got, weights, images, side)
            if not torch.allclose(run(network.train(), images, side), got, atol=1e-4):
                raise NotYet(
                    "In training mode the network gives other scores than in evaluation mode. Is "
                    "there a `Dropout`, or a normalisation? Ours here has neither.",
                    given=f"side = {side}, twice the same images and weights",
                )
    if call(make_network, 28) is call(make_network, 28):
        raise NotYet(
            "Each call should make a new network, with new weights; this gives the same one again."
        )


def filled(network: nn.Module, side: int, draw: Draw) -> dict[str, Tensor]:
    """Put drawn weights into a reader's LeNet-5; return them by the names of ours.

    The layers may have any name and order: each kind of weight has a shape of its own. Raises
    NotYet when the weights are not those of LeNet-5.
    """
    wanted = {name: p.shape for name, p in lc.LeNet5(input_size=side).named_parameters()}
    found = {flat_shape(p): p for p in network.parameters()}
    counts = sorted(flat_shape(p) for p in network.parameters())
    if counts != sorted(map(tuple, wanted.values())):
        width = wanted["fc1.weight"][1]
        first = {tuple(wanted["fc1.weight"])}
        others = {tuple(shape) for shape in wanted.values()} - first
        only_first = len(counts) == len(wanted) and others <= set(counts)
        raise NotYet(
            f"The first dense layer should read {width} values: the last maps are "
            f"{last_width(side)} by {last_width(side)}. Is there padding? Is a half rounded "
            "up?"
            if only_first
            else "The weights are not those of LeNet-5.",
            given=f"side = {side}",
            expected=f"{listed(wanted.values())}: {total(wanted.values()):,} weights",
            got=f"{listed(p.shape for p in network.parameters())}: {total(counts):,} weights",
        )
    weights = {}
    for name, shape in wanted.items():
        fan_in = shape[1:].numel() if len(shape) > 1 else 10
        weights[name] = draw.normal(*shape) * math.sqrt(2 / fan_in)
        found[tuple(shape)].copy_(weights[name].reshape(found[tuple(shape)].shape))
    return weights


def flat_shape(weight: Tensor) -> tuple[int, ...]:
    """Return the shape of weights; a third convolution is the dense layer that it equals."""
    shape = tuple(weight.shape)
    return (120, math.prod(shape[1:])) if len(shape) == 4 and shape[0] == 120 else shape


def listed(shapes: Iterable[tuple[int, ...]]) -> str:
    return ", ".join("x".join(map(str, shape)) for shape in shapes)


def total(shapes: Iterable[tuple[int, ...]]) -> int:
    return sum(math.prod(shape) for shape in shapes)


def compare_scores(got: Tensor, weights: dict[str, Tensor], images: Tensor, side: int) -> None:
    """Raise NotYet unless these are the scores."""
    wanted = scores(weights, images)
    traps = {
        "It ends in a softmax. Scores are wanted: `F.cross_entropy` has the softmax inside.": (
            wanted.softmax(1)
        ),
        "It ends in a log-softmax. Scores are wanted: `F.cross_entropy` takes care of the rest.": (
            wanted.log_softmax(1)
        ),
        "It ends in a ReLU: no score below zero is left. Nothing comes after the last layer.": (
            wanted.relu()
        ),
        "It averages; LeNet-5 as we write it keeps the largest value of each square.": scores(
            weights, images, pool=F.avg_pool2d
        ),
        "There is no ReLU anywhere.": scores(weights, images, act=lambda values: values),
        "It bends with tanh; here with ReLU.": scores(weights, images, act=torch.tanh),
        "It bends with the sigmoid; here with ReLU.": scores(weights, images, act=torch.sigmoid),
    }
    for step in STEPS:
        traps[f"The ReLU after the {step} is missing."] = scores(weights, images, without=step)
    same(
        got,
        wanted,
        given=f"three images of {side}x{side}, and the same weights in your network and in ours",
        what="The table of scores",
        traps=traps,
        tolerance=1e-3,
    )


class Watched(nn.Module):
    """A small network that notes how it was called: in which mode, and whether with gradients."""

    def __init__(self, draw: Draw, dropout: float = 0.0) -> None:
        super().__init__()
        self.dense = nn.Linear(36, 10)
        self.dropout = nn.Dropout(dropout)
        with torch.no_grad():
            self.dense.weight.copy_(draw.normal(10, 36) / 3)
            self.dense.bias.copy_(draw.normal(10) / 3)
        self.modes: list[bool] = []
        self.gradients: list[bool] = []

    def forward(self, images: Tensor) -> Tensor:
        self.modes.append(self.training)
        self.gradients.append(torch.is_grad_enabled())
        return self.dense(self.dropout(images).flatten(1))

    def vector(self) -> Tensor:
        return nn.utils.parameters_to_vector(self.parameters()).detach().clone()


def some_batches(draw: Draw) -> lc.Batches:
    """Return a few batches, the last one smaller than the others."""
    size = draw.integer(5, 9)
    count = 3 * size + draw.integer(1, 2)
    return lc.Batches(draw.uniform(count, 1, 6, 6), draw.integers(0, 9, count), size)


@LAB.task(
    "The loop that trains",
    hints=(
        "Five lines in the loop: scores, loss, forget the last gradient, compute the new one, "
        "step. And one before it.",
        "`network.train()` comes before the loop; `losses = []`, too. The `return` comes after it, "
        "as far to the left as the `for`.",
        "In the loop: `loss = F.cross_entropy(network(inputs), targets)`, `optimizer.zero_grad()`, "
        "`loss.backward()`, `optimizer.step()`, `losses.append(loss.item())`.",
    ),
    why="Every network of this course, and nearly every network there is, learns by this loop.",
)
def q3(train_one_epoch: object, draw: Draw) -> None:
    """`train_one_epoch(network, batches, optimizer)`: weights, losses and mode."""
    network, batches, rate = Watched(draw), some_batches(draw), draw.number(0.2, 0.6)
    network.eval()  # as somebody who measured may have left it
    start = copy.deepcopy(network)
    optimizer = WatchedSGD(network, rate)
    losses = call(train_one_epoch, network, batches, optimizer)
    given = f"{len(batches)} batches; the last is smaller than the others"
    weights, wanted = trained(start, batches, rate)
    if not torch.allclose(network.vector(), weights, atol=1e-4):
        words = wrong_weights(network.vector(), start, batches, rate)
        seen = min(len(network.modes), len(batches))
        raise NotYet(missing_call(optimizer.events, seen) or words, given=given)
    if isinstance(losses, (list, tuple)) and any(
        isinstance(loss, Tensor) and loss.requires_grad for loss in losses
    ):
        raise NotYet(
            "Each loss in your list is still a tensor that holds all the steps of its computation: "
            "the memory fills up. `loss.item()` takes out the number.",
            given=given,
        )
    same(losses, wanted, given=given, what="The list of losses, one for each batch,")
    if not all(network.modes):
        raise NotYet(
            "The network came in evaluation mode, and it was trained in it: a dropout would not "
            "act. `network.train()` belongs before the loop.",
            given=given,
        )


class WatchedSGD(torch.optim.SGD):
    """Plain gradient descent that notes the order of `backward`, `zero_grad` and `step`."""

    def __init__(self, network: Watched, rate: float) -> None:
        super().__init__(network.parameters(), lr=rate)
        self.events: list[str] = []
        network.dense.bias.register_hook(lambda _: self.events.append("backward"))

    def zero_grad(self, *args: object, **options: object) -> None:
        self.events.append("zero_grad")
        super().zero_grad(*args, **options)

    def step(self, *args: object, **options: object) -> object:
        self.events.append("step")
        return super().step(*args, **options)


def missing_call(events: list[str], forwards: int) -> str:
    """Return a sentence on a call that is missing in a loop that trained wrongly, or nothing.

    `forwards` counts the batches that the network saw.
    """
    backwards, steps = events.count("backward"), events.count("step")
    if not backwards:
        return (
            "No gradient is ever computed. Is `loss.backward()` in the loop, with its parentheses?"
        )
    if not steps:
        return "No step is ever taken. Is `optimizer.step()` in the loop, with its parentheses?"
    for count, line in ((backwards, "loss.backward()"), (steps, "optimizer.step()")):
        if count < forwards:
            return (
                f"The network saw {forwards} batches, but `{line}` ran {count} "
                f"time{'' if count == 1 else 's'}: it belongs into the loop, as far to the right "
                "as its other lines."
            )
    if any(pair == ("zero_grad", "step") for pair in itertools.pairwise(events)):
        return (
            "The weights have not moved: the gradient is forgotten between `backward()` and "
            "`step()`. `optimizer.zero_grad()` comes before `backward()`."
        )
    return ""


def wrong_weights(got: Tensor, start: Watched, batches: lc.Batches, rate: float) -> str:
    """Return what to say of weights that the loop should not have led to."""
    small = [(inputs / 255, targets) for inputs, targets in batches]
    made = {
        "The weights have not moved.": start.vector(),
        "The gradients of earlier batches are still there: `optimizer.zero_grad()`, with its "
        "parentheses, belongs into the loop, before `backward()`.": trained(
            start, batches, rate, forget=True
        )[0],
        "Softmax twice: `F.cross_entropy` takes the scores as they are.": trained(
            start, batches, rate, twice=True
        )[0],
        "Only the first batch is used: is the `return` inside the loop?": trained(
            start, list(batches)[:1], rate
        )[0],
        "The losses of a batch are added up; their mean is wanted.": trained(
            start, batches, rate, reduction="sum"
        )[0],
        "The inputs are divided by 255, but their pixels go from 0 to 1 already.": trained(
            start, small, rate
        )[0],
    }
    for words, wrong in made.items():
        if torch.allclose(got, wrong, atol=1e-4):
            return words
    return (
        "After the epoch the weights are not those that one step for each batch leads to. Which "
        "loss is it, over which inputs and targets, and is each gradient forgotten before the next?"
    )


def trained(
    network: Watched,
    batches: list[tuple[Tensor, Tensor]] | lc.Batches,
    rate: float,
    *,
    forget: bool = False,
    twice: bool = False,
    reduction: str = "mean",
) -> tuple[Tensor, list[float]]:
    """Return the weights after one epoch on a copy, and the losses; with mistakes, if asked."""
    network = copy.deepcopy(network)
    optimizer = torch.optim.SGD(network.parameters(), lr=rate)
    losses = []
    for inputs, targets in batches:
        outputs = network(inputs)
        outputs = outputs.softmax(1) if twice else outputs
        loss = F.cross_entropy(outputs, targets, reduction=reduction)
        if not forget:
            optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return network.vector(), losses


@LAB.task(
    "Measure it",
    hints=(
        "Before the first batch: switch to evaluation, and switch the gradients off. After the "
        "last: back to the mode in which the network came.",
        "The last batch may be smaller. Add up over *images*, and divide once, at the end.",
        "`was = network.training`; `network.eval()`; in `with torch.no_grad():` the loop, with "
        "`total += F.cross_entropy(scores, targets).item() * len(targets)`; `network.train(was)`.",
    ),
    why="A measurement that changes what it measures, or weighs images unequally, is none.",
)
def q4(evaluate: object, draw: Draw) -> None:
    """`evaluate(network, batches)` -> (loss, accuracy), and the network as it was."""
    for training in (True, False):
        network, batches = Watched(draw, dropout=0.5).train(training), some_batches(draw)
        answers = network.dense(batches.inputs.flatten(1)).argmax(1)
        batches.targets[: len(answers) // 2] = answers[: len(answers) // 2]  # some must be right
        before, mode = network.vector(), "training" if training else "evaluation"
        given = f"a network with dropout, in {mode} mode; the last batch is smaller"
        with torch.enable_grad():  # afterwards gradients are on or off as they were
            got = call(evaluate, network, batches)
            left_on = torch.is_grad_enabled()
        if any(network.modes):
            raise NotYet(
                "The network measures in training mode: its dropout goes on, and each time gives "
                "another figure. `network.eval()` first.",
                given=given,
            )
        if any(network.gradients):
            raise NotYet(
                "Torch still keeps what it would need for gradients. Put the loop under "
                "`with torch.no_grad():`, or `@torch.no_grad()` above the function.",
                given=given,
            )
        if not left_on:
            raise NotYet(
                "Your function leaves the gradients switched off for everything that comes after "
                "it. `with torch.no_grad():` switches them on again at its end.",
                given=given,
            )
        if not torch.equal(before, network.vector()):
            raise NotYet("The weights have changed: measuring must not train.", given=given)
        loss_and_accuracy(got, network.dense, batches, given)
        if network.training != training:
            raise NotYet(
                f"The network came in {mode} mode and does not leave in it. Keep "
                "`network.training` at the start, and set it back at the end.",
                given=given,
            )


def loss_and_accuracy(got: object, dense: nn.Linear, batches: lc.Batches, given: str) -> None:
    """Raise NotYet unless `got` is the mean loss and the share right, over all images."""
    pair = parts(got, 2, "Two numbers are wanted: loss, accuracy.")
    each = []  # of every batch: loss, accuracy, images
    for inputs, targets in batches:
        outputs = dense(inputs.flatten(1)).detach()
        loss, right = F.cross_entropy(outputs, targets), outputs.argmax(1) == targets
        twice = F.cross_entropy(outputs.softmax(1), targets)
        small = F.cross_entropy(dense(inputs.flatten(1) / 255).detach(), targets)
        each.append([loss, right.float().mean(), twice, small, len(targets)])
    losses, shares, twice, small, sizes = torch.tensor(each).T
    count = sizes.sum()
    loss, share = (losses * sizes).sum() / count, (shares * sizes).sum() / count
    found = [as_array(value, "Each of the two").item() for value in checked_single(pair)]
    by_batches = (loss * count / len(losses)).item(), (share * count / len(losses)).item()
    words = "{} is divided by the number of batches: divide by the number of images."
    if math.isclose(found[1], by_batches[1], rel_tol=1e-4):
        words = words.format("The accuracy") + " A share is never more than 1."
        raise NotYet(words, given=given, expected=[loss.item(), share.item()], got=found)
    if math.isclose(found[0], by_batches[0], rel_tol=1e-4):
        words = words.format("The loss") + (
            " (You multiply by the number of images, so that is what to divide by.)"
        )
        raise NotYet(words, given=given, expected=[loss.item(), share.item()], got=found)
    if math.isclose(found[0], ((small * sizes).sum() / count).item(), rel_tol=1e-4):
        raise NotYet(
            "The inputs are divided by 255, but their pixels go from 0 to 1 already.", given=given
        )
    same(
        found,
        [loss, share],
        given=given,
        what="(loss, accuracy)",
        traps={
            "This is a mean of the batches' means: an image of the small last batch counts "
            "more than others. Weigh each batch by its number of images.": [
                losses.mean(),
                shares.mean(),
            ],
            "The accuracy is a mean of the batches' means; weigh each batch by its number of "
            "images.": [loss, shares.mean()],
            "The loss is a mean of the batches' means; weigh each batch by its number of images.": [
                losses.mean(),
                share,
            ],
            "This is the last batch alone.": [losses[-1], shares[-1]],
            "The accuracy is a share, from 0 to 1: divide by the number of images.": [
                loss,
                share * count,
            ],
            "The accuracy is a share, from 0 to 1, and not in per cent.": [loss, share * 100],
            "The losses are added up and not divided by the number of images.": [
                losses.sum(),
                share,
            ],
            "The loss is divided by the number of images once too often: the cross-entropy of a "
            "batch is a mean already.": [losses.sum() / count, share],
            "Softmax twice: `F.cross_entropy` takes the scores as they are.": [
                (twice * sizes).sum() / count,
                share,
            ],
            "The two are exchanged: first the loss, then the accuracy.": [share, loss],
        },
    )


def checked_single(values: tuple[object, ...]) -> Iterator[object]:
    """Yield the values. Raises NotYet where one is no single number."""
    for value in values:
        if as_array(value, "Each of the two").size != 1:
            raise NotYet("Two numbers are wanted: loss, accuracy.", got=value)
        yield value


def some_probabilities(draw: Draw, count: int) -> Tensor:
    """Return probabilities (count, 10) as a network might give them: some sure, some torn."""
    return (draw.normal(count, 10) * 3).double().softmax(1)


@LAB.task(
    "The mislabelled and the ambiguous",
    hints=(
        "A wrong label: the network gives the probability to another digit. So look at the "
        "probability of the *label*, not at the largest one.",
        "`probabilities[torch.arange(len(labels)), labels]` picks one number of each row. "
        "`argsort` gives indices, the smallest first.",
        "For the margin: `best = probabilities.topk(2, dim=1).values`, then "
        "`best[:, 0] - best[:, 1]`.",
    ),
    why="The network's own surprise is the cheapest way to find what is wrong with the data.",
)
def q5(suspects: object, margin: object, draw: Draw) -> None:
    """`suspects(probabilities, labels, count)` and `margin(probabilities)`."""
    attempted(suspects, margin)
    for count, wanted in [(20, 5), (50, 12)]:
        probabilities, labels = some_probabilities(draw, count), draw.integers(0, 9, count)
        while not telling(probabilities, labels, wanted):
            probabilities, labels = some_probabilities(draw, count), draw.integers(0, 9, count)
        compare_suspects(suspects, probabilities, labels, wanted)
        leaves(suspects, probabilities, labels, wanted)
        best = probabilities.sort(dim=1, descending=True).values
        got = call(margin, probabilities)
        same(
            got,
            best[:, 0] - best[:, 1],
            given=f"probabilities of {count} images, the first row\n{short(probabilities[0])}",
            what="The margin",
            traps={
                "This is the largest probability. How far is the second behind?": best[:, 0],
                "The second minus the largest: the other way round.": best[:, 1] - best[:, 0],
                "This is the largest minus the smallest; wanted is the lead over the second.": (
                    best[:, 0] - best[:, -1]
                ),
                "This is the ratio of the two; wanted is the difference.": best[:, 0] / best[:, 1],
                "The last two of a sorted row are the largest: these are the first two.": (
                    best[:, -2] - best[:, -1]
                ),
            },
        )
        leaves(margin, probabilities)


def short(values: Tensor) -> str:
    """Return numbers with two digits each."""
    return np.array2string(as_array(values), formatter={"all": "{:.2g}".format}, separator=", ")


def leaves(function: object, probabilities: Tensor, *others: object) -> None:
    """Raise NotYet when a function, which worked, writes into the probabilities it is given."""
    handed = probabilities.clone()
    function(handed, *others)
    if not torch.equal(handed, probabilities):
        raise NotYet(
            f"`{getattr(function, '__name__', 'It')}` changes the probabilities that it is given: "
            "whoever goes on with them has wrong ones. Work on a copy, `probabilities.clone()`.",
            given=f"a table of which one row is\n{short(differing(probabilities, handed))}",
            expected="the same row afterwards",
            got=short(differing(handed, probabilities)),
        )


def differing(table: Tensor, other: Tensor) -> Tensor:
    """Return the first row of `table` that is not the same in `other`."""
    return table[(table != other).any(1).nonzero()[0, 0]]


def orders(probabilities: Tensor, labels: Tensor) -> dict[str, Tensor]:
    """Return all images by what may look like suspicion, the most suspicious first."""
    of_label = probabilities[torch.arange(len(labels)), labels]
    largest = probabilities.amax(1)
    wrong = probabilities.argmax(1) != labels
    return {
        "right": of_label.argsort(),
        "unsure": largest.argsort(),
        "sure": torch.where(wrong, largest, -1.0).argsort(descending=True),
        "lead": (largest - of_label).argsort(descending=True),
    }


def telling(probabilities: Tensor, labels: Tensor, wanted: int) -> bool:
    """Return whether each of these orders begins differently, so that none is taken for another."""
    begins = {tuple(order[:wanted].tolist()) for order in orders(probabilities, labels).values()}
    return len(begins) == 4


def compare_suspects(suspects: object, probabilities: Tensor, labels: Tensor, wanted: int) -> None:
    """Raise NotYet unless the images whose labels surprise most are found, in order."""
    count = len(labels)
    of_label = probabilities[torch.arange(count), labels]
    by = orders(probabilities, labels)
    order = by["right"]
    given = f"{count} images, count = {wanted}, probabilities of their labels\n{short(of_label)}"
    indices = as_array(call(suspects, probabilities, labels, wanted), "The list of suspects")
    if indices.ndim == 2:
        raise NotYet(
            "This is a table, not a list. `probabilities[:, labels]` takes whole columns; wanted "
            "is one number of each row, that of its own label.",
            given=given,
            expected=f"shape ({wanted},)",
            got=f"shape {indices.shape}",
        )
    same(
        indices,
        order[:wanted],
        given=given,
        what="The list of suspects",
        traps={
            "These are the *least* suspicious: sort from the smallest probability of the label "
            "upwards.": order.flip(0)[:wanted],
            "These are the images with the smallest *largest* probability: the unsure ones. A "
            "wrong label shows in the probability of the label.": by["unsure"][:wanted],
            "These are the right images in the order of their numbers; wanted is the most "
            "suspicious first.": order[:wanted].sort().values,
            "The right images, but the most suspicious comes last.": order[:wanted].flip(0),
            "These are the probabilities; wanted are the images' numbers.": of_label[
                order[:wanted]
            ],
            "These are ranks: at place i stands how suspicious image i is. Wanted are the "
            "numbers of the images: `argsort` once.": order.argsort()[:wanted],
            "These are wrong answers in the order of the *answer's* probability. Order by the "
            "probability of the label.": by["sure"][:wanted],
            "This is the order by how far the label lies behind the largest probability. Wanted is "
            "the order by the probability of the label alone, the least first.": by["lead"][
                :wanted
            ],
            "All images are here; only the first `count` are wanted.": order,
        },
    )


def refused_and_wrong(pair: tuple[Tensor, Tensor], limit: float) -> tuple[float, float]:
    """Return the share that is refused, and the share wrong among the answered."""
    margins, right = pair
    answered = margins >= limit
    wrong = (answered & ~right).sum().double() / answered.sum().clamp(min=1)
    return (~answered).double().mean().item(), wrong.item()


def smallest_limit(
    pair: tuple[Tensor, Tensor], most_wrong: float, *, of_all: bool = False, below: bool = False
) -> float:
    """Return the smallest margin of those that occur at which at most that share is wrong.

    That is a share of the answered images. Two typical mistakes: with `of_all` it is one of all
    images, with `below` it must be less.
    """
    for limit in pair[0].unique().tolist():  # in order
        refused, wrong = refused_and_wrong(pair, limit)
        wrong *= 1 - refused if of_all else 1
        if wrong < most_wrong or (wrong == most_wrong and not below):
            return limit
    return 2.0


def cut_limits(pair: tuple[Tensor, Tensor], most_wrong: float) -> set[float]:
    """Return the limits of readers who sort the images and cut anywhere, also between equal ones.

    One for each order in which equal margins may come out of a sort.
    """
    margins, right = pair
    array = margins.numpy()
    upwards = [margins.argsort(stable=True), margins.argsort(), torch.from_numpy(array.argsort())]
    downwards = [margins.argsort(descending=True), torch.from_numpy((-array).argsort())]
    downwards += [margins.argsort(descending=True, stable=True), *(up.flip(0) for up in upwards)]
    found = set()
    for order in downwards:
        shares = (~right[order]).double().cumsum(0) / torch.arange(1, len(order) + 1)
        kept = (shares <= most_wrong).nonzero()
        found.add(margins[order[kept[-1, 0]]].item() if len(kept) else 2.0)
    return found


def drawn_reader(draw: Draw, count: int) -> tuple[Tensor, Tensor]:
    """Return margins, with many equal ones, and whether the answers are right.

    The larger the margin, the likelier; at the top a wrong one among many that are right.
    """
    margins = draw.integers(0, 63, count).float() / 64
    right = (draw.uniform(count) < 0.4 + 0.7 * margins) | (margins > 0.7)
    margins[0], right[0] = 61 / 64, False
    return margins, right


def tied_reader(draw: Draw) -> tuple[Tensor, Tensor]:
    """Return such a reader who, with some limit, is wrong in just a quarter of the answers."""
    answered = 4 * draw.integer(40, 50)
    low, margins = draw.integer(20, 30), draw.integers(31, 60, answered)
    margins[: answered // 4], margins[-1] = draw.integers(31, 40, answered // 4), 31
    right = torch.arange(answered) >= answered // 4  # of the least margins more are wrong
    others = draw.integers(0, low, 400 - answered)
    margins = torch.cat([margins, others]).float() / 64
    right = torch.cat([right, draw.uniform(len(others)) < 0.4])
    order = draw.order(400)
    return margins[order], right[order]


@LAB.task(
    "The reject option",
    hints=(
        "Write first what one limit does: which images are answered, and which share of *these* "
        "is wrong.",
        "Every margin that occurs among the validation images may be the limit. Try them from the "
        "smallest upwards, and stop at the first that is good enough.",
        "`for limit in validation_margins.unique():` (it sorts), `answered = validation_margins "
        ">= limit`, `if (~validation_right[answered]).double().mean() <= most_wrong: break`. Then "
        "the same two shares on the test images, with this limit.",
    ),
    why="A reader that knows when to pass the envelope on can be put to work; one that always "
    "answers cannot.",
)
def q6(prediction: object, reject: object, draw: Draw) -> None:
    """The prediction, and `reject(validation, test, most_wrong)` -> (limit, refused, wrong)."""
    attempted(prediction, reject)
    one_of(prediction, ("as many", "a few times", "ten times"), "The prediction")
    for most_wrong in (0.047, 0.023, 0.25):  # no share of 400 images equals one of the first two
        tied = most_wrong == 0.25
        while True:  # until the limit tells on which images, and by which rule, it was chosen
            validation = tied_reader(draw) if tied else drawn_reader(draw, 400)
            test = drawn_reader(draw, 300)
            wanted, of_test = (smallest_limit(pair, most_wrong) for pair in (validation, test))
            mistaken = {smallest_limit(validation, most_wrong, of_all=True)}
            if tied:
                mistaken.add(smallest_limit(validation, most_wrong, below=True))
            else:
                mistaken |= cut_limits(validation, most_wrong)
            exact = refused_and_wrong(validation, wanted)[1] == most_wrong
            if not {wanted, of_test} & mistaken and wanted != of_test and exact == tied:
                break
        copies = [tuple(part.clone() for part in pair) for pair in (validation, test)]
        limit, refused, wrong = (
            as_array(part).reshape(-1)[0].item() if as_array(part).size == 1 else math.nan
            for part in parts(
                call(reject, *copies, most_wrong),
                3,
                "Three numbers are wanted: (limit, refused, wrong).",
            )
        )
        given = f"400 validation and 300 test images, most_wrong = {most_wrong}"
        if not all(
            torch.equal(one, other)
            for pair, copied in zip((validation, test), copies, strict=True)
            for one, other in zip(pair, copied, strict=True)
        ):
            raise NotYet(
                "Your function changes the margins or answers that it is given: work on copies.",
                given=given,
            )
        compare_limit(limit, validation, test, most_wrong, given)
        compare_test(refused, wrong, validation, test, limit, given)


def compare_limit(
    limit: float,
    validation: tuple[Tensor, Tensor],
    test: tuple[Tensor, Tensor],
    most_wrong: float,
    given: str,
) -> None:
    """Raise NotYet unless this is the smallest margin that keeps the promise."""
    wanted = smallest_limit(validation, most_wrong)
    if abs(limit - wanted) < 1e-6:
        return
    ours, theirs = validation[0] >= wanted, validation[0] >= limit
    expected = f"limit {wanted:.4g}: {int(ours.sum())} validation images are answered"
    got = f"limit {limit:.4g}: {int(theirs.sum())} are answered"
    share = refused_and_wrong(validation, limit)[1]
    if not math.isfinite(limit):
        words = "The limit should be one number: a margin."
    elif limit == smallest_limit(test, most_wrong):
        words = (
            "The limit comes from the *test* images. Choose it on the validation images; the test "
            "images only judge it."
        )
    elif torch.equal(ours, theirs):
        words = (
            "The limit answers the right validation images, but it is none of their margins. Try "
            "these themselves: a grid of steps is too coarse where many margins lie close to 1."
        )
    elif limit in cut_limits(validation, most_wrong):
        words = (
            "Equal margins belong together; you cut between them. With this limit all images with "
            f"this margin are answered, and {share:.2%} of the answered ones are wrong."
            if share > most_wrong
            else "Equal margins belong together; you cut between them."
        )
    elif limit == smallest_limit(validation, most_wrong, below=True):
        words = (
            f"At most {most_wrong:.0%} may be wrong: a limit with which it is just that share is "
            "good enough. `<=`, not `<`."
        )
    elif torch.equal(validation[0] > limit, ours):
        words = "An image whose margin is just the limit is answered: `>=`, not `>`."
    elif share > most_wrong:
        words = f"With this limit {share:.2%} of the answered validation images are wrong."
        if limit == smallest_limit(validation, most_wrong, of_all=True):
            words += " Divide by the number of the *answered* images, not of all."
    else:
        words = (
            "The limit keeps the promise, but it is too careful: a smaller one does so, too, and "
            "answers more. Go through the margins from the smallest upwards."
        )
    raise NotYet(words, given=given, expected=expected, got=got)


def compare_test(
    refused: float,
    wrong: float,
    validation: tuple[Tensor, Tensor],
    test: tuple[Tensor, Tensor],
    limit: float,
    given: str,
) -> None:
    """Raise NotYet unless these are the two shares of the test images."""
    share, wrong_share = refused_and_wrong(test, limit)
    of_validation = refused_and_wrong(validation, limit)
    margins, right = test
    answered = margins >= limit
    of_all = (answered & ~right).double().mean().item()
    pair = [share, wrong_share]
    same(
        [refused, wrong],
        pair,
        given=f"{given}; limit = {limit:.4g}",
        what="(refused, wrong), of the test images,",
        traps={
            "`wrong` is divided by all test images; wanted is the share of those answered.": [
                share,
                of_all,
            ],
            "`refused` is the share that is answered: the other part is wanted.": [
                1 - share,
                wrong_share,
            ],
            "`refused` and `wrong` should be shares of images, not numbers of images.": [
                int((~answered).sum()),
                int((answered & ~right).sum()),
            ],
            "`wrong` counts the refused images, too: only an answer can be wrong.": [
                share,
                (~right).double().mean().item(),
            ],
            "An image whose margin is just the limit is answered: `>=`.": [
                (margins <= limit).double().mean().item(),
                (~right[margins > limit]).double().mean().item(),
            ],
            "`wrong` is the share that is right.": [share, 1 - wrong_share],
            "`wrong` is the share of the *refused* images; wanted is that of the answered.": [
                share,
                (~right[~answered]).double().mean().item(),
            ],
            "These are shares of the validation images. They chose the limit; the test images say "
            "what it is worth.": of_validation,
            "`refused` is a share of the validation images; wanted is one of the test images.": [
                of_validation[0],
                wrong_share,
            ],
            "`wrong` is a share of the validation images; wanted is one of the test images.": [
                share,
                of_validation[1],
            ],
        },
    )


@LAB.task(
    "Read handwriting",
    hints=(
        "`lc.to_mnist(picture)` gives a tensor (28, 28) of bytes. What shape, and what range of "
        "numbers, was the network trained on?",
        "`lc.predict_probabilities(network, images)` takes bytes (n, 28, 28), divides by 255, "
        "switches to evaluation and applies the softmax: `[None]` makes one image a batch.",
        "`lead = margin(probabilities)[0].item()`; the answer is "
        "`int(probabilities.argmax()) if lead >= limit else None`; return both.",
    ),
    why="A network sees only what the conversion leaves: most failures on photographs happen "
    "before the first layer.",
)
def q7(read: object, draw: Draw) -> None:
    """`read(picture, network, limit)` -> (digit or None, margin), for the course's pictures."""
    network = lc.LeNet5(dropout=0.3)
    network.load_state_dict(lc.load_model("lenet5")[0].state_dict())
    with torch.no_grad():  # less sure than it was trained to be: all kinds of margins occur
        network.fc3.weight *= 0.2
        network.fc3.bias *= 0.2
    modes: list[bool] = []
    network.register_forward_pre_hook(lambda module, inputs: modes.append(module.training))
    pictures = list(lc.example_pictures().items())
    for place in draw.order(len(pictures))[:3].tolist():
        name, picture = pictures[place]
        image = lc.to_mnist(picture)
        probabilities = lc.predict_probabilities(network, image[None])[0]
        best = probabilities.sort(descending=True).values
        lead, digit = float(best[0] - best[1]), int(probabilities.argmax())
        for limit in (0.0, lead + 0.05, 0.9 * lead):
            modes.clear()
            network.train()
            given = f"the picture {name!r}, limit {limit:.3f}"
            got = parts(
                call(read, picture, network, limit), 2, "Two things are wanted: (answer, margin)."
            )
            if any(modes):
                raise NotYet(
                    "The network reads in training mode: its dropout goes on, and each time gives "
                    "another answer. `network.eval()` first.",
                    given=given,
                )
            compare_margin(got[1], network.eval(), image, given, refused=got[0] is None)
            if (got[0] is None) != (lead < limit):
                raise NotYet(
                    "The answer is None where the margin is below the limit, else a digit.",
                    given=given,
                    expected="None" if lead < limit else str(digit),
                    got=str(got[0]),
                )
            if got[0] is not None:
                same(whole_number(got[0], "The answer"), digit, given=given, what="The answer")
    answers_a_tie(read, network, picture)


def answers_a_tie(read: object, network: lc.LeNet5, picture: object) -> None:
    """Raise NotYet when a margin that is just the limit is refused."""
    with torch.no_grad():  # all ten digits are equally probable, in whatever arithmetic
        network.fc3.weight.zero_()
        network.fc3.bias.zero_()
    got = parts(call(read, picture, network, 0.0), 2, "Two things are wanted: (answer, margin).")
    if got[0] is None:
        raise NotYet(
            "A margin that is just the limit is not below it: such an image is answered.",
            given="a network that gives each digit the probability 0.1; limit 0",
            expected="any digit, and the margin 0",
            got="None",
        )


def compare_margin(
    got: object, network: nn.Module, image: Tensor, given: str, *, refused: bool
) -> None:
    """Raise NotYet unless `got` is the margin of the image, bytes (28, 28)."""

    def leads(pixels: Tensor) -> list[float]:
        """Return the margin of the probabilities and of the scores, and the best probability."""
        with torch.no_grad():
            outputs = network(pixels[None, None])[0]
        shares, raw = outputs.softmax(0).topk(2).values, outputs.topk(2).values
        return [float(shares[0] - shares[1]), float(raw[0] - raw[1]), float(shares[0])]

    right, of_scores, largest = leads(image / 255)
    lead = as_array(got, "The margin")
    if lead.size == 1 and not lead.any() and right > 1e-3:
        raise NotYet(
            "The margin comes second also when the answer is refused."
            if refused
            else "The margin is 0, as if the first two were equally probable. Is it the softmax "
            "along the wrong axis? The ten numbers of one image must add up to 1: `softmax(1)`.",
            given=given,
            expected=right,
            got=got,
        )
    same(
        lead.reshape(()) if lead.size == 1 else lead,
        right,
        given=given,
        what="The margin",
        traps={
            "The pixels go from 0 to 255; the network was trained on 0 to 1.": leads(image.float())[
                0
            ],
            "This is the margin of the scores; the limit is for probabilities: softmax first.": (
                of_scores
            ),
            "This is the largest probability, not its lead over the second.": largest,
            "Ink and paper are exchanged: `to_mnist` gives 0 for paper already.": leads(
                1 - image / 255
            )[0],
        },
        tolerance=1e-3,
    )


def lean(images: Tensor, by: float | Tensor) -> Tensor:
    """Let images (n, 28, 28) of bytes lean: each row moves to the right by `by` a row upwards.

    `by` is one number, or one for each image; a negative one leans to the left.
    """
    by = torch.as_tensor(by, dtype=torch.float32).expand(len(images))
    change = torch.zeros(len(images), 2, 3)
    change[:, 0, 0] = change[:, 1, 1] = 1
    change[:, 0, 1] = by
    size = [len(images), 1, *images.shape[1:]]
    grid = F.affine_grid(change, size, align_corners=False)
    moved = F.grid_sample(images[:, None].float(), grid, align_corners=False)[:, 0]
    return moved.round().clamp(0, 255).to(torch.uint8)


def same_weights(network: nn.Module, before: dict[str, Tensor]) -> bool:
    """Return whether a network has the weights that it had."""
    return all(torch.equal(now, before[name]) for name, now in network.state_dict().items())


def only_this_network(
    answers: object, network: nn.Module, images: Tensor, found: np.ndarray
) -> None:
    """Raise NotYet unless the answers follow the network that is handed over.

    Its ten outputs are moved on by one place: whoever asks this network, in whatever way, answers
    one digit further on; another network, or one trained on these images, does not.
    """
    moved = copy.deepcopy(network)
    with torch.no_grad():
        moved.fc3.weight.copy_(network.fc3.weight.roll(1, 0))
        moved.fc3.bias.copy_(network.fc3.bias.roll(1, 0))
    again = as_array(call(answers, moved, images), "What your function gives")
    if again.shape != found.shape or np.mean(again == (found + 1) % 10) < 0.5:
        raise NotYet(
            "Another network than the one handed over seems to answer: where that one calls every "
            "digit by another name, your answers do not follow. Ask this network only, as it is."
        )


@functools.cache
def embedded_digits() -> lc.ImageSet:
    return lc.load_dataset("digits", "train").first(500)


@LAB.task(
    "Open: a hand that leans",
    hints=(
        "You can change the images before the network sees them, ask it several times, or both.",
        "`lab.lean(images, by)` with a negative `by` leans them back. You do not know by how much; "
        "you can try five amounts, and add up the probabilities.",
        "Better: measure how each digit leans. Take the ink as weights: the mean of (row - middle) "
        "* (column - middle), divided by the mean of (row - middle)², is the slope of its axis. "
        "Lean the image by just that.",
    ),
    why="In 1998 one version of MNIST had all digits straightened in this way; today one trains "
    "on leaning digits instead.",
    seconds=60,
)
def q8(answers: object, draw: Draw) -> str:
    """Any `answers(network, images)`: leaning digits must be read better, by the paired test."""
    network, _ = lc.load_model("lenet5")
    digits = embedded_digits()
    side = draw.integers(0, 1, 500) * 2 - 1
    images = lean(digits.images, side * (0.5 + 0.3 * draw.uniform(500)))
    plain = lc.predict_probabilities(network, images).argmax(1) == digits.labels
    before = copy.deepcopy(network.state_dict())
    found = as_array(call(answers, network, images), "What your function gives")
    if found.shape != (500,):
        raise NotYet("One digit for each image is wanted.", expected="shape (500,)", got=found)
    if not same_weights(network, before):
        raise NotYet("The network's weights have changed: here it is not trained anew.")
    only_this_network(answers, network, images[:100], found[:100])
    yours = torch.from_numpy(found.astype("float64")) == digits.labels
    b, c = int((yours & ~plain).sum()), int((plain & ~yours).sum())
    p = binomtest(b, b + c).pvalue if b + c else 1.0
    words = (
        f"Of 500 leaning digits {int(yours.sum())} are read right, and {int(plain.sum())} by the "
        f"network alone. Your way alone reads {b}, the network alone {c}: p = {p:.2g}."
    )
    if b <= c or p >= 0.05:
        raise NotYet(f"{words} That is no evidence that your way is better.")
    return words
