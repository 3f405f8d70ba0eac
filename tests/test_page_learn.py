"""The page "Watch it learn": its autograd, random numbers and training beside their oracles; in use."""

import inspect
import re
from pathlib import Path

import export_training_digits
import numpy as np
import pytest
import torch
from test_autograd import random_graph
from test_book import find_browser

from lenetcourse import load_dataset
from lenetcourse.train.autograd import Node, add, backward, cross_entropy, matmul, relu

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "book" / "learn.md"
# What a graph of `random_graph` is in the page: nodes in order, each an operation on earlier ones.
GRAPH = """({ nodes, labels }) => {
    const { autograd } = lenet, made = [];
    for (const { shape, data, name, from } of nodes) {
        made.push(name ? autograd[name](...from.map((k) => made[k]))
            : new autograd.Node(autograd.array(shape, data)));
    }
    const loss = autograd.crossEntropy(made.at(-1), labels);
    autograd.backward(loss);
    return [loss.value.data[0], ...made.map(({ gradient }) => [...gradient.data])];
}"""


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A bare page with the scripts and the place of book/learn.md, without a network."""
    path = find_browser()
    from playwright.sync_api import sync_playwright

    body = "\n".join(re.findall(r"^<.*>$", SOURCE.read_text("utf-8"), re.MULTILINE))
    body = body.replace("../_static", (ROOT / "book" / "_static").as_uri())
    bare = tmp_path_factory.mktemp("page") / "learn.html"
    bare.write_text(f'<!DOCTYPE html><html lang="en"><meta charset="utf-8">{body}</html>', "utf-8")
    wrong = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path)
        page = browser.new_page(viewport={"width": 390, "height": 844})
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda message: wrong.append(message.text))
        page.on("request", lambda request: request.url.startswith("http") and wrong.append(request.url))
        page.goto(bare.as_uri())
        yield page
        browser.close()
    assert not wrong


# Beside torch, NumPy and the library


def as_data(loss):
    """Return the nodes below a loss in order, each as data and with what its parents are."""
    order = []

    def visit(node):
        if not any(node is seen for seen in order):
            for parent in node.parents:
                visit(parent)
            order.append(node)

    (scores,) = loss.parents
    visit(scores)
    places = {id(node): place for place, node in enumerate(order)}
    return order, [
        {
            "shape": node.value.shape,
            "data": node.value.ravel().tolist(),
            "name": node.pass_back and node.pass_back.__qualname__.split(".")[0],
            "from": [places[id(parent)] for parent in node.parents],
        }
        for node in order
    ]


def test_gradients_of_random_graphs_are_those_of_torch_and_of_the_library(page):
    names = set()
    for seed in range(60):
        leaves, ours, theirs = random_graph(np.random.default_rng(seed))
        order, nodes = as_data(ours)
        labels = inspect.getclosurevars(ours.pass_back).nonlocals["labels"].tolist()
        loss, *gradients = page.evaluate(GRAPH, {"nodes": nodes, "labels": labels})
        backward(ours)
        theirs.backward()
        assert loss == pytest.approx(theirs.item(), rel=1e-9)
        for node, gradient in zip(order, gradients, strict=True):
            np.testing.assert_allclose(gradient, node.gradient.ravel(), rtol=1e-9, atol=1e-11)
        found = {id(node): gradient for node, gradient in zip(order, gradients, strict=True)}
        for node, tensor in leaves:
            if id(node) in found:
                np.testing.assert_allclose(
                    found[id(node)], tensor.grad.ravel(), rtol=1e-8, atol=1e-10
                )
        names |= {node["name"] for node in nodes}
    assert names == {None, "add", "multiply", "matmul", "relu"}


@pytest.mark.parametrize("seed", [0, 1998, 2**32 - 1])
def test_random_numbers_are_those_of_numpy(page, seed):
    call = """(seed) => {
        const random = new lenet.RandomState(seed), draw = (n, one) => Array.from({ length: n }, one);
        return [draw(700, () => random.uniform()), draw(701, () => random.normal()),
            random.permutation(200), random.permutation(1), draw(3, () => random.normal())];
    }"""
    numpy = np.random.RandomState(seed)
    draws = [numpy.uniform(size=700), numpy.normal(size=701), numpy.permutation(200)]
    draws += [numpy.permutation(1), numpy.normal(size=3)]
    for found, drawn in zip(page.evaluate(call, seed), draws, strict=True):
        np.testing.assert_allclose(found, drawn, rtol=1e-13)


def test_digits_are_those_of_the_library(page):
    assert export_training_digits.main(["--check"]) == 0
    for part, split, count in (("train", "train", 200), ("held", "validation", 197)):
        call = "(part) => Object.values(lenet.training.digitsOf(part)).map((one) => [...(one.data ?? one)])"
        pixels, labels = page.evaluate(call, part)
        dataset = load_dataset("digits", split)
        assert labels == dataset.labels[:count].tolist()
        expected = dataset.images[:count].numpy().reshape(-1) / 255
        np.testing.assert_array_equal(np.array(pixels).reshape(-1), expected)


def test_a_changed_script_of_digits_is_noticed(tmp_path, capsys):
    assert export_training_digits.main([], tmp_path) == 0
    path = tmp_path / export_training_digits.SCRIPT
    assert export_training_digits.main(["--check"], tmp_path) == 0
    path.write_text(path.read_text("utf-8").replace("a", "b", 1), "utf-8")
    assert export_training_digits.main(["--check"], tmp_path) == 1
    assert "run `python tools/export_training_digits.py`" in capsys.readouterr().out


def library_losses(name, seed, steps, *, rate, batch, momentum):
    """Train as the page says it does, with the library's autograd; return the losses."""
    dataset = load_dataset("digits", "train")
    images, labels = dataset.images[:200].numpy() / 255, dataset.labels[:200].numpy()
    random = np.random.RandomState(seed)
    if name == "neuron":
        images, labels = images[labels < 2], labels[labels < 2]
        width = (images.max(axis=1) > 0).sum(axis=1) / 20
        x = np.stack([width, images[:, 12:16, 12:16].mean(axis=(1, 2))], axis=1)
        start = [np.zeros((2, 1)), np.zeros(1)]
    else:
        x = images.reshape(200, 784)
        start = [np.zeros((784, 10)), np.zeros(10)]
    if name == "small":
        start = [random.normal(size=(784, 32)) * np.sqrt(2 / 784), np.zeros(32)]
        start += [random.normal(size=(32, 10)) * np.sqrt(2 / 32), np.zeros(10)]
    weights, sums = [Node(array) for array in start], [0.0] * len(start)
    losses, waiting = [], []
    for _ in range(steps):
        waiting = waiting or random.permutation(len(labels)).tolist()
        places, waiting = waiting[:batch], waiting[batch:]
        scores = Node(x[places])
        for place in range(0, len(weights), 2):
            scores = relu(scores) if place else scores
            scores = add(matmul(scores, weights[place]), weights[place + 1])
        if name == "neuron":  # softmax of the scores 0 and s is the sigmoid of s
            scores = matmul(scores, Node([[0, 1]]))
        loss = cross_entropy(scores, labels[places])
        for weight in weights:
            weight.gradient = np.zeros_like(weight.value)
        backward(loss)
        for k, weight in enumerate(weights):
            sums[k] = momentum * sums[k] + weight.gradient
            weight.value = weight.value - rate * sums[k]
        losses.append(float(loss.value))
    return losses


