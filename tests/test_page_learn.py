"""The page "Watch it learn": autograd, random numbers and training beside oracles; and in use."""

import inspect
import re
from pathlib import Path

import export_training_digits
import numpy as np
import pytest
import torch
from test_autograd import random_graph
from torch.nn import functional as F

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
def page(browser, tmp_path_factory):
    """A bare page with the scripts and the place of book/learn.md, without a network."""
    body = "\n".join(re.findall(r"^<.*>$", SOURCE.read_text("utf-8"), re.MULTILINE))
    body = body.replace("../_static", (ROOT / "book" / "_static").as_uri())
    bare = tmp_path_factory.mktemp("page") / "learn.html"
    bare.write_text(f'<!DOCTYPE html><html lang="en"><meta charset="utf-8">{body}</html>', "utf-8")
    wrong = []
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text))
    page.on("request", lambda request: request.url.startswith("http") and wrong.append(request.url))
    page.goto(bare.as_uri())
    yield page
    page.close()
    assert not wrong


@pytest.fixture(scope="module")
def library_digits():
    """The digits of the page from the library: part -> images (n, 28, 28) and labels."""
    train, validation = load_dataset("digits", "train"), load_dataset("digits", "validation")
    return {
        "train": (train.images[:200].numpy() / 255, train.labels[:200].numpy()),
        "held": (validation.images.numpy() / 255, validation.labels.numpy()),
    }


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
    for seed in range(25):
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
        const random = new lenet.RandomState(seed);
        const draw = (length, one) => Array.from({ length }, one);
        return [draw(700, () => random.uniform()), draw(701, () => random.normal()),
            random.permutation(200), random.permutation(1), draw(3, () => random.normal())];
    }"""
    numpy = np.random.RandomState(seed)
    draws = [numpy.uniform(size=700), numpy.normal(size=701), numpy.permutation(200)]
    draws += [numpy.permutation(1), numpy.normal(size=3)]
    for found, drawn in zip(page.evaluate(call, seed), draws, strict=True):
        np.testing.assert_allclose(found, drawn, rtol=1e-13)


def test_digits_are_those_of_the_library(page, library_digits):
    assert export_training_digits.main(["--check"]) == 0
    call = """(part) => {
        const { pixels, labels } = lenet.training.digitsOf(part);
        return [[...pixels.data], labels];
    }"""
    for part, (images, expected) in library_digits.items():
        pixels, labels = page.evaluate(call, part)
        assert labels == expected.tolist()
        np.testing.assert_array_equal(pixels, images.ravel())


def test_a_changed_script_of_digits_is_noticed(tmp_path, capsys):
    assert export_training_digits.main([], tmp_path) == 0
    path = tmp_path / export_training_digits.SCRIPT
    assert export_training_digits.main(["--check"], tmp_path) == 0
    path.write_text(path.read_text("utf-8").replace("a", "b", 1), "utf-8")
    assert export_training_digits.main(["--check"], tmp_path) == 1
    assert "run `python tools/export_training_digits.py`" in capsys.readouterr().out


def library_losses(digits, name, seed, steps, *, rate, batch, momentum):
    """Train as the page says it does, with the library's autograd; return the losses."""
    images, labels = digits["train"]
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
def test_losses_are_those_of_the_library(page, library_digits, name, seed, settings):
    call = """([name, seed, settings]) => {
        const training = lenet.training.startTraining(name, seed);
        return Array.from({ length: 25 }, () => lenet.training.step(training, settings));
    }"""
    found = page.evaluate(call, [name, seed, settings])
    expected = library_losses(library_digits, name, seed, 25, **settings)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9)


def test_momentum_and_errors_are_those_of_torch(page, library_digits):
    call = """() => {
        const { startTraining, step, evaluate, gradientLength } = lenet.training;
        const training = startTraining("small", 5);
        const settings = { rate: 0.1, batch: 200, momentum: 0.9 };
        const start = training.weights.map(({ value }) => [...value.data]);
        const losses = Array.from({ length: 20 }, () => step(training, settings));
        return [start, losses, gradientLength(training), evaluate(training, training.held)];
    }"""
    start, losses, length, held = page.evaluate(call)
    w1, b1, w2, b2 = weights = [
        torch.tensor(values, dtype=torch.float64).reshape(shape).requires_grad_()
        for values, shape in zip(start, [(784, 32), (32,), (32, 10), (10,)], strict=True)
    ]

    def scores_and_labels(part):
        images, labels = map(torch.tensor, library_digits[part])
        return torch.relu(images.flatten(1) @ w1 + b1) @ w2 + b2, labels

    optimizer = torch.optim.SGD(weights, lr=0.1, momentum=0.9)
    for found in losses:
        loss = F.cross_entropy(*scores_and_labels("train"))
        assert found == pytest.approx(loss.item(), abs=1e-9)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert length == pytest.approx(torch.cat([w.grad.flatten() for w in weights]).norm().item())
    scores, labels = scores_and_labels("held")
    assert held["loss"] == pytest.approx(F.cross_entropy(scores, labels).item(), abs=1e-9)
    assert held["wrong"] == (scores.argmax(1) != labels).double().mean().item()


