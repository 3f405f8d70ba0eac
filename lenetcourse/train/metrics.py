"""How good a classifier or a segmentation is, and how sure one can be of that."""

import math

import torch
from torch import Tensor, nn

from lenetcourse.data.images import as_inputs
from lenetcourse.errors import UsageError


def accuracy(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the share of rows whose largest score, of (n, classes), is at the target, (n,)."""
    return (outputs.argmax(1) == targets).float().mean()


def confidence_interval(share: float, count: int) -> tuple[float, float]:
    """Return the 95 % Wilson score interval of a share measured on `count` independent images.

    E. B. Wilson, Journal of the American Statistical Association 22 (1927), 209-212.
    Raises UsageError when `count` is not positive or `share` is not from 0 to 1.
    """
    if count < 1 or not 0 <= share <= 1:
        raise UsageError(f"a share of {share} of {count} images makes no sense")
    z2 = 1.959964**2
    middle = (share + z2 / (2 * count)) / (1 + z2 / count)
    half = math.sqrt(z2 * (share * (1 - share) / count + z2 / (4 * count**2))) / (1 + z2 / count)
    return max(0.0, middle - half), min(1.0, middle + half)


@torch.no_grad()
def predict_probabilities(model: nn.Module, images: Tensor, batch_size: int = 1000) -> Tensor:
    """Return softmax probabilities (n, classes), on the CPU, of uint8 images.

    They are (n, h, w) for grey or (n, 3, h, w) for colour.
    """
    was_training = model.training
    device = next(model.parameters()).device
    model.eval()
    parts = images.split(batch_size)
    rows = [model(as_inputs(part.to(device))).softmax(1).cpu() for part in parts]
    model.train(was_training)
    return torch.cat(rows)


def pixel_accuracy(scores: Tensor, masks: Tensor) -> Tensor:
    """Return the share of pixels on the right side, a mean over images.

    `scores` are (n, 1, h, w), before the sigmoid: above 0 is digit; `masks` (n, h, w) of 0 and 1.
    """
    return ((scores.squeeze(1) > 0) == masks.bool()).float().mean()


def iou(scores: Tensor, masks: Tensor) -> Tensor:
    """Return the mean over images of intersection over union of the digit's pixels, from 0 to 1.

    Arguments as for `pixel_accuracy`. An empty mask found empty counts as 1.
    """
    both, sizes = _overlap(scores, masks)
    return _share(both, sizes - both)


def dice(scores: Tensor, masks: Tensor) -> Tensor:
    """Return the mean over images of twice the intersection by the sum of both sizes, 0 to 1.

    Arguments as for `pixel_accuracy`. For one image it is 2 IoU / (1 + IoU).
    """
    both, sizes = _overlap(scores, masks)
    return _share(2 * both, sizes)


def _overlap(scores: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
    """Return for each image the pixels of the digit that were found, and the sum of both sizes."""
    found, true = (scores.squeeze(1) > 0).flatten(1), masks.bool().flatten(1)
    return (found & true).sum(1), found.sum(1) + true.sum(1)


def _share(part: Tensor, whole: Tensor) -> Tensor:
    """Return the mean of part / whole, where nothing of nothing is all of it."""
    return torch.where(whole > 0, part / whole.clamp(min=1), 1.0).mean()
