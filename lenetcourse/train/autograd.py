"""Reverse-mode automatic differentiation in about forty lines, on NumPy arrays.

Chapter 00 builds it. `torch.Tensor.backward` does the same with many more operations. The method
is older than neural networks: Baydin et al. (2018, arXiv:1502.05767) tell its history.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np


class Node:
    """An array that knows how it was made, so that gradients find their way back through it.

    Args:
        value: the array, any shape; kept as float64.
        parents: the nodes from which the value was computed; none for inputs and weights.
        pass_back: maps the gradient of the loss with respect to this value, an array of its shape,
            to one gradient for each parent.

    Attributes:
        gradient: what `backward` has added up so far, in the shape of the value; zeros at first.
    """

    def __init__(
        self,
        value: np.ndarray | float,
        parents: Sequence[Node] = (),
        pass_back: Callable[[np.ndarray], Sequence[np.ndarray]] | None = None,
    ) -> None:
        self.value = np.asarray(value, dtype=float)
        self.gradient = np.zeros_like(self.value)
        self.parents = parents
        self.pass_back = pass_back


def add(a: Node, b: Node) -> Node:
    """Return a + b; shapes as NumPy broadcasts them."""
    return Node(a.value + b.value, (a, b), lambda g: (g, g))


def multiply(a: Node, b: Node) -> Node:
    """Return a * b, number by number; shapes as NumPy broadcasts them."""
    return Node(a.value * b.value, (a, b), lambda g: (g * b.value, g * a.value))


def matmul(a: Node, b: Node) -> Node:
    """Return the matrix product of a, (n, m), and b, (m, k)."""
    return Node(a.value @ b.value, (a, b), lambda g: (g @ b.value.T, a.value.T @ g))


def relu(a: Node) -> Node:
    """Return a with zeros in place of what is below zero; no gradient passes there."""
    return Node(np.maximum(a.value, 0), (a,), lambda g: (g * (a.value > 0),))


def cross_entropy(scores: Node, labels: np.ndarray) -> Node:
    """Return the mean over n examples of -log p(label), p the softmax of scores (n, classes)."""
    rows = np.arange(len(labels))
    powers = np.exp(scores.value - scores.value.max(1, keepdims=True))  # no overflow, same shares
    p = powers / powers.sum(1, keepdims=True)
    slope = p.copy()
    slope[rows, labels] -= 1
    loss = -np.log(p[rows, labels]).mean()
    return Node(loss, (scores,), lambda g: (g * slope / len(labels),))


def backward(loss: Node) -> None:
    """Add to the gradient of every node the slope of `loss`, a single number, in its value.

    Call it once for a graph: like in PyTorch, a second call would count what lies between twice.
    """
    order = []

    def visit(node: Node) -> None:
        if node not in order:
            for parent in node.parents:
                visit(parent)
            order.append(node)

    visit(loss)
    loss.gradient = np.ones_like(loss.value)
    for node in reversed(order):
        if node.parents:
            gradients = node.pass_back(node.gradient)
            for k, parent in enumerate(node.parents):
                parent.gradient += sum_to(gradients[k], parent.value.shape)


def sum_to(gradient: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return the gradient for an array of `shape` that was broadcast: summed over its copies."""
    gradient = gradient.sum(tuple(range(gradient.ndim - len(shape))))
    repeated = tuple(axis for axis, size in enumerate(shape) if size == 1)
    return gradient.sum(repeated, keepdims=True)
