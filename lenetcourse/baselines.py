"""Models without convolution, from scikit-learn, by name."""

from __future__ import annotations

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.cluster import DBSCAN, KMeans
from sklearn.decomposition import PCA
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors
from sklearn.pipeline import Pipeline
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier
from torch import Tensor

from lenetcourse.data.images import as_shares
from lenetcourse.errors import UsageError

VARIANCE = 0.95  # share that the components of PCA keep: 154 of 784 on MNIST
WITH_PCA = ("logistic", "knn", "tree", "forest", "linear-svm", "rbf-svm")


class ClusterVote(ClassifierMixin, BaseEstimator):
    """A classifier made of a clustering: every cluster answers with its commonest label.

    `clusterer` is `KMeans`, or `DBSCAN`, which cannot place a new image: the image then goes to the
    cluster of the nearest core point when that is within `eps`. Noise gets the commonest label.
    After `fit`, `noise_` is the share of training images outside every cluster.
    """

    def __init__(self, clusterer: BaseEstimator) -> None:
        self.clusterer = clusterer

    def fit(self, X: np.ndarray, y: np.ndarray) -> ClusterVote:
        """Cluster X (n, features), without y, and let the labels y (n,) vote."""
        self.clusterer_ = clone(self.clusterer)
        found = self.clusterer_.fit_predict(X)
        self.classes_ = np.unique(y)
        self.votes_ = {int(c): _commonest(y[found == c]) for c in np.unique(found)}
        self.votes_[-1] = _commonest(y)
        self.noise_ = float((found < 0).mean())
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the label (n,) of the cluster of every row of X (n, features)."""
        found = self._clusters(X)
        return np.array([self.votes_[int(c)] for c in found])

    def _clusters(self, rows: np.ndarray) -> np.ndarray:
        if hasattr(self.clusterer_, "predict"):
            return self.clusterer_.predict(rows)
        core = self.clusterer_.core_sample_indices_
        if not len(core):
            return np.full(len(rows), -1)
        distance, nearest = (
            NearestNeighbors(n_neighbors=1).fit(self.clusterer_.components_).kneighbors(rows)
        )
        clusters = self.clusterer_.labels_[core][nearest[:, 0]]
        return np.where(distance[:, 0] <= self.clusterer_.eps, clusters, -1)


def make_baseline(name: str, seed: int = 0) -> Pipeline:
    """Return an untrained scikit-learn pipeline for vectors in [0, 1].

    `name` is one of `BASELINES`; "pca-" before a name puts PCA in front, with as many components as
    keep 95 % of the variance. `seed` decides what is random. Raises UsageError for an unknown name.
    """
    if name not in BASELINES:
        raise UsageError(f"unknown baseline {name!r}: one of {', '.join(BASELINES)}")
    steps = []
    if name.startswith("pca-"):
        steps.append(("pca", PCA(VARIANCE, random_state=seed)))
    steps.append(("model", _MAKERS[name.removeprefix("pca-")](seed)))
    return Pipeline(steps)


def as_vectors(images: Tensor) -> np.ndarray:
    """Return uint8 images as float32 vectors (n, pixels) in [0, 1]."""
    return as_shares(images).flatten(1).numpy()


def _commonest(labels: np.ndarray) -> int:
    return int(np.bincount(labels).argmax())


_MAKERS = {
    "majority": lambda seed: DummyClassifier(strategy="most_frequent"),
    "logistic": lambda seed: LogisticRegression(C=0.1, max_iter=1000),
    "knn": lambda seed: KNeighborsClassifier(5),
    "tree": lambda seed: DecisionTreeClassifier(random_state=seed),
    "forest": lambda seed: RandomForestClassifier(100, random_state=seed),
    "linear-svm": lambda seed: LinearSVC(C=0.01, random_state=seed),
    "rbf-svm": lambda seed: SVC(C=10),
    "kmeans": lambda seed: ClusterVote(KMeans(10, n_init=10, random_state=seed)),
    "kmeans-256": lambda seed: ClusterVote(KMeans(256, n_init=1, random_state=seed)),
    "dbscan": lambda seed: ClusterVote(DBSCAN(eps=5.0, min_samples=3)),
}
BASELINES = (*_MAKERS, *(f"pca-{name}" for name in WITH_PCA))
