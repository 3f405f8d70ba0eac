"""Lab 00, Learning: the checks of labs/lab_00_learning.ipynb."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import product

import numpy as np
import torch
from torch.nn import functional as F

from lenetcourse.labs.draw import Draw
from lenetcourse.labs.expect import NotYet, a_kind, as_array, attempted, blank, call, of_shape, same
from lenetcourse.labs.frame import Lab
from lenetcourse.train.autograd import (
    Node,
    add,
    backward,
    cross_entropy,
    matmul,
    multiply,
    sum_to,
)

LAB = Lab("00", "Learning")
progress = LAB.progress


class Bowl:
    """A loss with one bottom, whose weights act on one another, and whose slopes are known."""

    def __init__(self, draw: Draw, *shape: int) -> None:
        self.shape = shape
        self.curved = draw.uniform(*shape).double().numpy() + 0.5
        self.tilted = draw.normal(*shape).double().numpy()

    def __call__(self, weights: object) -> float:
        w = as_array(weights, "What `loss` is given")
        if w.shape != self.shape:
            raise NotYet(
                "`loss` wants all the weights at once: nudge one of them within the whole array.",
                expected=f"loss(an array of shape {self.shape})",
                got=f"loss(an array of shape {w.shape})",
            )
        return float((self.curved * w**2 + self.tilted * w).sum() + w.sum() ** 2 / 2)

    def slope(self, w: np.ndarray) -> np.ndarray:
        """Return the gradient, by its formula."""
        return 2 * self.curved * w + self.tilted + w.sum()


@LAB.task(
    "Slope by nudging",
    hints=(
        "Take one weight. Work out the loss with that weight a little larger, then a little "
        "smaller, all others as they were. How far apart are the two places?",
        "`for place in np.ndindex(*weights.shape):` visits every place, in any number of "
        "dimensions. Work on `weights.copy()`, so that the next weight starts from a clean array.",
        "`above, below = weights.copy(), weights.copy()`, then `above[place] += nudge` and "
        "`below[place] -= nudge`, then `(loss(above) - loss(below)) / (2 * nudge)`.",
    ),
    why="It is slow, but it needs no thought: every gradient you write from now on can be checked.",
)
def q1(nudged_gradient: object, draw: Draw) -> None:
    """`nudged_gradient(loss, weights, nudge)`: exact for a bowl, whatever the nudge."""
    for shape, nudge in [((3,), 0.1), ((2, 3), 0.01)]:
        loss, weights = Bowl(draw, *shape), draw.normal(*shape).double().numpy()
        handed = weights.copy()
        got = call(nudged_gradient, loss, handed, nudge)
        if not np.allclose(handed, weights, rtol=0, atol=1e-9):
            raise NotYet(
                "`weights` is not as you were given it: take each nudge back before the next, or "
                "nudge a copy.",
                given=weights,
                expected="weights as they were",
                got=handed,
            )
        slope, bend = loss.slope(weights), loss.curved + 0.5  # the loss is exactly this curved
        one_side = "This nudges to one side only: nudge up and down, and take the difference."
        same(
            got,
            slope,
            given=f"nudge {nudge}, and weights\n{weights.round(3)}",
            what="The gradient",
            traps={
                one_side: slope + nudge * bend,
                f"{one_side} ": slope - nudge * bend,
                "Twice too large: from `-nudge` to `+nudge` it is two nudges far.": 2 * slope,
                "All zeros: are the nudged up and the nudged down one and the same array? "
                "`weights.copy()` makes another.": np.zeros(shape),
                "All weights are nudged together; each slope wants its own nudge.": np.full(
                    shape, slope.sum()
                ),
                "One number comes back; wanted is one slope for each weight.": slope.sum(),
                "The sign is turned: the loss above minus the loss below.": -slope,
            },
        )


TOOL = "Is your `nudged_gradient` right? `walk` relies on it: check task 1 again."


@LAB.task(
    "A step downhill",
    needs=("q1",),
    hints=(
        "The update is on the first page of the chapter: against the slope, times the rate. Here "
        "it is done `steps` times, and every place on the way is kept.",
        "The path begins with `start` itself, so it has `steps + 1` places.",
        "`path = [start]`, then in the loop "
        "`path.append(path[-1] - rate * nudged_gradient(loss, path[-1]))`.",
    ),
    why="This is gradient descent, complete: all training in this course is this loop.",
)
def q2(prediction: object, walk: object, draw: Draw) -> str:
    """The predicted rate, and `walk(loss, start, rate, steps)` in a bowl of known slope."""
    attempted(prediction, walk)
    rate_said = as_array(prediction, "The prediction")
    if rate_said.ndim or not float(rate_said) > 0:
        raise NotYet("The prediction should be one number above 0: a rate.", got=prediction)
    for count, steps in [(2, 4), (3, 6)]:
        loss, start = Bowl(draw, count), draw.normal(count).double().numpy()
        rate = draw.number(0.05, 0.15)
        handed = start.copy()
        got = call(walk, loss, handed, rate, steps)
        path, up, twice = [start], [start], [start]
        for _ in range(steps):
            path.append(path[-1] - rate * loss.slope(path[-1]))
            up.append(up[-1] + rate * loss.slope(up[-1]))
            twice.append(twice[-1] - 2 * rate * loss.slope(twice[-1]))
        once = [start - step * rate * loss.slope(start) for step in range(steps + 1)]
        last = np.array([path[-1]] * (steps + 1))
        alias = (
            "Every place of the path is the last one: `w -= ...` changes the array that already "
            "stands in your list. Write `w = w - ...`, or keep a copy."
        )
        traps = {
            alias: last,
            f"{alias} ": np.array([start, *last[1:]]),
            "The walk climbs: step against the slope.": np.array(up),
            "The start is missing: it is the first place of the path.": np.array(path[1:]),
            "Only the end comes back; wanted is every place on the way.": path[-1],
            "The slope is taken once, at the start. It is another at every place: work it out "
            "anew for each step.": np.array(once),
            f"Each step is twice as long as it should be. {TOOL}": np.array(twice),
            f"The walk does not move: every slope is zero. {TOOL}": np.array([start] * (steps + 1)),
        }
        given = f"start {start.round(3)}, rate {rate}, {steps} steps"
        try:
            same(got, np.array(path), given=given, what="The path", traps=traps)
        except NotYet as error:
            if q1.passed or error.message in traps:
                raise
            raise NotYet(
                f"{error.message} {TOOL}", given=given, expected=error.expected, got=error.got
            ) from None
        if not np.array_equal(handed, start):
            raise NotYet("The path is right, but `start` was changed on the way: keep a copy.")
    return f"Your prediction, {float(rate_said):g}, is noted: the run below tests it."


OVERFLOW = (
    "Scores near 1000 overflow: e to the power of 1000 is too large for a computer. Subtract the "
    "largest score of each row first."
)
UNDERFLOW = (
    "One row near 1000 and one near 0: is the largest of all scores subtracted? Then the powers of "
    "the lower row are all zero. Each row has a largest of its own: `axis=1, keepdims=True`."
)


@LAB.task(
    "Cross-entropy from scores",
    hints=(
        "Softmax goes along each row: `axis=1, keepdims=True`. `scores[rows, labels]` with "
        "`rows = np.arange(len(labels))` takes one number from each row.",
        "Subtract the largest score of each row before you take the powers: the shares stay, and "
        "nothing overflows. The slope is p − y for each example; but the loss is a mean.",
        "`d_scores = p.copy()`, `d_scores[rows, labels] -= 1`, and at the end "
        "`d_scores / len(labels)`.",
    ),
    why="Every classifier of this course, LeNet-5 included, is trained on these few lines.",
)
def q3(surprise: object, draw: Draw) -> None:
    """`surprise(scores, labels)` -> (loss, d_scores), also for scores near 1000."""
    for levels, classes in [([0] * 3, 5), ([0] * 6, 4), ([1000] * 4, 3), ([1000, 0, -1000], 4)]:
        count = len(levels)
        scores = 2 * draw.normal(count, classes).double() + torch.tensor(levels)[:, None]
        labels = draw.integers(0, classes - 1, count)
        given = f"scores\n{as_array(scores.numpy().round(3))}\nlabels {labels.tolist()}"
        kept = scores.clone().requires_grad_()
        loss = F.cross_entropy(kept, labels)
        loss.backward()
        handed = scores.numpy().copy(), labels.numpy().copy()
        with np.errstate(all="ignore"):  # an overflow is said below, in words
            got = call(surprise, *handed)
        if not isinstance(got, (tuple, list)) or len(got) != 2:
            raise NotYet("Two things are wanted: the loss and d_scores.", got=a_kind(got))
        if any(levels) and not all(np.isfinite(as_array(part)).all() for part in got):
            raise NotYet(
                OVERFLOW if min(levels) == max(levels) else UNDERFLOW,
                given=given,
                expected=loss.item(),
                got=got[0],
            )
        _compare_loss(got[0], scores, labels, given)
        p, each = scores.softmax(1), kept.grad * count
        same(
            got[1],
            kept.grad,
            given=given,
            what="d_scores",
            traps={
                "`d_scores` is the slope of the sum; the loss is a mean over the rows.": each,
                "The signs of `d_scores` are turned: it is p − y.": -kept.grad,
                "The signs of `d_scores` are turned: it is p − y. And the loss is a mean.": -each,
                "`d_scores` holds the probabilities; the 1 of the right class is not yet taken "
                "off.": p,
                "`d_scores` is divided by the rows, but the 1 of the right class is not yet "
                "taken off.": p / count,
                "`d_scores` is divided by all its numbers; the mean is over the rows only.": (
                    each / scores.numel()
                ),
            },
        )
        for name, now, before in zip(("scores", "labels"), handed, (scores, labels), strict=True):
            if not np.array_equal(now, before.numpy()):
                raise NotYet(
                    f"The loss and `d_scores` are right, but `{name}` is not as you were given it: "
                    f"write `{name} = {name} - ...`, or work on a copy.",
                    given=before,
                    expected=f"`{name}` as it was",
                    got=now,
                )


def _compare_loss(got: object, scores: torch.Tensor, labels: torch.Tensor, given: str) -> None:
    """Compare the loss with torch's. Raises NotYet."""
    surprises = F.cross_entropy(scores, labels, reduction="none")
    count, classes = scores.shape
    down = scores.log_softmax(0)[torch.arange(count), labels]
    same(
        got,
        surprises.mean(),
        given=given,
        what="The loss",
        traps={
            "This is the sum of the surprises; the loss is their mean.": surprises.sum(),
            "Wanted is one number, the mean; these are the surprises of all rows.": surprises,
            "The sign is turned: surprise is minus the logarithm.": -surprises.mean(),
            "The softmax goes down the columns; the scores of one example stand in a row: "
            "`axis=1`.": -down.mean(),
            "The softmax goes over the whole array; each row has its own.": (
                -(scores.flatten().log_softmax(0).view(count, classes))[
                    torch.arange(count), labels
                ].mean()
            ),
            "`p[:, labels]` takes every label from every row. One from each row: "
            "`p[np.arange(len(labels)), labels]`.": -scores.log_softmax(1)[:, labels].mean(),
            "This is the logarithm to the base 10; `np.log` has the base e.": (
                surprises.mean() / np.log(10)
            ),
            "This is the logarithm to the base 2; `np.log` has the base e.": (
                surprises.mean() / np.log(2)
            ),
        },
    )


