"""The recipe of the weights that read own handwriting: `lenetcourse train --augment`."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from lenetcourse.data.images import ImageSet
from lenetcourse.train.augment import Augment
from lenetcourse.train.metrics import predict_probabilities
from lenetcourse.train.no_digits import NO_DIGIT, no_digits, spread_cross_entropy
from lenetcourse.train.rejection import smallest_margin
from lenetcourse.train.upstrokes import with_upstrokes

DIGITS = ("mnist", "qmnist", "emnist-digits", "digits")  # where class 1 is the digit 1
UPSTROKES = 0.8  # of the upright ones are there a second time, with a long upstroke
WITHOUT = 11  # one picture without a digit, or with two, to so many images


def prepare(train: ImageSet, seed: int) -> tuple[ImageSet, dict, dict[str, dict]]:
    """Return the images to train on, what `fit` needs for them, and what was added, as facts.

    To images of digits are added ones with long upstrokes, letters, and pairs of digits; the last
    two have the label NO_DIGIT.
    """
    recipe = {"augment": Augment()}
    if train.name not in DIGITS:
        return train, recipe, {}
    generator = torch.Generator().manual_seed(seed)
    images, labels = with_upstrokes(train.images, train.labels, UPSTROKES, generator)
    others = no_digits(train.images, len(train) // WITHOUT, generator)
    added = {"upstrokes": len(images) - len(train), "no_digits": len(others)}
    shares = {"of_upright_ones": UPSTROKES, "images_to_a_picture_without_a_digit": WITHOUT}
    labels = torch.cat([labels, torch.full((len(others),), NO_DIGIT)])
    train = replace(train, images=torch.cat([images, others]), labels=labels)
    return train, recipe | {"loss_fn": spread_cross_entropy}, {"added": added, "shares": shares}


def unsure_below(model: nn.Module, validation: ImageSet, seed: int) -> float:
    """Return the margin below which an answer is unsure: at most 0.5 % of the others are wrong.

    That holds for the validation images as they are and also for the same images changed as in
    training: the plain ones alone are too easy to tell what to do with other people's handwriting.
    """
    changed = Augment()(validation.images, torch.Generator().manual_seed(seed))
    return max(_limit(model, images, validation.labels) for images in (validation.images, changed))


def _limit(model: nn.Module, images: Tensor, labels: Tensor) -> float:
    return smallest_margin(predict_probabilities(model, images), labels)
