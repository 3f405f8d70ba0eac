"""Lab 09, Transfer: the checks of labs/lab_09_transfer.ipynb."""

from __future__ import annotations

import copy
import math

import numpy as np
import torch
from scipy.stats import t
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
from lenetcourse.models.imagenet import IMAGENET_DEVIATION, IMAGENET_MEAN, LAYERS

LAB = Lab("09", "Transfer")
progress = LAB.progress

WIDTHS = (4, 6, 8)  # of the bodies that the checks try answers on
SUREST = 0.98  # of the open task: the least probability
TELLING = 5  # of the mistakes in Grad-CAM: those that show in every check
NOT_NORMALISED = "The body's first step is missing, `body.normalise`: its stages expect that."


def drawn_body(draw: Draw, classes: int = 4) -> lc.ResidualNet:
    """Return a small network, in training mode, that normalises and has seen some pictures."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(draw.integer(0, 10**6))
        body = lc.ResidualNet(WIDTHS, num_classes=classes)
        body.normalise.mean.copy_(0.3 + 0.4 * draw.uniform(3, 1, 1))
        body.normalise.deviation.copy_(0.15 + 0.2 * draw.uniform(3, 1, 1))
        norms = [part for part in body.modules() if isinstance(part, nn.BatchNorm2d)]
        for momentum in (1.0, norms[0].momentum):  # one pass that counts in full
            for norm in norms:
                norm.momentum = momentum
            if momentum == 1:
                body.train()(torch.rand(16, 3, 16, 16))
    return body


def state_of(model: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


def moved(before: dict[str, Tensor], model: nn.Module) -> list[str]:
    """Return the names of what is no longer as it was, what is missing or new among them."""
    after = model.state_dict()
    return sorted(
        name
        for name in before.keys() | after.keys()
        if name not in before
        or name not in after
        or not torch.equal(before[name], after[name].to(before[name].dtype))
    )


def left_alone(
    kind: str, model: nn.Module, before: dict[str, Tensor], training: bool, given: str
) -> None:
    """Raise NotYet unless a network whose weights all learn is as it was. `kind` is its name."""
    if changed := moved(before, model):
        raise NotYet(
            f"The {kind} was changed. In training mode batch normalisation moves; and whoever "
            "takes its head off must put it back.",
            given=given,
            got=f"no longer as before: {', '.join(changed[:3])}",
        )
    if any(part._forward_pre_hooks or part._forward_hooks for part in model.modules()) or any(
        part._backward_pre_hooks or part._backward_hooks for part in model.modules()
    ):
        raise NotYet(
            f"A hook is left on the {kind}: it would be called at every use. `remove()` it.",
            given=given,
        )
    if any(part.training != training for part in model.modules()):
        modes = ("training mode", "evaluation mode")
        raise NotYet(
            f"The {kind} came in another mode than it was left in. Remember `{kind}.training`, and "
            f"put it back: `{kind}.train(mode)`.",
            given=given,
            expected=modes[not training],
            got=modes[training],
        )
    if not all(weight.requires_grad for weight in model.parameters()):
        raise NotYet(
            f"Weights of the {kind} no longer learn: `requires_grad_(False)` is left on them.",
            given=given,
        )


# 1. Response normalisation


def by_neighbours(x: Tensor, before: int, after: int, *, own: bool = True) -> Tensor:
    """Return the published formula with other neighbours: so many maps before and after."""
    squares = F.pad(x.square(), (0, 0, 0, 0, before, after))
    near = sum(squares[:, k : k + x.shape[1]] for k in range(before + after + 1))
    return x / (2 + 1e-4 * (near if own else near - x.square())) ** 0.75


@LAB.task(
    "Response normalisation",
    hints=(
        "First the squares of all maps. Then each map needs the sum of five of them: its own, two "
        "before, two after. At the first and the last maps some of the five are missing.",
        "Put two empty maps (zeros) before the first and two behind the last: then all have five. "
        "`F.pad(x, (0, 0, 0, 0, 2, 2))` does that, or begin with zeros.",
        "`squares = F.pad(maps.square(), (0, 0, 0, 0, 2, 2))`; `s = sum(squares[:, k : k + c] for "
        "k in range(5))` with `c = maps.shape[1]`; `maps / (2 + 1e-4 * s) ** 0.75`.",
    ),
    why="A paper's formula and a library's arguments of the same names are two things; one value "
    "worked out by hand tells.",
)
def q1(respond: object, draw: Draw) -> None:
    """`respond(maps)`: five maps around each one, as published, against torch's own layer."""
    for count, maps, rows, columns in [(1, 6, 1, 2), (2, 9, 3, 4)]:
        x = 60 * draw.normal(count, maps, rows, columns)
        given = f"maps {tuple(x.shape)}"
        if count == 1:
            given = f"six maps of 1x2; the first values {as_array(x[0, :, 0, 0]).round(1)}"
        says = ["The maps themselves were changed; the next layer needs them. Make new ones."]
        squares = x.square()
        same(
            keeps(respond, x, says=says),
            F.local_response_norm(x, 5, 5e-4, 0.75, 2.0),
            given=given,
            what="The output",
            traps={
                "Here the sum of squares is divided by 5 before it counts: torch's layer does that "
                "with its `alpha`. The paper does not.": F.local_response_norm(
                    x, 5, 1e-4, 0.75, 2.0
                ),
                "These neighbours are *pixels*; wanted are the same place in the maps around.": (
                    F.local_response_norm(x.transpose(1, 3), 5, 5e-4, 0.75, 2.0).transpose(1, 3)
                ),
                "The sum leaves out the map's own square: it is one of the five.": by_neighbours(
                    x, 2, 2, own=False
                ),
                "Only the maps *after* it count here; two of the five stand before.": by_neighbours(
                    x, 0, 4
                ),
                "Only the maps *before* it count here; two of the five stand after.": by_neighbours(
                    x, 4, 0
                ),
                "Three maps count here; five are wanted, two on each side.": by_neighbours(x, 1, 1),
                "All maps count here; only the five around are wanted.": (
                    x / (2 + 1e-4 * squares.sum(1, keepdim=True)) ** 0.75
                ),
                "The first map has the last ones as neighbours: `roll` goes round in a circle. "
                "What is missing at the ends counts 0.": (
                    x / (2 + 1e-4 * sum(squares.roll(k, 1) for k in range(-2, 3))) ** 0.75
                ),
                "The power is missing: 0.75.": x / (2 + 1e-4 * _five(squares)),
                "First the squares, then their sum; here the sum is squared.": (
                    x / (2 + 1e-4 * _five(x).square()) ** 0.75
                ),
                "The sum is of squares.": x / (2 + 1e-4 * _five(x.abs())) ** 0.75,
                "The constant is 2, not 1.": x / (1 + 1e-4 * _five(squares)) ** 0.75,
                "It is divided, not multiplied.": x * (2 + 1e-4 * _five(squares)) ** 0.75,
            },
        )


