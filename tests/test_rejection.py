"""When an answer is unsure: against the definition, tried margin by margin."""

import numpy as np
import pytest
import torch

from lenetcourse.train.rejection import is_unsure, margin, smallest_margin


def answers(count=300, seed=0, digits=8):
    """Return probabilities, equal margins among them, and labels: the surer, the oftener right."""
    random = np.random.default_rng(seed)
    sure = np.round(random.random(count), digits)
    shares = np.zeros((count, 10))
    shares[:, 3], shares[:, 5] = (1 + sure) / 2, (1 - sure) / 2
    labels = np.where(random.random(count) < 0.7 + 0.3 * sure, 3, 5)
    return torch.tensor(shares), torch.tensor(labels)


def wrong_share(probabilities, labels, least):
    given = margin(probabilities) >= least
    wrong = probabilities.argmax(1) != labels
    return (wrong & given).sum().item() / max(1, given.sum().item())


def test_margin():
    shares = torch.tensor([[0.1, 0.6, 0.3], [0.5, 0.5, 0.0], [0.0, 0.0, 1.0]])
    assert margin(shares).tolist() == pytest.approx([0.3, 0, 1])


@pytest.mark.parametrize("most", [0, 0.005, 0.05, 0.1, 0.3])
@pytest.mark.parametrize("digits", [1, 8], ids=["equal margins", "all different"])
@pytest.mark.parametrize("seed", range(5))
def test_the_smallest_margin(seed, digits, most):
    probabilities, labels = answers(seed=seed, digits=digits)
    found = smallest_margin(probabilities, labels, most)
    candidates = sorted({0.0, *margin(probabilities).tolist()})
    good = [m for m in candidates if wrong_share(probabilities, labels, m) <= most]
    if not good:
        assert found == 2.0
    else:
        assert found == good[0] or found == 0.0 == wrong_share(probabilities, labels, 0.0)
        assert wrong_share(probabilities, labels, found) <= most


def test_nothing_is_rejected_where_nothing_is_wrong():
    probabilities, _ = answers()
    assert smallest_margin(probabilities, probabilities.argmax(1)) == 0.0


def test_everything_is_rejected_where_all_is_wrong():
    probabilities, _ = answers()
    assert smallest_margin(probabilities, 9 - probabilities.argmax(1)) == 2.0


@pytest.mark.parametrize("most", [-0.1, 1, 50])
def test_what_is_no_share(most):
    with pytest.raises(ValueError, match="most_wrong must be from 0 to below 1"):
        smallest_margin(*answers(), most)


def test_unsure():
    probabilities = torch.tensor([[0.1, 0.6, 0.3]])
    assert is_unsure(probabilities, {"unsure_below": 0.31}) is True
    assert is_unsure(probabilities, {"unsure_below": 0.29}) is False
    assert is_unsure(probabilities, {"unsure_below": 0.0}) is False
    assert is_unsure(probabilities, {"dataset": "mnist"}) is None
