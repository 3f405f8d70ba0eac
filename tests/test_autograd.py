"""The course's own autograd: every gradient beside torch's, on random graphs."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from lenetcourse.train import autograd
from lenetcourse.train.autograd import Node, backward, cross_entropy, matmul

SHAPES = [(3, 4), (4,), (1, 4), (3, 1), ()]  # all broadcast against (3, 4)
OPERATIONS = ("add", "multiply", "relu", "matmul")
TORCH = {"add": torch.add, "multiply": torch.mul, "relu": torch.relu, "matmul": torch.matmul}


def random_graph(rng):
    """Return leaves, and the loss of one graph in both forms: of `Node`s and of tensors."""
    ours = [Node(rng.normal(size=shape)) for shape in SHAPES] + [Node(rng.normal(size=(4, 4)))]
    theirs = [torch.tensor(node.value, requires_grad=True) for node in ours]
    leaves = list(zip(ours, theirs, strict=True))
    pairs = leaves[:-1]
    for name in rng.choice(OPERATIONS, size=rng.integers(1, 12)):
        first, second = (pairs[k] for k in rng.integers(len(pairs), size=2))
        if name == "matmul":
            while first[0].value.ndim < 2 or first[0].value.shape[1] != 4:
                first = pairs[rng.integers(len(pairs))]
            second = leaves[-1]
        inputs = [first] if name == "relu" else [first, second]
        node = getattr(autograd, name)(*(pair[0] for pair in inputs))
        pairs.append((node, TORCH[name](*(pair[1] for pair in inputs))))
    full = (leaves[0], pairs[-1])  # the last result, made as large as the scores
    scores = autograd.add(*(pair[0] for pair in full)), torch.add(*(pair[1] for pair in full))
    labels = rng.integers(4, size=3)
    theirs = F.cross_entropy(scores[1], torch.tensor(labels))
    return leaves, cross_entropy(scores[0], labels), theirs


@pytest.mark.parametrize("seed", range(200))
def test_gradients_of_random_graphs_are_those_of_torch(seed):
    leaves, ours, theirs = random_graph(np.random.default_rng(seed))
    backward(ours)
    theirs.backward()
    assert ours.value == pytest.approx(theirs.item(), rel=1e-9)
    for node, tensor in leaves:
        expected = np.zeros(node.value.shape) if tensor.grad is None else tensor.grad.numpy()
        assert node.gradient.shape == node.value.shape
        np.testing.assert_allclose(node.gradient, expected, rtol=1e-8, atol=1e-10)


def test_random_graphs_use_every_operation_and_share_nodes():
    rng = np.random.default_rng(0)
    shared, used = 0, set()
    for _ in range(50):
        order, todo = [], [random_graph(rng)[1]]
        while todo:
            node = todo.pop()
            shared += any(node is seen for seen in order)
            if all(node is not seen for seen in order):
                order.append(node)
                used.add(node.pass_back and node.pass_back.__qualname__.split(".")[0])
                todo += node.parents
    assert {*OPERATIONS, "cross_entropy"} <= used
    assert shared > 20


def test_gradients_add_up_until_they_are_cleared():
    weight = Node(3.0)
    for _ in range(2):
        backward(autograd.multiply(weight, Node(2.0)))
    assert weight.gradient == 4


def test_large_scores_do_not_overflow():
    scores = Node([[1000.0, 0.0]])
    loss = cross_entropy(scores, np.array([0]))
    backward(loss)
    assert loss.value == 0
    np.testing.assert_allclose(scores.gradient, 0, atol=1e-12)


def test_shapes_that_do_not_fit_are_numpys_error():
    with pytest.raises(ValueError, match="matmul"):
        matmul(Node(np.ones((2, 3))), Node(np.ones((2, 3))))