# In use

TWO_FRAMES = """() => new Promise((done) =>
    requestAnimationFrame(() => requestAnimationFrame(done)))"""


@pytest.fixture
def opened(page):
    """The page as it opens."""
    page.reload()
    page.wait_for_selector(".learn")
    return page


def steps_taken(page):
    return int(re.search(r"Step (\d+)", page.text_content(".learn .network-note")).group(1))


def put(page, label, value):
    """Move a slider to a value, with the keys of the keyboard."""
    slider = page.get_by_label(label)
    slider.focus()
    slider.press("Home")
    for _ in range(12):
        if slider.get_attribute("aria-valuetext") == value:
            return
        slider.press("ArrowRight")
    raise AssertionError(f"{label} has no {value}")


def press(page, name):
    page.get_by_role("button", name=name, exact=True).press("Enter")


def await_text(page, selector, text):
    page.wait_for_function(
        "([selector, text]) => document.querySelector(selector).textContent.includes(text)",
        arg=[selector, text],
    )


def test_an_epoch_by_keyboard_is_that_of_the_library(opened, library_digits):
    put(opened, "Batch size", "20 digits")
    press(opened, "One epoch")
    await_text(opened, ".learn .network-note", "Step 10, epoch 1;")
    losses = library_losses(library_digits, "small", 0, 10, rate=0.1, batch=20, momentum=0)
    assert f"the batch had the loss {losses[-1]:.3g}," in opened.text_content(".network-note")
    await_text(opened, "[role=status]", "Step 10. It learns")
    points = opened.get_attribute("[data-line=train]", "points").split()
    assert len(points) == 11
    assert opened.get_attribute("[data-line=before]", "points") == ""
    press(opened, "Reset")
    assert steps_taken(opened) == 0
    assert opened.get_attribute("[data-line=before]", "points")  # the run before, to compare with


def test_start_pauses_and_goes_on(opened):
    opened.get_by_role("button", name="Start").click()
    opened.wait_for_function("() => document.querySelector('[data-line=train]').points.length > 4")
    opened.get_by_role("button", name="Pause").click()
    taken = steps_taken(opened)
    opened.evaluate(TWO_FRAMES)
    assert steps_taken(opened) == taken
    press(opened, "One step")
    await_text(opened, ".learn .network-note", f"Step {taken + 1},")


def test_a_hidden_page_stops(opened):
    opened.get_by_role("button", name="Start").click()
    opened.evaluate("""() => {
        Object.defineProperty(document, "hidden", { value: true, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
        delete document.hidden;
    }""")
    assert opened.get_by_role("button", name="Start").is_visible()


@pytest.mark.parametrize(
    ("network", "settings", "sentence"),
    [
        ("small", {"Learning rate": "0"}, "there is a gradient, but no step follows it"),
        ("small", {"Learning rate": "1"}, "All 32 hidden units are shut"),
        ("small", {"Learning rate": "30"}, "The training has diverged"),
        ("layer", {"Learning rate": "1", "Batch size": "1 digit"}, "The loss climbs"),
        ("layer", {"Learning rate": "0.01", "Batch size": "1 digit"}, "of a single digit each"),
        ("layer", {"Learning rate": "1", "Batch size": "200 digits"}, "the steps overshoot"),
        ("layer", {"Learning rate": "0.001"}, "the steps go down, but they are very short"),
        ("neuron", {"Learning rate": "3"}, "the network becomes surer"),
    ],
)  # fmt: skip
def test_the_page_says_what_goes_wrong(opened, network, settings, sentence):
    opened.emulate_media(reduced_motion="reduce")  # a hundred steps at once
    opened.select_option("#learn-network", network)
    for label, value in settings.items():
        put(opened, label, value)
    if "overshoot" in sentence or "single" in sentence:  # later other things hold
        for _ in range(21):
            press(opened, "One step")
            opened.evaluate(TWO_FRAMES)
    else:
        opened.get_by_role("button", name="100 steps").click()
    await_text(opened, ".learn-sentence", sentence)
    await_text(opened, "[role=status]", sentence)
    opened.emulate_media(reduced_motion="no-preference")
    if "diverged" in sentence:
        assert opened.get_by_role("button", name="One step").is_disabled()


