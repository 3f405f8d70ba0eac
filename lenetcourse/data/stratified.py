"""Which training images are held back as validation images: a tenth of every class."""

import numpy as np

SEED = 2009  # of CIFAR-10's publication; never changed, or every recorded choice would be another
SHARE = 10  # one in ten


def validation_mask(labels: np.ndarray) -> np.ndarray:
    """Return which images are validation images, bool (n,), of labels (n,) from 0 on.

    Of a class with n images n // 10 are drawn, one where that is none, but never the only one, with
    a seed of the class's own from the order in which they stand. So it does not matter how the
    classes are mixed: an archive and a folder that have a class in the same order give the same.
    """
    mask = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        places = np.flatnonzero(labels == label)
        # RandomState's stream is frozen for good; newer generators may change between versions.
        order = np.random.RandomState([SEED, label]).permutation(len(places))
        count = min(max(1, len(places) // SHARE), len(places) - 1)
        mask[places[order[:count]]] = True
    return mask
