"""Lab 07, Simpler models: the checks of labs/lab_07_sklearn_baselines.ipynb."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np
import torch
from torch.nn import functional as F

import lenetcourse as lc
from lenetcourse.baselines import as_vectors
from lenetcourse.labs.draw import Draw
from lenetcourse.labs.expect import (
    NotYet,
    as_array,
    attempted,
    call,
    keeps,
    of_shape,
    one_of,
    parts,
    same,
    whole_number,
)
from lenetcourse.labs.frame import Lab

LAB = Lab("07", "Simpler models")
progress = LAB.progress

MODELS = ("neighbours", "pca", "logistic", "question", "blurred")


def points_of(draw: Draw, count: int, features: int) -> np.ndarray:
    """Return drawn points (count, features) with one decimal, so that they read well."""
    return (3 * draw.normal(count, features).double().numpy()).round(1)


def several(got: object, names: str, count: int) -> tuple:
    """Return the parts of an answer that should be a tuple of `count`. Raises NotYet."""
    words = {2: "Two", 3: "Three"}[count]
    sentence = f"{words} things are wanted, with a comma between them: {names}."
    return parts(got, count, sentence, stacked=True)


def changed(*names: str) -> list[str]:
    """Return what to say of each input that an answer has changed."""
    return [f"The function has changed `{name}` itself: work on a copy." for name in names]


def distances_of(images: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return the squared distances (images, points), one difference at a time."""
    return ((images[:, None] - x[None]) ** 2).sum(2)


def vote(labels: np.ndarray) -> int:
    """Return the commonest of labels that stand in the order of distance; a draw to the nearest."""
    counts = np.bincount(labels)
    return int(labels[(counts[labels] == counts.max()).argmax()])


def answers_of(images: np.ndarray, x: np.ndarray, y: np.ndarray, k: int) -> np.ndarray:
    """Return what k nearest neighbours say of every image."""
    nearest = distances_of(images, x).argsort(1)[:, :k]
    return np.array([vote(labels) for labels in y[nearest]])


@LAB.task(
    "Ask next door",
    hints=(
        "For one image: the squared distance to every row of `x`, `argsort`, the first `k`, and "
        "their labels out of `y`. They then stand in the order of distance.",
        "Count the votes. Of the labels with most votes, take the one that comes first in that "
        "order. Python's `Counter` does this: of equals, `most_common` keeps the first.",
        "`votes = y[((x - image) ** 2).sum(axis=1).argsort()[:k]]`, then "
        "`Counter(votes.tolist()).most_common(1)[0][0]`, for each image.",
    ),
    why="Nothing was trained: all that this model knows are the images that it keeps.",
)
def q1(ask_neighbours: object, draw: Draw) -> None:
    """`ask_neighbours(images, x, y, k)`, with draws in the vote."""
    for k in (1, 2, 3):
        check_votes(ask_neighbours, *vote_case(draw, k), k)
    images, x, y = draws_case(draw)
    squared = distances_of(images, x)
    lines = ["k = 6; the neighbours of each image, nearest first"]
    for place, row in enumerate(squared):
        near = row.argsort()[:6]
        lines.append(f"image {place}: labels {y[near]}, distances {row[near] ** 0.5}")
    check_votes(ask_neighbours, images, x, y, 6, "\n".join(lines))
    check_votes(ask_neighbours, *vote_case(draw, 4), 4)


def check_votes(
    ask_neighbours: object,
    images: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    k: int,
    given: str = "",
) -> None:
    """Compare the answers for all images with ours. Raises NotYet."""
    same(
        keeps(ask_neighbours, images, x, y, k, says=changed("images", "x", "y")),
        answers_of(images, x, y, k),
        given=given or f"k = {k}\nimages\n{images}\nx\n{x}\ny = {y}",
        what="The array of answers",
        traps=wrong_draws(images, x, y, k) | wrong_votes(images, x, y, k),
    )


def wrong_votes(images: np.ndarray, x: np.ndarray, y: np.ndarray, k: int) -> dict[str, np.ndarray]:
    """Return typical mistakes, by what to say of them."""
    order = distances_of(images, x).argsort(1)
    nearest = y[order[:, :k]]
    signed = ((images[:, None] - x[None]).sum(2) ** 2).argsort(1)[:, :k]
    found = {
        "These are the labels of the neighbours; now let them vote, one answer an image.": nearest,
        "These are places in `x`; wanted is the label that stands there in `y`.": order[:, 0],
        "This is the mean of the labels. Digits are names here: between a 3 and an 8 there is no "
        "5.5. Let them vote.": nearest.mean(1),
        "These are the farthest neighbours: `argsort` puts the smallest first.": [
            vote(labels) for labels in y[order[:, ::-1][:, :k]]
        ],
        "Only the nearest neighbour counts here: let all `k` of them vote.": y[order[:, 0]],
        "A draw in the vote goes to the smaller digit here (`bincount(...).argmax()` does that); "
        "wanted is the one whose image is nearer.": [
            np.bincount(labels).argmax() for labels in nearest
        ],
        "Differences of opposite sign cancel: square each one before you add up.": [
            vote(labels) for labels in y[signed]
        ],
    }
    return {sentence: np.array(wrong) for sentence, wrong in found.items()}


def wrong_draws(images: np.ndarray, x: np.ndarray, y: np.ndarray, k: int) -> dict[str, np.ndarray]:
    """Return what other rules for a draw answer, by what to say of them."""
    squared = distances_of(images, x)
    nearest, near = y[squared.argsort(1)[:, :k]], np.sort(squared, axis=1)[:, :k]
    return {
        "A draw goes to the nearest image of all here, whatever its label. It may have fewer "
        "votes: wanted is the nearest among the labels that are in the draw.": np.array(
            [labels[0] if drawn(labels) else vote(labels) for labels in nearest]
        ),
        "In a draw fewer neighbours are asked here. All `k` keep their votes; of the labels in "
        "the draw, the one wins whose nearest image is nearest.": np.array(
            [fewer_asked(labels) for labels in nearest]
        ),
        "A draw goes to the smaller sum (or mean) of distances here; wanted is the label whose "
        "nearest image is nearest, however far its others are.": np.array(
            [nearer_in_sum(*pair) for pair in zip(nearest, near, strict=True)]
        ),
    }


