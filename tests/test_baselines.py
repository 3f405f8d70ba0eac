"""Baselines by name, on the embedded digits, and clusterings as classifiers by hand."""

import numpy as np
import pytest
from sklearn.cluster import DBSCAN, KMeans
from sklearn.neighbors import KNeighborsClassifier

from lenetcourse import load_dataset
from lenetcourse.baselines import BASELINES, ClusterVote, as_vectors, make_baseline


@pytest.fixture(scope="module")
def digits():
    train, test = (load_dataset("digits", split) for split in ("train", "test"))
    few = train.first(1000)
    return as_vectors(few.images), few.labels.numpy(), as_vectors(test.images), test.labels.numpy()


@pytest.mark.parametrize("name", BASELINES)
def test_better_than_chance(name, digits):
    x, y, unseen, labels = digits
    model = make_baseline(name).fit(x, y)
    answers = model.predict(unseen)
    assert answers.shape == labels.shape
    share = (answers == labels).mean()
    if name == "majority":
        assert len(set(answers)) == 1
        assert answers[0] == np.bincount(y).argmax()
    else:
        assert share > (0.1 if name == "dbscan" else 0.5)


def test_vectors():
    images = load_dataset("digits", "test").images
    vectors = as_vectors(images)
    assert vectors.dtype == np.float32
    assert np.array_equal((vectors * 255).round().reshape(-1, 28, 28), images.numpy())


def test_knn_has_five_neighbours_of_raw_pixels(digits):
    x, y, unseen, _ = digits
    expected = KNeighborsClassifier(5).fit(x, y).predict(unseen)
    assert np.array_equal(make_baseline("knn").fit(x, y).predict(unseen), expected)


def test_pca_keeps_the_variance(digits):
    model = make_baseline("pca-knn").fit(*digits[:2])
    assert model[0].explained_variance_ratio_.sum() >= 0.95
    assert model[0].explained_variance_ratio_[:-1].sum() < 0.95


@pytest.mark.parametrize("name", ["tree", "forest", "kmeans"])
def test_seed_decides(name, digits):
    x, y, unseen, _ = digits
    answers = [make_baseline(name, seed).fit(x, y).predict(unseen) for seed in (0, 0, 1)]
    assert np.array_equal(answers[0], answers[1])
    assert not np.array_equal(answers[0], answers[2])


def test_unknown_name():
    with pytest.raises(ValueError, match="unknown baseline 'svm': one of majority"):
        make_baseline("svm")


def blobs():
    """Two heaps and a far point; the left heap is mostly 3, the right mostly 8."""
    left = np.array([[0.0, 0], [0.1, 0], [0, 0.1], [0.1, 0.1]])
    x = np.vstack([left, left + 5, left + 5.2, [[50.0, 50]]])
    y = np.array([3, 3, 3, 8] + [8, 8, 8, 3] + [8, 8, 8, 8] + [3])
    return x, y


def test_every_cluster_answers_with_its_commonest_label():
    x, y = blobs()
    model = ClusterVote(KMeans(3, n_init=10, random_state=0)).fit(x, y)
    assert list(model.predict([[0.05, 0.05], [5.1, 5.1], [49.0, 49.0]])) == [3, 8, 3]
    assert model.noise_ == 0


def test_dbscan_leaves_noise_to_the_commonest_label():
    x, y = blobs()
    model = ClusterVote(DBSCAN(eps=0.5, min_samples=3)).fit(x, y)
    assert model.noise_ == pytest.approx(1 / 13)
    # near the left heap, near the right one, near nothing (8 is commonest)
    assert list(model.predict([[0.05, 0.05], [5.1, 5.1], [49.0, 49.0]])) == [3, 8, 8]


def test_dbscan_that_finds_no_cluster():
    x, y = blobs()
    model = ClusterVote(DBSCAN(eps=1e-3, min_samples=3)).fit(x, y)
    assert model.noise_ == 1
    assert list(model.predict(x[:2])) == [8, 8]