@pytest.mark.parametrize(
    ("name", "seed", "settings"),
    [
        ("neuron", 0, {"rate": 1, "batch": 200, "momentum": 0}),
        ("layer", 3, {"rate": 0.1, "batch": 50, "momentum": 0.5}),
        ("small", 0, {"rate": 0.1, "batch": 20, "momentum": 0}),
        ("small", 7, {"rate": 0.05, "batch": 30, "momentum": 0.9}),
        ("small", 1, {"rate": 0.05, "batch": 1, "momentum": 0}),
    ],
)
def test_losses_are_those_of_the_library(page, name, seed, settings):
    call = """([name, seed, settings]) => {
        const training = lenet.training.startTraining(name, seed);
        return Array.from({ length: 25 }, () => lenet.training.step(training, settings));
    }"""
    found = page.evaluate(call, [name, seed, settings])
    np.testing.assert_allclose(found, library_losses(name, seed, 25, **settings), atol=1e-9)


def test_momentum_and_errors_are_those_of_torch(page):
    call = """() => {
        const { startTraining, step, evaluate, gradientLength } = lenet.training;
        const training = startTraining("small", 5), settings = { rate: 0.1, batch: 200, momentum: 0.9 };
        const start = training.weights.map(({ value }) => [...value.data]);
        const losses = Array.from({ length: 20 }, () => step(training, settings));
        return [start, losses, gradientLength(training), evaluate(training, training.held)];
    }"""
    start, losses, length, held = page.evaluate(call)
    shapes = [(784, 32), (32,), (32, 10), (10,)]
    weights = [
        torch.tensor(values, dtype=torch.float64).reshape(shape).requires_grad_()
        for values, shape in zip(start, shapes, strict=True)
    ]

    def scores(dataset, count):
        x = dataset.images[:count].flatten(1).double() / 255
        return torch.relu(x @ weights[0] + weights[1]) @ weights[2] + weights[3]

    train, validation = load_dataset("digits", "train"), load_dataset("digits", "validation")
    optimizer = torch.optim.SGD(weights, lr=0.1, momentum=0.9)
    for found in losses:
        loss = torch.nn.functional.cross_entropy(scores(train, 200), train.labels[:200])
        assert found == pytest.approx(loss.item(), abs=1e-9)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert length == pytest.approx(torch.cat([w.grad.flatten() for w in weights]).norm().item())
    answers = scores(validation, 197)
    expected = torch.nn.functional.cross_entropy(answers, validation.labels).item()
    assert held["loss"] == pytest.approx(expected, abs=1e-9)
    assert held["wrong"] == (answers.argmax(1) != validation.labels).double().mean().item()