@LAB.task(
    "Backward through a dense layer",
    hints=(
        "The gradient of a thing has the shape of the thing. Write the shapes of `x`, `w` and "
        "`d_out` side by side: which product gives the shape of `w`?",
        "A weight acts in every example, so its gradient adds up over the examples; the bias was "
        "added to every row, so it collects from every row. A sum, not a mean.",
        "`d_out @ w.T`, `x.T @ d_out` and `d_out.sum(axis=0)`.",
    ),
    why="These three products are nearly all the arithmetic of training a dense network.",
)
def q4(dense_backward: object, draw: Draw) -> None:
    """`dense_backward(x, w, d_out)` -> (d_x, d_w, d_b), against torch."""
    for n, m, k in [(4, 3, 2), (3, 3, 3), (1, 2, 4)]:
        x, w, d_out = (draw.integers(-3, 3, *s).double() for s in ((n, m), (m, k), (n, k)))
        given = f"x\n{as_array(x)}\nw\n{as_array(w)}\nd_out\n{as_array(d_out)}"
        leaves = [x.clone().requires_grad_(), w.clone().requires_grad_(), torch.zeros(k).double()]
        leaves[2].requires_grad_()
        (leaves[0] @ leaves[1] + leaves[2]).backward(d_out)
        d_x, d_w, d_b = (leaf.grad for leaf in leaves)
        got = call(dense_backward, x.numpy().copy(), w.numpy().copy(), d_out.numpy().copy())
        if not isinstance(got, (tuple, list)) or len(got) != 3:
            raise NotYet("Three gradients are wanted: d_x, d_w, d_b.", got=a_kind(got))
        wrong_x = {"The order is d_x, d_w, d_b.": d_w}
        if m == k:
            wrong_x[
                "`d_x` has the right shape here, but `w` is not turned: its rows belong to the "
                "inputs and its columns to the outputs."
            ] = d_out @ w
        same(got[0], d_x, given=given, what="`d_x`", traps=wrong_x)
        wrong_w = {
            "`d_w` is turned over: its row i, column k belongs to input i and output k.": d_w.T,
            "`d_w` is a mean over the examples. The mean is already in `d_out`, where the loss "
            "divided; here one adds up.": d_w / n,
        }
        same(got[1], d_w, given=given, what="`d_w`", traps=wrong_w)
        wrong_b = {
            "`d_b` is a mean over the examples. The bias was added to every row, so it collects "
            "from every row: a sum.": d_b / n,
            "`d_b` has a row for every example. There is one bias for each output: add up over "
            "the examples.": d_out,
            "`d_b` adds up along the rows; add up over the examples, `axis=0`.": d_out.sum(1),
            "`d_b` is one number; there is one bias for each output.": d_out.sum(),
            "`d_b` is a matrix of one row; the bias is a vector: leave out `keepdims`.": d_b[None],
        }
        same(got[2], d_b, given=given, what="`d_b`", traps=wrong_b)