def drawn(labels: np.ndarray) -> bool:
    """Return whether two labels or more have the most votes."""
    counts = np.bincount(labels)
    return (counts == counts.max()).sum() > 1


def fewer_asked(labels: np.ndarray) -> int:
    """Return the answer when, in a draw, the farthest neighbour is left out until there is none."""
    while drawn(labels):
        labels = labels[:-1]
    return vote(labels)


def nearer_in_sum(labels: np.ndarray, near: np.ndarray) -> int:
    """Return the label with most votes; a draw to the one with the smaller sum of distances."""
    counts = np.bincount(labels)
    tied = np.flatnonzero(counts == counts.max())
    return int(min(tied, key=lambda label: near[labels == label].sum()))


def draws_case(draw: Draw) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return images, x and y for k = 6, where each wrong rule for a draw shows.

    In the first the nearest label is not in the draw; in the second, asking fewer neighbours gives
    another answer; in the third, the smaller sum of distances does.
    """
    names = draw.order(10).numpy()[:4]
    images, x, y = [], [], []
    for place, (letters, reach) in enumerate(
        [("abbccd", (5, 6, 7, 8, 9, 11)), ("abbacd", (1, 4, 5, 6, 8, 9)),
         ("abbaab", (1, 2, 3, 9, 10, 11))]
    ):  # fmt: skip
        images.append((100.0 * place, 0.0))
        for letter, far in zip(letters, reach, strict=True):
            across = draw.choice((True, False))
            step = draw.choice((-far, far))
            x.append((100.0 * place + step * across, float(step * (not across))))
            y.append(names["abcd".index(letter)])
    mixed = draw.order(len(x)).numpy()
    return np.array(images), np.array(x)[mixed], np.array(y)[mixed]


def vote_case(draw: Draw, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return images, x and y with clear distances, where the vote and its draws matter."""
    while True:
        images, x = points_of(draw, 6, 2), points_of(draw, 9, 2)
        y = np.array([draw.choice((3, 5, 8)) for _ in x])
        if np.diff(np.sort(distances_of(images, x), axis=1)).min() < 1e-3:
            continue
        wanted = answers_of(images, x, y, k)
        results = [wrong.tolist() for wrong in wrong_votes(images, x, y, k).values()]
        nearest, smaller = (results[place] != wanted.tolist() for place in (4, 5))
        others = [result for result in results if result != wanted.tolist()]
        told_apart = all(a != b for a, b in combinations(others, 2))
        if told_apart and (k < 2 or smaller) and (k < 3 or nearest):
            return images, x, y


@LAB.task(
    "Which k?",
    needs=("q1",),
    hints=(
        "For each k, let the neighbours read the validation images. Which share is right?",
        "The neighbours always come from `x`, the questions always from `held`. Return the k, not "
        "its share.",
        "`(ask_neighbours(held, x, y, k) == known).mean()` is the share for one k; "
        "`max(ks, key=...)` takes the k with the largest.",
    ),
    why="A setting that is chosen on images the model has seen rewards learning by heart.",
)
def q2(best_k: object, draw: Draw) -> None:
    """`best_k(x, y, held, known, ks)`: the best on validation images, not on training images."""
    ks = (1, 3, 5, 9, 15, 25)
    for _ in range(3):
        x, y, held, known, shares, exchanged = choice_case(draw, ks)
        best, worst = ks[int(np.argmax(shares))], ks[int(np.argmin(shares))]
        says = changed("x", "y", "held", "known")
        got = keeps(best_k, x, y, held, known, ks, says=says)
        pairs = ", ".join(f"{k}: {share:.0%}" for k, share in zip(ks, shares, strict=True))
        same(
            got,
            best,
            given=f"{len(x)} points of two classes, ks = {ks}; validation points read, by k: "
            f"{pairs}",
            what="The k",
            traps={
                "This k is best on the training images, where each is its own nearest neighbour. "
                "Choose on `held` and `known`.": 1,
                "This k reads the fewest validation images.": worst,
                "Training and validation images are exchanged: the neighbours come from `x`, the "
                "questions from `held`.": exchanged,
                "This is the share that is read; wanted is the k that gives it.": max(shares),
                "This is the place of the k in `ks`; wanted is the k that stands there.": int(
                    np.argmax(shares)
                ),
            },
        )


def choice_case(draw: Draw, ks: tuple[int, ...]) -> tuple:
    """Return x, y, held, known, the share read for each k, and the best with the parts exchanged.

    The best is in the middle, and another than with x and held exchanged.
    """
    while True:
        x, held = draw.normal(52, 2).double().numpy(), draw.normal(40, 2).double().numpy()
        y, known = np.where(np.arange(52) < 40, 3, 8), np.where(np.arange(40) < 20, 3, 8)
        x[y == 8] += 1.5
        held[known == 8] += 1.5
        shares = [float((answers_of(held, x, y, k) == known).mean()) for k in ks]
        ranked = sorted(shares)
        clear = ranked[-1] > ranked[-2] and ranked[0] < ranked[1]
        best = int(np.argmax(shares))
        if not (clear and 2 <= best <= 4 and int(np.argmin(shares)) == len(ks) - 1):
            continue
        turned = [float((answers_of(x, held, known, k) == y).mean()) for k in ks]
        first, other = sorted(turned, reverse=True)[:2], int(np.argmax(turned))
        if first[0] > first[1] and other not in (0, best, len(ks) - 1) and ks[other] != best:
            mixed = draw.order(52).numpy()
            return x[mixed], y[mixed], held, known, shares, ks[other]


def sign_free(rows: object) -> np.ndarray:
    """Return rows with their largest number positive: a component has no sign of its own."""
    array = as_array(rows, "The components").astype(float)
    if array.ndim != 2 or not array.size:
        return array
    largest = np.take_along_axis(array, np.abs(array).argmax(1)[:, None], axis=1)
    return array * np.where(largest < 0, -1, 1)


