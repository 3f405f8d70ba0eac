"""When a classifier should rather say nothing: answers whose margin is small."""

from __future__ import annotations

import torch
from torch import Tensor

from lenetcourse.errors import UsageError

MOST_WRONG = 0.005  # of the answers given


def margin(probabilities: Tensor) -> Tensor:
    """Return by how much the best class leads the second, 0 to 1, (n,), of rows (n, classes).

    LeCun et al. (1998), section III.D, reject by this and two other measures.
    """
    best = probabilities.topk(2, dim=1).values
    return best[:, 0] - best[:, 1]


def smallest_margin(probabilities: Tensor, labels: Tensor, most_wrong: float = MOST_WRONG) -> float:
    """Return the least margin at which at most that share of the answers given are wrong.

    An answer is given where the margin is as large as that or larger; of all such margins the
    smallest is taken, so that as few as possible are rejected: 0.0 when nothing has to be, and 2.0,
    more than any margin, when even the surest answers are too often wrong. Choose it on validation
    images. `probabilities` are (n, classes), `labels` (n,). Raises UsageError when `most_wrong` is
    no share.
    """
    if not 0 <= most_wrong < 1:
        raise UsageError(f"most_wrong must be from 0 to below 1, not {most_wrong}")
    sure, order = margin(probabilities).sort(descending=True)
    wrong = (probabilities.argmax(1) != labels)[order].cumsum(0)
    share = wrong.double() / torch.arange(1, len(wrong) + 1)
    # Answers of equal margin are given or rejected together: only the last of them can be the end.
    last = torch.ones(len(sure), dtype=torch.bool)
    last[:-1] = sure[1:] < sure[:-1]
    ends = (last & (share <= most_wrong)).nonzero().flatten()
    if not len(ends):
        return 2.0
    end = int(ends[-1])
    return 0.0 if end == len(sure) - 1 else float(sure[end])


def is_unsure(probabilities: Tensor, facts: dict) -> bool | None:
    """Return whether the answer to one image, (1, classes), is too uncertain to be given.

    The limit, `unsure_below`, is among the facts of the weights (`load_model`); None without one.
    """
    limit = facts.get("unsure_below")
    return None if limit is None else bool(margin(probabilities)[0] < limit)