def checked_node(result: object, name: str, inputs: Sequence[Node]) -> Node:
    """Return what an operation gave back, if a gradient can find its way through it.

    Raises NotYet.
    """
    if not all(hasattr(result, part) for part in ("value", "gradient", "parents", "pass_back")):
        raise NotYet(
            f"`{name}` should give back a `Node`: value, parents, and how a gradient passes back.",
            got=a_kind(result),
        )
    parents = result.parents
    attempted(result.value, parents, result.pass_back)
    if hasattr(parents, "pass_back"):
        raise NotYet("`(a)` is just `a`. A tuple of one parent has a comma: `(a,)`.")
    if not parents:
        raise NotYet("The node has no parents: no gradient can find its way further back.")
    if not callable(result.pass_back):
        raise NotYet("The node has no `pass_back`: how does a gradient get through it?")
    if len(parents) == len(inputs) and all(a is b for a, b in zip(parents, inputs, strict=True)):
        _passes_back(result, inputs)
    return result


def _passes_back(node: Node, inputs: Sequence[Node]) -> None:
    """Raise NotYet unless the node gives back one gradient for each parent, of its shape."""
    given = node.pass_back(np.ones_like(as_array(node.value)))
    attempted(given)
    if given is None:
        raise NotYet("`pass_back` gives back None: is its `return` missing?", got="None")
    if not isinstance(given, (tuple, list)) or len(given) != len(inputs):
        each = "gradient" if len(inputs) == 1 else "gradients"
        raise NotYet(
            f"`pass_back` should give back a tuple with {len(inputs)} {each}, one for each parent"
            + (": mind the comma, `(gradient,)`." if len(inputs) == 1 else "."),
            got=a_kind(given),
        )
    shapes = [value.value.shape for value in inputs]
    found = [as_array(gradient, "A gradient") for gradient in given]
    for number, shape in enumerate(shapes):
        if found[number].shape == shape or _fits(found[number], shape):
            continue
        if sorted(g.shape for g in found) == sorted(shapes):
            raise NotYet("The gradients come in another order than the parents.")
        raise NotYet(
            "The gradient of a thing has the shape of the thing.",
            expected=f"shape {shape} for parent {number + 1}",
            got=f"shape {found[number].shape}",
        )


