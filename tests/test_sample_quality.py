"""Measures of made images against SciPy, closed forms and counts done by hand."""

import json
import math

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from torch.nn import functional as F

from lenetcourse import load_dataset, load_model, predict_probabilities
from lenetcourse.errors import UsageError
from lenetcourse.train.rejection import margin
from lenetcourse.train.sample_quality import (
    effective_classes,
    extrapolated_distance,
    features,
    frechet_distance,
    nearest_distances,
    read_images,
    sample_report,
    spread_within,
)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def rows_with(mean, covariance, count=200, seed=0):
    """Return rows whose own mean and covariance are exactly these."""
    rows = torch.randn(count, len(mean), generator=seeded(seed), dtype=torch.float64)
    rows = rows - rows.mean(0)
    rows = rows @ torch.linalg.inv(torch.linalg.cholesky(torch.cov(rows.T))).T
    return rows @ torch.linalg.cholesky(covariance).T + mean


def random_covariance(size, seed):
    root = torch.randn(size, size, generator=seeded(seed), dtype=torch.float64)
    return root @ root.T + 0.1 * torch.eye(size, dtype=torch.float64)


def test_distance_of_bells_that_lie_along_the_axes():
    """|m1 - m2|^2 and the squared differences of the deviations: 9 + 16 + 1 + 4 + 0."""
    means = torch.tensor([[0.0, 0, 0], [3, 4, 0]], dtype=torch.float64)
    deviations = torch.tensor([[1.0, 4, 2], [2, 2, 2]], dtype=torch.float64)
    sets = [
        rows_with(m, torch.diag(s**2), seed=k)
        for k, (m, s) in enumerate(zip(means, deviations, strict=True))
    ]
    assert frechet_distance(*sets) == pytest.approx(30)
    assert frechet_distance(sets[0], sets[0]) == pytest.approx(0, abs=1e-9)


def test_distance_is_that_of_scipy():
    first, second = random_covariance(12, 1), random_covariance(12, 2)
    mean = torch.randn(12, generator=seeded(3), dtype=torch.float64)
    sets = rows_with(0 * mean, first, seed=4), rows_with(mean, second, seed=5)
    root = np.real(sqrtm((first @ second).numpy()))
    expected = float(mean.square().sum() + first.trace() + second.trace()) - 2 * np.trace(root)
    assert frechet_distance(*sets) == pytest.approx(expected, rel=1e-9)
    assert frechet_distance(*reversed(sets)) == pytest.approx(expected, rel=1e-9)


def test_distance_where_a_feature_never_moves():
    rows = torch.randn(50, 3, generator=seeded())
    rows[:, 2] = 0
    other = rows + torch.tensor([1.0, 0, 0])
    assert frechet_distance(rows, other) == pytest.approx(1, abs=1e-6)
    assert frechet_distance(rows[:, :1], other[:, :1]) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("wrong", [((1, 3), (5, 3)), ((5, 3), (5, 4))])
def test_rows_that_have_no_distance(wrong):
    with pytest.raises(UsageError, match="have no distance"):
        frechet_distance(*(torch.zeros(*shape) for shape in wrong))


def test_distance_of_finite_samples_and_of_what_they_tend_to():
    """Samples of one distribution: apart by chance, the less the more there are."""
    rows = torch.randn(8000, 20, generator=seeded())
    reference = torch.randn(20_000, 20, generator=seeded(1))
    few, many = (frechet_distance(rows[:count], reference) for count in (1600, 8000))
    assert few > 3 * many > 0
    tends_to = [extrapolated_distance(rows, reference, seeded(k)) for k in range(5)]
    assert abs(sum(tends_to) / 5) < 0.5 * many
    moved = extrapolated_distance(rows + 1, reference, seeded(3))
    assert moved == pytest.approx(20, rel=0.05)
    with pytest.raises(UsageError, match="9 rows, 8 points: ten rows and two points at least"):
        extrapolated_distance(rows[:9], reference, seeded())