# What book/learn.md says of runs with the seed 0: wrong in training, wrong held out, shut units.
SAID = [
    ("small", {"rate": 0.1, "batch": 20, "momentum": 0}, 100, "0.1, five of the 200", [5, 14, 8]),
    ("small", {"rate": 0.1, "batch": 20, "momentum": 0}, 200, "13 of those held out", [0, 13, 8]),
    ("small", {"rate": 0.3, "batch": 20, "momentum": 0}, 100, "28 of the 32 units", [94, 105, 28]),
    ("small", {"rate": 1, "batch": 20, "momentum": 0}, 19, "all are shut before", [170, 176, 32]),
    ("layer", {"rate": 0.03, "batch": 1, "momentum": 0}, 200, "40 of 200 are still", [40, 59, 0]),
    ("small", {"rate": 0.01, "batch": 20, "momentum": 0}, 100, "momentum 56 training", [56, 74, 4]),
    ("small", {"rate": 0.01, "batch": 20, "momentum": 0.9}, 100, "with 0.9 only 6", [6, 17, 10]),
]


@pytest.mark.parametrize(("name", "settings", "steps", "words", "expected"), SAID)
def test_the_text_says_what_happens(page, name, settings, steps, words, expected):
    assert words in SOURCE.read_text("utf-8")
    call = """([name, settings, steps]) => {
        const { startTraining, step, evaluate, shutUnits } = lenet.training;
        const training = startTraining(name, 0);
        for (let k = 0; k < steps; k++) step(training, settings);
        const wrong = (part) => Math.round(evaluate(training, part).wrong * part.labels.length);
        const shut = name === "small" ? shutUnits(training).filter(Boolean).length : 0;
        return [wrong(training.train), wrong(training.held), shut];
    }"""
    assert page.evaluate(call, [name, settings, steps]) == expected


def test_each_network_shows_its_weights_and_fits_a_phone(opened):
    for network, canvases in (("small", 32), ("layer", 10), ("neuron", 0)):
        opened.select_option("#learn-network", network)
        press(opened, "One step")
        await_text(opened, ".learn .network-note", "Step 1,")
        assert opened.locator(".learn canvas").count() == canvases
        for width in (320, 390):
            opened.set_viewport_size({"width": width, "height": 800})
            assert opened.evaluate("document.documentElement.scrollWidth") <= width
    assert opened.locator(".learn-border").count() == 1


def test_the_maps_are_the_weights(opened):
    opened.select_option("#learn-network", "layer")
    press(opened, "One step")
    await_text(opened, ".learn .network-note", "Step 1,")
    colours = """(kind) => {
        document.querySelector(`input[value=${kind}]`).click();
        const canvas = document.createElement("canvas");
        const copy = canvas.getContext("2d", { willReadFrequently: true });
        copy.drawImage(document.querySelectorAll(".learn canvas")[3], 0, 0);
        return [...copy.getImageData(0, 0, 28, 28).data];
    }"""
    call = """() => {
        const training = lenet.training.startTraining("layer", 0);
        lenet.training.step(training, { rate: 0.1, batch: 20, momentum: 0 });
        const { data } = training.weights[0].value, range = lenet.page.rangeOf({ data });
        const colour = (pixel) => lenet.page.colours.signed(data[10 * pixel + 3] / range);
        return Array.from({ length: 784 }, (_, pixel) => [...colour(pixel), 255]).flat();
    }"""
    weights = opened.evaluate(call)
    assert opened.evaluate(colours, "weights") == weights
    assert opened.evaluate(colours, "change") == weights  # they began at zero
    gradient = np.array(opened.evaluate(colours, "gradient")).reshape(784, 4)
    weights = np.array(weights).reshape(784, 4)
    redder = weights[:, 0] > weights[:, 2]
    assert redder.any()
    assert (gradient[redder, 0] <= gradient[redder, 2]).all()  # the step went against it