def _fits(gradient: np.ndarray, shape: tuple[int, ...]) -> bool:
    """Return whether the gradient has `shape` once it is summed over what NumPy repeated."""
    try:
        return sum_to(gradient, shape).shape == shape
    except (ValueError, IndexError):
        return False


@LAB.task(
    "Teach the autograd tanh",
    hints=(
        "Look at `relu`: a value, the parents, and a function from the gradient that comes in to "
        "the gradients that go out. Only the local slope is another.",
        "The slope of tanh is 1 − tanh², so the value that you have just computed is all you need. "
        "The gradient that comes in is multiplied by it.",
        "`value = np.tanh(a.value)`, then "
        "`Node(value, (a,), lambda g: (g * (1 - value**2),))`: mind both commas.",
    ),
    why="A new operation needs its own slope and nothing else; the chain rule does the rest.",
)
def q5(tanh: object, draw: Draw) -> None:
    """`tanh(a)`: its value, and what comes back through it to what lies before."""
    for shape in [(3, 4), (2, 3, 2)]:
        before, arriving = (draw.normal(*shape).double().numpy() for _ in range(2))
        a = Node(before)
        node = checked_node(call(tanh, a), "tanh", [a])
        value = np.tanh(before)
        given = f"a.value = {before.round(3).tolist()}"
        same(
            node.value,
            value,
            given=given,
            what="The value",
            traps={"This is the sigmoid; its close relative tanh goes from −1 to 1.": _sigmoid(a)},
        )
        backward(multiply(node, Node(arriving)))
        slope = 1 - value**2
        same(
            a.gradient,
            arriving * slope,
            given=f"{given}\nthe gradient that arrives: {arriving.round(3).tolist()}",
            what="The gradient that goes on to `a`",
            traps={
                "This is the local slope alone. It has to be multiplied by `g`, the gradient that "
                "arrives.": slope,
                "The slope is 1 − tanh², not 1 − a²: use the value that tanh gave.": (
                    arriving * (1 - before**2)
                ),
                "Tanh is taken twice: `value` already holds it.": (
                    arriving * (1 - np.tanh(value) ** 2)
                ),
                "The gradient passes unchanged: where is the slope of tanh?": arriving,
                "Nothing passes. The gradient that arrives is `g`, what `pass_back` is called "
                "with; `a.gradient` is what comes out in the end, and still zero here.": (
                    np.zeros_like(slope)
                ),
                "The square is missing: the slope is 1 − tanh².": arriving * (1 - value),
                "That is p(1 − p), the slope of the sigmoid; that of tanh is 1 − tanh².": (
                    arriving * value * (1 - value)
                ),
            },
        )