def components_of(x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the mean, all components as rows, and the variance (times n) along each."""
    mean = x.mean(0)
    _, scales, rows = np.linalg.svd(x - mean, full_matrices=False)
    return mean, rows, scales**2


def stretched(draw: Draw, count: int, features: int) -> np.ndarray:
    """Return points that vary much along a few directions, with a mean far from 0."""
    turn, _ = np.linalg.qr(draw.normal(features, features).double().numpy())
    points = draw.normal(count, features).double().numpy() * 0.5 ** np.arange(features)
    return 4 * points @ turn + 5 + 5 * draw.uniform(features).double().numpy()


@LAB.task(
    "PCA by SVD",
    hints=(
        "First take the mean image off every row. Then `np.linalg.svd(..., full_matrices=False)` "
        "gives `u, s, vt`; which of them has rows as long as an image?",
        "The rows of `vt` are the components, the largest first. The squares of `s` are the "
        "variances, up to one factor; the shares are those of *all*, not only of the kept ones.",
        "`_, s, vt = np.linalg.svd(x - mean, full_matrices=False)`; `vt[:count]`; "
        "`(s**2 / (s**2).sum())[:count]`. To restore: `coordinates = (images - mean) @ "
        "components.T`, then `mean + coordinates @ components`.",
    ),
    why="A few dozen numbers hold most of a digit; what they do not hold, the picture below shows.",
)
def q3(pca: object, restore: object, draw: Draw) -> None:
    """`pca(x, count)` and `restore(images, mean, components)`, against NumPy's SVD."""
    attempted(pca, restore)
    for n, features, count in [(12, 3, 1), (30, 5, 2), (40, 6, 3)]:
        x = stretched(draw, n, features)
        check_pca(keeps(pca, x, count, says=changed("x")), x, count)
    for n, features, count in [(4, 2, 1), (6, 5, 2)]:
        x = stretched(draw, 30, features)
        mean, rows, _ = components_of(x)
        check_restored(restore, x[:n], rows[:count], mean)


def check_pca(got: object, x: np.ndarray, count: int) -> None:
    """Compare (mean, components, shares) with ours. Raises NotYet."""
    found_mean, found_rows, found_shares = several(got, "mean, components, shares", 3)
    mean, rows, variances = components_of(x)
    plain = np.linalg.svd(x, full_matrices=False)[2]
    shares = variances / variances.sum()
    given = f"count = {count}, x of shape {x.shape}"
    same(
        found_mean,
        mean,
        given=given,
        what="The mean",
        traps={
            "This is one number for all pixels together; wanted is a mean image, `axis=0`.": (
                x.mean()
            ),
            "This is the mean of each image; wanted is that of each pixel, `axis=0`.": x.mean(1),
        },
    )
    same(
        sign_free(found_rows),
        sign_free(rows[:count]),
        given=given,
        what="The array of components (signs aside)",
        traps={
            "The mean was not taken off before the SVD: the first row points to it.": sign_free(
                plain[:count]
            ),
            "These are the directions of the smallest variance: `eigh` puts the smallest first.": (
                sign_free(rows[::-1][:count])
            ),
            "The components stand in columns here; wanted is one in each row.": sign_free(
                rows[:count].T
            ),
            "These are columns of `vt`. Its rows are the components: `vt[:count]`.": sign_free(
                rows[:, :count]
            ),
            "These are rows of `vt.T`, that is, columns of `vt`. Its rows are the components: "
            "`vt[:count]`.": sign_free(rows.T[:count]),
            "These are rows of `u`, which belong to images; the components are rows of `vt`.": (
                sign_free(np.linalg.svd(x - mean, full_matrices=False)[0][:count])
            ),
            "All components are here; keep the first `count`.": sign_free(rows),
        },
    )
    scales = variances**0.5
    same(
        found_shares,
        shares[:count],
        given=given,
        what="The array of shares",
        traps={
            "These are shares of the singular values; the variance is their square.": (
                scales / scales.sum()
            )[:count],
            "These are shares of what is kept, so they add up to 1; wanted are shares of the "
            "whole variance.": (variances[:count] / variances[:count].sum()),
            "These are the singular values themselves; square them and divide by the sum.": scales[
                :count
            ],
            "These are not divided by the whole variance yet.": variances[:count],
            "These are variances; divide by the sum of all of them.": (
                variances[:count] / (len(x) - 1)
            ),
            "Keep the shares of the first `count` components only.": shares,
            "These shares are added up on the way (`cumsum`); wanted is each component's own.": (
                shares[:count].cumsum()
            ),
            "This is the sum of the shares; wanted is one for each component.": shares[
                :count
            ].sum(),
        },
    )


def check_restored(restore: object, x: np.ndarray, rows: np.ndarray, mean: np.ndarray) -> None:
    """Compare restored images with ours. Raises NotYet."""
    coordinates = (x - mean) @ rows.T
    same(
        keeps(restore, x, mean, rows, says=changed("images", "mean", "components")),
        mean + coordinates @ rows,
        given=f"images of shape {x.shape}, components of shape {rows.shape}",
        what="The array of restored images",
        traps={
            "These are the coordinates along the components; now go back to pixels with them.": (
                coordinates
            ),
            "The mean was taken off and not put back at the end.": coordinates @ rows,
            "The mean was not taken off before, but was added at the end.": mean
            + x @ rows.T @ rows,
            "The mean image belongs in here twice: taken off before, added after.": x
            @ rows.T
            @ rows,
            "These are the images as they were: only the kept components may be used.": x,
        },
    )


def softmax_loss(
    weights: np.ndarray, bias: np.ndarray, x: np.ndarray, y: np.ndarray, reduction: str = "mean"
) -> tuple[np.ndarray, np.ndarray]:
    """Return torch's gradient of the cross-entropy for weights and bias."""
    pair = [torch.tensor(part, dtype=torch.float64, requires_grad=True) for part in (weights, bias)]
    scores = torch.tensor(x, dtype=torch.float64) @ pair[0] + pair[1]
    F.cross_entropy(scores, torch.tensor(y), reduction=reduction).backward()
    return pair[0].grad.numpy(), pair[1].grad.numpy()


def descended(
    x: np.ndarray, y: np.ndarray, steps: int, rate: float, bias: bool = True, late: bool = False
) -> list:
    """Return weights and bias after so many steps from zero; `late`: the bias sees new weights."""
    pair = [np.zeros((x.shape[1], 10)), np.zeros(10)]
    for _ in range(steps):
        slopes = softmax_loss(*pair, x, y)
        pair[0] = pair[0] - rate * slopes[0]
        pair[1] = pair[1] - rate * (softmax_loss(*pair, x, y) if late else slopes)[1]
        pair[1] = pair[1] if bias else np.zeros(10)
    return pair


@LAB.task(
    "Logistic regression by gradient descent",
    hints=(
        "Scores are `x @ weights + bias`, (n, 10). A softmax makes probabilities of each row. The "
        "slope for the scores is known: probability less 1 at the true digit, less 0 elsewhere.",
        "A weight is multiplied by its pixel, so its slope is the pixel times the slope of the "
        "score, averaged over the images: one matrix product with `x.T`, divided by n. For the "
        "bias the factor is 1.",
        "`apart = softmax; apart[np.arange(len(y)), y] -= 1; apart /= len(y)`, then "
        "`x.T @ apart, apart.sum(axis=0)`. A step: `weights = weights - rate * slope`.",
    ),
    why="This is the last layer of LeNet-5, alone: what it lacks are good features to add up.",
)
def q4(gradient: object, descend: object, draw: Draw) -> None:
    """`gradient(weights, bias, x, y)` and `descend(x, y, steps, rate)`, against torch."""
    attempted(gradient, descend)
    for n, pixels, size in [(1, 2, 1), (3, 2, 1), (8, 5, 2000)]:
        x, y = pixels_of(draw, n, pixels), draw.order(10).numpy()[:n]
        weights = size * draw.normal(pixels, 10).double().numpy().round(1) + 0.0  # no -0
        bias = draw.normal(10).double().numpy().round(1) + 0.0
        check_gradient(gradient, weights, bias, x, y)
    for steps in (1, 3):
        x, y = pixels_of(draw, 3, 2), draw.order(10).numpy()[:3]
        check_descent(descend, x, y, steps, draw.choice((0.3, 0.4, 0.5, 0.6)))


def pixels_of(draw: Draw, n: int, pixels: int) -> np.ndarray:
    """Return pixels (n, pixels) from 0.3 to 1 with one decimal, so that they can be typed."""
    return draw.integers(3, 10, n, pixels).double().numpy() / 10


def written(**inputs: object) -> str:
    """Return inputs as lines that can be copied: name = array(...)."""
    return "\n".join(f"{name} = {value!r}" for name, value in inputs.items())


def check_gradient(
    gradient: object, weights: np.ndarray, bias: np.ndarray, x: np.ndarray, y: np.ndarray
) -> None:
    """Compare the two slopes with torch's. Raises NotYet."""
    if weights.size > 20:
        given = (
            f"{len(x)} images of {x.shape[1]} pixels, scores up to {(x @ weights + bias).max():.0f}"
        )
    else:
        given = written(x=x, y=y, weights=weights, bias=bias)
    got = keeps(gradient, weights, bias, x, y, says=changed("weights", "bias", "x", "y"))
    got = several(got, "for the weights, for the bias", 2)
    wanted = softmax_loss(weights, bias, x, y)
    summed = softmax_loss(weights, bias, x, y, "sum")
    scores = x @ weights + bias
    truth = np.eye(10)[y]
    across = np.exp(scores - scores.max(0))
    across = (across / across.sum(0) - truth) / len(x)
    raw = (scores - truth) / len(x)
    powers = np.exp(scores - scores.max())
    alone = np.exp(scores - scores.max(1, keepdims=True))
    columns = alone / alone.sum(1, keepdims=True)
    columns[:, y] -= 1
    down, plain, whole, crossed = (
        [x.T @ apart, apart.sum(0)]
        for apart in (across, raw, (powers / powers.sum() - truth) / len(x), columns / len(x))
    )
    apart = (alone / alone.sum() - truth) / len(x)
    rowwise = [x.T @ apart, apart.sum(0)]
    for place, name in enumerate(("for the weights", "for the bias")):
        found = as_array(got[place], f"The slope {name}")
        if not np.isfinite(found).all():
            bad = tuple(int(index) for index in np.argwhere(~np.isfinite(found))[0])
            raise NotYet(
                "e to a large score is infinite. Take the largest score of each row off the row "
                "before `np.exp`: the probabilities stay the same.",
                given=given,
                got=f"{found[bad]} at {list(bad)}",
            )
        same(
            found,
            wanted[place],
            given=given,
            what=f"The slope {name}",
            traps={
                "This is the slope of the sum over all images; wanted is that of the mean.": (
                    summed[place]
                ),
                "The sign is turned: probability less truth, not truth less probability.": (
                    -wanted[place]
                ),
                "The softmax goes over the images here; each image has its own ten "
                "probabilities, `axis=1`.": down[place],
                "The softmax goes over all images and classes together (`e / e.sum()`): the ten "
                "probabilities of each image add up to 1, `axis=1`, `keepdims=True`.": whole[place],
                "`e / e.sum()` adds up over all images, too: the ten probabilities of each image "
                "add up to 1, `axis=1`, `keepdims=True`.": rowwise[place],
                "`p[:, y] -= 1` takes 1 off in every row. Row i only loses it at `y[i]`: "
                "`p[np.arange(len(y)), y] -= 1`.": crossed[place],
                "There is no softmax here: take probabilities less truth, not scores.": (
                    plain[place]
                ),
                "This is the mean over the ten classes as well: divide by the images only.": (
                    wanted[place] / 10
                ),
            },
        )


def check_descent(descend: object, x: np.ndarray, y: np.ndarray, steps: int, rate: float) -> None:
    """Compare the weights after some steps with ours. Raises NotYet."""
    given = written(x=x, y=y, steps=steps, rate=rate)
    got = keeps(descend, x, y, steps, rate, says=changed("x", "y"))
    got = several(got, "weights, bias", 2)
    wanted = descended(x, y, steps, rate)
    up, more = descended(x, y, steps, -rate), descended(x, y, steps + 1, rate)
    fewer, still = descended(x, y, steps - 1, rate), descended(x, y, steps, rate, bias=False)
    once = [steps * part for part in descended(x, y, 1, rate)]
    late = descended(x, y, steps, rate, late=True)
    for place, name in enumerate(("The array of weights", "The array of biases")):
        same(
            got[place],
            wanted[place],
            given=given,
            what=name,
            traps={
                "The bias has no steps here: it learns as the weights do.": still[place],
                "This goes uphill: take rate times slope off, do not add it.": up[place],
                "The slope is the same at every step here: it changes with the weights, so it "
                "belongs inside the loop.": once[place],
                "The slope for the bias is computed with the new weights here: first both slopes, "
                "then both steps.": late[place],
                "This is one step too many.": more[place],
                "This is one step too few.": fewer[place],
            },
        )


def gini(labels: np.ndarray) -> float:
    """Return the Gini impurity of a group; 0 for an empty one."""
    shares = np.bincount(labels) / max(1, len(labels))
    return float(1 - (shares**2).sum()) if len(labels) else 0.0


def entropy(labels: np.ndarray) -> float:
    """Return the entropy of a group in bits."""
    shares = np.bincount(labels) / max(1, len(labels))
    return float(-(shares[shares > 0] * np.log2(shares[shares > 0])).sum())


def other_labels(labels: np.ndarray) -> float:
    """Return 1 less the largest share of a group."""
    return float(1 - np.bincount(labels).max() / len(labels)) if len(labels) else 0.0


def mean_impurity(
    yes: np.ndarray, y: np.ndarray, weighted: bool = True, impurity: Callable = gini
) -> float:
    """Return the impurity after a question: both groups, weighted by their shares."""
    share = yes.mean() if weighted else 0.5
    return share * impurity(y[yes]) + (1 - share) * impurity(y[~yes])


def questions(x: np.ndarray) -> Iterator[tuple[int, float]]:
    """Yield every feature with every limit halfway between neighbouring values."""
    for feature in range(x.shape[1]):
        for low, high in pairwise(np.unique(x[:, feature])):
            yield feature, (low + high) / 2


@LAB.task(
    "A tree's first question",
    hints=(
        "Write the Gini impurity of a group of labels first: 1 less the sum of the squared shares.",
        "`np.unique(x[:, feature])` gives the values in order; the limits lie halfway between "
        "neighbours. Weight each group's impurity by its share of the images.",
        "Two loops, over features and limits: `yes = x[:, feature] > limit`, "
        "`yes.mean() * gini(y[yes]) + (~yes).mean() * gini(y[~yes])`. Keep the best so far.",
    ),
    why="A tree repeats this in every group; a forest does it on many random samples.",
)
def q5(first_question: object, draw: Draw) -> None:
    """`first_question(x, y)` -> (feature, limit); of equally good questions, any."""
    for n, features, names in [(8, 2, (3, 8)), (14, 3, (3, 8)), (20, 4, (0, 4, 9))]:
        check_question(first_question, *question_case(draw, n, features, names))
    check_question(first_question, *apart_case(draw))


# For each feature how many of 7, 5 and 5 images say yes. Only the mean Gini impurity is smallest
# for the last; entropy, largest share, one class against the rest and equal groups lead elsewhere.
SIZES, YES = (7, 5, 5), ((1, 1, 3), (3, 2, 0), (5, 5, 3), (3, 1, 4))


def apart_case(draw: Draw) -> tuple[np.ndarray, np.ndarray]:
    """Return x and y of three classes and four features where every other measure goes astray."""
    names = draw.order(10).numpy()[: len(SIZES)]
    columns = []
    for counts in YES:
        low, high = draw.integer(0, 3), draw.integer(5, 9)
        parts = []
        for size, count in zip(SIZES, counts, strict=True):
            parts.append(np.where(draw.order(size).numpy() < count, high, low))
        columns.append(np.concatenate(parts))
    mixed = draw.order(sum(SIZES)).numpy()
    return np.stack(columns, axis=1)[mixed].astype(float), np.repeat(names, SIZES)[mixed]


def question_case(
    draw: Draw, n: int, features: int, names: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Return x and y where forgotten weights lead to another question."""
    while True:
        x = draw.integers(0, 9, n, features).numpy().astype(float)
        y = np.array([draw.choice(names) for _ in range(n)])
        found = {q: mean_impurity(x[:, q[0]] > q[1], y) for q in questions(x)}
        plain = {q: mean_impurity(x[:, q[0]] > q[1], y, weighted=False) for q in questions(x)}
        if len(set(y)) == len(names) and found:
            best = min(found.values())
            astray = [q for q in plain if plain[q] < min(plain.values()) + 1e-9]
            if min(found[q] for q in astray) > best + 1e-6:
                return x, y


def parsed(got: tuple, x: np.ndarray, given: str) -> tuple[int, float]:
    """Return the feature and the limit of an answer. Raises NotYet."""
    limit, feature = as_array(got[1], "The limit"), as_array(got[0], "The feature")
    if limit.size != 1 or feature.size != 1:
        raise NotYet("Feature and limit should be one number each.", given=given, got=got)
    if float(feature.reshape(-1)[0]) % 1:
        raise NotYet(
            "The feature comes first, a whole number: which column of `x`. The limit is second.",
            got=got,
        )
    column = whole_number(got[0], "The feature")
    if not 0 <= column < x.shape[1]:
        raise NotYet(
            f"The feature should be a column of `x`, 0 to {x.shape[1] - 1}.", given=given, got=got
        )
    return column, float(limit.reshape(-1)[0])


def check_question(first_question: object, x: np.ndarray, y: np.ndarray) -> None:
    """Compare a question with the best ones. Raises NotYet when another is better.

    Nor may the limit lie anywhere but halfway between two values.
    """
    given = f"x\n{x}\ny = {y}"
    got = several(keeps(first_question, x, y, says=changed("x", "y")), "feature, limit", 2)
    feature, limit = parsed(got, x, given)
    found = {q: mean_impurity(x[:, q[0]] > q[1], y) for q in questions(x)}
    best = min(found, key=found.get)
    value = mean_impurity(x[:, feature] > limit, y)
    halfway = [q for q in found if q[0] == feature and np.isclose(q[1], limit, atol=1e-4)]
    reason = None
    if value > found[best] + 1e-9:
        reason = why_worse(x, y, feature, limit, found)
    elif not halfway:
        reason = (
            "The groups are right, but the limit should lie halfway between two neighbouring "
            "values: a new image may fall between them."
        )
    if reason:
        raise NotYet(
            reason,
            given=given,
            expected=f"feature {best[0]}, limit {best[1]:g}: mean impurity {found[best]:.4f}",
            got=f"feature {feature}, limit {limit:g}: mean impurity {value:.4f}",
        )


def why_worse(x: np.ndarray, y: np.ndarray, feature: int, limit: float, found: dict) -> str:
    """Return what is wrong with a question that is not the best."""
    yes = x[:, feature] > limit
    value, best = mean_impurity(yes, y), min(found.values())
    if mean_impurity(x[:, feature] >= limit, y) <= best + 1e-9:
        return (
            "The question is `x > limit`, and this limit is itself a value of `x`: an image "
            "that has it comes into the other group. Put the limit halfway."
        )
    if yes.all() or not yes.any():
        return "All images give the same answer to this question: it tells nothing."
    reasons = best_otherwise(x, y, feature, yes)
    if value >= max(found.values()) - 1e-9:
        reasons.append("if the largest impurity is taken (wanted is the smallest)")
    if reasons:
        return f"This question is the best one {', or '.join(reasons)}."
    return "There is a question that leaves purer groups."


def best_otherwise(x: np.ndarray, y: np.ndarray, feature: int, yes: np.ndarray) -> list[str]:
    """Return in which other ways of asking this question would be the best."""
    one_class = [lambda labels, name=name: gini((labels == name).astype(int)) for name in set(y)]
    one_class.append(lambda labels: other_labels(labels) * (1 - other_labels(labels)))
    measures = {
        "by the entropy (wanted is the Gini impurity: 1 less the sum of the squared shares)": [
            (entropy, True)
        ],
        "if impurity is 1 less the largest share (take off the squares of all shares)": [
            (other_labels, True)
        ],
        "if one class stands against all others together (each class has a share of its own to "
        "square)": [(impurity, True) for impurity in one_class],
        "if both groups count alike (a group counts by its share of the images: one pure group of "
        "a single image is worth little)": [(gini, False)],
    }
    splits = [x[:, column] > limit for column, limit in questions(x)]
    found = []
    for reason, ways in measures.items():
        for impurity, weighted in ways:
            least = min(mean_impurity(split, y, weighted, impurity) for split in splits)
            if mean_impurity(yes, y, weighted, impurity) <= least + 1e-9:
                found.append(reason)
                break
    count, here = x.shape[1], mean_impurity(yes, y)
    for columns in (range(2), range(count - 1), range(1, count)):
        asked = x[:, columns]
        if feature in columns and len(columns) < count:
            worth = [mean_impurity(asked[:, at] > limit, y) for at, limit in questions(asked)]
            if here <= min(worth) + 1e-9:
                return [*found, f"if a column is left out (there are {count}: 0 to {count - 1})"]
    return found


@LAB.task(
    "Two models, the same digits",
    hints=(
        "Begin with 10 rows and 10 columns of zeros; each image adds 1 in the row of its true "
        "digit and the column of the answer.",
        "For the second table make two arrays of True and False: where the first model is right, "
        "and where the second is. `&` is 'and', `~` is 'not'.",
        "`np.add.at(table, (truth, answers), 1)`; "
        "`[[(a & b).sum(), (a & ~b).sum()], [(~a & b).sum(), (~a & ~b).sum()]]`.",
    ),
    why="Two models with the same accuracy may fail on other digits: only the pairs show it.",
)
def q6(confusion: object, pairs: object, draw: Draw) -> None:
    """`confusion(truth, answers)` and `pairs(truth, first, second)`."""
    attempted(confusion, pairs)
    for n in (12, 80):
        truth, first, second = two_readers(n, draw)
        check_confusion(confusion, truth, first)
        check_pairs(pairs, truth, first, second)


def two_readers(n: int, draw: Draw) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return true digits, one of the ten missing, and two answers; both may err alike or not."""
    missing = draw.integer(1, 9)
    digits = [digit for digit in range(10) if digit != missing]
    while True:
        truth = np.array([draw.choice(digits) for _ in range(n)])
        first, second = (spoilt(truth, digits, draw) for _ in range(2))
        if n > 20:
            second[(first != truth).argmax()] = first[(first != truth).argmax()]
        one, other, alike = first == truth, second == truth, first == second
        told_apart = (~one & ~other & alike).any() or n <= 20
        counts = [(a & b).sum() for a in (one, ~one) for b in (other, ~other)]
        if told_apart and counts[1] != counts[2] and counts[0] != counts[3]:
            return truth, first, second


def spoilt(truth: np.ndarray, digits: list[int], draw: Draw) -> np.ndarray:
    """Return answers of which about a third are wrong, at least two of them."""
    answers = truth.copy()
    places = draw.order(len(truth))[: len(truth) // 3 + draw.integer(1, 3)]
    for place in places.tolist():
        answers[place] = draw.choice([digit for digit in digits if digit != truth[place]])
    return answers


def check_confusion(confusion: object, truth: np.ndarray, answers: np.ndarray) -> None:
    """Compare the table with ours. Raises NotYet."""
    table = np.zeros((10, 10), dtype=int)
    np.add.at(table, (truth, answers), 1)
    there = sorted({*truth.tolist(), *answers.tolist()})
    once = (table > 0).astype(int)
    same(
        keeps(confusion, truth, answers, says=changed("truth", "answers")),
        table,
        given=f"truth   {truth}\nanswers {answers}",
        what="The table",
        traps={
            "Rows and columns are exchanged: rows are true digits, columns are answers.": table.T,
            "A digit that does not occur has a row and a column, too: always 10 by 10.": table[
                np.ix_(there, there)
            ],
            "Each place is 1 at most: `table[truth, answers] += 1` adds a pair only once however "
            "often it comes. Use a loop, or `np.add.at`.": once,
            "These are shares; wanted are counts.": table / len(truth),
            "These are shares of each row; wanted are counts.": table
            / np.maximum(1, table.sum(1, keepdims=True)),
            "Only the mistakes are counted: right answers belong on the diagonal.": table
            - np.diag(np.diag(table)),
        },
    )


def check_pairs(pairs: object, truth: np.ndarray, first: np.ndarray, second: np.ndarray) -> None:
    """Compare the two-by-two table with ours. Raises NotYet."""
    a, b = first == truth, second == truth
    table = np.array([[(a & b).sum(), (a & ~b).sum()], [(~a & b).sum(), (~a & ~b).sum()]])
    alike = (first == second).sum()
    same(
        keeps(pairs, truth, first, second, says=changed("truth", "first", "second")),
        table,
        given=f"truth  {truth}\nfirst  {first}\nsecond {second}",
        what="The table of pairs",
        traps={
            "The two models are exchanged: only the first right stands at the upper right.": (
                table.T
            ),
            "Right and wrong are mixed up: both wrong stands at the upper left here; that is the "
            "place for both right.": table[::-1, ::-1],
            "These are shares; wanted are counts.": table / len(truth),
            "The upper left should count where both are right, not where they agree: two models "
            "can agree on a wrong digit.": [[alike, table[0, 1]], [table[1, 0], table[1, 1]]],
            "The lower right should count where both are wrong, whether or not they agree.": [
                [table[0, 0], table[0, 1]],
                [table[1, 0], (~a & ~b & (first == second)).sum()],
            ],
            "These count all that one model reads; wanted is what *only* it reads.": [
                [table[0, 0], a.sum()],
                [b.sum(), table[1, 1]],
            ],
        },
    )


@LAB.task(
    "Shuffled pixels",
    needs=("q1", "q3", "q4", "q5"),
    hints=(
        "Let `read` learn and answer twice: once with `x` and `images` as they are, once with "
        "both shuffled. Then compare the answers, image by image.",
        "`x[:, order]` shuffles the pixels, which are the columns; `x[order]` would take other "
        "images. Training and new images need the same order.",
        "`(read(x, y, images) == read(x[:, order], y, images[:, order])).mean()`.",
    ),
    why="Whether a model knows that its numbers are a picture can be measured, without opening it.",
)
def q7(prediction: object, same_answers: object, measured: object, draw: Draw) -> str:
    """The predictions, `same_answers(read, x, y, images, order)`, and what it gave."""
    attempted(prediction, same_answers)
    predicted = named(prediction, "prediction")
    for model in MODELS:
        one_of(predicted[model], ("same", "other"), f"The prediction for {model!r}")
    for read in (
        Model(read_anywhere, "a model that adds up differences"),
        Model(read_in_place, "a model that compares pixels beside one another"),
    ):
        check_same_answers(same_answers, read, draw)
    shares = measured_shares(measured)
    found = {model: "same" if shares[model] >= 0.99 else "other" for model in MODELS}
    if found["neighbours"] == "other" or found["blurred"] == "same":
        raise NotYet(
            f"`same_answers` is right, but `measured` does not come from it. {AGAIN}", got=measured
        )
    met = sum(predicted[model].strip().lower() == found[model] for model in MODELS)
    others = [repr(model) for model in MODELS if found[model] == "other"]
    return (
        f"Other answers come from {' and '.join(others)}; it went as you predicted for {met} of "
        f"{len(MODELS)}."
    )


AGAIN = "Run the measuring cell again, then this check."


def measured_shares(measured: object) -> dict[str, np.ndarray]:
    """Return the measured shares by model. Raises NotYet with what is missing."""
    if measured is None:
        needed = {"q1": 1, "q3": 3, "q4": 4, "q5": 5}
        missing = [str(number) for name, number in needed.items() if not LAB.tasks[name].passed]
        if missing:
            raise NotYet(
                "`same_answers` is right, but nothing is measured yet. The five models are made of "
                "your tasks 1, 3, 4 and 5, and the checks of these have not said Right yet: "
                f"{', '.join(missing)}. Then run the measuring cell and this check."
            )
        raise NotYet(f"`same_answers` is right, but nothing is measured with it yet. {AGAIN}")
    shares = {model: as_array(share) for model, share in named(measured, "measured").items()}
    if any(share.size != 1 or not 0 <= share <= 1 for share in shares.values()):
        raise NotYet(f"`measured` should hold shares between 0 and 1. {AGAIN}", got=measured)
    return shares


def unwritten(prediction: object) -> list[str]:
    """Return the models for which nothing is predicted yet."""
    return [m for m in MODELS if isinstance(prediction, dict) and prediction.get(m, ...) is ...]


@dataclass(frozen=True)
class Model:
    """A model to measure, which can tell what it is and what it was given."""

    function: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
    words: str

    def __repr__(self) -> str:
        return self.words

    def __call__(self, x: object, y: object, images: object) -> np.ndarray:
        """Return the answers. Raises NotYet when other images come in, not other pixels."""
        x, y = as_array(x, "The `x` for `read`"), as_array(y, "The `y` for `read`")
        images = as_array(images, "The `images` for `read`")
        for name, array, count in (("x", x, TRAINING), ("images", images, NEW)):
            if array.shape == (count, PIXELS):
                continue
            if array.ndim == 2 and array.shape[1] == PIXELS:
                raise NotYet(
                    f"`{name}[order]` takes other images, in another order. The pixels are the "
                    f"columns: `{name}[:, order]`.",
                    expected=f"`read` gets `{name}` of shape {(count, PIXELS)}",
                    got=f"shape {array.shape}",
                )
            raise NotYet(
                f"`read` is called with `{name}` of another shape: all images, and all pixels.",
                expected=f"shape {(count, PIXELS)}",
                got=f"shape {array.shape}",
            )
        if y.shape != (TRAINING,):
            raise NotYet(
                "`read` is called as `read(x, y, images)`: `y` are the labels of `x`, as they are.",
                expected=f"`y` of shape {(TRAINING,)}",
                got=f"shape {y.shape}",
            )
        return self.function(x, y, images)


TRAINING, NEW, PIXELS = 30, 40, 12  # the sizes for which `same_answers` is tried


def named(answer: object, what: str) -> dict:
    """Return a dictionary with one entry for each model. Raises NotYet."""
    if not isinstance(answer, dict) or set(answer) != set(MODELS):
        wanted = ", ".join(map(repr, MODELS))
        raise NotYet(f"`{what}` should be a dictionary with {wanted}.", got=answer)
    attempted(*answer.values())
    return answer


def read_anywhere(x: np.ndarray, y: np.ndarray, images: np.ndarray) -> np.ndarray:
    """Read by the nearest neighbour; the order of the pixels is all one to it."""
    return answers_of(images, x, y, 1)


def read_in_place(x: np.ndarray, y: np.ndarray, images: np.ndarray) -> np.ndarray:
    """Read by the nearest neighbour of the differences between neighbouring pixels."""
    return answers_of(np.diff(images[:, :6]), np.diff(x[:, :6]), y, 1)


def check_same_answers(same_answers: object, read: Model, draw: Draw) -> None:
    """Compare the share of equal answers with ours, for a model that we made. Raises NotYet."""
    while True:
        x, images = points_of(draw, TRAINING, PIXELS), points_of(draw, NEW, PIXELS)
        y, order = draw.integers(0, 9, TRAINING).numpy(), draw.order(PIXELS).numpy()
        before = read(x, y, images)
        share = (before == read(x[:, order], y, images[:, order])).mean()
        only_new = (before == read(x, y, images[:, order])).mean()
        only_old = (before == read(x[:, order], y, images)).mean()
        if len({share, only_new, only_old}) == 3 and share > 0:
            break
    says = changed("x", "y", "images", "order")
    same(
        keeps(same_answers, read, x, y, images, order, says=says),
        share,
        given=f"{read}; x {x.shape}, images {images.shape}, order\n{order}",
        what="The share of equal answers",
        traps={
            "Only the new images are shuffled here: the model must learn on shuffled ones, too.": (
                only_new
            ),
            "Only the training images are shuffled here: the new ones must be as well.": only_old,
            "This is a count; wanted is a share.": share * len(images),
            "This is in per cent; wanted is a share between 0 and 1.": 100 * share,
            "These are the answers that differ; wanted is the share that stays the same.": (
                1 - share
            ),
        },
    )


ERRORS_LEFT = 0.8  # of the nearest neighbour's errors an answer to the open task may leave so many
TOO_GOOD, LITTLE = 0.03, 0.02  # errors that a hundred images cannot reach; a loss that is luck


@LAB.task(
    "Open: a hundred images",
    needs=("q1",),
    hints=(
        "What do you know of digits that a list of numbers does not say? That a stroke may lie one "
        "pixel further left, for instance, and is still the same stroke.",
        "Either change the images before you compare them (blur, straighten, centre), or make more "
        "of the hundred (copies that moved a little), or ask another model.",
        "Blurring alone is not enough. Copies of `x` that moved by one pixel to each side are: "
        "`np.roll` on `x.reshape(-1, 28, 28)`, `np.concatenate`, and `np.tile` for the labels.",
    ),
    why="With few images, what you know beforehand is worth more than any setting.",
    seconds=120,
)
def q8(read: object, draw: Draw) -> str:
    """Any `read(x, y, images)` that reads more than the nearest neighbour with 100 images."""
    train = lc.load_dataset("digits", "train").first(1250)  # each digit once, no copies
    vectors, labels = as_vectors(train.images), train.labels.numpy()
    pixels = draw.order(vectors.shape[1]).numpy()
    errors, plain, blurred, by = [], [], [], draw.integer(1, 9)
    for attempt in range(8):
        mixed = draw.order(len(labels)).numpy()
        chosen = np.concatenate([mixed[labels[mixed] == digit][:10] for digit in range(10)])
        others = np.setdiff1d(mixed, chosen)[:1000]
        x, y, images, truth = vectors[chosen], labels[chosen], vectors[others], labels[others]
        errors.append(wrong(read, x, y, images, truth))
        plain.append((nearest(x, y, images) != truth).mean())
        blurred.append((nearest(blur(x), y, blur(images)) != truth).mean())
        if attempt == 0:
            shuffled = wrong(read, x[:, pixels], y, images[:, pixels], truth)
            renamed = wrong(read, x, (y + by) % 10, images, (truth + by) % 10)
            if errors[0] < 0.5 and renamed - errors[0] > 0.15:
                raise NotYet(
                    "It should learn from these hundred only, the `x` and `y` that `read` is given."
                    " With other names for the ten classes it goes on giving the old ones: does it "
                    "use other images, or weights that were learned before?",
                    expected=f"about {errors[0]:.1%} wrong, also when each digit d is called "
                    f"(d + {by}) % 10",
                    got=f"{renamed:.1%} wrong",
                )
    yours, theirs = float(np.mean(errors)), float(np.mean(plain))
    if yours < TOO_GOOD:
        raise NotYet(
            "This reads better than a hundred images can teach. Does it learn from these hundred "
            "only, the `x` and `y` that `read` is given, or from others as well?",
            got=f"{yours:.1%} wrong",
        )
    if yours > ERRORS_LEFT * theirs:
        raise NotYet(
            "At least a fifth of the errors of the nearest neighbour should go. If you have told "
            "your reader something about digits, tell it more, or tell it in another way.",
            expected=f"at most {ERRORS_LEFT * theirs:.1%} wrong (nearest neighbour {theirs:.1%}, "
            f"on blurred images {np.mean(blurred):.1%})",
            got=f"{yours:.1%} wrong",
        )
    lost = "what it loses there it owes to knowing which pixels are neighbours."
    if shuffled - errors[0] < LITTLE:
        lost = (
            "shuffling costs it nothing, so it does not know that its numbers are a picture. What "
            "it does better, it does with any hundred lists of numbers."
        )
    return (
        f"Wrong: {yours:.1%}. One neighbour alone: {theirs:.1%}; one neighbour on blurred images: "
        f"{np.mean(blurred):.1%}. With shuffled pixels yours has {shuffled:.1%} wrong, "
        f"where it had {errors[0]:.1%} on the same images: {lost}"
    )


def wrong(read: object, x: np.ndarray, y: np.ndarray, images: np.ndarray, truth: object) -> float:
    """Return the share of wrong answers. Raises NotYet when they are not one digit an image."""
    got = call(read, x.copy(), y.copy(), images.copy())
    words = "One digit for each image is wanted."
    answers = of_shape(got, truth.shape, "What `read` gives back", says=words)
    return float((answers != truth).mean())


def nearest(x: np.ndarray, y: np.ndarray, images: np.ndarray) -> np.ndarray:
    """Return the label of the nearest row of x for every image."""
    return y[torch.cdist(torch.from_numpy(images), torch.from_numpy(x)).argmin(1).numpy()]


def blur(vectors: np.ndarray) -> np.ndarray:
    """Return vectors of 28x28 images with each pixel the mean of the 3x3 around it."""
    images = torch.from_numpy(vectors).reshape(-1, 1, 28, 28)
    return F.avg_pool2d(images, 3, stride=1, padding=1).reshape(len(vectors), -1).numpy()
