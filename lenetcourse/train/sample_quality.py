"""How good made images are, in numbers that are no opinion: of a classifier, of its features."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from lenetcourse.data.images import as_inputs
from lenetcourse.errors import UsageError
from lenetcourse.models.summary import activations
from lenetcourse.train.metrics import predict_probabilities
from lenetcourse.train.rejection import margin


class Reading(NamedTuple):
    """What a reader that may refuse says of images: digits (n,), and which it accepts (n,)."""

    digits: Tensor
    accepted: Tensor


def read_images(reader: nn.Module, images: Tensor, limit: float) -> Reading:
    """Return what a classifier reads in uint8 images; a margin below `limit` is a refusal."""
    probabilities = predict_probabilities(reader, images)
    return Reading(probabilities.argmax(1), margin(probabilities) >= limit)


def sample_report(
    images: Tensor,
    reader: nn.Module,
    limit: float,
    references: Mapping[str, Tensor],
    asked: Tensor | None = None,
) -> dict[str, object]:
    """Return the measures of this module for made uint8 images, as JSON values.

    `references` are `features` of real images, by name; `asked`, (n,), are the labels that the
    images were made for.

    Returned are `count`; `accepted`, a share; `as_asked`, the share that is accepted and read as it
    was asked for; `digits`, how often each is read among the accepted; `classes`, how many classes
    these would be if equally frequent; `spread` within a class; `distance` of all images to each
    reference, and `extrapolated`, what it would be for infinitely many.
    """
    digits, accepted = read_images(reader, images, limit)
    rows, generator = features(reader, images), torch.Generator().manual_seed(0)
    report = {
        "count": len(images),
        "accepted": accepted.float().mean().item(),
        "digits": digits[accepted].bincount(minlength=10).tolist(),
        "classes": effective_classes(digits[accepted]),
        "spread": spread_within(rows[accepted], digits[accepted]),
        "distance": {k: frechet_distance(rows, known) for k, known in references.items()},
        "extrapolated": {
            k: extrapolated_distance(rows, known, generator) for k, known in references.items()
        },
    }
    if asked is not None:
        report["as_asked"] = (accepted & (digits == asked)).float().mean().item()
    return report


def features(model: nn.Module, images: Tensor, layer: str = "fc2") -> Tensor:
    """Return what a layer of a classifier makes of uint8 images, float64 (n, units).

    The values before the activation function, of which most are spread like a bell; `fc2` is the
    last hidden layer of LeNet-5, 84 units.
    """
    parts = [activations(model, as_inputs(part))[layer].flatten(1) for part in images.split(500)]
    return torch.cat(parts).double()


def frechet_distance(first: Tensor, second: Tensor) -> float:
    """Return the squared Fréchet distance of the normal distributions fitted to two sets of rows.

    (m1 - m2)^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)) for features (n, units) and (k, units): Dowson and
    Landau (1982), doi:10.1016/0047-259X(82)90077-X; Heusel et al. (2017), arXiv:1706.08500, for
    images. C1 C2 has the eigenvalues of the symmetric C1^(1/2) C2 C1^(1/2). Two finite samples of
    one distribution are apart: compare only distances of as many rows. Raises UsageError for fewer
    than two rows, or rows of another length.
    """
    if min(len(first), len(second)) < 2 or first.shape[1:] != second.shape[1:]:
        raise UsageError(
            f"rows {tuple(first.shape)} and {tuple(second.shape)} have no distance: two rows at "
            "least, all of one length"
        )
    a, b = (rows.double().numpy() for rows in (first, second))
    moved = np.square(a.mean(0) - b.mean(0)).sum()
    cov_a, cov_b = np.atleast_2d(np.cov(a.T)), np.atleast_2d(np.cov(b.T))
    values, vectors = np.linalg.eigh(cov_a)
    root = (vectors * np.sqrt(values.clip(min=0))) @ vectors.T
    both = np.linalg.eigvalsh(root @ cov_b @ root).clip(min=0)
    return float(moved + np.trace(cov_a) + np.trace(cov_b) - 2 * np.sqrt(both).sum())


def extrapolated_distance(
    rows: Tensor, reference: Tensor, generator: torch.Generator, points: int = 8
) -> float:
    """Return the Fréchet distance that infinitely many `rows` would have, on a straight line.

    Its bias falls as 1 / n: measure it for `points` samples of between a fifth of the rows and all,
    evenly spaced in 1 / n, and read the line off at 0 (Chong and Forsyth, 2020, arXiv:1911.07023).
    Chance may bring it below 0. The reference, (k, units), stays whole, with its own bias. Raises
    UsageError for fewer than ten rows, or two points.
    """
    if len(rows) < 10 or points < 2:
        raise UsageError(f"{len(rows)} rows, {points} points: ten rows and two points at least")
    inverse = np.linspace(1 / len(rows), 5 / len(rows), points)
    distances = []
    for count in np.rint(1 / inverse).astype(int):
        chosen = torch.randperm(len(rows), generator=generator)[:count]
        distances.append(frechet_distance(rows[chosen], reference))
    return float(np.polyfit(inverse, distances, 1)[1])


def effective_classes(labels: Tensor) -> float:
    """Return how many classes there would be if all that there are were as frequent.

    The exponential of the entropy: 10.0 for ten equally frequent classes, 1.0 for one alone, 0.0
    for no labels at all.
    """
    if not len(labels):
        return 0.0
    shares = labels.bincount().double() / len(labels)
    return float(torch.special.entr(shares).sum().exp())


def spread_within(rows: Tensor, labels: Tensor) -> float:
    """Return the mean squared distance of two rows of one class, the mean over the classes.

    Twice the sum of a class's variances is the mean over all its pairs. `rows` are (n, units),
    `labels` (n,); a class with fewer than two rows does not count, and 0.0 is what none gives.
    """
    parts = [rows[labels == label].double() for label in labels.unique()]
    found = [2 * float(part.var(0).sum()) for part in parts if len(part) > 1]
    return sum(found) / len(found) if found else 0.0


def nearest_distances(images: Tensor, others: Tensor) -> Tensor:
    """Return the distance, (n,), from each uint8 image to the nearest of `others`, in ink.

    The root of the summed squared differences, with 1 for full ink: a copy has 0.
    """
    rows, known = (as_inputs(part).flatten(1) for part in (images, others))
    return torch.cat([torch.cdist(part, known).amin(1) for part in rows.split(100)])