def _sigmoid(a: Node) -> np.ndarray:
    return 1 / (1 + np.exp(-a.value))


@LAB.task(
    "Teach it a convolution",
    needs=("q4",),
    hints=(
        "At one place of the map there is nothing but a dense layer: its inputs are the pixels of "
        "one window, its outputs the k maps. Go through the places in two loops.",
        "`images.value[:, row : row + r, column : column + c].reshape(n, r * c)` are the windows "
        "of all images at one place, and `kernels.value.reshape(k, r * c).T` is the matrix `w` of "
        "that layer.",
        "Backward, at each place: `d_window, d_flat, _ = dense_backward(window, flat, "
        "g[:, :, row, column])`; then `d_images[:, row : row + r, column : column + c] += "
        "d_window.reshape(n, r, c)` and `d_kernels += d_flat.T.reshape(k, r, c)`.",
    ),
    why="A shared weight collects its gradient from every place: that is all that is new in a CNN.",
)
def q6(convolve: object, draw: Draw) -> str | None:
    """`convolve(images, kernels)`: maps and both gradients, nothing square, against torch."""
    trials = [
        Stamps(draw, (1, 4, 5), (1, 3, 2)),
        Stamps(draw, (2, 5, 7), (3, 2, 3)),
    ]
    made = [call(convolve, *trial.nodes) for trial in trials]
    for trial, node in zip(trials, made, strict=True):
        _compare_maps(node, trial)
    for trial, node in zip(trials, made, strict=True):
        way_back = getattr(node, "pass_back", None)
        if callable(way_back) and blank(way_back(np.ones(trial.maps.shape))):
            raise NotYet("The value is right. Now `pass_back`: it still holds a `...`.")
        node = checked_node(node, "convolve", trial.nodes)
        arriving = draw.integers(1, 4, *trial.maps.shape).double()
        trial.maps.backward(arriving)
        backward(multiply(node, Node(arriving.numpy())))
        _compare_gradients(trial, arriving)
    return _patience(convolve, draw)


def _patience(convolve: Callable, draw: Draw) -> str | None:
    """Return a warning, if the training of task 8 would take long with this convolution."""
    nodes = [Node(draw.normal(*shape).numpy()) for shape in ((50, 14, 14), (6, 5, 5))]
    start = time.perf_counter()
    backward(convolve(*nodes))
    seconds = 400 * (time.perf_counter() - start)  # as many batches as task 8 has
    if seconds < PATIENCE:
        return None
    return (
        f"It is slow, though: the training in task 8 would take about {seconds / 60:.0f} minutes. "
        f"Does a loop go over the images, or over the kernels? NumPy can take them all at once."
    )


PATIENCE = 90  # seconds that a reader may wait for the training in task 8


class Stamps:
    """Images and kernels for one trial of a convolution, as nodes and as tensors, and the maps."""

    def __init__(self, draw: Draw, images: tuple[int, ...], kernels: tuple[int, ...]) -> None:
        self.images, self.kernels = (
            draw.integers(-2, 3, *shape).double() for shape in (images, kernels)
        )
        self.nodes = [Node(part.numpy().copy()) for part in (self.images, self.kernels)]
        self.leaves = [part.clone().requires_grad_() for part in (self.images, self.kernels)]
        self.maps = F.conv2d(self.leaves[0][:, None], self.leaves[1][:, None])
        self.small = images[0] == kernels[0] == 1  # then a message can show it in full
        self.given = f"images {images}, kernels {kernels}"
        if self.small:
            self.given = f"image\n{as_array(self.images[0])}\nkernel\n{as_array(self.kernels[0])}"

    def same(
        self,
        got: object,
        wanted: torch.Tensor,
        *,
        what: str,
        traps: dict[str, torch.Tensor],
        given: str = "",
    ) -> None:
        """Compare as `expect.same` does; show few numbers as a grid. Raises NotYet."""
        found = as_array(got, what)
        try:
            same(found, wanted, given=given or self.given, what=what, traps=traps)
        except NotYet as error:
            if found.shape != wanted.shape or not self.small:
                raise
            right, yours = (part.reshape(part.shape[-2:]) for part in (as_array(wanted), found))
            raise NotYet(error.message, given=error.given, expected=right, got=yours) from None


def _compare_maps(node: object, trial: Stamps) -> None:
    """Compare the values of the maps with torch's. Raises NotYet."""
    attempted(value := getattr(node, "value", node))
    images, kernels, maps = trial.images, trial.kernels, trial.maps.detach()
    turned = F.conv2d(images[:, None], kernels.flip(1, 2)[:, None])
    swapped = (
        "Rows and columns have changed places: the maps have h − r + 1 rows and w − c + 1 columns."
    )
    trial.same(
        value,
        maps,
        what="The value",
        traps={
            "The kernels are turned: lay them on the image as they are.": turned,
            "The maps come before the images: wanted is (n, k, rows, columns).": maps.transpose(
                0, 1
            ),
            "The maps come last: wanted is (n, k, rows, columns).": maps.permute(0, 2, 3, 1),
            swapped: maps.transpose(2, 3),
        },
    )