def _five(values: Tensor) -> Tensor:
    padded = F.pad(values, (0, 0, 0, 0, 2, 2))
    return sum(padded[:, k : k + values.shape[1]] for k in range(5))


# 2. Two groups


def halved(first: Tensor, second: Tensor, weights: Tensor, bias: Tensor) -> Tensor:
    """Return what half of the kernels make of `first` and the others of `second`."""
    halves = zip((first, second), weights.chunk(2), strict=True)
    found = [F.conv2d(part, w, padding=w.shape[-1] // 2) for part, w in halves]
    return torch.cat(found, 1) + bias[:, None, None]


@LAB.task(
    "Two groups",
    hints=(
        "The first half of the kernels reads the first half of the maps, the second half the "
        "second. That is two convolutions without groups.",
        "`half = x.shape[1] // 2`; `F.conv2d(x[:, :half], weights[: d // 2], bias[: d // 2], "
        "padding=...)`, then the others, and put the results one behind the other.",
        "`torch.cat([F.conv2d(xs, ws, bs, padding=k // 2) for xs, ws, bs in zip(x.chunk(2, 1), "
        "weights.chunk(2), bias.chunk(2))], 1)`.",
    ),
    why="What two graphics cards forced on AlexNet is used on purpose today: fewer weights, less "
    "work, and networks for telephones are full of it.",
)
def q2(grouped: object, draw: Draw) -> None:
    """`grouped(x, weights, bias)` against torch's convolution with groups=2."""
    for maps, made, k, side in [(2, 2, 1, 2), (4, 6, 3, 5)]:
        x = draw.integers(-4, 4, 1 if maps == 2 else 3, maps, side, side + 1).float()
        weights = draw.order(made * maps // 2 * k * k).float().reshape(made, maps // 2, k, k) - 5
        bias = 10 * (1 + draw.order(made).float())
        given = f"x {tuple(x.shape)}, weights {tuple(weights.shape)}, bias {tuple(bias.shape)}"
        if maps == 2:
            given = f"x =\n{as_array(x[0])}\nweights {weights.flatten().tolist()}, bias {bias}"
        first, second = x.chunk(2, 1)
        wanted = halved(first, second, weights, bias)
        got = as_array(call(grouped, x, weights, bias), "The maps")
        if k > 1 and got.shape == tuple(F.conv2d(x, weights, groups=2).shape):
            raise NotYet(
                "The maps have become smaller: the padding is missing, k // 2 on each side.",
                given=given,
                expected=f"shape {tuple(wanted.shape)}",
                got=f"shape {got.shape}",
            )
        if got.shape == (len(x), made // 2, *wanted.shape[2:]):
            raise NotYet(
                "Only half of the maps come out: are those of the two groups added up? They stand "
                "one behind the other.",
                given=given,
                expected=f"shape {tuple(wanted.shape)}",
                got=f"shape {got.shape}",
            )
        same(
            got,
            wanted,
            given=given,
            what="The output",
            traps={
                "All kernels read the first half of the maps.": halved(first, first, weights, bias),
                "All kernels read the second half of the maps.": halved(
                    second, second, weights, bias
                ),
                "The halves are exchanged: the first kernels read the first maps.": halved(
                    second, first, weights, bias
                ),
                "The maps are dealt out one by one, 0 2 4 … and 1 3 5 …; a half is 0 1 2 … and the "
                "rest.": halved(x[:, ::2], x[:, 1::2], weights, bias),
                "The bias is missing.": halved(first, second, weights, 0 * bias),
                "The bias is added twice.": halved(first, second, weights, 2 * bias),
                "All kernels read both halves here; each reads one.": halved(
                    first + second, first + second, weights, 2 * bias
                ),
                "The two halves of the output are exchanged.": wanted.roll(made // 2, 1),
            },
        )


# 3. A new head on a frozen body


@LAB.task(
    "A new head on a frozen body",
    hints=(
        "Copy the body (`copy.deepcopy`), so that the one that came in stays as it is. Its last "
        "layer is called `out`; `nn.Identity()` in its place gives the features.",
        "`requires_grad_(False)` on the copy before you make the head. For the head you need the "
        "number of features: `body.out.in_features`.",
        "`train` is called with True and with False. Let it do its usual work, "
        "`super().train(mode)`, then put the body back: `self.body.eval()`; `return self`.",
    ),
    why="Most networks in use were made in this way; most bugs in them are the ones that this "
    "check knows.",
    seconds=20,
)
def q3(transferred: object, draw: Draw) -> None:
    """`Transferred(body, classes)`: a head that learns on a copy that nothing moves."""
    attempted(transferred)
    body, classes = drawn_body(draw), draw.integer(2, 3) if draw.integer(0, 1) else 6
    body.train(draw.integer(0, 1) == 1)
    before, images = state_of(body), draw.uniform(12, 3, 16, 16)
    wanted = _features(body, images)
    given = f"a ResidualNet with {WIDTHS[-1]} features and 4 classes; {classes} new classes"
    with torch.random.fork_rng(devices=[]):
        network = call(transferred, body, classes)
        if not isinstance(network, nn.Module):
            raise NotYet("A network is wanted: pass the class, `Transferred`.", got=a_kind(network))
        attempted(*(getattr(network, name, None) for name in ("body", "head")))
        _body_untouched(body, before, given)
        head = _learning_head(network, classes, given)
        plain = _features(body, images, normalised=False)
        _in_both_modes(network, head, images, (wanted, plain), given)
        _one_step(network, body, before, images, given)


def _features(body: nn.Module, images: Tensor, *, normalised: bool = True) -> Tensor:
    """Return what a body hands to its head in evaluation mode."""
    twin = copy.deepcopy(body).eval()
    twin.out = nn.Identity()
    if not normalised:
        twin.normalise = nn.Identity()
    with torch.no_grad():
        return twin(images)


def _body_untouched(body: nn.Module, before: dict[str, Tensor], given: str) -> None:
    if changed := moved(before, body):
        raise NotYet(
            "The body that came in was changed: others may begin with it, too. Work on a copy: "
            "`copy.deepcopy(body)`.",
            given=given,
            got=f"no longer as before: {', '.join(changed)}",
        )


def _learning_head(network: nn.Module, classes: int, given: str) -> tuple[Tensor, Tensor]:
    """Return weight and bias of the head, the only ones that learn. Raises NotYet."""
    learning = {n: w for n, w in network.named_parameters() if w.requires_grad}
    wanted = sorted([(classes, WIDTHS[-1]), (classes,)])
    expected = f"a head of shapes {wanted[1]} and {wanted[0]}"
    if not learning:
        raise NotYet("No weight learns, not even the head's.", given=given, expected=expected)
    shapes = sorted(tuple(w.shape) for w in learning.values())
    if shapes == wanted:
        matrix, bias = sorted(learning.values(), key=lambda w: -w.ndim)
        return matrix, bias
    sizes = [shape for shape in shapes if shape in ((4, WIDTHS[-1]), (4,))]
    outside = sum(w.numel() for name, w in learning.items() if not name.startswith("head."))
    if len(shapes) > 2 and outside:
        text = f"{outside:,} weights of the body learn: the body is not frozen "
        text += "(`requires_grad_(False)`)."
    elif len(shapes) > 2:
        text = "The head is to be *one* dense layer, from the features to the classes."
    elif sizes:
        text = "The head still has the outputs of the old classes; `classes` are wanted."
    else:
        text = "What learns is no dense layer from the body's features to the classes."
    raise NotYet(text, given=given, expected=expected, got=f"shapes {shapes}")


def _in_both_modes(
    network: nn.Module,
    head: tuple[Tensor, Tensor],
    images: Tensor,
    features: tuple[Tensor, Tensor],
    given: str,
) -> None:
    """Raise NotYet unless the scores are right in training mode, too, and nothing moves.

    `features` are those of the images, and those of a body that does not normalise them.
    """
    wanted, plain = ((found @ head[0].T + head[1]).detach() for found in features)
    for mode in (False, True):
        back = network.train(mode)
        attempted(back)
        if back is not network:
            raise NotYet("`train` should return the network, as every `train` does: `return self`.")
        if network.training != mode:
            raise NotYet(
                f"After `train({mode})` the network's own `training` should be {mode}: only the "
                "body stays. `super().train(mode)` sets it.",
                given=given,
                expected=mode,
                got=network.training,
            )
        buffers = state_of(network)
        try:
            got = call(network, images).detach()
        except AttributeError:
            raise NotYet("The network should return scores.", got=None) from None
        where = f"{given}; images {tuple(images.shape)}, " + ("training" if mode else "evaluation")
        if changed := moved(buffers, network):
            raise NotYet(
                "In training mode the body's batch normalisation renews its running means, frozen "
                "or not. Keep the body in evaluation mode.",
                given=where,
                got=f"moved: {', '.join(changed[:3])}",
            )
        same(
            got,
            wanted,
            given=where,
            what="The output",
            traps={
                NOT_NORMALISED: plain,
                "These are probabilities; the loss wants scores.": wanted.softmax(1),
                "A ReLU cuts the scores off; nothing comes behind the head.": wanted.relu(),
                "These are the features, not the head's scores.": features[0],
            },
            tolerance=1e-3,
        )


def _one_step(
    network: nn.Module, body: nn.Module, before: dict[str, Tensor], images: Tensor, given: str
) -> None:
    """Raise NotYet unless a step of training changes the head and leaves the body."""
    network.train()
    loss = F.cross_entropy(network(images), torch.zeros(len(images), dtype=torch.int64))
    try:
        loss.backward()
    except RuntimeError:
        raise NotYet(
            "No gradient reaches the head: is it inside `torch.no_grad()`? Only the body may be.",
            given=given,
        ) from None
    learning = [w for w in network.parameters() if w.requires_grad]
    torch.optim.SGD(learning, lr=1.0).step()
    _body_untouched(body, before, f"{given}; after a step of training")


# 4. Features, once


@LAB.task(
    "Features, once",
    hints=(
        "The features are what the layer `out` receives. A forward pre-hook sees it; or go through "
        "the network without its last layer.",
        "Four things besides: bytes become floats from 0 to 1 (`lc.as_inputs`), evaluation mode, "
        "no gradients, and at the end the mode that the body had before.",
        "`kept = []`; `hook = body.out.register_forward_pre_hook(lambda layer, inputs: "
        "kept.append(inputs[0]))`; run the parts; `hook.remove()`; `torch.cat(kept)`.",
    ),
    why="A frozen body gives the same features every time: compute them once, and a head trains "
    "in a moment. Search engines keep such features of millions of pictures.",
)
def q4(features: object, draw: Draw) -> None:
    """`features(body, images)` against the body without its head."""
    for training in (True, False):
        body = drawn_body(draw).train(training)
        images = draw.integers(0, 255, 7, 3, 16, 24).to(torch.uint8)
        before, inputs = state_of(body), lc.as_inputs(images)
        wanted = _features(body, inputs)
        given = f"7 pictures of 16x24, bytes; a body in {'training' if training else 'evaluation'}"
        answer = call(features, body, images)
        if isinstance(answer, Tensor) and answer.requires_grad:
            raise NotYet(
                "The features still carry what is needed for gradients, which takes the memory of "
                "the whole way: `torch.no_grad()`.",
                given=given,
            )
        if isinstance(answer, Tensor) and answer.is_inference():
            raise NotYet(
                "Out of `torch.inference_mode()` come tensors that no head can be trained on. "
                "`torch.no_grad()` is enough.",
                given=given,
            )
        left_alone("body", body, before, training, given)
        twin = copy.deepcopy(body).eval()
        learning = copy.deepcopy(body).train()
        learning.out = nn.Identity()
        with torch.no_grad():
            traps = {
                "These are the scores of the old classes; wanted is what the layer before them "
                "gives.": twin(inputs),
                "The pictures came as bytes, from 0 to 255; the body learned on 0 to 1.": _features(
                    body, images.float()
                ),
                NOT_NORMALISED: _features(body, inputs, normalised=False),
                "The rows add up to 1: these are the probabilities of the old classes.": twin(
                    inputs
                ).softmax(1),
                "The rows add up to 1: `predict_probabilities` ends in a softmax. Call the network "
                "itself.": wanted.softmax(1),
                "These are features in training mode: batch normalisation uses the means of this "
                "very batch. `body.eval()` first.": learning(inputs),
            }
        same(answer, wanted, given=given, what="The output", traps=traps, tolerance=1e-3)


# 5. The prediction and the interval


@LAB.task(
    "What is it worth?",
    hints=(
        "Pairs first: one difference for each seed, ours minus the rival's. From here on only the "
        "differences count.",
        "Mean, standard deviation (with n − 1), divided by √n: the standard error. Student's "
        "factor for 95 % is `scipy.stats.t.ppf(0.975, n - 1)`.",
        "`d = np.subtract(ours, rival)`; `half = t.ppf(0.975, len(d) - 1) * d.std(ddof=1) / "
        "len(d) ** 0.5`; `d.mean(), d.mean() - half, d.mean() + half`.",
    ),
    why="With three or five runs, the width of an interval is most of what you know.",
)
def q5(prediction: object, paired: object, draw: Draw) -> None:
    """The prediction, and `paired(ours, rival)` -> (mean, low, high)."""
    attempted(prediction, paired)
    one_of(prediction, ("frozen", "scratch", "not decided"), "The prediction")
    for count in (3, 5, 4):
        both = draw.normal(count) / 10  # what the seeds share: pairs take it out
        rival = [round(v, 3) for v in (0.6 + both + draw.normal(count) / 50).tolist()]
        ours = [round(v, 3) for v in (0.63 + both + draw.normal(count) / 50).tolist()]
        given = f"ours {ours}, rival {rival}"
        words = "Three numbers are wanted: the mean of the differences, low, high."
        got = parts(call(paired, ours, rival), 3, words)
        d, n = np.subtract(ours, rival), count
        mean, factor = d.mean(), float(t.ppf(0.975, n - 1))

        def around(half: float, mean: float = mean) -> list[float]:
            return [mean, mean - half, mean + half]

        error = d.std(ddof=1) / math.sqrt(n)
        apart = math.sqrt((np.var(ours, ddof=1) + np.var(rival, ddof=1)) / n)
        same(
            [float(as_array(v)) for v in got],
            around(factor * error),
            given=given,
            what="The result",
            traps={
                "The sign is turned: ours minus the rival's.": [
                    -mean,
                    *around(factor * error, -mean)[1:],
                ],
                "1.96 is the factor for very many values; for so few it is Student's.": around(
                    1.96 * error
                ),
                f"4.30 is the factor for three values; here there are {n}.": around(
                    float(t.ppf(0.975, 2)) * error
                ),
                "The standard deviation needs n − 1 below (`ddof=1`).": around(
                    factor * d.std() / math.sqrt(n)
                ),
                "This is the spread of single differences; the mean's is smaller by √n.": around(
                    factor * d.std(ddof=1)
                ),
                "These are no pairs: what both runs of a seed share is counted as noise, twice. "
                "Subtract first.": around(factor * apart),
                "Unpaired, with 2n − 2 degrees of freedom: subtract within pairs first.": around(
                    float(t.ppf(0.975, 2 * n - 2)) * apart
                ),
                "Student's factor has n − 1 degrees of freedom.": around(
                    float(t.ppf(0.975, n)) * error
                ),
                "Half of the 5 % lies on each side: 0.975, not 0.95.": around(
                    float(t.ppf(0.95, n - 1)) * error
                ),
                "First low, then high.": [mean, mean + factor * error, mean - factor * error],
            },
        )


# 6. Grad-CAM of a difference


@LAB.task(
    "Why this, and not that?",
    hints=(
        "A forward hook on `layer` keeps its maps. Run the picture, take the score of `this` minus "
        "that of `that`, and ask for the gradient of this one number with respect to the maps.",
        "`torch.autograd.grad(scores[0, this] - scores[0, that], maps)` leaves the `.grad` of the "
        "weights alone, `backward()` does not. The mean of the gradient over rows and columns is "
        "each map's weight.",
        "`heat = F.relu((weights * maps).sum(1, keepdim=True))`, then `F.interpolate(heat, "
        "image.shape[-2:], mode='bilinear')[0, 0].detach()`; `mode = model.training` and "
        "`model.eval()` before, `hook.remove()` and `model.train(mode)` after.",
    ),
    why="Why this and not that is what people ask, and a few lines ask it of any network: then "
    "test whether the answer is true.",
    seconds=20,
)
def q6(rather: object, draw: Draw) -> None:
    """`rather(model, image, layer, this, that)`: Grad-CAM of a difference of two scores."""
    for stage, training in ((-1, False), (1, True)):
        model, image, this, that = _telling_case(draw, stage)
        wanted, traps = _difference_maps(model, image, stage, this, that)
        rows, columns = _seen(model, lc.as_inputs(image[None]), stage)[0].shape[2:]
        model.train(training)
        given = (
            f"a picture of 24x32, a layer with maps of {rows}x{columns}, this = {this}, "
            f"that = {that}; a model in {'training' if training else 'evaluation'} mode"
        )
        before = state_of(model)
        answer = call(rather, model, image, model.stages[stage], this, that)
        if isinstance(answer, (tuple, list)) and len(answer) == 2:
            raise NotYet("Two things come back; return the map alone, (h, w).", given=given)
        found = as_array(answer, "The map")
        if any(w.grad is not None for w in model.parameters()):
            raise NotYet(
                "Gradients are left on the model's weights: the next training step would add to "
                "them. `torch.autograd.grad` returns them and leaves none.",
                given=given,
            )
        left_alone("model", model, before, training, given)
        if found.shape == (rows, columns):
            raise NotYet(
                "The map has the size of the layer; enlarge it to that of the picture.",
                given=given,
                expected="shape (24, 32)",
                got=f"shape {found.shape}",
            )
        accuracy = 5e-4 * min(1.0, float(wanted.max()))
        twin = copy.deepcopy(model).eval()
        if training and found.shape == (24, 32) and not np.allclose(found, wanted, 0, accuracy):
            steady = as_array(call(rather, twin, image, twin.stages[stage], this, that))
            if steady.shape == (24, 32) and np.allclose(steady, wanted, 0, accuracy):
                raise NotYet(
                    "The map is right for a model in evaluation mode; this one came in training "
                    "mode, where batch normalisation uses the means of this one picture. "
                    "`model.eval()` first.",
                    given=given,
                )
        same(
            answer,
            wanted,
            given=given,
            what="The map",
            traps={says: wrong for says, wrong in traps.items() if wrong.abs().max() > 1e-3},
            tolerance=accuracy,
        )
        if isinstance(answer, Tensor) and answer.requires_grad:
            raise NotYet(
                "The numbers are right, but the map still carries what is needed for gradients, "
                "and cannot be drawn: `.detach()`.",
                given=given,
            )


def _telling_case(draw: Draw, stage: int) -> tuple[nn.Module, Tensor, int, int]:
    """Return a model in evaluation mode, a picture and two classes.

    Drawn so that places speak for the difference and places against it, and so that the commonest
    mistakes give other maps than the right one: else they would not show.
    """
    while True:
        model = drawn_body(draw).eval()
        tiles = draw.integers(0, 255, 3, 3, 4).repeat_interleave(8, 1).repeat_interleave(8, 2)
        image = (0.7 * tiles + 0.3 * draw.integers(0, 255, 3, 24, 32)).to(torch.uint8)
        mean = _features(model, lc.as_inputs(image[None]))[0]
        with torch.no_grad():  # at right angles to the features: the places add up to nothing
            weights = draw.normal(4, len(mean))
            model.out.weight.copy_(weights - (weights @ mean)[:, None] * mean / mean.square().sum())
        this, that = draw.order(4)[:2].tolist()
        right, traps = _difference_maps(model, image, stage, this, that)
        wrong = torch.stack(list(traps.values())[:TELLING])
        apart = torch.stack([(right - wrong).abs().amax((1, 2)), wrong.abs().amax((1, 2))])
        if min(right.max(), apart.min()) > 0.02:
            return model, image, this, that


def _seen(model: nn.Module, inputs: Tensor, stage: int) -> tuple[Tensor, Tensor]:
    """Return a stage's maps and the scores of a picture, with what gradients need."""
    kept = {}
    hook = model.stages[stage].register_forward_hook(lambda _layer, _in, maps: kept.update(m=maps))
    with torch.enable_grad():
        scores = model(inputs.clone().requires_grad_())[0]
    hook.remove()
    return kept["m"], scores


def _speaks_for(maps: Tensor, score: Tensor) -> Tensor:
    """Return how much each of a layer's places speaks for a score, before the cut."""
    (gradient,) = torch.autograd.grad(score, maps, retain_graph=True)
    return (gradient.mean((2, 3), keepdim=True) * maps.detach()).sum(1, keepdim=True)


def _enlarged(heat: Tensor, how: str = "bilinear", corners: bool | None = None) -> Tensor:
    return F.interpolate(heat, (24, 32), mode=how, align_corners=corners)[0, 0]


def _difference_maps(
    model: nn.Module, image: Tensor, stage: int, this: int, that: int
) -> tuple[Tensor, dict[str, Tensor]]:
    """Return the right map, and what mistakes give; the first TELLING are the commonest."""
    inputs = lc.as_inputs(image[None])
    maps, scores = _seen(model, inputs, stage)
    score, chances = scores[this] - scores[that], scores.softmax(0)
    (gradient,) = torch.autograd.grad(score, maps, retain_graph=True)
    weights, places = gradient.mean((2, 3), keepdim=True), maps.shape[2] * maps.shape[3]
    byte_maps, byte_scores = _seen(model, image[None].float(), stage)
    heat = _speaks_for(maps, score)
    mine, theirs = (_enlarged(_speaks_for(maps, scores[one]).relu()) for one in (this, that))
    right, held, maps = _enlarged(heat.relu()), maps, maps.detach()
    traps = {
        "What speaks *against* it is still in the map: cut off below 0.": _enlarged(heat),
        "The picture came as bytes, from 0 to 255; the network learned on 0 to 1.": _enlarged(
            _speaks_for(byte_maps, byte_scores[this] - byte_scores[that]).relu()
        ),
        "This is the map of `this` alone; wanted is that of the difference of two scores.": mine,
        "Each class's map was cut before the difference: first subtract, then cut.": (
            (mine - theirs).relu()
        ),
        "`this` and `that` are exchanged.": _enlarged((-heat).relu()),
        "Cut off at the right place: first add up the maps, then cut, then enlarge.": _enlarged(
            heat
        ).relu(),
        "Each class's map was cut before they were subtracted: cut once, at the end.": (
            mine - theirs
        ),
        "Without their sign, maps that speak against it count for it.": _enlarged(heat.abs()),
        "The weight of a map is the *mean* of its gradients; this is the sum.": right * places,
        "These are the gradients of probabilities; wanted are those of scores.": _enlarged(
            _speaks_for(held, chances[this] - chances[that]).relu()
        ),
        "All maps have the same weight here; each has the mean of its gradients.": _enlarged(
            maps.sum(1, keepdim=True).relu()
        ),
        "Enlarged in blocks; wanted is `mode='bilinear'`.": _enlarged(heat.relu(), "nearest"),
        "`align_corners=True` puts the map's corners elsewhere; leave it out.": _enlarged(
            heat.relu(), corners=True
        ),
        "The mean over the maps; wanted is the weighted sum.": right / maps.shape[1],
        "Each map was cut before they were added up: first the sum, then the cut.": _enlarged(
            (weights * maps).relu().sum(1, keepdim=True)
        ),
        "The gradient weights each place here; its *mean* over the places weights the map.": (
            _enlarged((gradient * maps).sum(1, keepdim=True).relu())
        ),
        "The mean of the gradient goes over rows and columns, not over the maps.": _enlarged(
            (gradient.mean(1, keepdim=True) * maps).sum(1, keepdim=True).relu()
        ),
        "The map is divided by its largest value; leave it as it is.": right / right.max(),
        "The gradient itself is shown; it weights the maps.": _enlarged(
            gradient.sum(1, keepdim=True).relu()
        ),
    }
    return right, traps


# 7. Weights under other names


def torchvision_state(draw: Draw) -> tuple[dict[str, Tensor], lc.AlexNet]:
    """Return weights under torchvision's names, and the network that has them under ours."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(draw.integer(0, 10**6))
        model = lc.AlexNet(num_classes=3, hidden=4)
    theirs = {ours: name for name, ours in LAYERS.items()}
    state = {}
    for name, value in model.state_dict().items():
        layer, _, kind = name.rpartition(".")
        if layer in theirs:
            state[f"{theirs[layer]}.{kind}"] = value
    model.normalise.mean.copy_(torch.tensor(IMAGENET_MEAN)[:, None, None])
    model.normalise.deviation.copy_(torch.tensor(IMAGENET_DEVIATION)[:, None, None])
    return state, model


@LAB.task(
    "Weights from a file",
    hints=(
        "A dictionary from their names of layers to ours: eight entries, in the table. A key is "
        "split at its last point: `layer, _, kind = name.rpartition('.')`.",
        "Build a new dictionary; the weights themselves stay as they are. Two entries are not in "
        "the file: `normalise.mean` and `normalise.deviation`, each of shape (3, 1, 1).",
        "`{f'{LAYERS[layer]}.{kind}': weights ...}` for all of them, then "
        "`ours['normalise.mean'] = torch.tensor([0.485, 0.456, 0.406])[:, None, None]`.",
    ),
    why="Trained weights are names and numbers. Whoever can rename them can use anybody's.",
    seconds=20,
)
def q7(translated: object, draw: Draw) -> None:
    """`translated(state)`: names for `lc.AlexNet`, the same numbers, and the normalisation."""
    state, model = torchvision_state(draw)
    before, wanted = dict(state), model.state_dict()
    given = "16 entries, from features.0.weight to classifier.6.bias"
    answer = call(translated, state)
    if not isinstance(answer, dict):
        raise NotYet("A dictionary from names to weights is wanted.", got=a_kind(answer))
    if state.keys() != before.keys():
        raise NotYet("The dictionary that came in was changed; make a new one.", given=given)
    missing, extra = wanted.keys() - answer.keys(), answer.keys() - wanted.keys()
    if missing == {"normalise.mean", "normalise.deviation"} and not extra:
        raise NotYet(
            "The layers are all there. Still missing is how the pictures are normalised: "
            "`normalise.mean` and `normalise.deviation`. Without them the network would see other "
            "pictures than in training, and err without a word.",
            given=given,
        )
    if missing or extra:
        raise NotYet(
            "The names are not those of `lc.AlexNet`.",
            given=given,
            expected=f"also {', '.join(sorted(missing)[:4])}" if missing else "no others",
            got=f"too many: {', '.join(sorted(extra)[:4])}" if extra else f"{len(answer)} names",
        )
    for name in sorted(wanted):
        _same_weights(name, answer[name], wanted, given)
    try:
        lc.AlexNet(num_classes=3, hidden=4).load_state_dict(answer)
    except (RuntimeError, TypeError, ValueError) as error:
        raise NotYet(f"`load_state_dict` does not take it: {error}", given=given) from None


def _same_weights(name: str, got: object, wanted: dict[str, Tensor], given: str) -> None:
    """Raise NotYet unless this entry holds the weights that belong there."""
    if not isinstance(got, Tensor):
        raise NotYet(f"{name} should be a tensor.", got=a_kind(got))
    shape = tuple(wanted[name].shape)
    if tuple(got.shape) == shape and torch.allclose(got.float(), wanted[name]):
        return
    if name.startswith("normalise"):
        numbers = wanted[name].flatten()
        if got.numel() == 3 and torch.allclose(got.flatten().float(), numbers):
            raise NotYet(
                f"{name} has the right numbers in another shape: (3, 1, 1) fits (n, 3, h, w).",
                given=given,
                expected=f"shape {shape}",
                got=f"shape {tuple(got.shape)}",
            )
        raise NotYet(
            f"{name} holds other numbers: the mean is 0.485, 0.456, 0.406, the deviation 0.229, "
            "0.224, 0.225.",
            given=given,
            expected=numbers,
            got=got.flatten(),
        )
    holder = [
        other
        for other, value in wanted.items()
        if value.shape == got.shape and torch.equal(value, got)
    ]
    text = f"{name} holds other weights."
    if holder:
        text = f"{name} holds the weights that belong to {holder[0]}."
    raise NotYet(text, given=given, expected=f"shape {shape}", got=f"shape {tuple(got.shape)}")


# 8. Open


@LAB.task(
    "Open: a digit that is none",
    hints=(
        "What the network says is a function of 14x14 numbers, and you may choose them. Which way "
        "should each pixel go, so that the score of the digit rises? Chapter 00 has the answer.",
        "Begin with a random quarter that asks for a gradient, `requires_grad_()`. Lay it out four "
        "times (`quarter.repeat(2, 2)`), step *downhill* in the cross-entropy of the digit, and "
        "after each step cut the pixels off at 0 and 1. Bytes come last.",
        "`optimizer = torch.optim.Adam([quarter], lr=0.05)`, the loss `F.cross_entropy(net("
        "quarter.repeat(2, 2)[None, None]), torch.tensor([digit]))`, `quarter.data.clamp_(0, 1)`; "
        "a hundred steps are plenty.",
    ),
    why="Sure is not right: a share among ten names says nothing about pictures that are none of "
    "them.",
    seconds=60,
)
def q8(fool: object, draw: Draw) -> str:
    """`fool(digit)`: four times the same quarter, (28, 28), which LeNet-5 is sure is that digit."""
    reader, _ = lc.load_model("lenet5")
    sure = []
    for digit in draw.order(10)[:3].tolist():
        given = f"the digit {digit}"
        picture = _four_quarters(call(fool, digit), given)
        shares = lc.predict_probabilities(reader, torch.from_numpy(picture)[None])[0]
        sure.append(shares[digit].item())
        if sure[-1] < SUREST:
            best = int(shares.argmax())
            more = "" if best == digit else f" ({shares[best]:.1%} for {best})"
            raise NotYet(
                f'LeNet-5, `lc.load_model("lenet5")`, is not sure enough: {sure[-1]:.1%} for '
                f"{digit}{more}; at least {SUREST:.0%} are wanted.",
                given=given,
            )
    shown = ", ".join(f"{share:.2%}" for share in sure)
    return f"Four times the same quarter, three drawn digits: LeNet-5 is sure of them by {shown}."


def _four_quarters(answer: object, given: str) -> np.ndarray:
    """Return a picture as bytes. Raises NotYet unless its four quarters are the same."""
    shape = "One picture is wanted, (28, 28)."
    picture = of_shape(answer, (28, 28), "The picture", given, says=shape)
    if not np.isfinite(picture).all():
        raise NotYet("The picture holds nan or infinite numbers.", given=given)
    if picture.min() < 0 or picture.max() > 255 or (picture != np.round(picture)).any():
        raise NotYet(
            "Bytes are wanted, whole numbers from 0 to 255: times 255, and round. Then ask LeNet-5 "
            "again, with the rounded picture.",
            given=given,
            got=f"numbers from {picture.min():.4g} to {picture.max():.4g}",
        )
    if picture.max() <= 1:
        raise NotYet(
            "No pixel is above 1: as a byte that is as good as black. Times 255.", given=given
        )
    if not np.array_equal(picture, np.tile(picture[:14, :14], (2, 2))):
        raise NotYet(
            "The four quarters of 14x14 should be the same: then it is no digit, whoever looks.",
            given=given,
        )
    return picture.astype(np.uint8)
