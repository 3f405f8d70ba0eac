"""The page "Watch it learn": its autograd, its random numbers and its training beside the oracles."""

import json
import re
from pathlib import Path

import export_training_digits
import numpy as np
import pytest
import torch
from test_autograd import random_graph
from test_book import find_browser
from torch.nn import functional as F

from lenetcourse import load_dataset
from lenetcourse.train.autograd import Node, add, backward, cross_entropy, matmul, relu

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "book" / "learn.md"
# What a graph of `random_graph` is in the page: nodes in order, each an operation on earlier ones.
GRAPH = """({ leaves, operations, labels }) => {
    const { autograd } = lenet;
    const nodes = leaves.map(({ shape, data }) => new autograd.Node(autograd.array(shape, data)));
    const count = nodes.length;
    for (const [name, ...from] of operations) nodes.push(autograd[name](...from.map((k) => nodes[k])));
    const loss = autograd.crossEntropy(nodes.at(-1), labels);
    autograd.backward(loss);
    const gradients = nodes.slice(0, count).map(({ gradient }) => [...gradient.data]);
    return { loss: loss.value.data[0], gradients };
}"""


@pytest.fixture(scope="module")
def browser():
    path = find_browser()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path)
        yield browser
        browser.close()