def _compare_gradients(trial: Stamps, arriving: torch.Tensor) -> None:
    """Compare the gradients of images and kernels with torch's. Raises NotYet."""
    images, kernels, nodes, leaves = trial.images, trial.kernels, trial.nodes, trial.leaves
    given = trial.given
    if trial.small:
        given = f"{given}\nthe gradient that arrives\n{as_array(arriving[0, 0])}"
    (_, r, c), (_, _, rows, columns) = kernels.shape, arriving.shape
    over, flipped = torch.zeros_like(images), torch.zeros_like(images)
    for row in range(rows):
        for column in range(columns):
            here = np.s_[:, row : row + r, column : column + c]
            g = arriving[:, :, row, column]
            over[here] = torch.einsum("nk,krc->nrc", g, kernels)
            flipped[here] += torch.einsum("nk,krc->nrc", g, kernels.flip(1, 2))
    last = torch.einsum("nk,nrc->krc", arriving[:, :, -1, -1], images[:, rows - 1 :, columns - 1 :])
    windows = images.unfold(1, r, 1).unfold(2, c, 1)
    plain = torch.einsum("nijrc->rc", windows).expand_as(kernels)
    add_up = "The stamps on the image overwrite one another. Where they overlap, they add up: `+=`."
    wrong_kernels = {
        "Only the last place counts: the gradient of a shared weight adds up over all "
        "places.": last,
        "This is a mean over the images; each of them adds its share.": (
            leaves[1].grad / len(images)
        ),
        "The windows are added up, but not times the gradient that arrives at their place.": plain,
        "This is a mean over the places; they add up.": leaves[1].grad / (rows * columns),
    }
    trial.same(
        nodes[1].gradient,
        leaves[1].grad,
        given=given,
        what="The gradient of the kernels",
        traps=wrong_kernels,
    )
    wrong_images = {
        add_up: over,
        "The stamps are turned: each place stamps the kernel as it is.": flipped,
        "The images get no gradient; a layer before this one would learn nothing.": (
            torch.zeros_like(images)
        ),
    }
    trial.same(
        nodes[0].gradient,
        leaves[0].grad,
        given=given,
        what="The gradient of the images",
        traps=wrong_images,
    )


def scores_of(x: Node, weights: Sequence[Node]) -> Node:
    """The smallest network for the trial of a training loop: one dense layer."""
    return add(matmul(x, weights[0]), weights[1])


class Counted:
    """That network, and how often a gradient went back through it."""

    def __init__(self) -> None:
        self.forward = self.back = 0

    def __call__(self, x: Node, weights: Sequence[Node]) -> Node:
        self.forward += 1
        scores = scores_of(x, weights)
        pass_back = scores.pass_back

        def counting(g: np.ndarray) -> Sequence[np.ndarray]:
            self.back += 1
            return pass_back(g)

        scores.pass_back = counting
        return scores


class Trial:
    """A small training, done by a loop that is right, or wrong in a known way."""

    def __init__(self, draw: Draw) -> None:
        self.images = draw.normal(12, 4).double().numpy()
        self.labels = np.arange(12) % 3
        self.batches = list(draw.order(12).numpy().reshape(4, 3))
        while any(np.array_equal(self.labels[batch], [0, 1, 2]) for batch in self.batches):
            self.batches = list(draw.order(12).numpy().reshape(4, 3))
        self.start = [draw.normal(4, 3).double().numpy(), draw.normal(3).double().numpy()]
        self.rate = draw.number(0.3, 0.6)

    def weights(self) -> list[Node]:
        """Return nodes with the values at the start."""
        return [Node(value.copy()) for value in self.start]

    def run(
        self, train: Callable, *, network: Callable = scores_of, rate: float | None = None
    ) -> tuple[object, np.ndarray]:
        """Return what `train` gives, and the weights that it leaves, all in a row."""
        weights = self.weights()
        losses = call(
            train,
            network,
            weights,
            self.images.copy(),
            self.labels.copy(),
            [batch.copy() for batch in self.batches],
            self.rate if rate is None else rate,
        )
        return losses, np.concatenate([as_array(node.value).ravel() for node in weights])

    def ours(
        self,
        *,
        clear: bool = True,
        way: int = -1,
        own_labels: bool = True,
        own_images: bool = True,
    ) -> Callable:
        """Return a loop: right as it stands, wrong in one way or more by its options."""

        def train(
            network: Callable,
            weights: list[Node],
            images: np.ndarray,
            labels: np.ndarray,
            batches: list[np.ndarray],
            rate: float,
        ) -> list[float]:
            losses = []
            for batch in batches:
                chosen = labels[batch] if own_labels else labels[: len(batch)]
                pixels = images[batch] if own_images else images[: len(batch)]
                loss = cross_entropy(network(Node(pixels), weights), chosen)
                for weight in weights:
                    if clear:
                        weight.gradient = np.zeros_like(weight.value)
                backward(loss)
                for weight in weights:
                    weight.value = weight.value + way * rate * weight.gradient
                losses.append(float(loss.value))
            return losses

        return train