def test_features_and_reading_are_the_readers():
    images = load_dataset("digits", "test").images
    reader, facts = load_model("reader")
    rows = features(reader, images)
    assert rows.shape == (350, 84)
    assert rows.dtype == torch.float64
    probabilities = predict_probabilities(reader, images)
    scores = reader.fc3(F.relu(rows.float())).softmax(1)
    assert torch.allclose(scores, probabilities, atol=1e-5)
    reading = read_images(reader, images, facts["unsure_below"])
    assert torch.equal(reading.digits, probabilities.argmax(1))
    assert torch.equal(reading.accepted, margin(probabilities) >= facts["unsure_below"])
    noise = torch.randint(256, (200, 28, 28), dtype=torch.uint8, generator=seeded())
    shares = [
        read_images(reader, x, facts["unsure_below"]).accepted.float().mean()
        for x in (images, noise)
    ]
    assert shares[0] > 0.8 > 0.2 > shares[1]


def test_report():
    images = load_dataset("digits", "test").images
    reader, facts = load_model("reader")
    limit, other = facts["unsure_below"], load_dataset("digits", "validation").images
    rows, known = features(reader, images), {"validation": features(reader, other)}
    digits, accepted = read_images(reader, images, limit)
    asked = torch.where(torch.arange(350) < 35, (digits + 1) % 10, digits)
    report = json.loads(json.dumps(sample_report(images, reader, limit, known, asked)))
    assert report["count"] == 350
    assert report["accepted"] == pytest.approx(int(accepted.sum()) / 350)
    assert report["as_asked"] == pytest.approx(int(accepted[35:].sum()) / 350)
    assert sum(report["digits"]) == int(accepted.sum())
    assert report["classes"] == pytest.approx(effective_classes(digits[accepted]))
    assert report["spread"] == pytest.approx(spread_within(rows[accepted], digits[accepted]))
    assert report["distance"]["validation"] == frechet_distance(rows, known["validation"])
    assert report["extrapolated"]["validation"] < report["distance"]["validation"]
    assert "as_asked" not in sample_report(images, reader, limit, known)
    nothing = sample_report(torch.zeros(20, 28, 28, dtype=torch.uint8), reader, 2.0, known)
    assert (nothing["accepted"], nothing["classes"], nothing["spread"]) == (0, 0, 0)
    assert nothing["distance"]["validation"] > 100


def test_effective_classes():
    assert effective_classes(torch.arange(10).repeat(5)) == pytest.approx(10)
    assert effective_classes(torch.full((7,), 3)) == pytest.approx(1)
    assert effective_classes(torch.tensor([0, 0, 0, 9])) == pytest.approx(4 / 3**0.75)
    assert effective_classes(torch.zeros(0).long()) == 0


def test_spread_is_the_mean_over_pairs():
    rows = torch.randn(9, 4, generator=seeded(), dtype=torch.float64)
    labels = torch.tensor([0, 0, 0, 0, 2, 2, 2, 2, 5])
    means = []
    for part in (rows[:4], rows[4:8]):
        pairs = [(a - b).square().sum() for i, a in enumerate(part) for b in part[:i]]
        means.append(sum(pairs) / len(pairs))
    assert spread_within(rows, labels) == pytest.approx(float(sum(means) / 2))
    assert spread_within(rows, torch.arange(9)) == 0


def test_a_copy_is_near():
    images = load_dataset("digits", "test").images[:150]
    found = nearest_distances(images[:130], torch.cat([images[100:], images[:20] // 2 * 2]))
    assert (found[100:] < 0.01).all()
    assert (found[20:100] > 0.5).all()
    dark = torch.zeros(1, 28, 28, dtype=torch.uint8)
    dark[0, 3, 4:8] = 255
    assert float(nearest_distances(dark, 0 * dark)[0]) == pytest.approx(math.sqrt(4))
