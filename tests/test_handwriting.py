"""The recipe of the weights that read own handwriting."""

import pytest
import torch

from lenetcourse import Augment, ImageSet, LeNet5, fit, load_dataset, predict_probabilities
from lenetcourse.train.handwriting import prepare, unsure_below
from lenetcourse.train.no_digits import NO_DIGIT
from lenetcourse.train.rejection import margin

DIGITS = load_dataset("digits", "train").first(1100)
VALIDATION = load_dataset("digits", "validation")


def test_what_is_added_to_images_of_digits():
    train, recipe, added = prepare(DIGITS, seed=0)
    assert torch.equal(train.images[:1100], DIGITS.images)
    assert torch.equal(train.labels[:1100], DIGITS.labels)
    assert (train.name, train.split) == ("digits", "train")
    new = train.labels[1100:].tolist()
    counts = {"upstrokes": new.count(1), "no_digits": new.count(NO_DIGIT)}
    assert added["added"] == counts
    assert added["shares"]["of_upright_ones"] == 0.8
    assert counts["no_digits"] == 100
    assert sum(counts.values()) == len(new) == len(train.images) - 1100
    assert recipe["augment"] == Augment()
    assert torch.equal(prepare(DIGITS, seed=0)[0].images, train.images)
    assert not torch.equal(prepare(DIGITS, seed=1)[0].images[-1], train.images[-1])


def test_nothing_is_added_to_pictures_of_something_else():
    clothes = ImageSet(DIGITS.images, DIGITS.labels, "fashion-mnist", "train")
    train, recipe, added = prepare(clothes, seed=0)
    assert train is clothes
    assert (set(recipe), added) == ({"augment"}, {})


@pytest.fixture(scope="module")
def trained():
    torch.manual_seed(0)
    model = LeNet5()
    fit(model, DIGITS.first(600), VALIDATION, epochs=4, lr=0.004, device="cpu", verbose=False)
    return model


def test_answers_that_are_given_are_right(trained):
    limit = unsure_below(trained, VALIDATION, seed=3)
    assert 0 < limit <= 1  # changed as for handwriting, some are read wrong
    changed = Augment()(VALIDATION.images, torch.Generator().manual_seed(3))
    for images in (VALIDATION.images, changed):
        probabilities = predict_probabilities(trained, images)
        given = margin(probabilities) >= limit
        wrong = (probabilities.argmax(1) != VALIDATION.labels) & given
        assert wrong.sum() <= 0.005 * given.sum()
        assert given.any()


def test_a_network_that_knows_nothing_is_always_unsure():
    torch.manual_seed(0)
    assert unsure_below(LeNet5(), VALIDATION, seed=0) > 0.1