STUCK = (
    "No weight has moved: when the step is taken, its gradient is zero. Which line makes it so, "
    "and at what moment?"
)
UPHILL = "The weights move, but uphill: each step makes the loss of its batch larger."
STRANGERS = (
    "The weights move downhill, but they learn strange pairs: the images of a batch get the labels "
    "of other images."
)
PILED = (
    "The gradients of all batches so far pile up: they must be cleared once in each round, but "
    "when?"
)
ALWAYS_FIRST = (
    "Images and labels belong together now, but they are the first ones of the set in every round, "
    "whatever numbers the batch holds. `images[batch]` was right; which line did not use `batch`?"
)
ONE_RATE = "Two rates, and the same weights in the end: the step should use `rate`."
TOO_OFTEN = (
    "`backward` runs more than once in a round, and each time the gradients grow: call it once for "
    "each batch, outside the loops over the weights."
)
BUGS = ({2, 4, 6}, {2, 5, 6})  # the order of lines 4 and 5 is wrong: either may be named


@LAB.task(
    "Three bugs in a training loop",
    hints=(
        "While the loss stays where it is: print a weight before and after; it does not move at "
        "all. What is zero then? A gradient lives from `backward` to the step, and nothing may "
        "clear it in between. (Each hint is for one illness: mend this one first.)",
        "Once the loss shoots up: the weights move now, in the direction that makes the loss "
        "larger. Which line takes the step, and which way should it go?",
        "Once the loss falls a little, then gets stuck: the loop learns, but the wrong thing. "
        "Print `batch` in two rounds, and with it `y`. Are these the labels of these images?",
    ),
    why="Such bugs never crash. Reading a symptom is most of the craft of training networks.",
)
def q7(bugs: object, train: object, draw: Draw) -> None:
    """The lines that were wrong, and the mended `train`, against a loop of ours."""
    attempted(bugs, train)
    for _ in range(2):
        trial = Trial(draw)
        counted = Counted()
        with np.errstate(all="ignore"):
            losses, left = trial.run(train, network=counted)
            _diagnose(trial, left)
            if counted.back > counted.forward:
                raise NotYet(TOO_OFTEN)
            slower = trial.run(train, rate=trial.rate / 4)[1]
        if slower.shape == left.shape and np.allclose(slower, left):
            raise NotYet(ONE_RATE, given=f"the rates {trial.rate} and {trial.rate / 4}")
        wanted, weights = trial.run(trial.ours())
        given = f"12 examples in 4 batches, rate {trial.rate}"
        same(left, weights, given=given, what="What `train` leaves in the weights")
        same(losses, wanted, given=given, what="The list of losses")
    try:
        named = {int(number) for number in bugs}
    except (TypeError, ValueError):
        raise NotYet("`bugs` should hold the numbers of three lines.", got=bugs) from None
    if len(named) != 3:
        raise NotYet("`train` is right now. Name three lines in `bugs`, no more.", got=bugs)
    if named not in BUGS:
        hits = max(len(named & right) for right in BUGS)
        raise NotYet(
            f"`train` is right now, but of the lines named in `bugs` {hits} of 3 held a bug "
            f"as handed out.",
            got=bugs,
        )


def _diagnose(trial: Trial, left: np.ndarray) -> None:
    """Raise NotYet with the symptom, when a loop leaves the weights as a known bug does."""
    start = np.concatenate([value.ravel() for value in trial.start])
    symptoms = [(STUCK, start)]
    for clear, own_labels, own_images in product((True, False), repeat=3):
        kind = {"clear": clear, "own_labels": own_labels, "own_images": own_images}
        symptoms.append((UPHILL, trial.run(trial.ours(way=1, **kind))[1]))
        if not clear:
            symptoms.append((PILED, trial.run(trial.ours(**kind))[1]))
    symptoms.append((STRANGERS, trial.run(trial.ours(own_labels=False))[1]))
    symptoms.append((STRANGERS, trial.run(trial.ours(own_images=False))[1]))
    first = trial.ours(own_labels=False, own_images=False)
    symptoms.append((ALWAYS_FIRST, trial.run(first)[1]))
    for sentence, wrong in symptoms:
        if left.shape == wrong.shape and np.allclose(left, wrong):
            raise NotYet(sentence, given=f"12 examples in 4 batches, rate {trial.rate}")


@LAB.task(
    "Open: train a network of your own",
    needs=("q5", "q6", "q7"),
    hints=(
        "Four arrays do: kernels (k, 5, 5), one bias for each map (k, 1, 1), a matrix "
        "(k * 100, 10) and ten more biases (10,). The maps have 14 − 5 + 1 = 10 rows and columns.",
        "Start the weights at random, of size 1 / √n, n the number of values that each unit adds "
        "up; the biases at zero.",
        "`kernels, b1, w2, b2 = weights`, then `maps = tanh(add(convolve(x, kernels), b1))`, and "
        "in the end `add(matmul(flatten(maps), w2), b2)`.",
    ),
    why="Slope, step, loss, gradients, loop: all of it yours, and it reads handwriting.",
    seconds=60,
)
def q8(
    start: object, network: object, weights: object, plain: object, kept: object, draw: Draw
) -> str:
    """Fewer of the images kept aside are wrong than with one dense layer, trained alike."""
    attempted(start, network)
    _check_start(start)
    if weights is None:  # the cell with the training stopped, or had no reason to begin
        nodes = [Node(as_array(part).astype(float)) for part in start]
        call(network, Node(np.zeros((2, 14, 14))), nodes)
        raise NotYet(
            "There are no trained weights: the cell that trains did not finish. Are tasks 5 to 7 "
            "right? Then run it again, and see what it says."
        )
    attempted(plain, kept)
    try:
        images, labels = (as_array(part) for part in kept)
        weights, plain = list(weights), [as_array(node.value) for node in plain]
        baseline = images.reshape(len(images), -1) @ plain[0] + plain[1]
    except (TypeError, ValueError, AttributeError, IndexError):
        raise NotYet("This check wants what the cells above made: run them in order.") from None
    if not all(hasattr(weight, "pass_back") for weight in weights):
        raise NotYet("The weights should be the nodes that `train` has changed.", got=weights)
    scores = call(network, Node(images), weights)
    found = of_shape(
        checked_scores(scores, weights),
        (len(images), 10),
        "The scores",
        says="The network should give ten scores for each image.",
    )
    if not np.isfinite(found).all():
        raise NotYet("The scores are not numbers any more: the training has diverged.", got=found)
    yours = float((found.argmax(1) != labels).mean())
    theirs = float((baseline.argmax(1) != labels).mean())
    if yours >= theirs:
        raise NotYet(
            "Your network reads the images that were kept aside no better than one dense layer.",
            expected=f"fewer than {theirs:.1%} wrong",
            got=f"{yours:.1%} wrong",
        )
    return f"Your network reads {yours:.1%} wrong; one dense layer, trained alike, {theirs:.1%}."


def _check_start(start: object) -> None:
    """Raise NotYet unless `start` is a list of arrays."""
    arrays = "`start` should hold arrays; the cell that trains makes the nodes from them."
    if hasattr(start, "pass_back") or not isinstance(start, (list, tuple)):
        raise NotYet("`start` should be a list of arrays, one for each weight.", got=a_kind(start))
    if any(hasattr(part, "pass_back") for part in start):
        raise NotYet(f"The cell that trains did not finish. {arrays}", got="a list with nodes")
    for part in start:
        as_array(part, "What stands in `start`")


def checked_scores(scores: object, weights: Sequence[Node]) -> object:
    """Return the value of the scores, if every weight can be reached from them. Raises NotYet."""
    if not hasattr(scores, "pass_back") or not hasattr(scores, "parents"):
        raise NotYet("The network should give back a `Node` with the scores.", got=a_kind(scores))
    seen: set[int] = set()
    waiting = [scores]
    while waiting:
        node = waiting.pop()
        if id(node) not in seen:
            seen.add(id(node))
            waiting += list(node.parents)
            _check_bias(node)
    cut = [number + 1 for number, weight in enumerate(weights) if id(weight) not in seen]
    if cut:
        raise NotYet(
            "No gradient reaches some of the weights. Are they used at all, and did you make a new "
            "`Node` out of bare values on the way? That cuts the graph.",
            got=f"weights not reached: number {', '.join(map(str, cut))}",
        )
    return scores.value


def _check_bias(node: Node) -> None:
    """Raise NotYet where a vector with one number for each map meets maps along their columns."""
    maps = as_array(node.value).shape
    for parent in node.parents:
        if len(maps) == 4 and 1 < maps[1] == maps[3] and as_array(parent.value).shape == maps[3:]:
            raise NotYet(
                f"A bias of shape {maps[3:]} is added along the columns of the maps, each column "
                f"its own. It fits by chance: for one bias for each map, the shape is (k, 1, 1).",
                expected=f"shape {(maps[1], 1, 1)}",
                got=f"shape {maps[3:]}",
            )
